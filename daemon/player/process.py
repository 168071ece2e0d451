"""The process of one player: `python -m daemon.player.process RUNTIME_FOLDER NAME`.

See daemon/player/member.py. Calls and answers pass over the socket of the stage.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from daemon.player import member
from daemon.player.host import Host, make_host
from daemon.player.member import CONNECT_RETRY_INTERVAL, Member
from daemon.wire import Call, Reset, Unpacker, decode_call, encode_answer, pack


class _StageGone(Exception):
    """The connection to the stage has ended."""


def run(folder: Path, name: str, secret: str) -> int:
    player = Member("player", folder, name, secret)

    def play(host: Host) -> None:
        while True:
            if (stage := player.connect_to_stage()) is not None:
                with stage:
                    _answer(stage, host)
            time.sleep(CONNECT_RETRY_INTERVAL)

    return player.run(make_host, play)


def _answer(stage: socket.socket, host: Host) -> None:
    """Answer the stage's calls until the connection ends."""
    try:
        for number, call in _calls(stage):
            for item in host.handle(call):
                _send(stage, [number, [encode_answer(item)], False])
            _send(stage, [number, [], True])
    except _StageGone:
        pass


def _send(stage: socket.socket, message: list[Any]) -> None:
    try:
        stage.sendall(pack([message]))
    except OSError:
        raise _StageGone from None


def _calls(stage: socket.socket) -> Iterator[tuple[int, Call]]:
    """The stage's calls with their numbers, in order. Calls before a reset that has come in are left out: no answer to
    them would count. Raises _StageGone at the end of the connection."""
    unpacker, calls = Unpacker(), deque[tuple[int, Call]]()
    while True:
        while not calls or select.select([stage], [], [], 0)[0]:
            try:
                data = stage.recv(1 << 16)
            except OSError:
                data = b""
            if not data:
                raise _StageGone
            for number, *message in unpacker.feed(data):
                call = decode_call(message)
                if isinstance(call, Reset):
                    calls.clear()
                calls.append((number, call))
        yield calls.popleft()


def main() -> int:
    return member.main(run)


if __name__ == "__main__":
    sys.exit(main())
