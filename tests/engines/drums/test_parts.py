"""Parts of the drums engine: intensity, swing, fills, grooves."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.engines.drums.dynamics import Intensity
from daemon.engines.drums.fills import Fills
from daemon.engines.drums.intensity import IntensityFollower
from daemon.engines.drums.kit import KICK
from daemon.engines.drums.primer import NEAR, Note, Primer, find_groove, read, shipped_grooves
from daemon.engines.drums.swing import all_unswung, swung, unswung
from daemon.errors import ModelError
from daemon.music.events import MidiEvent, note_off, note_on


def listening(*notes: tuple[float, int]) -> IntensityFollower:
    follower = IntensityFollower()
    for beat, velocity in notes:
        follower.hear(MidiEvent(beat, "keys", note_on(1, 60, velocity)))
        follower.hear(MidiEvent(beat + 0.1, "keys", note_off(1, 60)))
    return follower


# Intensity


def test_intensity_grows_with_density_and_velocity() -> None:
    def heard(gap: float, velocity: int) -> Intensity:
        return listening(*((n * gap, velocity) for n in range(round(16 / gap)))).heard(16, 4)[0]

    assert max(heard(2, 30)) < 0.1 and min(heard(0.125, 115)) > 0.9
    assert heard(1, 80).density < heard(0.5, 80).density < heard(0.25, 80).density
    assert heard(1, 60).loudness < heard(1, 80).loudness < heard(1, 110).loudness
    assert heard(1, 80).density == heard(1, 20).density, "dynamics are no density"
    assert heard(1, 72).loudness == pytest.approx(heard(1, 73).loudness, abs=0.02)


def test_a_chord_is_one_onset() -> None:
    chords = listening(*((n + k / 100, 80) for n in range(16) for k in range(4)))
    assert chords.heard(16, 4)[0] == pytest.approx(listening(*((n, 80) for n in range(16))).heard(16, 4)[0], abs=0.01)


def test_the_weight_of_the_intensity_is_one_for_a_bar_and_falls_to_zero_in_another() -> None:
    stopped = listening(*((n, 80) for n in range(9)))
    assert [round(stopped.heard(beat, 4)[1], 2) for beat in (8, 12, 14, 16, 100)] == [1, 1, 0.5, 0, 0]
    assert IntensityFollower().heard(5, 4)[1] == 0
    stopped.hear(MidiEvent(-3.0, "keys", note_on(1, 60, 127)))  # the clock was set back
    stopped.hear(MidiEvent(-2.0, "keys", note_on(1, 60, 127)))
    assert stopped.heard(-2, 4) == listening((0.0, 127), (1.0, 127)).heard(1, 4)


# Swing


@pytest.mark.parametrize(
    ("tick", "share", "pair", "expected"),
    [(0, 0.6, 480, 0), (240, 0.6, 480, 288), (120, 0.6, 480, 144), (360, 0.6, 480, 384), (480, 0.6, 480, 480),
     (1680, 2 / 3, 480, 1760), (240, 0.75, 240, 240), (360, 0.75, 240, 420), (240, 0.5, 480, 240)],
)  # fmt: skip
def test_swing(tick: int, share: float, pair: int, expected: int) -> None:
    assert swung(tick, 1920, pair, share) == expected


def test_half_a_pair_at_the_end_of_a_bar_is_not_swung() -> None:
    assert [swung(tick, 1680, 480, 0.7) for tick in (240, 1440, 1560, 1680, 1920)] == [336, 1440, 1560, 1680, 2016]


@pytest.mark.parametrize(("own", "share"), [(0.7, 0.5), (0.7, 0.64), (0.5, 0.64)])
def test_a_hit_near_a_beat_or_its_second_eighth_keeps_its_distance(own: float, share: float) -> None:
    for offset in (-26, -10, 0, 10, 26):
        assert swung(960 + offset, 1920, 480, share, own) == 960 + offset
        assert swung(960 + round(own * 480) + offset, 1920, 480, share, own) == 960 + round(share * 480) + offset


@given(
    st.integers(0, 20_000),
    st.sampled_from([120, 960, 1440, 1680, 1920]),
    st.sampled_from([240, 480]),
    st.floats(0.5, 0.75),
)
def test_swing_keeps_the_order_and_can_be_undone(tick: int, bar: int, pair: int, share: float) -> None:
    assert swung(tick, bar, pair, share) <= swung(tick + 1, bar, pair, share)
    assert abs(unswung(swung(tick, bar, pair, share), bar, pair, share) - tick) <= 1
    soonest = int(all_unswung(np.array([tick]), bar, pair, share)[0])
    assert swung(soonest, bar, pair, share) >= tick >= swung(soonest - 2, bar, pair, share)
    assert swung(tick // bar * bar, bar, pair, share) == tick // bar * bar


# Fills


def test_every_nth_bar_ends_with_a_fill() -> None:
    fills = Fills(np.random.default_rng(1))
    lengths = set()
    for number in range(64):
        for sixteenth in range(16):
            now = number * 1920 + sixteenth * 120
            fills.plan(now, number * 1920, 1920, number, 4)
            if number % 4 != 3:
                assert not fills.covers(now)
        if number % 4 == 3:
            assert fills.covers(now) and fills.accent == (number + 1) * 1920
            starts = [number * 1920 + start for start in (0, 960, 1440)]
            (start,) = (start for start in starts if fills.covers(start + 10) and not fills.covers(start - 10))
            lengths.add((number + 1) * 1920 - start)
    assert lengths == {480, 960, 1920}


def test_a_requested_fill_takes_the_rest_of_the_bar_or_the_next_bar() -> None:
    fills = Fills(np.random.default_rng(1))
    fills.request()
    assert fills.plan(960, 0, 1920, 0, 0)
    assert fills.covers(960) and fills.covers(1919) and not fills.covers(1920) and fills.accent == 1920
    assert not fills.plan(1080, 0, 1920, 0, 0)
    fills.request()
    assert fills.plan(1800, 0, 1920, 0, 0)
    assert not fills.covers(1800) and fills.covers(1920) and fills.accent == 3840


@pytest.mark.parametrize("bar", [120, 360, 1440, 1680, 2400])
def test_fills_in_other_bars(bar: int) -> None:
    for seed in range(8):
        fills = Fills(np.random.default_rng(seed))
        fills.plan(0, 0, bar, 0, 1)
        assert fills.covers(bar - 1) and not fills.covers(bar) and not fills.covers(-1)


# Grooves


def test_a_groove_repeats_and_fits_other_bars() -> None:
    primer = Primer("x", 1920, 3840, tuple(Note(tick, tick // 480, 90) for tick in range(0, 3840, 480)))
    assert [note.tick for note in primer.between(3360, 4320)] == [3360, 3840]
    three, seven = primer.fit(1440), primer.fit(3360)
    assert [(note.tick, note.instrument) for note in three.notes] == [
        (0, 0),
        (480, 1),
        (960, 2),
        (1440, 4),
        (1920, 5),
        (2400, 6),
    ]
    assert (three.bar, three.length) == (1440, 2880)
    assert [note.instrument for note in seven.notes[:7]] == [0, 1, 2, 3, 0, 1, 2]
    assert primer.fit(1920) is primer
    assert (primer.density * 480, primer.loudness) == (1, pytest.approx(90 / 127))


@pytest.mark.parametrize("bar", [960, 1440, 1680, 2400, 3360])
def test_the_first_beat_stays_first_in_other_bars(bar: int) -> None:
    """Drummers play the first beat a little before the bar line as often as after it."""
    primer = Primer("x", 1920, 3840, (Note(470, 1, 90), Note(1890, 0, 90), Note(3811, 0, 90)))
    fitted = primer.fit(bar)
    kicks = {note.tick for note in fitted.notes if note.instrument == 0}
    assert {2 * bar - 29, bar - 30} <= kicks
    if bar < 1920:
        assert kicks == {2 * bar - 29, bar - 30}
    for primer in shipped_grooves().values():
        other = primer.fit(bar)
        assert [begins_with_kick(primer, number) for number in range(2)] == [
            begins_with_kick(other, number) for number in range(2)
        ]


def begins_with_kick(primer: Primer, number: int) -> bool:
    """Whether bar `number` has a kick on its first beat."""
    places = (
        (note.tick - number * primer.bar + NEAR) % primer.length for note in primer.notes if note.instrument == KICK
    )
    return any(place < 2 * NEAR for place in places)


def test_the_shipped_grooves_are_playable_in_any_bar() -> None:
    for primer in shipped_grooves().values():
        assert primer.style is not None
        for bar in (120, 240, 1440, 1680, 1920, 15360):
            fitted = primer.fit(bar)
            assert fitted.loudness > 0 and fitted.density > 0 and fitted.tempo == primer.tempo
            assert all(0 <= note.tick < fitted.length for note in fitted.notes)
            assert [note.tick for note in fitted.notes] == sorted(note.tick for note in fitted.notes)


def test_the_first_two_bars_of_a_long_file_are_used(tmp_path: Path) -> None:
    file = mido.MidiFile(ticks_per_beat=120)
    track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=3, denominator=4)])
    track.append(mido.Message("note_on", channel=9, note=36, velocity=90, time=360))  # after a bar of rest
    track += [mido.Message("note_on", channel=9, note=38, velocity=90, time=120) for _ in range(20)]
    track.append(mido.Message("note_on", channel=0, note=60, velocity=90, time=0))
    file.tracks.append(track)
    file.save(tmp_path / "long.mid")
    primer = read(tmp_path / "long.mid")
    assert (primer.bar, primer.length, [note.tick for note in primer.notes]) == (1440, 2880, list(range(0, 2880, 480)))


def save(path: Path, notes: list[tuple[int, int]], signature: tuple[int, int] = (4, 4)) -> str:
    """Notes are (ticks since the previous note, 480 to a quarter; pitch)."""
    track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=signature[0], denominator=signature[1])])
    track += [mido.Message("note_on", channel=9, note=pitch, velocity=80, time=gap) for gap, pitch in notes]
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    file.save(path)
    return str(path)


def test_a_groove_with_no_note_in_a_shorter_bar_becomes_a_kick(tmp_path: Path) -> None:
    primer = read(Path(save(tmp_path / "end.mid", [(960, 38), (480, 38)])))
    assert [(note.tick, note.instrument, note.velocity) for note in primer.fit(960).notes] == [(0, 0, 80)]


@pytest.mark.parametrize(
    ("notes", "signature", "text"),
    [
        ([(0, 36)], (1, 32), "bars shorter than a 16th"),
        ([(1, 36), (1, 38)] * 100, (4, 4), "200 hits in its first 1 bars"),
    ],
)
def test_unusable_grooves_are_refused(
    tmp_path: Path, notes: list[tuple[int, int]], signature: tuple[int, int], text: str
) -> None:
    with pytest.raises(ModelError, match=text):
        find_groove(save(tmp_path / "odd.mid", notes, signature))


@pytest.mark.parametrize("name", ["~nobody/x.mid", "a\0b", "", "/"])
def test_an_invalid_groove_is_refused_with_a_remedy(name: str) -> None:
    with pytest.raises(ModelError, match="; or choose one of random, ballad"):
        find_groove(name)
