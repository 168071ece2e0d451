"""Ableton Link as the clock of a performance, with a fake session."""

from __future__ import annotations

import math
import socket
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.clocks import ableton_link
from daemon.commands import Command, StartTransport, StopTransport
from daemon.entries import Commanded, PlayerUp, Reconfigured, Started
from daemon.music.events import control_change
from daemon.music.tempo import TempoMap
from daemon.performance.performance import Performance
from daemon.spec import ClockSpec, ControlSpec, StageSpec
from daemon.stage.clock_driver import ClockDriver
from daemon.wire import Generate
from tests.clocks.fake_link import Clocks, Session
from tests.clocks.test_link_session import forbid
from tests.performance.offline import CHOIR, KEYS, OUT, STEADY, Recorder


class Stage(Recorder):
    """A performance with its clock driver, on the clock of the fake session."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **clock: Any) -> None:
        super().__init__()
        self.clocks = Clocks()
        self.session = Session(self.clocks)
        link = SimpleNamespace(Link=lambda bpm: self.session)
        monkeypatch.setattr(ableton_link, "import_module", {ableton_link.MODULE: link}.__getitem__)
        controls = tuple(ControlSpec("keys", n, a) for n, a in enumerate(("start", "stop", "continue", "tap")))
        controls += (ControlSpec("keys", 20, "tempo", low=40.0, high=220.0),)
        spec = StageSpec(STEADY, (KEYS, OUT), players=(CHOIR,), controls=controls, clock=ClockSpec("link", **clock))
        self.performance = Performance(spec, self)
        self.log: list[str] = []
        self.clock_driver = ClockDriver(self.performance, self.write, self.clocks.read)
        self.performance.take(PlayerUp(self.clocks.seconds, "choir"))

    def write(self, level: str, cause: str, text: str) -> None:
        self.log.append(text)

    def propose(self, command: Command, stamp: float) -> None:
        self.clock_driver.propose(self.clocks.seconds, command, stamp)

    def run(self, seconds: float) -> None:
        end = self.clocks.seconds + seconds
        while self.clocks.seconds < end:
            due = min(self.performance.next_deadline(), self.clock_driver.look_at, end)
            self.clocks.seconds = max(due, self.clocks.seconds)
            self.performance.advance(self.clocks.seconds)
            self.clock_driver.look(self.clocks.seconds)

    def send_controller(self, number: int, value: int = 127) -> None:
        assert self.performance.hear(self.clocks.seconds, "keys", self.clocks.seconds, control_change(1, number, value))

    @property
    def beat(self) -> float:
        return self.performance.beat_at(self.clocks.seconds)


def test_the_song_starts_by_itself_and_a_peer_stops_and_starts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch)
    stage.run(2.9)
    assert not stage.performance.running  # the desk has not ordered the start
    stage.clock_driver.begin(stage.clocks.seconds)
    stage.run(1.6)  # bar line at 4.0
    assert stage.performance.running and stage.beat == pytest.approx(1.0, abs=0.001)
    assert stage.last(Generate)[2].window.bar_start == 0.0
    stage.session.state.setIsPlaying(False, stage.clocks.micros())
    stage.run(0.1)
    assert not stage.performance.running
    stage.session.state.setIsPlaying(True, stage.clocks.micros())  # at 4.6: bar line at 6.0
    stage.run(2.4)
    assert stage.performance.running and stage.beat == pytest.approx(2.0, abs=0.001)


def test_commands_are_proposed_to_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, by_hand=True)
    stage.clock_driver.begin(stage.clocks.seconds)
    stage.run(2.1)
    assert not stage.performance.running
    stage.send_controller(0)
    stage.run(4.4)  # from 4.0 on
    assert stage.performance.running and stage.session.state.plays
    assert stage.beat == pytest.approx(5.0, abs=0.001)
    stage.send_controller(1)
    stage.run(0.6)
    assert not stage.performance.running and not stage.session.state.plays
    stage.send_controller(2)  # at 7.1, from beat 5 on, in a session that is at beat 14.2: at 17
    stage.run(1.9)
    assert stage.performance.running and stage.beat == pytest.approx(6.0, abs=0.001)
    stage.send_controller(20, 127)
    stage.run(0.1)
    assert stage.session.state.bpm == 220.0 and stage.performance.bpm == pytest.approx(220, abs=0.001)
    for _ in range(3):
        stage.send_controller(3)
        stage.run(0.5)
    assert stage.performance.bpm == pytest.approx(120, abs=0.05)
    stage.performance.take(Commanded(stage.clocks.seconds, StopTransport(), stage.clocks.seconds))
    stage.run(0.1)
    assert not stage.performance.running


def test_the_next_stage_process_resumes_at_the_beat_of_the_song(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, later = Stage(monkeypatch), Stage(monkeypatch)
    stage.clock_driver.begin(stage.clocks.seconds)
    stage.run(5.0)
    later.clocks.seconds = stage.clocks.seconds
    later.clock_driver.begin(later.clocks.seconds, stage.clock_driver.place())
    for each in (stage, later):
        each.run(3.0)
        each.session.state.setTempo(90.0, each.clocks.micros())
        each.run(3.0)
    assert later.performance.running and later.beat == pytest.approx(stage.beat, abs=0.001)


def test_a_link_session_may_play_before_players_are_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """The song then starts at the beat of the peers."""
    stage = Stage(monkeypatch)
    stage.run(0.5)
    stage.session.state.setIsPlaying(True, stage.clocks.micros())  # at 0.5: bar line at 2.0
    stage.run(4.0)
    assert not stage.performance.running
    stage.clock_driver.begin(stage.clocks.seconds)
    stage.run(2.0)
    assert stage.performance.running and stage.beat == pytest.approx(9.0, abs=0.001)


def test_a_source_that_replaces_another_waits_until_the_session_of_jamd_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage(monkeypatch)
    link = stage.performance.spec
    for clock in (ClockSpec(), link.clock):
        stage.performance.take(Reconfigured(stage.clocks.seconds, replace(link, clock=clock)))
        stage.clock_driver.configure()
    assert stage.clock_driver.look_at == math.inf
    stage.clock_driver.begin(stage.clocks.seconds)
    stage.run(2.0)
    assert stage.performance.running


def test_reloads_to_another_meter_to_another_source_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch)
    stage.clock_driver.begin(stage.clocks.seconds)
    stage.run(5.0)
    link = stage.performance.spec

    def reload(spec: StageSpec) -> None:
        stage.performance.take(Reconfigured(stage.clocks.seconds, spec))
        stage.clock_driver.configure()

    reload(replace(link, tempo_map=TempoMap(((0.0, 120.0),), ((0.0, 3.0),))))
    stage.run(4.0)
    assert stage.performance.running and len([e for e in stage.entries if isinstance(e, Started)]) == 1
    apart = (stage.beat - stage.session.state.beatAtTime(stage.clocks.micros(), 3.0)) / 3.0
    assert apart == pytest.approx(round(apart), abs=0.001)
    reload(replace(link, clock=ClockSpec()))
    assert not stage.session.enabled and stage.clock_driver.figures() == {}
    stage.run(0.5)
    stage.session = Session(stage.clocks)
    reload(link)
    stage.run(4.0)
    assert stage.performance.running and stage.clock_driver.figures()["clock"]["state"] == "alone"


@pytest.mark.parametrize("family", ["AF_INET", "AF_NETLINK"])
def test_a_forbidden_network_is_logged(monkeypatch: pytest.MonkeyPatch, family: str) -> None:
    """As under the shipped systemd unit; the song plays without peers."""
    if not hasattr(socket, family):
        return  # not needed on this platform
    forbid(monkeypatch, family)
    stage = Stage(monkeypatch)
    assert "docs/operations.md" in stage.log[0]
    assert stage.clock_driver.figures()["clock"]["state"] == "alone"


def test_a_missing_package_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch)
    monkeypatch.undo()
    monkeypatch.setattr(ableton_link, "MODULE", "missing_module")
    clock_driver = ClockDriver(stage.performance, stage.write)
    clock_driver.begin(stage.clocks.seconds)
    clock_driver.look(stage.clocks.seconds)
    clock_driver.propose(stage.clocks.seconds, StartTransport(), 0.0)
    assert not stage.performance.running and clock_driver.look_at == math.inf
    assert "-m pip install LinkPython-extern" in stage.log[0] and clock_driver.figures() == {}
