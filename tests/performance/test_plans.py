"""Plans of a player reach its listeners ahead of time, without a reset, and again in a replay."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.commands import Panic
from daemon.engines.base import Engine, NoOptions, Setup
from daemon.entries import (
    Answered,
    Commanded,
    Entry,
    Planned,
    PlayerDown,
    PlayerHung,
    PlayerUp,
    Reconfigured,
    Sent,
    Started,
    Stopped,
)
from daemon.music.events import Play, Window, is_note_on
from daemon.music.plan import Plan, PlannedChord
from daemon.performance.performance import Performance
from daemon.performance.players import ANSWER_TIMEOUT
from daemon.performance.sink import SilentSink
from daemon.performance.transport import PRE_ROLL
from daemon.player.host import Host
from daemon.recording import replay as replay_module
from daemon.recording.process import open_journal
from daemon.recording.replay import replay
from daemon.spec import PlayerSpec, StageSpec
from daemon.wire import Call, Generate, Learn, Reset
from tests.performance.offline import OUT, STEADY, Recorder, make_performance

COMPOSER = PlayerSpec("composer", (), "choir", {"lead": 1}, monophonic=True, lead=0.03, tolerance=0.1)
BASS = PlayerSpec("bass", ("composer",), "choir", {"bass": 2}, monophonic=True, lead=0.03, tolerance=0.1)
ROOTS = (36, 41, 43, 38)
PLAN = Plan(4.0, (PlannedChord(4.0, 4.0, "F"),))


class Composer(Engine):
    """Plans one chord a bar, a bar ahead; the symbol is the pitch of the root, which depends on the seed."""

    def reset(self, known: object, beat: float, seed: int) -> None:
        self._seed = seed

    def generate(self, window: Window) -> Iterator[Play | Plan]:
        if window.start % 4 == 0:
            root = ROOTS[(self._seed + round(window.start / 4)) % len(ROOTS)]
            yield Play(window.start, 72, 80, "lead", 0.5)
            yield Plan(window.start + 4, (PlannedChord(window.start + 4, 4.0, str(root)),))


class Bass(Engine):
    """Plays the root of each planned chord on the chord's first beat."""

    def reset(self, known: object, beat: float, seed: int) -> None:
        self._chords: dict[float, int] = {}

    def learn(self, source: str, plan: Plan) -> Iterator[Play]:
        self._chords |= {chord.onset: int(chord.symbol) for chord in plan.chords}
        return iter(())

    def generate(self, window: Window) -> Iterator[Play]:
        if window.start in self._chords:
            yield Play(window.start, self._chords[window.start], 90, "bass", 1.0)


def host(name: str) -> Host:
    return Host({"composer": Composer, "bass": Bass}[name](Setup(NoOptions())), {})


class Band(SilentSink):
    """Composer and bass in this process, which answer at once; `keep` gets the journal entries."""

    def __init__(self, keep: Any) -> None:
        self._keep = keep
        self._hosts: dict[str, Host] = {}
        self._calls: deque[tuple[str, int, Call]] = deque()

    def call(self, player: str, number: int, call: Call) -> None:
        self._calls.append((player, number, call))

    def record(self, entry: Entry) -> None:
        self._keep(entry)

    def up(self, performance: Performance, now: float, name: str) -> None:
        self._hosts[name] = host(name)
        performance.take(PlayerUp(now, name))

    def answer(self, performance: Performance, now: float) -> None:
        while self._calls:
            player, number, call = self._calls.popleft()
            performance.answer(now, player, number, self._hosts[player].handle(call), True)


def test_a_plan_reaches_the_listeners_at_once_without_a_reset() -> None:
    performance, sink = make_performance(players=(COMPOSER, BASS))
    number = next(c[1] for c in sink.calls if c[0] == "composer" and isinstance(c[2], Generate))
    sink.calls.clear()
    performance.answer(0.0, "composer", number, [Play(0.0, 60, 90, "lead", 1.0), PLAN, Play(1.0, 62, 90, "lead")], True)
    learned = [(player, call) for player, _, call in sink.calls if isinstance(call, Learn)]
    assert learned == [("bass", Learn("composer", PLAN))]
    assert not [call for call in sink.calls if isinstance(call[2], Reset)]
    kinds = [type(entry) for entry in sink.entries if isinstance(entry, Answered | Planned)]
    assert kinds == [Answered, Planned, Answered]
    assert [e.last for e in sink.entries if isinstance(e, Answered)] == [False, True]


def test_a_listener_that_starts_later_learns_the_plan_after_its_reset() -> None:
    performance, sink = make_performance(players=(COMPOSER, BASS))
    number = next(c[1] for c in sink.calls if c[0] == "composer" and isinstance(c[2], Generate))
    performance.answer(0.0, "composer", number, [PLAN], True)
    performance.take(PlayerDown(0.1, "bass"))
    sink.calls.clear()
    performance.take(PlayerUp(0.2, "bass"))
    assert [type(call) for player, _, call in sink.calls if player == "bass"] == [Reset, Learn, Generate]


def test_a_reset_of_all_players_drops_plans_and_ignores_earlier_ones() -> None:
    performance, sink = make_performance(players=(COMPOSER, BASS))
    number = next(c[1] for c in sink.calls if c[0] == "composer" and isinstance(c[2], Generate))
    performance.take(Commanded(0.1, Panic(), 0.1))
    sink.calls.clear()
    performance.answer(0.2, "composer", number, [PLAN], True)
    assert not [call for call in sink.calls if isinstance(call[2], Learn)]
    assert performance.counts["stale"] == 1


def composed(performance: Performance, sink: Recorder, now: float) -> None:
    """The composer answers its latest call with PLAN alone."""
    number = [call[1] for call in sink.calls if call[0] == "composer"][-1]
    performance.answer(now, "composer", number, [PLAN], True)


def learners(sink: Recorder) -> list[str]:
    return [player for player, _, call in sink.calls if isinstance(call, Learn)]


def test_an_answer_that_ends_with_a_plan_is_over() -> None:
    performance, sink = make_performance(players=(COMPOSER, BASS))
    composed(performance, sink, 0.0)
    kinds = [(type(entry), getattr(entry, "last", None)) for entry in sink.entries if not isinstance(entry, PlayerUp)]
    assert kinds[-2:] == [(Planned, None), (Answered, True)]
    assert performance.check_players(ANSWER_TIMEOUT + 1.0) == ["bass"]


def forget(performance: Performance, how: str) -> None:
    match how:
        case "the composer is down":
            performance.take(PlayerDown(0.1, "composer"))
        case "another composer in a reload":
            changed = replace(COMPOSER, lead=0.05)
            performance.take(Reconfigured(0.1, replace(performance.spec, players=(changed, BASS))))
        case "a stop":
            performance.take(Stopped(0.1))


@pytest.mark.parametrize("how", ["the composer is down", "another composer in a reload", "a stop"])
def test_a_plan_ends_with_its_composer_and_with_the_song(how: str) -> None:
    performance, sink = make_performance(players=(COMPOSER, BASS))
    composed(performance, sink, 0.0)
    forget(performance, how)
    sink.calls.clear()
    performance.take(PlayerUp(0.2, "bass"))
    assert learners(sink) == []


def test_while_the_transport_stands_a_player_that_comes_up_learns_the_plan_and_takes_it_from_nobody() -> None:
    performance, sink = make_performance(players=(COMPOSER, BASS, replace(BASS, name="lute")))
    performance.take(Stopped(0.1))
    composed(performance, sink, 0.2)
    assert learners(sink) == ["bass", "lute"]
    for name in ("bass", "lute"):
        sink.calls.clear()
        performance.take(PlayerUp(0.3, name))
        assert learners(sink) == [name]


def test_only_players_that_are_up_learn_and_a_hung_composer_plans_nothing() -> None:
    performance, sink = make_performance(players=(COMPOSER, BASS))
    performance.take(PlayerDown(0.0, "bass"))
    composed(performance, sink, 0.0)
    assert learners(sink) == []
    performance.take(PlayerUp(0.1, "bass"))
    sink.calls.clear()
    performance.take(PlayerHung(0.2, "composer"))
    performance.answer(0.3, "composer", 1_000_000, [PLAN], True)
    assert learners(sink) == [] and performance.counts["stale"] == 1


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The journal of 32 beats of composer and bass."""
    monkeypatch.setattr(replay_module, "make_host", lambda member: host(member["engine"]))
    spec = StageSpec(STEADY, ports=(OUT,), players=(COMPOSER, BASS), seed=3)
    members = {name: {"engine": name, "model": None} for name in ("composer", "bass")}
    journal = open_journal(tmp_path, {"jamd": "0", "members": members, "spec": spec.to_json()})
    entries: list[Entry] = []
    band = Band(lambda entry: (entries.append(entry), journal.write([entry])))
    performance = Performance(spec, band)
    for name in members:
        band.up(performance, -PRE_ROLL, name)
    performance.take(Started(-PRE_ROLL))
    band.answer(performance, -PRE_ROLL)
    while (now := performance.next_deadline()) < 16.0:
        performance.advance(now)
        band.answer(performance, now)
    journal.close()
    planned = [int(e.plan.chords[0].symbol) for e in entries if isinstance(e, Planned)]
    sent = [e.message for e in entries if isinstance(e, Sent) and e.player == "bass"]
    played = [message[1] for message in sent if is_note_on(message)]
    assert len(set(planned)) == 4 and played == planned[:7]
    return next(tmp_path.glob("*.journal"))


def test_a_replay_makes_the_same_plans(session: Path) -> None:
    played = replay(session)
    assert played.difference == "" and played.notes == 15


def test_a_replay_reports_a_different_plan(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOTS", (40, 45, 47, 42))
    assert "chord of composer: recorded 43 at beat 4, replayed 47" in replay(session).difference
