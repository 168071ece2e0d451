"""A speaker's process with a desk that is a double: it makes the files, sends settings and keeps what is said."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from daemon.audio.clock import ClockPage, FrameClock, clock_path
from daemon.audio.ring import MIX_CAPACITY, Ring, mix_path, ring_path
from daemon.sockets import serve
from daemon.wire import Unpacker, pack

SECRET = "secret"
TIMEOUT = 20.0  # seconds: a test that waits longer has failed


class SpeakerProcess:
    """Give it a new folder, or that of an earlier speaker, whose files it goes on with."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        create = not clock_path(folder).exists()
        self.page = ClockPage(clock_path(folder), create)
        self.mix = Ring(mix_path(folder), MIX_CAPACITY, create)
        self.said: list[Any] = []
        self._unpacker = Unpacker()
        listener = serve(folder / "desk.sock")
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "daemon.speaker.process", str(folder)],
            stdin=subprocess.PIPE,
            env=os.environ | {"JACK_DEFAULT_SERVER": "jamd-none"} | dict(environment or {}),
            text=True,
        )
        assert self.process.stdin is not None
        self.process.stdin.write(f"{SECRET}\n")
        self.process.stdin.close()
        connection = None
        while connection is None:
            connection = listener.accept()
            time.sleep(0.01)
        self._connection = connection
        listener.close()
        assert self.wait_for("hello") == ["hello", SECRET, "speaker", self.process.pid]

    def ring(self, name: str) -> Ring:
        """A new one, of an instrument."""
        return Ring(ring_path(self.folder, name), create=True)

    def send(self, *message: Any) -> None:
        self._connection.sendall(pack([list(message)]))

    def play(self, device: str | None = None, rate: int = 48_000, block: int = 256, instruments: Any = ()) -> None:
        """Send settings, and wait until the speaker is ready."""
        settings = {"device": device, "rate": rate, "block": block, "instruments": list(instruments)}
        self.send("audio", settings)
        self.wait_for("ready")

    def wait_for(self, kind: str, condition: Callable[[list[Any]], bool] = lambda _: True) -> list[Any]:
        """The next message of that kind, which is kept no longer, and none before it."""
        self._connection.settimeout(TIMEOUT)
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            for number, message in enumerate(self.said):
                if message[0] == kind and condition(message):
                    del self.said[: number + 1]
                    return message  # type: ignore[no-any-return]
            if not (data := self._connection.recv(1 << 16)):
                break
            self.said += self._unpacker.feed(data)
        raise AssertionError(f"no {kind}; the speaker said {self.said}")

    def figures(self) -> dict[str, Any]:
        self.send("ping", 1)
        return self.wait_for("pong")[2]  # type: ignore[no-any-return]

    @property
    def clock(self) -> FrameClock:
        end = time.monotonic() + TIMEOUT
        while (clock := self.page.read()) is None:  # it is being written
            assert time.monotonic() < end
        return clock

    def hang_up(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()
        self.process.kill()
        self.process.wait()
