"""Random sequences of what can happen: nothing is left sounding, no pitch is struck twice without an off between."""

from __future__ import annotations

import random
from typing import Any

import pytest

from daemon.music.events import Play, Stop, control_change, is_note_off, is_note_on, note_off, note_on
from daemon.music.melody import Melody, Note
from daemon.music.tempo import Tempo, TempoMap
from daemon.stage.ledger import Ledger
from daemon.stage.performance import Performance
from daemon.stage.spec import ClockSpec, ControlSpec, MelodySpec, PlayerSpec, PortSpec, StageSpec
from daemon.wire import Call, Generate, Listen, encode_action

TEMPO = TempoMap(((0.0, 120.0), (3.0, 200.0)), ((0.0, 4.0),), 8.0)
MELODY = Melody("tune", tuple(Note(i / 2, 0.75, 60 + i, 80) for i in range(8)), 8.0, True, TEMPO)


def spec(rng: random.Random) -> StageSpec:
    players = tuple(
        PlayerSpec(name, listen, "out", channels, monophonic, 0.03, 0.1)
        for name, listen, channels, monophonic in [
            ("choir", ("keys", "tune"), {"soprano": 1, "alto": 2}, True),
            ("drums", ("choir",), {"kit": rng.choice((1, 10))}, False),
        ]
        if rng.random() < 0.8
    )
    keys = PortSpec("keys", "in", None, rng.choice(((), (), (1,), (2,))), rng.choice((("out",), ("out",), ())))
    out = PortSpec("out", "out", delay=rng.choice((0.0, 0.0, 0.04, -0.04)))
    ports = (keys, out) if rng.random() < 0.9 else (out,)
    melodies = (MelodySpec(MELODY, ("out",), rng.choice((1, 3))),) if rng.random() < 0.7 else ()
    controls = (ControlSpec("keys", 120, "panic"), ControlSpec("keys", 64, "sustain"))
    clock = ClockSpec(
        rng.choice(("internal", "internal", "midi")),
        "keys",
        rng.choice(((), ("out",))),
        metronome=rng.choice((None, ("out", 10))),
        count_in=rng.choice((0, 1)),
    )
    return StageSpec(TEMPO, ports, melodies, players, controls, seed=1, clock=clock)


class World:
    """Ports and players with their own will, and an observer that keeps its own ledger, as an instrument would."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.ledger = Ledger()
        self.sounding: set[tuple[int, int]] = set()
        self.faults: list[str] = []
        self.asked: list[tuple[str, int, Call]] = []
        self.held: list[bytes] = []
        self.now = -0.1
        self.performance = Performance(spec(self.rng), self)
        self.names = ["choir", "drums"]
        self.performance.start(self.now)

    def send(self, port: str, message: bytes, due: float) -> None:
        self.ledger.transmit(port, message, self.observe)

    def call(self, player: str, number: int, call: Call) -> None:
        self.asked.append((player, number, call))

    def panic(self) -> None:
        for channel, pitch in self.ledger.sounding("out"):
            self.ledger.pay("out", note_off(channel, pitch), self.observe)

    def record(self, entry: list[Any]) -> None:
        pass

    def observe(self, message: bytes) -> None:
        if message[0] >= 0xF0:
            return
        key = (message[0] & 15, message[1])
        if is_note_on(message):
            if key in self.sounding:
                self.faults.append(f"{key} struck while it sounds, at {self.now}")
            self.sounding.add(key)
        elif is_note_off(message):
            self.sounding.discard(key)

    def step(self) -> None:
        rng, performance = self.rng, self.performance
        self.now += rng.choice((0.0, 0.001, 0.01, 0.05, 0.3, 2.0))
        present = [p.name for p in performance.spec.players]
        what = rng.choices(
            (
                "advance",
                "key",
                "answer",
                "up",
                "down",
                "check",
                "lost",
                "panic",
                "pedal",
                "off",
                "reload",
                "rotate",
                "start",
                "stop",
                "hand",
                "follow",
            ),
            (30, 20, 40, 6, 2, 5, 1, 1, 2, 1, 1, 1, 2, 2, 2, 3),
        )[0]
        if what == "advance":
            performance.advance(self.now)
        elif what == "key" and (rng.random() < 0.5 or not self.held):
            self.held.append(note_off(rng.choice((1, 2)), rng.randrange(58, 64)))
            performance.heard(self.now, "keys", self.now, note_on((self.held[-1][0] & 15) + 1, self.held[-1][1], 80))
        elif what == "key":
            performance.heard(self.now, "keys", self.now, self.held.pop(rng.randrange(len(self.held))))
        elif what == "answer" and self.asked:
            player, number, call = self.asked.pop(0)
            performance.answer(self.now, player, number, [encode_action(a) for a in self.actions(player, call)], True)
        elif what in ("up", "down") and present:
            name = rng.choice(present)
            getattr(performance, f"player_{what}")(self.now, name)
            if what == "down" and performance.sounding()[name]:
                self.faults.append(f"{name} is down and sounds, at {self.now}")
        elif what == "check":
            performance.check_players(self.now)
        elif what == "lost":
            performance.port_lost(self.now, "keys")
            self.held.clear()
        elif what == "panic":
            performance.heard(self.now, "keys", self.now, control_change(1, 120, 0))
        elif what == "pedal":
            performance.heard(self.now, "keys", self.now, control_change(1, 64, rng.choice((0, 127))))
        elif what == "off":  # a keyboard that then forgets its keys
            channel = rng.choice((1, 2))
            performance.heard(self.now, "keys", self.now, control_change(channel, rng.choice((120, 123)), 0))
            self.held = [message for message in self.held if message[0] & 15 != channel - 1]
        elif what == "reload":
            performance.reconfigure(self.now, spec(rng))
        elif what == "rotate":
            performance.rotate(self.now)
        elif what == "start":
            performance.start(self.now, rng.randrange(64) / 4, rng.choice((None, self.now, self.now + 0.02)), 8.0)
        elif what == "stop":
            performance.stop(self.now)
            if any(performance.sounding().values()):
                self.faults.append(f"stopped and sounding, at {self.now}")
        elif what == "hand":
            performance.by_hand(self.now, rng.choice(("start", "stop", "continue", "tap", "tap")), self.now)
        elif what == "follow" and performance.spec.clock.source == "midi":
            beat = performance.beat_at(self.now) + rng.uniform(-0.01, 0.05)
            performance.follow(self.now, Tempo(beat, self.now, rng.uniform(40, 300)))

    def actions(self, player: str, call: Call) -> list[Play | Stop]:
        rng = self.rng
        beat = call.window.start if isinstance(call, Generate) else self.performance.beat_at(self.now)
        if not isinstance(call, Generate | Listen):
            return []
        voices = ("soprano", "alto", "ghost") if player == "choir" else ("kit",)
        return [
            Stop(beat + rng.uniform(-0.1, 0.5), rng.choice(voices))
            if rng.random() < 0.2
            else Play(
                beat + rng.choice((0.0, 0.0, 0.1, 0.5, 40.0)),
                rng.randrange(58, 64),
                80,
                rng.choice(voices),
                rng.choice((None, 0.0, 0.01, 0.25, 2.0) if player == "choir" else (0.0, 0.25, 1.0)),
            )
            for _ in range(rng.randrange(4))
        ]

    def end(self) -> None:
        """What the live stage does at its end: keys up, players down, time passes."""
        self.performance.stop(self.now) if self.performance.spec.clock.source == "midi" else None
        self.performance.advance(self.now + 100)
        if self.performance.sounding().get("drums"):
            self.faults.append("a note with a duration did not end")
        self.performance.port_lost(self.now, "keys")
        for player in [p.name for p in self.performance.spec.players]:
            self.performance.player_down(self.now, player)
        self.performance.reconfigure(self.now, StageSpec(TEMPO, (PortSpec("keys", "in"), PortSpec("out", "out"))))
        self.performance.advance(self.now + 100)


@pytest.mark.parametrize("block", range(10))
def test_nothing_is_left_sounding(block: int) -> None:
    for seed in range(block * 100, block * 100 + 100):
        world = World(seed)
        for _ in range(150):
            world.step()
        world.end()
        assert not world.faults, f"seed {seed}: {world.faults[0]}"
        assert not world.sounding, f"seed {seed}: {sorted(world.sounding)} left sounding"
