"""The protocol's defaults, the internal clock, and the facts that the table tells the configuration."""

from __future__ import annotations

import math

import pytest

from daemon.clocks.internal import InternalClock
from daemon.clocks.source import Change, ClockSource, CountIn, Resume, SourceSetup, Standby
from daemon.clocks.table import CLOCK_SOURCES, external_sources
from daemon.commands import StartTransport
from daemon.music.tempo import Tempo
from daemon.spec import INTERNAL, ClockSpec


def setup(spec: ClockSpec) -> SourceSetup:
    return SourceSetup(spec, 100.0, 4.0, lambda: 2.5, lambda *_: None, lambda: 7.0)


def test_a_source_reports_nothing_unless_it_says_otherwise() -> None:
    source = ClockSource.create(setup(ClockSpec("none")))
    source.take_over()
    source.configure(ClockSpec("none", by_hand=True), 3.0)
    source.propose(1.0, StartTransport(), 1.0)
    assert source.hear(b"\xfa", 1.0) == source.advance(2.0) == source.port_lost(3.0) == []
    assert not source.accepts(b"\xfa") and source.next_look == math.inf
    assert source.status() == {} and source.missing() == ""
    assert source.without_slew(Tempo(1.0, 2.0, 90.0)) == Tempo(1.0, 2.0, 90.0)
    source.close()


@pytest.mark.parametrize("name", [name for name in CLOCK_SOURCES if name != "link"])
def test_a_session_goes_on_where_the_previous_stage_process_was(name: str) -> None:
    """Link's: test_ableton_link.py."""
    tempo = Tempo(8.0, 10.0, 60.0)
    for now, beat in ((11.0, 9.25), (11.05, 9.25), (11.1, 9.5), (-50.0, 0.0)):
        assert CLOCK_SOURCES[name].create(setup(ClockSpec(name))).resume(now, tempo) == [Resume(tempo, beat)]
    assert CLOCK_SOURCES[name].create(setup(ClockSpec(name))).stand_by(11.0, 9.25) == [Standby(9.25)]


BEGINNINGS: list[tuple[ClockSpec, Change]] = [
    (ClockSpec(), CountIn()),
    (ClockSpec(by_hand=True), Standby(0.0)),
    (ClockSpec("midi", "keys"), Standby(0.0)),
]


@pytest.mark.parametrize("spec, change", BEGINNINGS)
def test_how_a_session_begins(spec: ClockSpec, change: Change) -> None:
    assert CLOCK_SOURCES[spec.source].create(setup(spec)).begin(1.0) == [change]


def test_the_internal_clock_begins_as_the_last_configuration_says() -> None:
    source = InternalClock.create(setup(ClockSpec(by_hand=True)))
    source.configure(ClockSpec(), 4.0)
    assert source.begin(1.0) == [CountIn()]


def test_facts_for_the_configuration() -> None:
    assert external_sources() == ["midi", "link"]
    assert [name for name, kind in CLOCK_SOURCES.items() if kind.needs_port] == ["midi"]
    assert [name for name, kind in CLOCK_SOURCES.items() if kind.always_waits] == ["midi"]
    for name in CLOCK_SOURCES:
        assert ClockSpec(name).is_external is (name in external_sources())
    assert not ClockSpec().is_external and ClockSpec().source == INTERNAL
