"""docs/engines.md, and the packages that it shows."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "engines.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """From a title to the next one of the same or a higher level."""
    level = title.partition(" ")[0]
    after = TEXT.partition(f"\n{title}\n")[2]
    return re.split(rf"^#{{1,{len(level)}}} ", after, maxsplit=1, flags=re.MULTILINE)[0]


def block(after: str) -> str:
    """The first block of code after a text of the page."""
    found = re.search(re.escape(after) + r".*?```\w+\n(.*?)```", TEXT, re.DOTALL)
    assert found
    return found[1]


def commands(text: str) -> list[str]:
    """The commands of jamd that a part of the page gives."""
    return re.findall(r"^    \.venv/bin/(jamd .*)$", text, re.MULTILINE)


class Package:
    """A package as a tutorial of the page shows it, built and installed, with the configuration `band` beside it."""

    def __init__(self, folder: Path, name: str, band: str) -> None:
        source = folder / name
        source.mkdir()
        (source / f"{name}.py").write_text(block(f"`{name}/{name}.py`"))
        (source / "pyproject.toml").write_text(block(f"`{name}/pyproject.toml`"))
        (folder / band).write_text(block(f"`{band}`"))
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
        subprocess.run(build, cwd=source, check=True, capture_output=True)
        self._folder, self._site = folder, folder / "site"
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            wheel.extractall(self._site)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the page."""
        arguments = [sys.executable, "-P", "-m", "daemon", *command.split()[1:]]
        environment = {**os.environ, "PYTHONPATH": str(self._site)}
        return subprocess.run(arguments, cwd=self._folder, capture_output=True, text=True, env=environment, timeout=120)
