"""Whether a JACK server lives, as JackClient sees it; in a process of its own, which may hang with a killed server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.tools.jack import JackServer

# Becomes a client of the server. For each line of input it tells whether the server lives after 3 s, for "make" with a
# new JackClient.
CLIENT = """
import sys, time
from daemon.midi import jack
sockets, library = jack.server_sockets(), jack._library()
number = library.jack_client_open(b"test", 1, None)
assert number and sockets
for line in sys.stdin:
    if line == "make\\n":
        client = jack.JackClient(library, number, sockets)
    end = time.monotonic() + jack.STANDSTILL + 1
    while client.alive and time.monotonic() < end:
        running = client.is_running()
        time.sleep(0.05)
    print("running" if client.alive and running else "stands still" if client.alive else "dead", flush=True)
"""


@pytest.fixture
def client(jack_server: JackServer) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", CLIENT]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def ask(client: subprocess.Popen[str], line: str) -> str:
    assert client.stdin is not None and client.stdout is not None
    client.stdin.write(f"{line}\n")
    client.stdin.flush()
    return client.stdout.readline().strip()


def test_a_server_that_is_stopped_is_not_dead(jack_server: JackServer, client: subprocess.Popen[str]) -> None:
    assert ask(client, "make") == "running"
    assert jack_server.pid is not None
    os.kill(jack_server.pid, signal.SIGSTOP)
    try:
        assert ask(client, "and now") == "stands still"
    finally:
        os.kill(jack_server.pid, signal.SIGCONT)
    assert ask(client, "and now") == "running"


def test_a_server_that_died_before_there_was_a_client_is_dead(
    jack_server: JackServer, client: subprocess.Popen[str]
) -> None:
    """libjack gives no notice of its death then; another server of its name is not the one that was joined."""
    assert ask(client, "make") == "running"
    jack_server.restart()
    assert ask(client, "make") == "dead"
