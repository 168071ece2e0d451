"""Signals to the desk: what they ask for, also before anyone listens."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator

import pytest

from daemon.commands import Command, Panic, ReloadConfiguration
from daemon.desk.signals import Signals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither SIGHUP nor SIGUSR1")
NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those of the test run come back."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


async def send(*numbers: signal.Signals) -> None:
    for number in numbers:
        os.kill(os.getpid(), number)
        await asyncio.sleep(0.05)


def test_signals_that_come_early_are_kept_in_order() -> None:
    async def run() -> tuple[list[Command], int]:
        posted: list[Command] = []
        stops: list[None] = []
        with Signals() as signals:
            await send(signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM)
            signals.on_command(posted.append)
            assert posted == [ReloadConfiguration(), Panic()]
            signals.on_stop(lambda: stops.append(None))
            assert len(stops) == 1
            await send(signal.SIGUSR1, signal.SIGHUP, signal.SIGINT)
        await send(*NUMBERS)  # ignored from here on: nothing may change the exit status
        return posted, len(stops)

    assert asyncio.run(run()) == ([ReloadConfiguration(), Panic(), Panic(), ReloadConfiguration()], 2)


def test_the_end_of_the_terminal_is_the_end_of_jamd(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGHUP is a reload, but for a jamd whose terminal has gone."""
    group: int | None = 1
    monkeypatch.setattr("daemon.desk.signals.foreground", lambda _: group)

    async def run() -> None:
        nonlocal group
        posted: list[Command] = []
        stops: list[None] = []
        with Signals() as signals:
            signals.on_command(posted.append)
            signals.on_stop(lambda: stops.append(None))
            await send(signal.SIGHUP)
            assert (len(posted), len(stops)) == (1, 0)
            group = None
            await send(signal.SIGHUP)
            assert (len(posted), len(stops)) == (1, 1)

    asyncio.run(run())
