"""Output to blocked streams: the caller never waits, and later texts are in order."""

from __future__ import annotations

import io
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TextIO

import pytest

from daemon.desk import console as module
from daemon.desk.console import MAX_WAITING, ConsoleWriter

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="waits for pipes")


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    read, write = os.pipe()
    with os.fdopen(write, "w") as stream:
        yield read, stream
    os.close(read)


def take(read: int, until: bytes) -> bytes:
    data = b""
    while not data.endswith(until):
        data += os.read(read, 1 << 16)
    return data


def test_texts_come_in_order(pipe: tuple[int, TextIO]) -> None:
    read, stream = pipe
    with ConsoleWriter() as output:
        for n in range(100):
            output.put(stream, f"{n} ♯\n")
        assert take(read, b"99 \xe2\x99\xaf\n").decode() == "".join(f"{n} ♯\n" for n in range(100))


def test_a_pipe_that_is_not_read_loses_lines_and_does_not_block(pipe: tuple[int, TextIO]) -> None:
    read, stream = pipe
    line = "x" * 1000 + "\n"
    with ConsoleWriter() as output:
        start = time.monotonic()
        for _ in range(2 * MAX_WAITING):
            output.put(stream, line)
        assert time.monotonic() - start < 1
        assert not output.idle
        data = b""
        while select.select([read], [], [], 0.2)[0]:
            data += os.read(read, 1 << 16)
        output.put(stream, "end\n")
        data += take(read, b"end\n")
    *lines, end, rest = data.decode().split("\n")
    missing = [int(number) for number in re.findall(r"\((\d+) lines were lost", data.decode())]
    assert missing
    assert lines.count("x" * 1000) + sum(missing) == 2 * MAX_WAITING
    assert (end, rest) == ("end", "")


def test_closing_has_a_time_limit(pipe: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONSOLE_CLOSE_TIMEOUT", 0.1)
    start = time.monotonic()
    with ConsoleWriter() as output:
        output.put(pipe[1], "x" * (1 << 20))
    assert time.monotonic() - start < 1
    left = 1 << 20
    while left:  # or the pipe could not be closed
        left -= len(os.read(pipe[0], left))


def test_queued_texts_are_written_before_the_process_ends_unless_the_pipe_is_blocked() -> None:
    program = (
        "import sys; from daemon.desk.console import ConsoleWriter\n"
        "with ConsoleWriter() as output: [output.put(sys.stdout, 'x' * 1000) for _ in range(%d)]"
    )
    done = subprocess.run([sys.executable, "-c", program % 50], stdout=subprocess.PIPE, check=True)
    assert len(done.stdout) == 50_000
    with subprocess.Popen([sys.executable, "-c", program % 500], stdout=subprocess.PIPE) as stuck:
        assert stuck.wait(10) == 0


def test_closed_and_missing_streams_are_ignored(pipe: tuple[int, TextIO]) -> None:
    read, stream = pipe
    unusable: list[TextIO] = [io.StringIO(), None]  # type: ignore[list-item]
    with open(os.devnull) as unwritable, ConsoleWriter() as output:
        for bad in [*unusable, unwritable]:
            output.put(bad, "x")
        output.put(stream, "y")
        assert take(read, b"y") == b"y"
