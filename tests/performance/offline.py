"""A performance on an offline clock, with a sink that records, for exact lists of (seconds, port, message)."""

from __future__ import annotations

from typing import Any

from daemon.commands import Command
from daemon.entries import Entry, PlayerUp, Started, Stopped
from daemon.metrics import Cause
from daemon.music.events import Action, is_note_on
from daemon.music.melody import Melody, Note
from daemon.music.tempo import TempoMap
from daemon.performance.performance import Performance
from daemon.performance.transport import PRE_ROLL
from daemon.spec import ClockSpec, PlayerSpec, PortSpec, StageSpec
from daemon.wire import Call, Generate

STEADY = TempoMap(((0.0, 120.0),), ((0.0, 4.0),))  # a beat lasts 0.5 s, a 16th 0.125 s
CHOIR = PlayerSpec("choir", ("keys",), "choir", {"soprano": 1, "alto": 2}, monophonic=True, lead=0.03, tolerance=0.05)
KEYS = PortSpec("keys", "in")
OUT = PortSpec("choir", "out")
MIDI = ClockSpec("midi", "keys")
TUNE = Melody("tune", tuple(Note(i / 2, 0.5, 60 + i, 80) for i in range(16)), 8.0, True, STEADY)
TWINKLE = Melody("twinkle", (Note(0.0, 1.0, 60, 80), Note(1.0, 1.0, 60, 80), Note(3.0, 1.0, 67, 80)), 4.0, True, STEADY)


class Recorder:
    """A sink that records all calls."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, str, bytes]] = []
        self.causes: list[Cause] = []  # of note-ons
        self.calls: list[tuple[str, int, Call]] = []
        self.panics = 0
        self.proposals: list[tuple[Command, float]] = []
        self.entries: list[Entry] = []

    def send(self, port: str, message: bytes, due: float, cause: Cause) -> None:
        self.sent.append((round(due, 6), port, message))
        if is_note_on(message):
            self.causes.append(cause)

    def call(self, player: str, number: int, call: Call) -> None:
        self.calls.append((player, number, call))

    def panic(self) -> None:
        self.panics += 1

    def propose(self, command: Command, stamp: float) -> None:
        self.proposals.append((command, stamp))

    def record(self, entry: Entry) -> None:
        self.entries.append(entry)

    def last(self, kind: type) -> tuple[str, int, Any]:
        """(player, number, call) of the last call of a kind."""
        return [c for c in self.calls if isinstance(c[2], kind)][-1]


def make_performance(started: bool = True, **changes: Any) -> tuple[Performance, Recorder]:
    """A performance with its player up, started so that beat 0 falls at 0.0 s, or stopped. `changes`: fields of the
    StageSpec."""
    sink = Recorder()
    spec = StageSpec(**{"tempo_map": STEADY, "ports": (KEYS, OUT), "players": (CHOIR,), **changes})
    performance = Performance(spec, sink)
    for player in spec.players:
        performance.take(PlayerUp(-PRE_ROLL, player.name))
    performance.take(Started(-PRE_ROLL) if started else Stopped(-PRE_ROLL))
    return performance, sink


def run_until(performance: Performance, seconds: float) -> None:
    """Advance at every deadline, as a stage that is never late."""
    while performance.next_deadline() <= seconds:
        performance.advance(performance.next_deadline())


def answer(performance: Performance, sink: Recorder, now: float, *actions: Action) -> None:
    """The player's answer to the latest call."""
    performance.answer(now, "choir", sink.calls[-1][1], actions, True)


def window_starts(sink: Recorder) -> list[float]:
    """The first beats of the requested windows."""
    return [call.window.start for _, _, call in sink.calls if isinstance(call, Generate)]
