"""Tempi and tempo maps, compared with simple exact computations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from daemon.music.tempo import Tempo, TempoMap, tempo_map_from_json

bpms = st.floats(20.0, 400.0)
beats = st.floats(-1000.0, 100_000.0)
ticks = st.integers(0, 480 * 64).map(lambda tick: tick / 480)


@st.composite
def tempo_maps(draw: st.DrawFn) -> TempoMap:
    """As `load_melody` makes them: bars of quarters or eighths, a period of whole bars, tempi anywhere."""
    meter = draw(st.sampled_from([1.5, 2.0, 3.0, 3.5, 4.0]))
    period = draw(st.none() | st.integers(1, 16).map(lambda bars: bars * meter))
    changes = sorted(draw(st.dictionaries(ticks, bpms, max_size=5)).items())
    tempi = ((0.0, draw(bpms)), *((at, bpm) for at, bpm in changes if at > 0 and (period is None or at < period)))
    other = draw(st.none() | st.tuples(st.integers(1, 8), st.sampled_from([1.0, 2.5, 5.0])))
    meters: tuple[tuple[float, float], ...] = ((0.0, meter),)
    if other is not None and (period is None or other[0] * meter < period):
        meters += ((other[0] * meter, other[1]),)
    return TempoMap(tempi, meters, period)


@given(beats, st.floats(-1000, 1e6), bpms, beats)
def test_beats_and_seconds_convert_both_ways(at: float, seconds: float, bpm: float, beat: float) -> None:
    tempo = Tempo(at, seconds, bpm)
    assert tempo.beat_at(tempo.seconds_at(beat)) == pytest.approx(beat, abs=1e-6)
    assert tempo.seconds_at(at) == seconds
    assert tempo.beat_at(seconds + 60) == pytest.approx(at + bpm, abs=1e-6)


@given(beats, st.floats(0, 1e6), bpms, beats, bpms)
def test_a_change_of_tempo_does_not_move_its_beat(
    at: float, seconds: float, bpm: float, beat: float, new: float
) -> None:
    before = Tempo(at, seconds, bpm)
    after = before.changed(beat, new)
    assert after.seconds_at(beat) == before.seconds_at(beat)
    assert after.seconds_at(beat + new) == pytest.approx(before.seconds_at(beat) + 60, abs=1e-6)


def plain(tempo_map: TempoMap, beat: float) -> tuple[Fraction, Fraction]:
    """(start of the period, beat within it), exactly."""
    exact = Fraction(beat)
    if tempo_map.period is None or beat < 0:
        return Fraction(0), exact
    return exact // Fraction(tempo_map.period) * Fraction(tempo_map.period), exact % Fraction(tempo_map.period)


eighths = st.integers(-16, 4000).map(lambda n: n / 8)


@given(tempo_maps(), eighths)
def test_bpm_and_bar_are_those_of_the_last_change(tempo_map: TempoMap, beat: float) -> None:
    turn, local = plain(tempo_map, beat)
    assert (
        tempo_map.bpm_at(beat) == ([bpm for at, bpm in tempo_map.tempi if at <= local] or [tempo_map.tempi[0][1]])[-1]
    )
    start, length = tempo_map.bar_at(beat)
    changed, meter = ([m for m in tempo_map.meters if m[0] <= local] or [tempo_map.meters[0]])[-1]
    assert length == meter
    assert start <= beat < start + length
    assert (Fraction(start) - turn - Fraction(changed)) % Fraction(meter) == 0


@given(tempo_maps(), eighths)
def test_next_change_finds_all_changes_of_tempo_in_order(tempo_map: TempoMap, beat: float) -> None:
    assume(beat >= 0)
    turn, _ = plain(tempo_map, beat)
    expected: list[tuple[float, float]] = []
    turns = 4 if tempo_map.period is not None and len(tempo_map.tempi) > 1 else 1
    for n in range(turns):
        shift = turn + n * Fraction(tempo_map.period or 0)
        expected += [(float(shift + Fraction(at)), bpm) for at, bpm in tempo_map.tempi if shift + Fraction(at) > beat]
    found, at = [], beat
    while len(found) < len(expected):
        change = tempo_map.next_change(at)
        assert change is not None
        found.append(change)
        assert change[0] > at
        at = change[0]
    assert [bpm for _, bpm in found] == [bpm for _, bpm in expected]
    assert [at for at, _ in found] == pytest.approx([at for at, _ in expected])
    if turns == 1:
        assert tempo_map.next_change(at) is None


@pytest.mark.parametrize("period", [None, 8.0])
def test_the_first_tempo_is_no_change_before_the_song(period: float | None) -> None:
    tempo_map = TempoMap(((0.0, 100.0), (4.0, 120.0)), ((0.0, 4.0),), period)
    assert (tempo_map.bpm_at(-1.0), tempo_map.next_change(-1.0)) == (100.0, (4.0, 120.0))
    assert tempo_map.next_change(5.0) == (None if period is None else (8.0, 100.0))
    assert TempoMap(((0.0, 100.0),), ((0.0, 4.0),), period).next_change(-1.0) is None


def test_a_change_at_a_rounded_beat_is_not_found_again() -> None:
    tempo_map = TempoMap(((0.0, 100.0), (0.1, 120.0)), ((0.0, 4.0),), 4.0)
    for turn in range(0, 4000, 4):
        change = tempo_map.next_change(float(turn))
        assert change is not None
        following = tempo_map.next_change(change[0])
        assert following == (turn + 4.0, 100.0)


@given(tempo_maps())
def test_json_and_back(tempo_map: TempoMap) -> None:
    assert tempo_map_from_json(json.loads(json.dumps(asdict(tempo_map)))) == tempo_map


class Counted(tuple[tuple[float, float], ...]):
    """Counts the changes of tempo that are looked at."""

    looks = 0

    def __getitem__(self, index: Any) -> Any:
        Counted.looks += 1
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("looked at every change")


def test_the_next_change_of_very_many_is_found_by_bisection() -> None:
    tempi = Counted((float(n), 100.0 + n % 7) for n in range(1 << 16))
    tempo_map = TempoMap(tempi, ((0.0, 4.0),))
    assert tempo_map.next_change(40_000.5) == (40_001.0, 100.0 + 40_001 % 7)
    assert Counted.looks < 40


def test_a_beat_has_its_place_in_a_bar() -> None:
    plain = TempoMap(((0.0, 96.0),), ((0.0, 4.0),))
    assert [plain.place_of(beat) for beat in (0.0, 3.5, 4.0, 47.25)] == [(1, 1), (1, 4.5), (2, 1), (12, 4.25)]
    assert [plain.place_of(beat) for beat in (-0.5, -4.0, -4.5)] == [(0, 4.5), (0, 1), (-1, 4.5)]
    changing = TempoMap(((0.0, 96.0),), ((0.0, 4.0), (6.0, 3.0)))  # the second bar is cut short
    assert [changing.place_of(beat) for beat in (5.0, 6.0, 9.5)] == [(2, 2), (3, 1), (4, 1.5)]
    looped = TempoMap(((0.0, 96.0),), ((0.0, 4.0), (8.0, 3.0)), 14.0)
    assert [looped.place_of(beat) for beat in (13.0, 14.0, 22.5, 28.0)] == [(4, 3), (5, 1), (7, 1.5), (9, 1)]
