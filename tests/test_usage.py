"""The command line: help that reads well in 80 columns, and errors in jamd's style."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import pytest

from daemon.__main__ import app
from daemon.suggestions import MAX_NAMES, MAX_SEARCHED, nearest, suggestion
from daemon.usage import busy, warn

COMMANDS = [
    command.name or command.callback.__name__.replace("_", "-")
    for command in app.registered_commands
    if command.callback
]


def jamd(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "daemon", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "80"}, timeout=60)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_plain_text_of_80_columns(command: str) -> None:
    done = jamd(*command.split(), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: jamd {command}".rstrip())
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert not re.search(r"[<>{}│╭]|[a-z]\.\.\.$|x>=", done.stdout, re.MULTILINE), done.stdout


def test_the_help_of_sheet_names_the_band_that_plays_unless_another_is_given() -> None:
    assert "Default: bands/combo.yaml." in jamd("sheet", "--help").stdout
    assert "config.yaml" not in jamd("sheet", "--help").stdout


def test_no_command_prints_the_help() -> None:
    assert jamd().stdout == jamd("--help").stdout == jamd("-h").stdout
    assert jamd("run", "-h").stdout == jamd("run", "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("rnu", "there is no command 'rnu': did you mean 'run'?"),
        ("run --bmp 3", "run has no option --bmp: did you mean '--bpm'?"),
        (
            "run --tempo 120",
            "run has no option --tempo: choose from "
            "--config, --for, --bpm, --seed, --connect, --no-sound, --song, --metrics, --help",
        ),
        ("--vresion", "there is no option --vresion before a command: did you mean '--version'?"),
        ("run --for x", "run: invalid value for '--for': 'x' is not a number of seconds: see `jamd run --help`"),
        ("run --for -1", "run: invalid value for '--for': '-1' is not a number of seconds: see `jamd run --help`"),
        ("run now", "run: got unexpected extra argument (now): see `jamd run --help`"),
        ("render", "render: missing option '--output' / '-o': see `jamd render --help`"),
        (
            "render -o x.mid",
            "render: name a MIDI file that the band accompanies (--live: as keys), or a song by --song",
        ),
        ("bench latancy", "bench has no measure 'latancy': did you mean 'latency'?"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_ends_with_2(arguments: str, told: str) -> None:
    done = jamd(*arguments.split())
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"jamd: {told}\n")


def test_names_are_listed_where_none_is_near() -> None:
    assert suggestion("xyz", ["run", "check"]) == ": choose from run, check"
    assert suggestion("xyz", []) == ": there are none: add one"
    assert suggestion("xyz", map(str, range(MAX_NAMES + 1))).endswith(", 49, …")
    assert nearest("RUN", ["run"]) == "run"
    assert nearest("run", ["run"] * (MAX_SEARCHED + 1)) is None


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("--tempo", "--help", None), ("nothere", "three", None), ("tempo", "temperature", None), ("solo", "tool", None),
        ("kik", "kick", "kick"), ("uot", "out", "out"), ("--sed", "--seed", "--seed"), ("bnad", "band", "band"),
        ("temprature", "temperature", "temperature"), ("shufle", "shuffle", "shuffle"),
    ],
)  # fmt: skip
def test_no_name_is_better_than_a_wrong_one(word: str, known: str, near: str | None) -> None:
    assert nearest(word, [known]) == near


@pytest.mark.parametrize("terminal", [True, False])
def test_work_is_shown_on_a_terminal_and_erased(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stderr", shown)
    with pytest.raises(ValueError), busy("trying"):
        assert shown.getvalue() == ("trying …" if terminal else "")
        raise ValueError
    assert shown.getvalue() == ("trying …\r\x1b[K" if terminal else "")


def test_warnings_are_lines_of_printable_text(capsys: pytest.CaptureFixture[str]) -> None:
    warn("", "one\x1b[31m", "", "two")
    assert capsys.readouterr() == ("", "jamd: warning: one\\x1b[31m\njamd: warning: two\n")
