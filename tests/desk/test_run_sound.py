"""`jamd run` with speaker and silent instruments as real processes: no MIDI system, any audio device or none."""

import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.desk.jamd import Jamd, band

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
Start = Callable[..., Jamd]
MIDI = {"stage", "ann"}
ALL = MIDI | {"speaker", "synth"}


def audible(*instruments: str, trouble: str = "none") -> str:
    return band("ann", instruments=instruments, trouble=dict.fromkeys(instruments, trouble))


@pytest.fixture
def start(tmp_path: Path, echo_engine: Path, request: pytest.FixtureRequest) -> Start:
    """Starts a jamd that ends with the test; no process and no runtime folder may be left, and no traceback."""

    def start(config: str, *arguments: str) -> Jamd:
        jamd = Jamd(tmp_path, config, *arguments)

        def finish() -> None:
            jamd.__exit__(None, None, None)
            jamd.wait(lambda: not jamd.left_behind(), 5, "the end of its children")
            jamd.wait(lambda: not os.listdir(tmp_path / "runtime"), 5, "an empty runtime folder")
            assert "Traceback" not in jamd.log and "invalid message" not in jamd.log, jamd.log

        request.addfinalizer(finish)
        return jamd

    return start


def test_speaker_and_instruments_take_part_from_ready_on(start: Start) -> None:
    jamd = start(audible("synth", "organ")).ready()
    assert jamd.children().keys() == ALL | {"organ"}
    assert re.search("READY: players: ann, synth, organ; no port is open; sound: ", jamd.log)
    assert jamd.end() == 0
    (metrics,) = re.findall(r"metrics (\{.*\})", jamd.log)
    found = json.loads(metrics)
    assert found["restarts"] == {} and found["sound"]["delay_ms"] > 0
    assert {"device", "instruments"} < found["sound"].keys()


def test_without_sound_there_is_neither_speaker_nor_instrument(start: Start) -> None:
    jamd = start(audible("synth"), "--no-sound").ready()
    assert jamd.children().keys() == MIDI
    assert "READY: players: ann; no port is open\n" in jamd.log
    assert jamd.end() == 0
    assert '"sound"' not in jamd.log


def test_a_killed_speaker_or_instrument_is_replaced_and_disturbs_no_other(start: Start) -> None:
    jamd = start(audible("synth", "organ")).ready()
    before = jamd.children()
    os.kill(before["speaker"], signal.SIGKILL)
    jamd.replaced("speaker", before["speaker"], 5)
    jamd.wait_for_log(r"the speaker ended \(SIGKILL\); restarting now, and MIDI plays on")
    os.kill(before["synth"], signal.SIGKILL)
    jamd.replaced("synth", before["synth"], 5)
    after = jamd.children()
    assert {name: after[name] for name in ("stage", "ann", "organ")} == {
        name: before[name] for name in ("stage", "ann", "organ")
    }
    assert jamd.end() == 0
    assert '"restarts": {"speaker": 1, "synth": 1}' in jamd.log


def test_without_its_runtime_folder_jamd_plays_on_without_a_speaker_or_an_instrument_that_ends(start: Start) -> None:
    jamd = start(audible("synth")).ready()
    before = jamd.children()
    (folder,) = (jamd.folder / "runtime").iterdir()
    shutil.rmtree(folder)
    jamd.configure(audible("synth", "organ"))
    jamd.reload()
    assert "was removed while jamd ran" in jamd.log
    for name in ("speaker", "synth"):
        os.kill(before.pop(name), signal.SIGKILL)
        jamd.wait_for_log(f"{name} stays silent, and MIDI plays on: {folder}: .* was removed .*: start jamd again")
        assert jamd.children() == before
    assert jamd.end() == 0


def test_a_hung_speaker_is_replaced(start: Start) -> None:
    jamd = start(audible("synth")).ready()
    speaker = jamd.children()["speaker"]
    os.kill(speaker, signal.SIGSTOP)
    jamd.replaced("speaker", speaker, 8)
    assert "the speaker does not answer; its process is killed" in jamd.log
    assert jamd.end() == 0


def test_the_band_plays_without_an_instrument_that_refuses(start: Start) -> None:
    jamd = start(audible("synth", trouble="refuse")).ready()
    jamd.wait(lambda: jamd.children().keys() == MIDI | {"speaker"}, 5, "the end of synth")
    jamd.wait_for_log(r"tone: refused on demand\n +synth stays silent until the next reload\n")
    assert "READY: players: ann, synth (failed to start); " in jamd.log
    jamd.configure(audible("synth"))
    jamd.reload()
    assert jamd.children().keys() == ALL
    assert jamd.end() == 0


def test_a_reload_changes_the_sound_and_leaves_the_others_alone(start: Start) -> None:
    jamd = start(audible("synth")).ready()
    before = jamd.children()
    jamd.configure(audible("synth", "organ") + "audio: {block: 128}\n")
    jamd.reload()
    after = jamd.children()
    assert after == before | {"organ": after["organ"]}
    jamd.configure(audible("synth", trouble="refuse"))
    jamd.reload()
    assert re.search(r"tone: refused on demand\n +nothing was changed", jamd.log) and jamd.children() == after
    jamd.configure(audible("synth").replace("engine: tone", "engine: tone, listen: [tune, ann]"))
    jamd.reload()
    assert jamd.children() == before
    jamd.configure(audible("synth") + "audio: {device: null}\n")
    jamd.reload()
    assert jamd.children() == {name: before[name] for name in MIDI}
    jamd.configure(audible("synth"))
    jamd.reload()
    again = jamd.children()
    assert again.keys() == ALL and {name: again[name] for name in MIDI} == {name: before[name] for name in MIDI}
    assert "new instrument organ" in jamd.log and "audio: device default → none" in jamd.log
    assert jamd.end() == 0
    assert '"restarts": {}' in jamd.log
