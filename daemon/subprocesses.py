"""A module of jamd in a process of its own, for a while: for what may hang, crash, or fill the memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended. `status`: its exit status, −N: signal N, None: killed because it took too long."""

    status: int | None
    output: bytes
    errors: str

    @property
    def reason(self) -> str:
        """Why a process with a status ended: the status, and the last line of its errors."""
        assert self.status is not None
        last = self.errors.strip().splitlines()[-1:]
        return ": ".join([end_reason(self.status), *last])


def run_module(
    module: str, *arguments: str, seconds: float, environment: Mapping[str, str] | None = None, prints: bool = False
) -> Ended:
    """Run `python -m MODULE ARGUMENTS` for at most `seconds`, with `environment` added to this one.

    `prints`: what the process prints goes to standard error, and not into the result.
    """
    command = [sys.executable, "-P", "-m", module, *arguments]
    output, errors = (2, None) if prints else (subprocess.PIPE, subprocess.PIPE)
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env={**os.environ, **(environment or {})},
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return _ended(None, error.stdout, error.stderr)
    return _ended(done.returncode, done.stdout, done.stderr)


def _ended(status: int | None, output: bytes | None, errors: bytes | None) -> Ended:
    return Ended(status, output or b"", (errors or b"").decode(errors="replace"))


def end_reason(status: int) -> str:
    """The name of the signal that ended a process, or its exit status; Windows has large ones for native crashes."""
    if status >= 0:
        return f"exit status {status if status < 256 else hex(status)}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
