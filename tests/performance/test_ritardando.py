"""Before an ending that asks for it, jamd's clock slows down, with MIDI clock and everything else that counts beats."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from daemon.commands import SetTempo, StartTransport
from daemon.entries import Commanded, Followed, Planned, PlansKept, Started, Stopped, TempoChanged
from daemon.music.plan import ENDING, Plan, PlannedChord, Section
from daemon.music.tempo import TempoMap
from daemon.performance.performance import Performance
from daemon.spec import ClockSpec
from tests.performance.offline import MIDI, Recorder, make_performance, run_until

LAST = Section(8.0, 4.0, ENDING, ritardando=4.0)  # from beat 4, at 120 bpm: 2 s
PLAN = Plan(0.0, (PlannedChord(0.0, 12.0, "C"),), (Section(0.0, 8.0, "A"), LAST))


def planned(plan: Plan = PLAN, at: float = 0.1, **changes: Any) -> tuple[Performance, Recorder]:
    performance, sink = make_performance(**changes)
    run_until(performance, at)
    performance.take(Planned(at, "choir", sink.calls[-1][1], plan))
    return performance, sink


def tempi(sink: Recorder) -> list[tuple[float, float]]:
    """Beat and bpm of each change after the start."""
    return [(round(e.beat, 4), e.bpm) for e in sink.entries if isinstance(e, TempoChanged)][1:]


def test_the_tempo_slows_down_before_the_last_chord_and_comes_back_after_it() -> None:
    performance, sink = planned()
    run_until(performance, 12.0)
    found = tempi(sink)
    assert [beat for beat, _ in found] == [4 + step / 4 for step in range(16)] + [12.0]
    slower = [bpm for _, bpm in found[:-1]]
    assert slower == sorted(slower, reverse=True) and slower[0] < 120
    assert slower[-1] == pytest.approx(0.8 * 120), "a twentieth for each beat"
    steps = [before - after for before, after in pairwise(slower)]
    assert steps == sorted(steps), "more and more"
    assert found[-1][1] == 120.0
    begin = performance.seconds_at(12.0)
    assert begin == pytest.approx(2 + sum(15 / bpm for bpm in slower) + 4 * 60 / slower[-1])


def test_a_long_ritardando_keeps_three_fifths_of_the_tempo() -> None:
    last = Section(40.0, 4.0, ENDING, ritardando=32.0)
    performance, sink = planned(Plan(0.0, (), (last,)))
    run_until(performance, 60.0)
    assert min(bpm for _, bpm in tempi(sink)) == pytest.approx(72.0)


def test_midi_clock_slows_down_with_the_music() -> None:
    performance, sink = planned(clock=ClockSpec(send=("choir",)))
    run_until(performance, 12.0)
    ticks = [due for due, _, message in sink.sent if message == b"\xf8"]
    first = next(number for number, due in enumerate(ticks) if due == pytest.approx(0.0))
    for beat in range(12):
        assert ticks[first + 24 * beat] == pytest.approx(performance_seconds(sink, beat), abs=1e-5), beat


def performance_seconds(sink: Recorder, beat: float) -> float:
    """When `beat` fell, by the recorded changes of the tempo."""
    change = [e for e in sink.entries if isinstance(e, TempoChanged) and e.beat <= beat][-1]
    return change.seconds + (beat - change.beat) * 60 / change.bpm


def test_a_tempo_that_is_set_is_slowed_too_and_is_the_one_that_is_shown() -> None:
    performance, sink = planned()
    run_until(performance, 3.0)
    assert 96 < performance.bpm < 120 and performance.turned()[3] == pytest.approx(120.0)
    performance.take(Commanded(3.0, SetTempo(60.0), 3.0))
    assert 48 < performance.bpm < 60 and performance.turned()[3] == pytest.approx(60.0)
    run_until(performance, 20.0)
    assert tempi(sink)[-2][1] == pytest.approx(0.8 * 60)
    assert tempi(sink)[-1] == (12.0, 60.0)


def test_a_ritardando_that_is_planned_when_it_has_begun_starts_there() -> None:
    performance, sink = planned(at=2.9)
    here = performance.beat_at(2.9)
    assert performance.bpm < 110 and performance.beat_at(2.9) == here
    run_until(performance, 12.0)
    assert [beat for beat, _ in tempi(sink)][:3] == [pytest.approx(here), 6.0, 6.25]


def test_it_ends_where_the_plan_takes_it_back() -> None:
    performance, sink = planned()
    run_until(performance, 3.0)
    performance.take(Planned(3.0, "choir", sink.calls[-1][1], Plan(0.0, (), (Section(0.0, 64.0, "A"),))))
    assert performance.bpm == 120.0
    run_until(performance, 12.0)
    assert tempi(sink)[-1][0] < 6.5


def test_a_stop_ends_it_and_the_next_start_has_the_tempo() -> None:
    performance, _ = planned()
    run_until(performance, 3.5)
    performance.take(Stopped(3.5))
    assert performance.bpm == performance.turned()[3] == pytest.approx(120.0)
    performance.take(Commanded(4.0, StartTransport(), 4.0))
    assert performance.bpm == 120.0


def test_a_song_that_goes_on_within_it_goes_on_slowly() -> None:
    performance, _ = planned(merges_plans=True)
    run_until(performance, 3.5)
    before = performance.bpm
    performance.take(Stopped(3.5))
    performance.take(Started(4.0, performance.position, 4.5))
    assert performance.bpm == pytest.approx(before, rel=0.02) and performance.bpm < 110


def test_another_clock_is_not_slowed() -> None:
    performance, sink = planned(started=False, clock=MIDI)
    assert tempi(sink) == []
    performance.take(Started(1.0, 0.0, 1.0))
    run_until(performance, 12.0)
    assert {bpm for _, bpm in tempi(sink)} <= {120.0}


def test_a_new_stage_process_slows_down_once() -> None:
    before, _ = planned(merges_plans=True)
    run_until(before, 3.1)
    assert before.bpm < 115 and before.turned()[3] == pytest.approx(120.0)
    performance, sink = make_performance(started=False, merges_plans=True)
    performance.take(PlansKept(3.1, before.plans.to_json()["plans"]))
    performance.take(Followed.make(3.1, before.tempo))
    performance.take(Started(3.1, 6.5, before.seconds_at(6.5)))
    assert performance.turned()[3] == pytest.approx(120.0)
    run_until(performance, 14.0)
    assert min(bpm for _, bpm in tempi(sink)) == pytest.approx(0.8 * 120) and performance.bpm == pytest.approx(120.0)


def test_a_change_of_a_looped_tempo_map_has_the_tempo_of_the_map_however_beats_are_rounded() -> None:
    tempi = ((0.0, 100.0), (1 + 1 / 24, 400 / 3), (4.0, 120.0), (5 + 2 / 3, 96.0))
    performance, sink = make_performance(tempo_map=TempoMap(tempi, ((0.0, 4.0),), 12.0))
    run_until(performance, 120.0)
    found = [e.bpm for e in sink.entries if isinstance(e, TempoChanged)][1:]
    assert len(found) > 40 and found == ([bpm for _, bpm in tempi] * 20)[1 : len(found) + 1]
