"""Turns of the stage's loop with an instrument: a double that says hello and keeps what it is sent."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from daemon import realtime
from daemon.midi.ledger import panic_messages
from daemon.midi.ports import Ports
from daemon.music.events import note_off, note_on, program_change
from daemon.music.sound import Sound
from daemon.music.tempo import TempoMap
from daemon.spec import AUDIO, PlayerSpec, PortSpec, StageSpec
from daemon.stage.process import Stage
from daemon.wire import Call, Control, Ping, PlayMessage
from tests.stage.fakes import SECRET, Desk, Player, until

KEYS = PortSpec("keys", "in", thru=("choir", "synth"))
CHOIR, SYNTH = (
    PortSpec("choir", "out", audio=("synth",)),
    PortSpec("synth", AUDIO, latency=0.03, sounds=(Sound(1, 20),)),
)
INSTRUMENT = PlayerSpec("synth", (), "", {}, False, 0.0, 0.0, {"gain": -6.0}, is_instrument=True)
SPEC = StageSpec(TempoMap(((0.0, 120.0),), ((0.0, 4.0),)), (KEYS, CHOIR, SYNTH), players=(INSTRUMENT,))
ON, OFF = note_on(1, 60, 90), note_off(1, 60)


class Box:
    """A stage in this process, the test as its desk, and the specs that the MIDI ports got."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.desk, self.configured = desk, list[list[PortSpec]]()
        configure = Ports.configure

        def watched(ports: Ports, specs: Any, *rest: Any) -> Any:
            self.configured.append(list(specs))
            return configure(ports, specs, *rest)

        monkeypatch.setattr(Ports, "configure", watched)
        self.stage = Stage(desk.folder, SECRET)
        desk.accept()
        self.configure(SPEC)

    def configure(self, spec: StageSpec) -> None:
        before = len(self.desk.messages("ready"))
        self.desk.send(["spec", spec.to_json()])
        self.turn_until(lambda: len(self.desk.messages("ready")) > before)

    def turn_until(self, condition: Callable[[], object]) -> None:
        def turn() -> object:
            self.stage._turn()
            return condition()

        until(turn, "the stage")

    def join(self) -> Player:
        before = len(self.desk.received)
        player = self.connect("synth")
        self.turn_until(lambda: ["player", "synth", "up"] in [m for _, m in self.desk.received[before:]])
        return player

    def connect(self, name: str) -> Player:
        player = Player(self.desk.folder, name)
        self.desk._open.append(player.connection)
        return player

    def hear(self, message: bytes) -> float:
        assert self.stage._performance is not None
        now = time.perf_counter()
        self.stage._performance.hear(now, "keys", now, message)
        return now


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    monkeypatch.setattr(realtime, "request_real_time", dict)
    monkeypatch.setattr(realtime, "freeze_objects", lambda: None)
    with Desk() as desk:
        box = Box(desk, monkeypatch)
        yield box
        if not box.stage._ending:
            box.stage.close()


def played(synth: Player) -> list[bytes]:
    return [call.message for call in synth.calls if isinstance(call, PlayMessage)]


def others(synth: Player) -> list[Call]:
    return [call for call in synth.calls if not isinstance(call, PlayMessage | Ping)]


def test_an_instrument_gets_settings_sounds_and_messages_and_is_pinged(box: Box) -> None:
    synth = box.join()
    box.turn_until(lambda: len(played(synth)) == 1)
    stamp = box.hear(ON)
    box.turn_until(lambda: len(played(synth)) == 2 and Ping() in synth.calls)
    assert [(call.name, call.value) for call in others(synth) if isinstance(call, Control)] == [
        ("gain", -6.0), ("mute", 0.0),
    ]  # fmt: skip
    assert played(synth) == [program_change(1, 20), ON] and len(others(synth)) == 2
    call = next(call for call in synth.calls if isinstance(call, PlayMessage) and call.message == ON)
    assert call.at == stamp <= call.sent
    assert box.desk.messages("ready")[-1] == ["ready", {"keys": None, "choir": None}]


def test_without_the_instrument_nothing_waits_and_after_a_new_start_nothing_is_struck_again(box: Box) -> None:
    synth = box.join()
    box.hear(ON)
    box.turn_until(lambda: ON in played(synth))
    synth.connection.shutdown(socket.SHUT_RDWR)
    box.turn_until(lambda: ["player", "synth", "down"] in box.desk.messages("player"))
    box.hear(note_on(1, 64, 90))
    synth = box.join()
    box.hear(OFF)
    box.turn_until(lambda: OFF in played(synth))
    assert played(synth) == [program_change(1, 20), OFF]


def test_a_panic_and_the_end_of_the_stage_silence_the_instrument(box: Box) -> None:
    synth = box.join()
    box.hear(ON)
    box.desk.send(["command", ["panic"], 1.0])
    box.turn_until(lambda: len(played(synth)) == 3 + len(panic_messages()) + 1)
    assert played(synth)[1:] == [ON, OFF, *panic_messages(), program_change(1, 20)]
    box.hear(ON)
    box.turn_until(lambda: played(synth)[-1] == ON)
    before = len(played(synth))
    box.desk.send(["stop"])
    box.turn_until(lambda: box.stage._ending)
    box.stage.close()
    until(lambda: len(played(synth)) == before + 1 + len(panic_messages()), "the panic")
    assert played(synth)[before] == OFF


def test_an_instrument_that_reads_nothing_is_dropped_as_hung(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    box.desk.connect_player("synth")
    box.turn_until(lambda: ["player", "synth", "up"] in box.desk.messages("player"))

    def flooded() -> bool:
        for _ in range(2000):
            box.hear(ON)
            box.hear(OFF)
        return ["player", "synth", "hung"] in box.desk.messages("player")

    box.turn_until(flooded)


def test_a_changed_delay_leaves_midi_ports_and_the_instrument_alone(box: Box) -> None:
    synth = box.join()
    box.hear(ON)
    box.turn_until(lambda: ON in played(synth))
    assert box.configured == [[KEYS, CHOIR]]
    before = len(others(synth))
    box.desk.send(["latency", 0.1])
    box.turn_until(lambda: box.stage._performance.spec != SPEC)  # type: ignore[union-attr]
    assert box.stage._performance.spec == SPEC.with_latency(0.1)  # type: ignore[union-attr]
    box.hear(OFF)
    box.turn_until(lambda: OFF in played(synth))
    assert played(synth)[1:] == [ON, OFF] and len(others(synth)) == before
    assert len(box.configured) == 1, "the connections that a person cut stay so"
    box.turn_until(lambda: "configured" in [entry[0] for _, batch in box.desk.messages("journal") for entry in batch])
    box.configure(box.stage._performance.spec)  # type: ignore[union-attr]
    assert len(box.configured) == 2


def test_a_new_audio_output_of_a_player_does_not_reset_the_player(box: Box) -> None:
    choir = PlayerSpec("choir", (), "choir", {"low": 1}, True, 0.03, 0.1)
    box.configure(replace(SPEC, players=(INSTRUMENT, choir)))
    before = len(box.desk.received)
    box.connect("choir")
    box.turn_until(lambda: ["player", "choir", "up"] in [m for _, m in box.desk.received[before:]])
    box.configure(replace(SPEC, players=(INSTRUMENT, replace(choir, audio=("synth",)))))
    box.configure(replace(SPEC, players=(INSTRUMENT, replace(choir, audio=("synth",), lead=0.1))))
    assert box.desk.messages("player").count(["player", "choir", "up"]) == 2
