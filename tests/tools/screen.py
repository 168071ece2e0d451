"""The screen of a terminal, as far as jamd uses one. Any other control sequence fails."""

from __future__ import annotations

import re

_PART = re.compile(r"\x1b\[(\d*)([A-Za-z])|([\r\n])|([^\x00-\x1f])")


class Screen:
    """`text` is what is visible. With `reflow`, another width wraps lines anew, as most terminals do; else they are
    cut, as xterm does."""

    def __init__(self, columns: int, rows: int, reflow: bool = False) -> None:
        self.columns, self.rows, self._reflow = columns, rows, reflow
        self.styled: set[str] = set()  # parameters of the styles that were used
        self._lines: list[str] = [""]  # on the screen; at most `rows`
        self._goes_on: list[bool] = [False]  # whether a line was wrapped into the next
        self._scrolled: list[str] = []
        self._row = self._column = 0

    @property
    def text(self) -> list[str]:
        """The visible lines, without those that are empty at the end."""
        lines = [line.rstrip() for line in self._lines]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def history(self) -> list[str]:
        """All lines, also those that are no longer visible."""
        return [*(line.rstrip() for line in self._scrolled), *self.text]

    def feed(self, text: str) -> None:
        at = 0
        while at < len(text):
            found = _PART.match(text, at)
            assert found is not None, repr(text[at : at + 20])
            at = found.end()
            number, command, control, char = found.groups()
            if char is not None:
                self._put(char)
            elif control is not None:
                self._column = 0
                if control == "\n":  # the terminal's driver puts a return before it
                    self._down(False)
            else:
                self._command(number, command)

    def resize(self, columns: int, rows: int) -> None:
        if self._reflow and columns != self.columns:
            self._wrap_anew(columns)
        elif columns < self.columns:
            self._lines = [line[:columns] for line in self._lines]
        self.columns, self.rows = columns, rows
        self._column = min(self._column, columns)
        while self._row >= rows:
            self._scroll()
        while len(self._lines) > rows:
            self._lines.pop(), self._goes_on.pop()

    def pull_back(self) -> None:
        """Show the last line of the history again, as tmux does on a screen that has become wider."""
        self._lines.insert(0, self._scrolled.pop())
        self._goes_on.insert(0, False)
        self._row += 1

    def _put(self, char: str) -> None:
        if self._column == self.columns:
            self._column = 0
            self._down(True)
        line = self._lines[self._row].ljust(self._column)
        self._lines[self._row] = line[: self._column] + char + line[self._column + 1 :]
        self._column += 1

    def _down(self, goes_on: bool) -> None:
        self._goes_on[self._row] = goes_on
        self._row += 1
        if self._row == len(self._lines):
            self._lines.append("")
            self._goes_on.append(False)
        if self._row == self.rows:
            self._scroll()

    def _scroll(self) -> None:
        self._scrolled.append(self._lines.pop(0))
        self._goes_on.pop(0)
        self._row -= 1

    def _command(self, number: str, command: str) -> None:
        match command, number:
            case "A", _:
                self._row = max(self._row - int(number or 1), 0)
            case "K", "":
                self._lines[self._row] = self._lines[self._row][: self._column]
                self._goes_on[self._row] = False
            case "J", "":
                if self._row == self._column == 0:  # as tmux does
                    self._scrolled += self.text
                self._lines[self._row] = self._lines[self._row][: self._column]
                del self._lines[self._row + 1 :], self._goes_on[self._row + 1 :]
                self._goes_on[self._row] = False
            case "J", "2":
                self._scrolled += self.text
                self._lines, self._goes_on = [""] * (self._row + 1), [False] * (self._row + 1)
            case "H", "":
                self._row = self._column = 0
            case "m", _:
                self.styled.add(number)
            case _:
                raise AssertionError(f"ESC [ {number} {command}")

    def _wrap_anew(self, columns: int) -> None:
        whole, row, before = [""], 0, 0  # the line of the cursor, and the characters before its row
        for number, line in enumerate(self._lines):
            if number == self._row:
                row, before = len(whole) - 1, len(whole[-1])
            whole[-1] += line
            if not self._goes_on[number] and number + 1 < len(self._lines):
                whole.append("")
        self._lines, self._goes_on, place = [], [], before + self._column
        for number, line in enumerate(whole):
            parts = [line[at : at + columns] for at in range(0, len(line), columns)] or [""]
            if number == row:
                self._row = len(self._lines) + min(place // columns, len(parts) - 1)
                self._column = place - min(place // columns, len(parts) - 1) * columns
            self._lines += parts
            self._goes_on += [True] * (len(parts) - 1) + [False]
