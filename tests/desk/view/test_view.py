"""The view as it is drawn in time, and where it is shown at all."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from daemon.desk.console import ConsoleWriter
from daemon.desk.stage_state import StageState
from daemon.desk.view.block import Terminal
from daemon.desk.view.view import UPDATE_INTERVAL, View, open_view
from daemon.entries import Sent, TempoChanged
from daemon.music.events import note_off, note_on
from tests.desk.view.test_picture import SPEC
from tests.tools.screen import Screen


def play(work: Callable[[View, Screen, StageState], Coroutine[Any, Any, None]]) -> Screen:
    screen, state = Screen(60, 20), StageState(SPEC, bpm=60.0)

    async def run() -> None:
        view = View(Terminal(screen.feed, lambda: True, lambda: (screen.columns, screen.rows)))
        view.show(state, {})
        await work(view, screen, state)
        view.close()

    asyncio.run(run())
    return screen


def test_the_view_follows_entries_log_lines_and_beats() -> None:
    async def work(view: View, screen: Screen, state: StageState) -> None:
        view.log("12:00:00 READY\n", screen.feed)
        view.follow([Sent(0.0, "choir", "soprano", "band", note_on(1, 72, 64))])
        await asyncio.sleep(3 * UPDATE_INTERVAL)
        assert [line.split()[:1] for line in screen.text[1:]] == [["bar"], ["keys"], ["tune"], ["choir"], ["drums"]]
        view.log("12:00:01 a line\n", screen.feed)
        assert screen.text[:2] == ["12:00:00 READY", "12:00:01 a line"]
        now = time.perf_counter()
        state.position = [0.0, now, 400.0]
        view.follow([TempoChanged(now, 0.0, 400.0), Sent(now, "choir", "soprano", "band", note_off(1, 72))])
        seen = set()
        async with asyncio.timeout(10):
            while len(seen) < 4:  # without another entry
                await asyncio.sleep(0.02)
                seen.add(screen.text[2].split()[1])

    screen = play(work)
    assert screen.text == ["12:00:00 READY", "12:00:01 a line"]


def test_updates_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    async def work(view: View, screen: Screen, state: StageState) -> None:
        feed = screen.feed
        monkeypatch.setattr(screen, "feed", lambda text: drawn.append(text) or feed(text))
        for number in range(100):
            view.follow([Sent(0.0, "choir", "soprano", "band", note_on(1, number, 64))])
            await asyncio.sleep(0.002)

    play(work)
    assert len(drawn) <= 10


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_a_size_that_changes_is_noticed() -> None:
    async def work(view: View, screen: Screen, state: StageState) -> None:
        await asyncio.sleep(2 * UPDATE_INTERVAL)
        screen.resize(20, 20)
        os.kill(os.getpid(), signal.SIGWINCH)
        await asyncio.sleep(3 * UPDATE_INTERVAL)
        assert [line[:5].strip() for line in screen.text] == ["1.1", "keys", "tune", "choir", "drums"]

    play(work)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_after_a_stop_the_view_is_drawn_below_what_the_shell_wrote() -> None:
    async def work(view: View, screen: Screen, state: StageState) -> None:
        await asyncio.sleep(2 * UPDATE_INTERVAL)
        screen.feed("\r\n$ fg\r\n")
        view.changed()  # a drawing is due already
        os.kill(os.getpid(), signal.SIGCONT)
        await asyncio.sleep(3 * UPDATE_INTERVAL)
        rows = ["bar ", "keys", "tune", "choi", "drum"]
        assert [line[:4] for line in screen.text] == [*rows, "", "$ fg", *rows]

    play(work)


class Stream(io.StringIO):
    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def fileno(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("is_terminal", "environment", "live"),
    [
        (True, {"TERM": "xterm-256color"}, True),
        (True, {"TERM": "linux", "NO_COLOR": "1"}, True),
        (True, {"TERM": "dumb"}, False),
        (True, {}, False),
        (False, {"TERM": "xterm"}, False),
    ],
)
def test_where_the_view_is_shown(is_terminal: bool, environment: dict[str, str], live: bool) -> None:
    with ConsoleWriter() as output:
        assert open_view(output, Stream(is_terminal), environment).live == live


def test_without_a_terminal_log_lines_are_only_written() -> None:
    written: list[str] = []
    view = View(None)
    view.show(StageState(), {})
    view.follow([])
    view.changed()
    view.log("a line\n", written.append)
    view.close()
    assert written == ["a line\n"] and not view.live
