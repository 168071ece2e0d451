"""The files of the repository."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_no_file_has_the_marks_of_an_unfinished_merge() -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    marked = [
        name
        for name in listed.split("\0")
        if name.endswith((".py", ".md", ".yaml", ".toml", ".json", ".service", ".conf", "Makefile", "run"))
        and re.search(r"^(<{7}|>{7}) ", (ROOT / name).read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    ]
    assert not marked
