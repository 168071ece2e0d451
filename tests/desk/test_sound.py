"""Speaker and instruments at the desk, with children that are no processes; the files of audio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.audio.clock import ClockPage, clock_path
from daemon.audio.ring import MIX_CAPACITY, Ring, mix_path, ring_path
from daemon.desk import audio_files
from daemon.desk.audio_files import make_audio_files
from daemon.desk.player_slots import PlayerSlot
from daemon.desk.process_table import PLAYER, SPEAKER, STAGE
from daemon.desk.processes import Listeners, Processes, ProcessSlot
from daemon.desk.sound_state import DELAY, SoundState
from daemon.desk.status import sound, unconnected
from daemon.entries import Entry, Reconfigured
from daemon.errors import JamdError
from daemon.music.tempo import TempoMap
from daemon.spec import AUDIO, PlayerSpec, PortSpec, StageSpec
from tests.desk.test_process_table import Recorder

TEMPO = TempoMap(((0.0, 96.0),), ((0.0, 4.0),))
SYNTH = PlayerSpec("synth", (), "", {}, False, 0.0, 0.0, is_instrument=True)
SPEC = StageSpec(
    TEMPO,
    (PortSpec("out", "out", delay=0.1, audio=("synth",)), PortSpec("synth", AUDIO, delay=0.005)),
    players=(SYNTH,),
)
SETTINGS = {"device": "default", "rate": 48000, "block": 256, "instruments": ["synth"]}


class Desk:
    """Processes with a stage, a speaker and an instrument, none of which is a process."""

    def __init__(self, folder: Path) -> None:
        self.log: list[tuple[str, str]] = []
        self.recorded: list[Entry] = []

        def say(level: str, cause: str, text: str, is_change: bool = False) -> None:
            self.log.append((level, text))

        self.processes = Processes(folder, Listeners(say, self.recorded.extend, lambda: None))
        self.processes.stage_state.spec, self.sound.settings = SPEC, SETTINGS
        self.stage, self.speaker, self.synth = Recorder(), Recorder(), Recorder()
        slots = self.processes.slots
        self.stage_slot = slots(STAGE)["stage"] = ProcessSlot(STAGE, "stage", self.stage)
        self.speaker_slot = slots(SPEAKER)["speaker"] = ProcessSlot(SPEAKER, "speaker", self.speaker)
        self.synth_slot = slots(PLAYER)["synth"] = PlayerSlot(
            PLAYER, "synth", self.synth, spec=SYNTH, member={"model": None}, files=()
        )

    @property
    def sound(self) -> SoundState:
        return self.processes.stage_state.sound

    def speaker_says(self, *message: Any) -> None:
        self.processes._hear(self.speaker_slot, self.speaker, [*message])

    def synth_says(self, *message: Any) -> None:
        self.processes._hear(self.synth_slot, self.synth, [*message])

    def delays_told(self) -> list[float]:
        """The offsets of the audio output that the stage was told, in its configuration and later, in milliseconds."""
        specs = [StageSpec.from_json(message[1]) for message in self.stage.sent if message[0] == "spec"]
        specs += [SPEC.with_latency(message[1]) for message in self.stage.sent if message[0] == "latency"]
        assert all(spec.ports[0] == SPEC.ports[0] for spec in specs), "MIDI is not delayed"
        return [round(spec.ports[1].offset * 1000, 6) for spec in specs]


def with_desk(folder: Path, work: Callable[[Desk], Awaitable[None] | None]) -> Desk:
    found: list[Desk] = []

    async def run() -> None:
        desk = Desk(folder)
        found.append(desk)
        if (waiting := work(desk)) is not None:
            await waiting
        desk.processes._slots.clear()
        await desk.processes.close()

    asyncio.run(run())
    return found[0]


def test_a_speaker_is_told_its_settings(tmp_path: Path) -> None:
    desk = with_desk(tmp_path, lambda desk: desk.speaker_says("hello", "speaker", 1))
    assert desk.speaker.sent == [["audio", SETTINGS]]


def test_notes_are_sent_to_an_instrument_as_much_earlier_as_the_speaker_takes(tmp_path: Path) -> None:
    def work(desk: Desk) -> None:
        desk.processes._hear(desk.stage_slot, desk.stage, ["hello", "stage", 1])
        desk.speaker_says("device", "USB", 0.0224)
        desk.speaker_says("device", "USB", 0.0231)  # differs by less than a millisecond from what the stage was told
        desk.speaker_says("device", "USB", 0.0241)
        desk.speaker_says("device", "HDA", 0.025)
        desk.speaker_says("device", "HDA", 0.0301)

    desk = with_desk(tmp_path, work)
    assert desk.delays_told() == [5 - 30, 5 - 23, 5 - 25, 5 - 31]
    assert desk.log == [  # a change of a few milliseconds is in the status line alone
        ("info", "sound: USB, 23 ms from a note to its sound"),
        ("info", "sound: HDA, 25 ms from a note to its sound"),
        ("info", "sound: HDA, 31 ms from a note to its sound"),
    ]


def test_another_delay_is_recorded_as_a_reload_is(tmp_path: Path) -> None:
    def work(desk: Desk) -> None:
        desk.processes._hear(desk.stage_slot, desk.stage, ["hello", "stage", 1])
        desk.speaker_says("device", "USB", 0.05)
        desk.processes._hear(desk.stage_slot, desk.stage, ["journal", [["configured", 2.0]]])

    desk = with_desk(tmp_path, work)
    (entry,) = [entry for entry in desk.recorded if isinstance(entry, Reconfigured)]
    assert [round(port.offset, 6) for port in entry.spec.ports] == [0.1, -0.045]


def test_a_stage_that_starts_later_is_told_the_present_delay(tmp_path: Path) -> None:
    def work(desk: Desk) -> None:
        desk.speaker_says("device", "USB", 0.05)
        desk.stage.sent.clear()
        desk.processes._hear(desk.stage_slot, desk.stage, ["hello", "stage", 1])

    assert with_desk(tmp_path, work).delays_told() == [5 - 50]


def test_a_lost_device_is_told_once_and_a_new_speaker_says_anew_what_it_has(tmp_path: Path) -> None:
    def work(desk: Desk) -> None:
        desk.speaker_says("device", "USB", DELAY)
        assert desk.sound.is_heard
        desk.speaker_says("device", None, DELAY)
        desk.speaker_says("device", None, DELAY)
        assert not desk.sound.is_heard and desk.sound.text == "no device"
        desk.speaker_says("device", "USB", DELAY)
        SPEAKER.on_end(desk.processes, desk.speaker_slot)
        assert not desk.sound.is_heard and desk.sound.text == "starting"
        desk.speaker_says("device", "USB", DELAY)

    desk = with_desk(tmp_path, work)
    back = ("info", "sound: USB, 30 ms from a note to its sound")
    assert desk.log == [back, back, back], "the speaker itself says why there is none"
    assert desk.stage.sent == []


def test_a_device_that_ends_every_speaker_is_left_alone_until_a_reload(tmp_path: Path) -> None:
    def greet(desk: Desk) -> Any:
        desk.speaker.sent.clear()
        desk.speaker_says("hello", "speaker", 1)
        return desk.speaker.sent[0][1]["device"]

    def work(desk: Desk) -> None:
        for _ in range(3):
            assert greet(desk) == "default"
            SPEAKER.on_end(desk.processes, desk.speaker_slot)
        assert greet(desk) is None
        desk.speaker_says("device", None, DELAY)
        desk.sound.take(SETTINGS)  # a reload
        assert greet(desk) == "default"
        for _ in range(5):  # a device that dies again and again is opened again
            desk.speaker_says("device", "USB", DELAY)
            SPEAKER.on_end(desk.processes, desk.speaker_slot)
            assert greet(desk) == "default"

    desk = with_desk(tmp_path, work)
    (given_up,) = [text for level, text in desk.log if level == "error"]
    assert given_up.startswith("no sound: the speaker ended 3 times while it opened the audio device; jamd plays on")


@pytest.mark.parametrize("message", [["device"], ["device", 3, 0.1], ["device", "USB", "fast"], ["device", "USB", -1.0],
    ["device", "USB", float("nan")], ["pong", 1], ["pong", 1, 3], ["log", "x"]], ids=str)  # fmt: skip
def test_an_invalid_message_changes_nothing(tmp_path: Path, message: Any) -> None:
    desk = with_desk(tmp_path, lambda desk: desk.speaker_says(*message))
    (line,) = desk.log
    assert line[1].startswith("the speaker sent an invalid message, which is ignored")
    assert (desk.sound.known, desk.sound.delay, desk.stage.sent) == (False, DELAY, [])


def test_the_figures_are_in_the_status_and_in_the_metrics(tmp_path: Path) -> None:
    figures = {"device": "USB", "under_runs": 1, "missing": {"synth": 4}, "peak_db": -6.2, "limited": 0}

    def work(desk: Desk) -> None:
        assert sound(desk.sound) == ["sound: starting"]
        desk.speaker_says("device", "USB", 0.023)
        desk.speaker_says("pong", 1, {"under_runs": 0, "missing": {}, "peak_db": -144.0})
        assert sound(desk.sound) == ["sound: USB, 23 ms from note to sound"]
        desk.speaker_says("pong", 2, figures)
        desk.synth_says("figures", {"late": 2, "skipped": 0, "load": 0.1, "latency": [0.02, 0.03]})

    desk = with_desk(tmp_path, work)
    assert sound(desk.sound) == [
        "sound: USB, 23 ms from note to sound, peak −6 dB, 1 under-run, synth: 2 late 4 missing"
    ]
    assert desk.sound.to_json()["sound"] == {
        **figures, "delay_ms": 23.0,
        "instruments": {"synth": {"late": 2, "skipped": 0, "load": 0.1, "latency": [0.02, 0.03]}},
    }  # fmt: skip
    desk.sound.take({**SETTINGS, "instruments": ["organ"]})
    assert desk.sound.instruments == {}
    desk.sound.take(None)
    assert (sound(desk.sound), desk.sound.to_json()) == ([], {})


def test_an_output_that_is_heard_through_an_instrument_needs_no_connection(tmp_path: Path) -> None:
    def work(desk: Desk) -> None:
        state = desk.processes.stage_state
        ann = PlayerSpec("ann", ("keys",), "out", {"high": 1}, True, 0.03, 0.1, audio=("synth",))
        state.spec = StageSpec(TEMPO, SPEC.ports, players=(ann, SYNTH))
        state.metrics = {"connected": {"out": False}}
        assert unconnected(state) == ["out"], "there is no device yet"
        desk.speaker_says("device", "USB", 0.023)
        assert unconnected(state) == []
        desk.speaker_says("device", None, 0.023)
        assert unconnected(state) == ["out"]

    with_desk(tmp_path, work)


def test_the_song_waits_for_the_speaker_too(tmp_path: Path) -> None:
    async def work(desk: Desk) -> None:
        desk.synth_slot.up = True
        desk.processes._hear(desk.stage_slot, desk.stage, ["ready", {}])
        await asyncio.sleep(0.01)
        assert ["start"] not in desk.stage.sent
        desk.speaker_says("ready")
        await asyncio.sleep(0.01)
        assert ["start"] in desk.stage.sent

    with_desk(tmp_path, work)


def test_an_instrument_is_a_player_with_another_process_that_jamd_can_do_without(tmp_path: Path) -> None:
    desk = with_desk(tmp_path, lambda desk: desk.synth_says("hello", "player", "synth", 1))
    assert desk.synth.sent == [["member", {"model": None}]]
    assert (desk.synth_slot.module, desk.synth_slot.needed) == ("daemon.instrument.process", False)
    assert (desk.speaker_slot.module, desk.speaker_slot.needed) == ("daemon.speaker.process", False)


def test_the_files_are_made_once_and_those_of_new_instruments_later(tmp_path: Path) -> None:
    make_audio_files(tmp_path, ["a", "b/c"])
    paths = [clock_path(tmp_path), mix_path(tmp_path), ring_path(tmp_path, "a"), ring_path(tmp_path, "b/c")]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert ClockPage(paths[0]).read() is None and Ring(paths[1], MIX_CAPACITY).end == Ring(paths[2]).end == 0
    before = [path.stat().st_ino for path in paths]
    make_audio_files(tmp_path, ["a", "d"])
    assert [path.stat().st_ino for path in paths] == before
    assert ring_path(tmp_path, "d").exists()


def test_too_little_memory_is_a_clear_error_and_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *_: Any, **__: Any) -> None:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audio_files, "Ring", full)
    with pytest.raises(JamdError, match=r"no room for the sound.*No space left.*delete other files.*--no-sound"):
        make_audio_files(tmp_path, ["a"])
    assert [*tmp_path.iterdir()] == [clock_path(tmp_path)]
