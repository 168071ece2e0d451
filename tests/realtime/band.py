"""For the tests on JACK: a band, a player's process, and which notes sound."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterable

from daemon.music.events import is_note_off, is_note_on
from daemon.music.tempo import TempoMap
from daemon.spec import PlayerSpec, PortSpec, StageSpec
from tests.stage.fakes import Desk

CLOCK = TempoMap(((0.0, 120.0),), ((0.0, 4.0),))
THRU = (PortSpec("keys", "in", thru=("choir",)), PortSpec("choir", "out"))
OCTAVER = PlayerSpec("octaver", ("keys",), "choir", {"low": 2, "grid": 3}, True, lead=0.03, tolerance=0.05)
BAND = StageSpec(CLOCK, THRU, players=(OCTAVER,))


class PlayerProcess:
    """tests.stage.player_process, up."""

    def __init__(self, desk: Desk, name: str = "octaver") -> None:
        before = len(desk.received)
        self.process = subprocess.Popen([sys.executable, "-m", "tests.stage.player_process", str(desk.folder), name])
        desk.expect(lambda m: m == ["player", name, "up"], "the player to be up", before)

    def signal(self, number: signal.Signals) -> float:
        self.process.send_signal(number)
        return time.perf_counter()

    def __enter__(self) -> PlayerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def numbered(count: int) -> list[bytes]:
    """Different messages, none of which is a note."""
    return [bytes((0xA0 | n % 16, n // 16 % 128, n // 2048)) for n in range(count)]


def sounding(messages: Iterable[bytes]) -> set[tuple[int, int]]:
    """(channel 0–15, pitch) of the notes that have not ended."""
    left = set()
    for message in messages:
        if is_note_on(message):
            left.add((message[0] & 15, message[1]))
        elif is_note_off(message):
            left.discard((message[0] & 15, message[1]))
    return left
