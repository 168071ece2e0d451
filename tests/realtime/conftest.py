"""A desk with a stage, and peers that play and listen, on a private JACK server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.realtime.jack_observer import Observer
from tests.stage.fakes import Desk, Peer
from tests.tools.jack import LAST_TRY, STOOD_STILL, JackServer


@pytest.fixture
def desk(jack_server: JackServer) -> Iterator[Desk]:
    with Desk() as desk:
        yield desk


@pytest.fixture
def peer(jack_server: JackServer) -> Iterator[Peer]:
    with Peer() as peer:
        yield peer


@pytest.fixture
def observer(jack_server: JackServer, request: pytest.FixtureRequest) -> Iterator[Observer]:
    with Observer(jack_server, request.node.stash[LAST_TRY]) as observer:
        yield observer
        request.node.stash[STOOD_STILL] |= observer.stalled()
