"""The block of lines on terminals that are resized while it is redrawn, with lines of the log in between."""

from __future__ import annotations

import random

import pytest

from daemon.desk.view.block import Block, Terminal
from daemon.desk.view.layout import Line
from tests.tools.screen import Screen


class Shown:
    """A block on a screen. `free`: whether the terminal takes output."""

    def __init__(self, columns: int = 40, rows: int = 12, reflow: bool = False, styled: bool = False) -> None:
        self.screen = Screen(columns, rows, reflow)
        self.free = True
        size = lambda: (self.screen.columns, self.screen.rows)  # noqa: E731
        self.block = Block(Terminal(self.screen.feed, lambda: self.free, size, styled))

    def draw(self, *texts: str) -> None:
        columns, rows = self.screen.columns, self.screen.rows
        self.block.draw([Line(text[: columns - 1]) for text in texts][: max(rows - 1, 1)])

    def log(self, text: str) -> None:
        self.block.add_log(f"{text}\n", self.screen.feed)


def test_a_block_is_redrawn_in_place_and_the_log_is_above() -> None:
    shown = Shown()
    shown.log("ready")
    shown.draw("one", "two", "three")
    shown.draw("uno", "two")
    shown.log("a port is lost")
    assert shown.screen.text == ["ready", "a port is lost", "uno", "two"]
    shown.draw("one", "", "three")
    shown.block.erase()
    shown.log("the end")
    assert shown.screen.history == ["ready", "a port is lost", "the end"]


def test_log_lines_that_are_wider_than_the_terminal_or_fill_the_screen_leave_the_block_whole() -> None:
    shown = Shown(20, 6)
    shown.draw("one", "two")
    for number in range(20):
        shown.log(f"{number} " + "x" * 50)
        assert shown.screen.text[-2:] == ["one", "two"]
    assert sum(line == "one" for line in shown.screen.history) == 1


def test_nothing_is_written_while_the_terminal_is_blocked() -> None:
    shown = Shown()
    shown.draw("one", "two")
    shown.free = False
    shown.draw("three")
    assert shown.screen.text == ["one", "two"]
    shown.log("a line")
    shown.log("another line")
    assert shown.screen.text == ["a line", "another line"]
    shown.free = True
    shown.draw("three")
    assert shown.screen.text == ["a line", "another line", "three"]


def test_an_unchanged_block_is_not_written_again() -> None:
    shown = Shown()
    shown.draw("one")
    shown.screen.feed("\r\n")
    shown.draw("one")
    assert shown.screen.text == ["one"]


def test_after_a_stop_the_block_is_drawn_below_the_shells_lines() -> None:
    shown = Shown()
    shown.draw("one", "two")
    shown.screen.feed("\r\nstopped\r\n$ fg\r\n")
    shown.block.forget()
    shown.draw("one", "three")
    assert shown.screen.text == ["one", "two", "stopped", "$ fg", "one", "three"]


def test_styles_only_where_the_terminal_has_them() -> None:
    for styled in (False, True):
        shown = Shown(styled=styled)
        shown.block.draw([Line("one", "bold"), Line("two", "dim"), Line("three")])
        assert shown.screen.text == ["one", "two", "three"]
        assert shown.screen.styled == ({"1", "2", "0"} if styled else set())


@pytest.mark.parametrize("reflow", [False, True])
def test_narrowing_leaves_one_block_and_the_log(reflow: bool) -> None:
    shown = Shown(60, 12, reflow)
    logged = [f"line {number} of the log " + "x" * 20 for number in range(4)]
    for text in logged:
        shown.log(text)
    lines = [f"player {number} {'note ' * 8}end" for number in range(3)]
    shown.draw(*lines)
    for columns in (45, 30, 20):
        shown.screen.resize(columns, 12)
        shown.draw(*lines)
        assert shown.screen.text[-3:] == [line[: columns - 1].rstrip() for line in lines]
        assert sum("player" in line for line in shown.screen.text) == 3
        assert any("line 3 of the log" in line for line in shown.screen.text)
    shown.screen.resize(60, 12)
    while len(shown.screen.text) < len(shown.screen.history) and len(shown.screen.text) < 12:
        shown.screen.pull_back()
    shown.draw(*lines)
    assert sum(text in logged for text in shown.screen.text) == len(logged)
    assert sum("player" in line for line in shown.screen.history) == 3  # no old block in the history either


@pytest.mark.parametrize("reflow", [False, True])
@pytest.mark.parametrize("seed", range(30))
def test_any_sequence_of_sizes_and_lines(seed: int, reflow: bool) -> None:
    rng = random.Random(seed)
    shown = Shown(rng.randint(20, 100), rng.randint(2, 30), reflow)
    texts: list[str] = []
    for number in range(60):
        match rng.choice(["draw", "draw", "log", "resize"]):
            case "resize":
                shown.screen.resize(rng.randint(20, 100), rng.randint(2, 30))
                shown.draw(*texts)
            case "log":
                shown.log(f"log {number} {'x' * rng.randint(0, 120)}")
            case "draw":
                texts = [f"block {number} {'y' * rng.randint(0, 90)}" for _ in range(rng.randint(1, 8))]
                shown.draw(*texts)
        expected = [text[: shown.screen.columns - 1].rstrip() for text in texts][: max(shown.screen.rows - 1, 1)]
        on_screen = [line for line in shown.screen.text if line.startswith("block")]
        assert on_screen == expected[-shown.screen.rows :], number
        assert shown.screen.text[len(shown.screen.text) - len(expected) :] == expected
