"""A desk with a stage, and who plays and listens, on a private JACK server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stage.fakes import Desk, Peer
from tests.tools.jack import JackServer


@pytest.fixture
def desk(jack_server: JackServer) -> Iterator[Desk]:
    with Desk() as desk:
        yield desk


@pytest.fixture
def peer(jack_server: JackServer) -> Iterator[Peer]:
    with Peer() as peer:
        yield peer
