"""The engine `soundfont`: its options and settings, and what it plays without FluidSynth or a soundfont."""

import builtins
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.engines.base import Setup, engine_class
from daemon.engines.options import make_options
from daemon.engines.soundfont import finding, library, synths
from daemon.engines.soundfont.engine import Soundfont
from daemon.engines.soundfont.library import LibraryMissing
from daemon.errors import ModelError
from daemon.music.events import note_off, note_on, program_change
from tests.engines.soundfont.detector import cents, level, pitch
from tests.engines.soundfont.make_soundfont import make_soundfont, preset

RATE = 48_000
GENERAL_MIDI = [(128, 0), *((0, program) for program in range(128))]


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The only folder that is looked into."""
    monkeypatch.setattr(finding, "folders", lambda: [tmp_path])
    yield tmp_path


def setup(rate: int = RATE, settings: dict[str, float] | None = None, **options: Any) -> Setup[Any]:
    return Setup(make_options(Soundfont.Options, options), settings or {}, rate=rate)


def prepared(**options: Any) -> Soundfont:
    engine = Soundfont(setup(**options))
    engine.prepare()
    return engine


def sound(engine: Soundfont, *messages: bytes, frames: int = RATE // 2) -> NDArray[np.float32]:
    for message in messages:
        engine.play(message)
    out = np.full((frames, 2), np.nan, np.float32)
    engine.render(out)
    return out


def test_it_is_registered_and_loading_it_is_cheap() -> None:
    assert engine_class("soundfont") is Soundfont
    code = "import sys, daemon.engines.soundfont.engine; print({'numpy', 'fluidsynth'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_the_library_is_loaded_without_a_word() -> None:
    """pyfluidsynth prints where it finds the library, if CI is set."""
    command = [sys.executable, "-c", "from daemon.engines.soundfont import library; library.load()"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"CI": "true"})
    assert (done.stdout, done.stderr) == ("", "")


def test_the_soundfont_that_is_found_is_played(installed: Path) -> None:
    make_soundfont(installed / "gm.sf2", GENERAL_MIDI)
    engine = prepared()
    assert engine.notice == ""
    assert abs(cents(pitch(sound(engine, note_on(3, 69, 100))[4_800:, 0], RATE), 69)) < 3


def test_a_soundfont_that_is_found_and_damaged_is_passed_over(installed: Path) -> None:
    damaged = make_soundfont(installed / "default-GM.sf2", GENERAL_MIDI)
    damaged.write_bytes(damaged.read_bytes().replace(b"shdr", b"shdx"))
    make_soundfont(installed / "gm.sf2", GENERAL_MIDI)
    engine = prepared()
    assert engine.notice == "" and level(sound(engine, note_on(1, 69, 100))) > -40


def test_a_soundfont_that_is_named_and_damaged_is_an_error(installed: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = make_soundfont(installed / "some.sf2")
    path.write_bytes(path.read_bytes().replace(b"shdr", b"shdx"))
    with pytest.raises(ModelError, match=r"some.sf2: cannot be played \([^;]+\): choose a soundfont"):
        prepared(soundfont="some")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("options", [{}, {"soundfont": "built-in"}])
def test_without_a_soundfont_the_built_in_sounds_are_heard(options: dict[str, str]) -> None:
    engine = prepared(**options)
    assert level(sound(engine, note_on(1, 69, 100))) > -50
    assert ("no General MIDI soundfont was found" in engine.notice) == (not options)
    assert ("install" in engine.notice) == (not options) and "\n" not in engine.notice


def break_import(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    load = builtins.__import__

    def fail(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "fluidsynth":
            raise error
        return load(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", fail)


@pytest.mark.parametrize("error", [ModuleNotFoundError, ImportError, OSError, AttributeError])
def test_a_library_or_a_part_of_it_is_missing(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    break_import(monkeypatch, error("a cause"))
    with pytest.raises(LibraryMissing, match="FluidSynth is not installed"):
        library.load()


@pytest.mark.parametrize("soundfont", ["default", "gm"])
def test_without_the_library_the_built_in_sounds_are_heard(
    installed: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], soundfont: str
) -> None:
    make_soundfont(installed / "gm.sf2", GENERAL_MIDI)
    break_import(monkeypatch, ImportError("Couldn't find the FluidSynth library."))
    engine = prepared(soundfont=soundfont)
    assert engine.notice.startswith("FluidSynth is not installed: ")
    assert level(sound(engine, note_on(1, 69, 100))) > -50
    assert capfd.readouterr() == ("", "")


def test_a_library_that_is_too_old(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_soundfont(installed / "gm.sf2", GENERAL_MIDI)
    fluidsynth = pytest.importorskip("fluidsynth")
    monkeypatch.setattr(fluidsynth, "fluid_synth_pin_preset", None, raising=False)
    assert prepared().notice.startswith("FluidSynth is older than version 2.2: ")


def test_a_rate_that_fluidsynth_cannot_render(installed: Path) -> None:
    make_soundfont(installed / "gm.sf2", GENERAL_MIDI)
    with pytest.raises(ModelError, match=r"8000 to 96000 frames per second, not 192000: set audio\.rate"):
        prepared(rate=192_000, soundfont="gm")


def test_a_soundfont_that_is_too_large_for_the_machine(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = make_soundfont(installed / "gm.sf2", GENERAL_MIDI).stat().st_size
    monkeypatch.setattr(synths, "_memory", lambda: 2 * size - 1)
    with pytest.raises(ModelError, match="more than half of this machine's memory: choose a smaller one"):
        prepared(soundfont="gm")
    assert "no General MIDI soundfont" in prepared().notice
    monkeypatch.setattr(synths, "_memory", lambda: 2 * size)
    assert prepared().notice == ""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is that of Linux")
def test_a_soundfont_for_which_the_memory_is_not_enough(installed: Path) -> None:
    """In a process of its own, whose memory is limited."""
    path = make_soundfont(installed / "large.sf2", periods=400_000)  # 38 MB
    code = """
import re, resource, sys
import numpy  # which an instrument's process has loaded by then
from daemon.engines.soundfont import library
from daemon.engines.soundfont.synths import make_synth, ModelError
library.load()
size = re.search(r"VmData:\\s*(\\d+)", open("/proc/self/status").read())
limit = int(size[1]) + 20_000 << 10
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
try: make_synth(sys.argv[1], 48_000, 1)
except ModelError as error: print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{path}: cannot be loaded (Out of memory")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("options", "name", "said"),
    [
        ({"soundfont": "pinao"}, "soundfont", "no soundfont 'pinao' is installed: did you mean 'piano'?"),
        ({"program": "church organs"}, "program", "not an instrument of General MIDI: did you mean 'church organ'?"),
        ({"program": "0"}, "program", "'0' is not an instrument"),
        ({"program": "129"}, "program", "'129' is not an instrument"),
        ({"program": "²"}, "program", "'²' is not an instrument"),
    ],
)
def test_mistakes_in_options(installed: Path, options: dict[str, str], name: str, said: str) -> None:
    make_soundfont(installed / "piano.sf2")
    ((found, problem),) = Soundfont.mistakes(setup(**options))
    assert found == name and said in problem
    with pytest.raises(ModelError, match="soundfont: `"):
        prepared(**options)


@pytest.mark.parametrize("program", ["53", "Choir Aahs"])
def test_the_program_of_channels_without_one(installed: Path, program: str) -> None:
    make_soundfont(installed / "gm.sf2", GENERAL_MIDI)
    synth = prepared(soundfont="gm", program=program)._synth
    assert [preset(synth, channel) for channel in (1, 10, 16)] == [(0, 52), (128, 0), (0, 52)]


def test_the_reverb_can_be_turned(installed: Path) -> None:
    make_soundfont(installed / "gm.sf2", GENERAL_MIDI)

    def tail(engine: Soundfont) -> float:
        sound(engine, note_on(1, 69, 127), frames=9_600)
        return level(sound(engine, note_off(1, 69))[12_000:])

    assert tail(prepared(soundfont="gm")) > -90
    engine = Soundfont(setup(soundfont="gm", settings={"reverb": 0.0}))
    engine.prepare()
    assert tail(engine) < -100
    assert list(engine.control("reverb", 1.0, 0.0)) == []
    assert tail(engine) > -80


@pytest.mark.parametrize("soundfont", ["gm", "built-in"])
def test_the_same_messages_make_the_same_sound(installed: Path, soundfont: str) -> None:
    make_soundfont(installed / "gm.sf2", GENERAL_MIDI)
    messages = [program_change(2, 20), note_on(1, 60, 90), note_on(2, 67, 80), note_on(10, 38, 100)]
    first, second = (sound(prepared(soundfont=soundfont), *messages) for _ in range(2))
    assert np.array_equal(first, second) and level(first) > -50
