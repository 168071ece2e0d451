"""What a performance does to the world."""

from __future__ import annotations

from typing import Protocol

from daemon.commands import Command
from daemon.entries import Entry
from daemon.metrics import Cause
from daemon.wire import Call


class Sink(Protocol):
    """Called by a performance, which none of the methods may call back."""

    def send(self, port: str, message: bytes, due: float, cause: Cause) -> None:
        """Send on `port`; `due` (seconds) is when it should have been sent, or, on an audio output, is to be heard."""

    def call(self, player: str, number: int, call: Call) -> None:
        """Ask `player`; the answer comes back through `Performance.answer` with the same number."""

    def panic(self) -> None:
        """Send every owed note-off and silence every output."""

    def propose(self, command: Command, stamp: float) -> None:
        """A transport command or a tempo that the clock source decides on; `stamp` (seconds) of a tapped beat."""

    def record(self, entry: Entry) -> None:
        """Keep for the journal."""


class SilentSink:
    """A sink without ports and clock source, for renderings and replays, which only ask players and record."""

    def send(self, port: str, message: bytes, due: float, cause: Cause) -> None:
        pass

    def panic(self) -> None:
        pass

    def propose(self, command: Command, stamp: float) -> None:
        pass
