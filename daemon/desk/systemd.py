"""Notifications to systemd: sd_notify(3), datagrams to the socket named in the environment. Without one, no effect."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Mapping

from daemon.errors import printable_name


class Notifier:
    """Sends READY, STATUS …; `watchdog`: seconds within which systemd expects the next `alive`, or None."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._socket: socket.socket | None = None
        self.watchdog: float | None = None
        self._status = ""
        address = environment.get("NOTIFY_SOCKET", "")
        if sys.platform == "win32" or not address.startswith(("/", "@")):
            return
        if address.startswith("@"):  # the abstract namespace
            address = "\0" + address[1:]
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # a full queue must not delay the music
        with contextlib.suppress(OSError):
            self._socket.connect(address)
        if environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid()):
            with contextlib.suppress(KeyError, ValueError):
                self.watchdog = int(environment["WATCHDOG_USEC"]) / 1e6

    @property
    def present(self) -> bool:
        return self._socket is not None

    def ready(self) -> None:
        self._send("READY=1")

    def reloading(self) -> None:
        """Call `ready` afterwards, whether the reload succeeded or not."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={printable_name(text)}")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _send(self, *lines: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.send("\n".join(lines).encode())
