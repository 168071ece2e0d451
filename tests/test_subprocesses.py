"""Modules in processes of their own: what is known of a process that ended, crashed or took too long."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from daemon.subprocesses import Ended, end_reason, run_module

MODULE = """\
import os, sys, time
print(sys.argv[1], flush=True)
print("not well\\nat all", file=sys.stderr, flush=True)
"""


def run(folder: Path, end: str, seconds: float = 60.0, prints: bool = False) -> Ended:
    (folder / "a_module.py").write_text(MODULE + end)
    return run_module("a_module", "word", seconds=seconds, environment={"PYTHONPATH": str(folder)}, prints=prints)


@pytest.mark.parametrize(
    ("end", "status", "reason"),
    [
        ("", 0, "exit status 0: at all"),
        ("sys.exit(3)", 3, "exit status 3: at all"),
        ("os.kill(os.getpid(), 11)", -11, "SIGSEGV: at all"),
    ],
)
def test_how_a_process_ended(tmp_path: Path, end: str, status: int, reason: str) -> None:
    ended = run(tmp_path, end)
    assert ended == Ended(status, b"word\n", "not well\nat all\n") and ended.reason == reason


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_a_process_that_takes_too_long_is_killed_and_what_it_printed_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho word; echo not well >&2; exec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    assert run(tmp_path, "", 0.5) == Ended(None, b"word\n", "not well\n")


def test_what_is_printed_goes_to_standard_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "", prints=True) == Ended(0, b"", "")
    out, err = capfd.readouterr()
    assert out == "" and sorted(err.splitlines()) == ["at all", "not well", "word"]


def test_the_end_of_a_process_in_words() -> None:
    assert [end_reason(status) for status in (0, 255, -9, -64, 0xC0000005)] == [
        "exit status 0", "exit status 255", "SIGKILL", "SIGRTMAX", "exit status 0xc0000005"
    ]  # fmt: skip
    assert end_reason(-120) == "signal 120"
