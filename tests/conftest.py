"""Fixtures for the whole suite. Nothing here touches the JACK server or the sessions of whoever runs it."""

import os
from collections.abc import Iterator

import pytest

from tests.tools import jack, missing


@pytest.fixture(scope="session", autouse=True)
def _no_foreign_jack() -> Iterator[None]:
    """A test that asks for no server finds none, and starts none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JACK_DEFAULT_SERVER", f"jamd-none-{os.getpid()}")
        patch.setenv("JACK_NO_START_SERVER", "1")
        yield


@pytest.fixture(scope="session")
def _jack_server() -> Iterator[jack.JackServer]:
    if not jack.available():
        missing("no jackd on this machine", "apt-get install jackd2")
    with jack.JackServer(period=64) as server:
        yield server


@pytest.fixture
def jack_server(_jack_server: jack.JackServer, monkeypatch: pytest.MonkeyPatch) -> jack.JackServer:
    """The session's private server at 64 frames, running; the environment names it, for this process and its children.
    A test may kill and restart it: the next one finds it running."""
    for name, value in _jack_server.env.items():
        monkeypatch.setenv(name, value)
    _jack_server.start()
    return _jack_server
