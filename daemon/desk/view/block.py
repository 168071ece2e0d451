"""A block of lines at the bottom of a terminal, redrawn in place, with the lines of the log above."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from daemon.desk.view.layout import Line, width

KEPT = 100  # lines of the log that are shown again where the terminal has become too narrow for the old block
ESCAPE = "\x1b"
TOP, CLEAR_LINE, CLEAR_BELOW = f"{ESCAPE}[H", f"{ESCAPE}[K", f"{ESCAPE}[J"
_STYLES = {"bold": f"{ESCAPE}[1m", "dim": f"{ESCAPE}[2m"}
_PLAIN = f"{ESCAPE}[0m"


@dataclass(frozen=True, slots=True)
class Terminal:
    """`write` must not block; `is_free`: everything written so far has been output; `size`: columns and rows."""

    write: Callable[[str], object]
    is_free: Callable[[], bool]
    size: Callable[[], tuple[int, int]]
    styled: bool = True  # whether the terminal may be sent bold and dim text


class Block:
    """The cursor stays at the end of the block's last line."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._lines: list[Line] = []  # on the screen
        self._overwritten: tuple[int, int] | None = None  # the terminal's size when the whole screen was, last
        self._log: deque[str] = deque(maxlen=KEPT)

    def draw(self, lines: Sequence[Line]) -> None:
        """Show these lines, unless the terminal is blocked."""
        if lines == self._lines or not self._terminal.is_free():
            return
        columns, rows = self._terminal.size()
        begin = self._home()
        was_resized = self._overwritten not in (None, (columns, rows))  # lines from above may have come back
        if was_resized or any(width(line.text) >= columns for line in self._lines):
            # Terminals differ: some have wrapped the old lines, others have cut them, so where they begin is unknown.
            # The screen is overwritten: where it is cleared, tmux and others keep the old lines in their history.
            self._overwritten = columns, rows
            begin = TOP + self._last_log_lines(columns, rows - len(lines))
        self._write(begin, lines)

    def add_log(self, text: str, write: Callable[[str], object]) -> None:
        """Have `write` write lines of the log, above the block."""
        free, lines = self._terminal.is_free(), self._lines
        self.erase()
        write(text)
        self._log.extend(text.splitlines())
        if free and lines:
            self._write("", lines)

    def erase(self) -> None:
        """Make room for other output."""
        if self._lines:
            upwards = f"{ESCAPE}[A{CLEAR_LINE}" * (len(self._lines) - 1)  # see `draw`
            self._terminal.write(f"\r{CLEAR_LINE}{upwards}{CLEAR_BELOW}")
        self._lines = []

    def forget(self) -> None:
        """The cursor is elsewhere: the next block is drawn there."""
        self._lines = []

    def _write(self, begin: str, lines: Sequence[Line]) -> None:
        self._terminal.write(begin + f"{CLEAR_LINE}\r\n".join(map(self._styled, lines)) + CLEAR_BELOW)
        self._lines = list(lines)

    def _home(self) -> str:
        """Move the cursor to the block's beginning."""
        above = len(self._lines) - 1
        return "\r" + (f"{ESCAPE}[{above}A" if above > 0 else "")

    def _styled(self, line: Line) -> str:
        style = _STYLES.get(line.style, "") if self._terminal.styled else ""
        return f"{style}{line.text}{_PLAIN}" if style else line.text

    def _last_log_lines(self, columns: int, rows: int) -> str:
        """As many as fit in `rows`."""
        kept: list[str] = []
        for text in reversed(self._log):
            rows -= max(-(-width(text) // columns), 1)
            if rows < 0:
                break
            fills_line = width(text) % columns == 0 and text  # the cursor then stands on the last character
            kept.insert(0, f"{text}{'' if fills_line else CLEAR_LINE}\r\n")
        return "".join(kept)
