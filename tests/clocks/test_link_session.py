"""Link's clock against the stage's, and what keeps Link from the network."""

from __future__ import annotations

import socket
from itertools import cycle

import pytest

from daemon.clocks import link_session
from daemon.clocks.link_session import LinkSession, network_error
from tests.clocks.fake_link import QUANTUM, Clocks, Session


def test_a_measurement_that_is_interrupted() -> None:
    clocks = Clocks(takes=cycle((1e-7, 1e-7, 0.002, 1e-7, 0.001, 1e-7, 0.003)))
    session = LinkSession(Session(clocks), QUANTUM, clocks.read)
    for _ in range(5):
        clocks.seconds += 1.1
        session.measure(clocks.seconds)
        assert session.offset == pytest.approx(86.4, abs=2e-6)


def test_seconds_and_microseconds() -> None:
    clocks = Clocks()
    session = LinkSession(Session(clocks), QUANTUM, clocks.read)
    assert session.micros(1000.5) == pytest.approx(clocks.micros_at(1000.5), abs=2)
    assert session.seconds(session.micros(1000.5)) == pytest.approx(1000.5, abs=1e-6)
    assert session.beat_at(session.state(), 1000.5) == pytest.approx(1.0, abs=1e-5)
    assert session.seconds_at(session.state(), 1.0) == pytest.approx(1000.5, abs=5e-6)


@pytest.mark.parametrize("beat, earliest, place", [(0.0, 1000.9, 4.0), (1.75, 1000.0, 1.75), (5.75, 1001.0, 5.75)])
def test_a_beat_s_next_place_in_a_bar(beat: float, earliest: float, place: float) -> None:
    clocks = Clocks()
    session = LinkSession(Session(clocks), QUANTUM, clocks.read)
    assert session.next_place(session.state(), beat, earliest) == place


@pytest.mark.parametrize("family", ["AF_INET", "AF_NETLINK"])
def test_a_network_that_is_forbidden_is_told(monkeypatch: pytest.MonkeyPatch, family: str) -> None:
    """As by the unit that ships."""
    assert network_error() == ""
    forbid(monkeypatch, family)
    if hasattr(socket, family):
        assert "docs/operations.md" in network_error()


def forbid(monkeypatch: pytest.MonkeyPatch, family: str) -> None:
    """Let no socket of `family` be made."""
    number, made = getattr(socket, family, None), socket.socket

    def refuse(wanted: int, *rest: int) -> socket.socket:
        if wanted == number:
            raise OSError(97, "Address family not supported by protocol")
        return made(wanted, *rest)

    monkeypatch.setattr(link_session.socket, "socket", refuse)
