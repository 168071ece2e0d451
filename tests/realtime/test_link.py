"""Real Link sessions, on a network of the test's own: processes that find each other by multicast and stay together."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from daemon.clocks import ableton_link
from daemon.music.events import is_note_on
from daemon.music.tempo import Tempo, TempoMap
from daemon.spec import ClockSpec, PortSpec, StageSpec
from tests.desk.jamd import Jamd
from tests.stage.fakes import Desk, Peer, until
from tests.tools.jack import JackServer

QUANTUM = 4.0
OLDER = 1.0  # seconds: of two sessions that find each other the older one stays; by less than half of this, either


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A network of the test's own: every Python process that the test starts is on it."""
    if find_spec(ableton_link.MODULE) is None:
        pytest.skip("no Link; to enable: pip install LinkPython-extern")
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("nsenter") or not shutil.which("ip"):
        pytest.skip("no network of the test's own; to enable: Linux, root, packages util-linux and iproute2")
    hold = "ip link set lo up && echo up && exec cat"
    with subprocess.Popen(["unshare", "-n", "sh", "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None and holder.stdout is not None
        assert holder.stdout.readline() == b"up\n"
        python = tmp_path / "python"
        enter = shlex.join(["nsenter", f"--net=/proc/{holder.pid}/ns/net", sys.executable])
        python.write_text(f'#!/bin/sh\nexec {enter} "$@"\n')
        python.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(python))
        yield
        holder.stdin.close()


class LinkPeer:
    """tests.realtime.link_peer, seen from the test."""

    def __init__(self, bpm: float = 120.0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.realtime.link_peer", str(bpm), str(QUANTUM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def ask(self, *command: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def look(self) -> dict[str, Any]:
        return self.ask("look")

    @property
    def line(self) -> Tempo:
        return Tempo(*self.look()["line"])

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(5)
        self._process.stdout.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


@pytest.fixture
def pair(network: None) -> Iterator[tuple[LinkPeer, LinkPeer]]:
    """The second one came later, with another tempo: it has found the first one."""
    with LinkPeer(133.0) as one:
        time.sleep(OLDER)
        with LinkPeer(90.0) as two:
            until(lambda: one.look()["peers"] == two.look()["peers"] == 1, "the peers to find each other")
            yield one, two


def apart(one: Tempo, two: Tempo, beats: float = QUANTUM) -> float:
    """Milliseconds between their beats now, or rather, where the later of their lines begins; modulo `beats`."""
    at = max(one.seconds, two.seconds)
    missing = (one.beat_at(at) - two.beat_at(at) + beats / 2) % beats - beats / 2
    return missing * 60e3 / one.bpm


def together(one: Callable[[], Tempo], two: Callable[[], Tempo], beats: float = QUANTUM) -> None:
    """The line may still be on its way to the place in the bar: that takes seconds."""
    until(lambda: abs(one().bpm - two().bpm) < 0.01 and abs(apart(one(), two(), beats)) < 1.0, "them to be together")


def test_two_agree_in_tempo_and_place_in_the_bar(pair: tuple[LinkPeer, LinkPeer]) -> None:
    one, two = pair
    together(lambda: one.line, lambda: two.line)
    assert one.line.bpm == pytest.approx(133.0, abs=0.01)  # the session that existed keeps its tempo
    assert one.look()["state"] == "linked" and one.look()["bpm"] == pytest.approx(133.0, abs=0.01)
    assert not one.look()["running"] and not two.look()["running"]


def test_a_tempo_of_one_is_the_tempo_of_both(pair: tuple[LinkPeer, LinkPeer]) -> None:
    one, two = pair
    for asks, bpm in ((two, 101.7), (one, 180.3)):
        asks.ask("bpm", bpm)
        until(lambda bpm=bpm: abs(one.line.bpm - bpm) < 0.01 and abs(two.line.bpm - bpm) < 0.01, f"{bpm} bpm")
        together(lambda: one.line, lambda: two.line)


def test_a_start_and_a_stop_of_one_are_those_of_both(pair: tuple[LinkPeer, LinkPeer]) -> None:
    """On the same bar line, which both know before it is there; then they count the same beats."""
    one, two = pair
    early = []
    for number, asks in enumerate((one, two, one), 1):
        asks.ask("start")
        until(lambda n=number: len(one.look()["starts"]) == len(two.look()["starts"]) == n, "both to start")
        together(lambda: one.line, lambda: two.line, beats=1000)
        (beat, at, noticed), (_, other_at, other_noticed) = (peer.look()["starts"][-1] for peer in pair)
        assert beat == 0.0 and at == pytest.approx(other_at, abs=0.001)
        early.append(noticed < at and other_noticed < at)
        asks.ask("stop")
        until(lambda: not one.look()["running"] and not two.look()["running"], "both to stop")
    assert any(early)  # a busy machine may be late once


def test_another_programs_button_starts_at_a_bar_line(pair: tuple[LinkPeer, LinkPeer]) -> None:
    one, two = pair
    one.ask("press", True)
    until(lambda: one.look()["starts"] and two.look()["starts"], "both to start")
    together(lambda: one.line, lambda: two.line, beats=1000)
    two.ask("press", False)
    until(lambda: not one.look()["running"] and not two.look()["running"], "both to stop")


def test_the_session_goes_on_when_a_peer_leaves(network: None) -> None:
    with LinkPeer(133.0) as one:
        with LinkPeer(90.0) as two:
            until(lambda: one.look()["peers"] == two.look()["peers"] == 1, "the peers to find each other")
            two.ask("start")
            until(lambda: one.look()["running"], "the start")
        before = one.line
        until(lambda: one.look()["peers"] == 0, "the other one to be gone")
        assert one.look()["state"] == "alone" and one.look()["running"]
        assert abs(apart(before, one.line, 1000)) < 1.0


# Stages


def stage_spec(name: str, **clock: Any) -> StageSpec:
    """With a metronome at port `name`."""
    tempo_map = TempoMap(((0.0, 120.0),), ((0.0, QUANTUM),))
    return StageSpec(tempo_map, (PortSpec(name, "out"),), clock=ClockSpec("link", metronome=(name, 1), **clock))


def line_of(desk: Desk) -> Tempo:
    place = until(lambda: place if len(place := desk.metrics()["place"]) == 3 else None, "the song to run")
    return Tempo(*place)


def test_two_stages_stay_together(network: None, jack_server: JackServer) -> None:
    """They start by themselves; what is heard of them is together, and stays so at another tempo."""
    with ExitStack() as stack:
        desks = [stack.enter_context(Desk()) for _ in range(2)]
        listeners = [stack.enter_context(Peer(name)) for name in ("listener", "other listener")]
        for desk, listener, port in zip(desks, listeners, ("left", "right"), strict=True):
            desk.start_stage(stage_spec(port), clock=True)
            listener.connect(out=port)
        left, right = (lambda: line_of(desks[0])), (lambda: line_of(desks[1]))
        together(left, right)
        with LinkPeer() as peer:
            until(lambda: peer.look()["peers"] == 2, "the session")
            for bpm in (150.0, 97.3):
                peer.ask("bpm", bpm)
                until(lambda bpm=bpm: abs(left().bpm - bpm) < 0.01 and abs(right().bpm - bpm) < 0.01, f"{bpm} bpm")
                together(left, right)
                clicks = [len([m for m in listener.messages() if is_note_on(m)]) for listener in listeners]
                until(
                    lambda c=clicks: all(
                        len(stamps(listener)) >= n + 8 for listener, n in zip(listeners, c, strict=True)
                    ),
                    "clicks",
                )
                there, here = stamps(listeners[0])[-6:], stamps(listeners[1])
                assert statistics.median(min(abs(a - b) for b in here) for a in there) < 0.002
                assert abs(apart(left(), right())) < 2.0


def stamps(listener: Peer) -> list[float]:
    return [stamp for stamp, message in listener.heard() if is_note_on(message)]


def test_a_stage_by_hand_and_a_peers_buttons(network: None, jack_server: JackServer) -> None:
    with Desk() as desk, Peer("listener") as listener, LinkPeer(111.0) as peer:
        desk.start_stage(stage_spec("left", by_hand=True), clock=True)
        listener.connect(out="left")
        until(lambda: desk.metrics()["clock"]["peers"] == 1, "the session")
        assert desk.metrics()["place"] == [0.0]
        peer.ask("start")
        together(lambda: line_of(desk), lambda: peer.line, beats=1000)
        (_, at, _) = peer.look()["starts"][0]
        first = until(lambda: stamps(listener), "a click")[0]
        assert abs(first - at) < 0.02  # the first beat is not lost, nor is it late
        peer.ask("stop")
        until(lambda: len(desk.metrics()["place"]) == 1, "the stop")
        desk.send(["command", ["start"], 0.0])
        until(lambda: peer.look()["running"], "the peer to be started")
        together(lambda: line_of(desk), lambda: peer.line, beats=1000)
        desk.kill_stage()
        desk.start_stage(stage_spec("left", by_hand=True))
        place = [float(value) for value in peer.look()["line"]]
        desk.send(["start", *place])
        until(lambda: desk.metrics()["clock"]["peers"] == 1, "the session")
        together(lambda: line_of(desk), lambda: peer.line, beats=1000)


def test_jamd_runs_with_link(network: None, jack_server: JackServer, tmp_path: Path) -> None:
    config = "clock: {source: link, bpm: 100}\nports: {out: {direction: out}}\nrecording: {directory: sessions}\n"
    with LinkPeer(111.0) as peer, ExitStack() as stack:
        time.sleep(OLDER)
        jamd = stack.enter_context(Jamd(tmp_path, config)).ready()
        until(lambda: peer.look()["peers"] == 1, "the session")
        assert peer.look()["bpm"] == pytest.approx(111.0, abs=0.01)
        assert jamd.end() == 0
        until(lambda: peer.look()["peers"] == 0, "jamd to have left")
