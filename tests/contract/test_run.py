"""`jamd check-engine`, in processes of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from daemon.contract import run
from daemon.contract.run import check_engine
from daemon.errors import EngineError

ROOT = Path(__file__).parents[2]
FAULTY = (
    "good = tests.contract.faulty:Good",
    "choice = tests.contract.faulty:FailsOnChoice",
    "hash_order = tests.contract.faulty:HashOrder",
    "crashes = tests.contract.faulty:Crashes",
    "vanishes = tests.contract.faulty:Vanishes",
    "sleeps = tests.contract.faulty:Sleeps",
    "crashes_at_import = crashes_at_import:Engine",
    "sleeps_at_import = sleeps_at_import:Engine",
    "prints = prints:Prints",
    "begins = begins:Engine",
    "refuses = tests.contract.faulty:RefusesInInit",
    "fails_to_check = tests.contract.faulty:FailsToCheckOptions",
    "good_sound = tests.contract.faulty_audio:GoodSound",
    "hash_sound = tests.contract.faulty_audio:HashSound",
    "crashing_sound = tests.contract.faulty_audio:CrashesOnDrums",
    "sleeping_sound = tests.contract.faulty_audio:SleepsOnDrums",
)
PRINTS = """\
from tests.contract.faulty import Good
class Prints(Good):
    def prepare(self):
        print("prepared")
"""


@pytest.fixture
def faulty_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers the engines above, here and in child processes."""
    folder = tmp_path / "site"
    metadata = folder / "faulty-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("\n".join(["[jamd.engines]", *FAULTY, ""]))
    (folder / "crashes_at_import.py").write_text("import ctypes\nctypes.string_at(0)\n")
    (folder / "sleeps_at_import.py").write_text("import time\ntime.sleep(60)\n")
    (folder / "prints.py").write_text(PRINTS)
    (folder / "begins.py").write_text(
        "import time\nprint('began', flush=True)\ntime.sleep(3)\nprint('lived', flush=True)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(ROOT)]))


def jamd(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-m", "daemon", *arguments], capture_output=True, text=True, timeout=120)
    assert "daemon/__main__.py" not in done.stderr, done.stderr
    return done


def test_an_engine_that_keeps_every_rule(faulty_engines: None) -> None:
    done = jamd("check-engine", "good")
    assert (done.returncode, done.stderr) == (0, "")
    first, *rules = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert first.startswith("good (tests.contract.faulty:Good): ")
    assert [rule.split()[:3] for rule in rules] == [["rule", f"{number}", "ok"] for number in range(1, 7)]


def test_what_an_engine_prints_goes_to_standard_error(faulty_engines: None) -> None:
    done = jamd("check-engine", "prints")
    assert done.returncode == 0
    assert "prepared" not in done.stdout and set(done.stderr.split()) == {"prepared"}


def test_a_violation_is_told_with_its_option_its_calls_and_the_traceback(faulty_engines: None) -> None:
    done = jamd("check-engine", "choice")
    assert done.returncode == 1
    lines = [line.strip() for line in done.stdout.splitlines()]
    at = next(number for number, line in enumerate(lines) if line.startswith("rule 5  violated"))
    assert "failed in generate at beat 0: KeyError: 'minor' (faulty.py:" in lines[at + 1]
    assert lines[at + 2] == "shown by these calls (random calls 0, mode: minor):"
    assert lines[at + 3].startswith("engine.reset(known, 0.0, ")
    assert lines[at + 4].startswith("engine.generate(Window(start=0.0, ")
    assert lines[at + 5] == "Traceback (most recent call last):"
    assert "cut short" in lines[-1]


def refusal(*arguments: Any) -> str:
    with pytest.raises(EngineError) as raised:
        check_engine(*arguments)
    assert raised.value.exit_code == 2
    return str(raised.value)


def test_options_and_settings_are_those_of_a_configuration(faulty_engines: None) -> None:
    _, report = check_engine("choice", None, ["mode=minor", "shift=3"])
    assert "shown by these calls (extremes):" in report
    assert refusal("good", None, ["shft=3", "shift=13"]).splitlines() == [
        "--option shft: unknown key: did you mean 'shift'?",
        "--option shift: 13 is out of range: give a number from -12 to 12",
    ]
    assert refusal("good", None, ["shift"]) == "--option shift: write NAME=VALUE, as in --option temperature=0.5"
    assert refusal("good", None, ["shift={"]) == "--option shift={: a value is not YAML: put it in quotes"


@pytest.mark.parametrize(
    ("name", "model", "text"),
    [
        ("good", "drums", "the engine 'good' has no model: leave out --model"),
        ("melody", None, "the engine 'melody' needs a model: name one with --model"),
        ("melody", "drums", "a model for the engine 'drums', not 'melody'"),
        ("refuses", None, "no weights: download some"),
        ("fails_to_check", None, "check its options, with every setting at its high end (IndexError: list index"),
        ("crashes_at_import", None, "ends the process that loads it (SIGSEGV)"),
    ],
)
def test_what_cannot_be_checked_is_refused(faulty_engines: None, name: str, model: str | None, text: str) -> None:
    assert text in refusal(name, model, [])


def test_an_engine_that_is_not_installed_ends_with_2() -> None:
    done = jamd("check-engine", "drum")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "jamd: there is no engine 'drum': did you mean 'drums'?\n"


def test_a_set_that_is_iterated_over_differs_from_process_to_process(faulty_engines: None) -> None:
    keeps_all, report = check_engine("hash_order", None, [])
    assert not keeps_all and "rule 3  violated" in report and "in two processes" in report
    assert "shown by these calls (random calls 1 with a known melody):" in report
    assert "# known = " in report and re.search(r"engine\.reset.*\n +# \d+ more calls\n +engine\.", report)


@pytest.mark.parametrize(("name", "reason"), [("crashes", "SIGSEGV"), ("vanishes", "exit status 0")])
def test_an_engine_that_ends_its_process_does_not_end_the_check(faulty_engines: None, name: str, reason: str) -> None:
    keeps_all, report = check_engine(name, None, [])
    assert not keeps_all and "rule 6  violated" in report
    assert f"the engine's process ended in this call ({reason}" in report
    assert "engine.listen(MidiEvent(0.1, 'keys', note_on(1, 0, 1)))" in report


def test_an_audio_engine_is_checked_by_the_rules_for_those(faulty_engines: None) -> None:
    done = jamd("check-engine", "good_sound", "--option", "wave=square")
    assert (done.returncode, done.stderr) == (0, "")
    first, *rules = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert re.fullmatch(r"good_sound \(tests.contract.faulty_audio:GoodSound\): [\d,]+ calls, [\d,]+ frames", first)
    assert [rule.split()[:3] for rule in rules] == [["rule", f"{number}", "ok"] for number in range(1, 7)]
    assert "256 frames are rendered within 3 ms" in rules[0]


def test_sound_that_differs_from_process_to_process_is_found(faulty_engines: None) -> None:
    keeps_all, report = check_engine("hash_sound", None, [])
    assert not keeps_all and "rule 3  violated   The same messages" in report and "in two processes" in report


def test_an_audio_engine_that_crashes_or_hangs_does_not_end_the_check(
    faulty_engines: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeps_all, report = check_engine("crashing_sound", None, [])
    assert not keeps_all and "rule 6  violated   ModelError" in report
    assert "the engine's process ended in this call (SIGSEGV" in report
    assert 'engine.play(bytes.fromhex("99 26 64"))' in report and "# out = numpy.empty(" in report
    monkeypatch.setattr(run, "CALL_TIMEOUT", 0.5)
    keeps_all, report = check_engine("sleeping_sound", None, [])
    assert not keeps_all and "rule 1  violated   256 frames" in report
    assert 'faulty_audio.py", line' in report and "record.py" not in report, "the engine's part of the stack"


def test_an_engine_that_hangs_is_ended(faulty_engines: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "CALL_TIMEOUT", 0.2)
    keeps_all, report = check_engine("sleeps", None, [])
    assert not keeps_all and "rule 1  violated" in report
    assert "this call has not ended after 0.2 s" in report
    assert "engine.listen(MidiEvent(0.1, 'keys', note_on(1, 0, 1)))" in report
    assert 'faulty.py", line' in report and "in double" in report
    monkeypatch.setattr(run, "LOAD_TIMEOUT", 0.5)
    with pytest.raises(EngineError, match="the engine 'sleeps_at_import' does not get ready in time"):
        check_engine("sleeps_at_import", None, [])


def test_what_is_written_is_removed(faulty_engines: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.tempfile, "tempdir", str(tmp_path))
    before = json.dumps(sorted(map(str, tmp_path.iterdir())))
    check_engine("vanishes", None, [])
    assert json.dumps(sorted(map(str, tmp_path.iterdir()))) == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends processes with their parent")
def test_the_process_of_the_engine_ends_with_a_check_that_is_killed(faulty_engines: None) -> None:
    command = [sys.executable, "-m", "daemon", "check-engine", "begins"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None and process.stderr.readline() == "began\n"
        process.kill()
        assert process.stderr.read() == ""  # until the other process has ended, too
