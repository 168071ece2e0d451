"""Whether a JACK server lives, in a process of its own: who joins a server that is killed may hang with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.tools.jack import JackServer

# Joins the server as a watch does; asked by a line, makes the watch and says whether the server lives after 3 s.
WATCH = """
import sys, time
from daemon.midi import jack
sockets, library = jack.server_sockets(), jack._library()
client = library.jack_client_open(b"watch", 1, None)
assert client and sockets
for line in sys.stdin:
    if line == "make\\n":
        watch = jack.JackClient(library, client, sockets)
    end = time.monotonic() + jack.STANDSTILL + 1
    while watch.alive and time.monotonic() < end:
        running = watch.is_running()
        time.sleep(0.05)
    print("running" if watch.alive and running else "stands still" if watch.alive else "dead", flush=True)
"""


@pytest.fixture
def watch(jack_server: JackServer) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", WATCH]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def ask(watch: subprocess.Popen[str], line: str) -> str:
    assert watch.stdin is not None and watch.stdout is not None
    watch.stdin.write(f"{line}\n")
    watch.stdin.flush()
    return watch.stdout.readline().strip()


def test_a_server_that_is_stopped_is_not_dead(jack_server: JackServer, watch: subprocess.Popen[str]) -> None:
    assert ask(watch, "make") == "running"
    assert jack_server.pid is not None
    os.kill(jack_server.pid, signal.SIGSTOP)
    try:
        assert ask(watch, "and now") == "stands still"
    finally:
        os.kill(jack_server.pid, signal.SIGCONT)
    assert ask(watch, "and now") == "running"


def test_a_server_that_died_before_it_was_watched_is_dead(
    jack_server: JackServer, watch: subprocess.Popen[str]
) -> None:
    """Nobody tells of its death then; another server of its name is not the one that was joined."""
    assert ask(watch, "make") == "running"
    jack_server.restart()
    assert ask(watch, "make") == "dead"
