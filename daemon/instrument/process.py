"""The process of one instrument: `python -m daemon.instrument.process RUNTIME_FOLDER NAME`.

See daemon/player/member.py. The stage sends the messages to be played, over the connection that every player has.
"""

from __future__ import annotations

import gc
import select
import socket
import sys
import time
from pathlib import Path
from typing import Any

from daemon import realtime
from daemon.audio.clock import ClockPage, clock_path
from daemon.audio.ring import Ring, ring_path
from daemon.instrument.blocks import Blocks
from daemon.instrument.renderer import Renderer, make_renderer
from daemon.player import member
from daemon.player.member import CONNECT_RETRY_INTERVAL, Member
from daemon.wire import Call, Control, PlayMessage, Unpacker, decode_call, pack

FIGURES_INTERVAL = 1.0  # seconds
CHUNK = 1 << 16  # bytes read at once


class Instrument:
    """Renders what the stage sends, and answers its calls, in one `select`."""

    def __init__(self, process: Member, renderer: Renderer) -> None:
        self._process, self._renderer = process, renderer
        ring = Ring(ring_path(process.folder, process.name))
        self._blocks = Blocks(renderer, ClockPage(clock_path(process.folder)), ring)
        self._stage: socket.socket | None = None
        self._unpacker = Unpacker()
        self._connect_at, self._tell_at = 0.0, time.perf_counter() + FIGURES_INTERVAL
        self._told: dict[str, Any] = {}

    def turn(self) -> None:
        """Wait for the stage or the next deadline, and do what is due."""
        now = time.perf_counter()
        if self._stage is None and now >= self._connect_at:
            self._connect_at = now + CONNECT_RETRY_INTERVAL
            self._stage, self._unpacker = self._process.connect_to_stage(), Unpacker()
        deadlines = [self._blocks.next_deadline(), self._tell_at]
        if self._stage is None:
            deadlines.append(self._connect_at)
        timeout = max(min(deadlines) - time.perf_counter(), 0.0)
        if self._stage is None:
            time.sleep(timeout)  # select waits for nothing on Windows
        elif select.select([self._stage], [], [], timeout)[0]:
            self._receive(self._stage)
        self._blocks.advance()
        if time.perf_counter() >= self._tell_at:
            self._tell()

    def _receive(self, stage: socket.socket) -> None:
        try:
            data = stage.recv(CHUNK)
            for number, *message in self._unpacker.feed(data):
                self._take(stage, number, decode_call(message))
        except OSError:
            data = b""
        if not data:
            self._blocks.silence()
            stage.close()
            self._stage, self._connect_at = None, time.perf_counter() + CONNECT_RETRY_INTERVAL

    def _take(self, stage: socket.socket, number: int, call: Call) -> None:
        """Only messages are not answered. Raises OSError, EngineFailure."""
        if isinstance(call, PlayMessage):
            self._blocks.play(call)
            return
        if isinstance(call, Control):
            self._renderer.control(call.name, call.value)
        stage.sendall(pack([[number, [], True]]))

    def _tell(self) -> None:
        """Tell the desk the figures, if they changed, and collect the reference cycles that the engine made."""
        self._tell_at = time.perf_counter() + FIGURES_INTERVAL
        if (figures := self._blocks.figures()) != self._told:
            self._told = figures
            self._process.tell("figures", figures)
        gc.collect()


def run(folder: Path, name: str, secret: str) -> int:
    process = Member("instrument", folder, name, secret)

    def play(renderer: Renderer) -> None:
        if renderer.notice:
            process.tell("log", "info", "notice", renderer.notice)
        gc.disable()
        realtime.request_real_time(realtime.INSTRUMENT_PRIORITY)
        instrument = Instrument(process, renderer)
        while True:
            instrument.turn()

    return process.run(make_renderer, play)


def main() -> int:
    return member.main(run)


if __name__ == "__main__":
    sys.exit(main())
