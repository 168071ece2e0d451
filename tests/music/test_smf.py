"""Written files as mido reads them; a file is replaced as a whole or not at all."""

from __future__ import annotations

import io

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.music import smf
from daemon.music.events import note_off, note_on


def test_messages_are_sorted_by_tick_and_those_at_one_tick_keep_their_order() -> None:
    track = smf.Track("a", [(960, note_on(1, 62, 80)), (0, note_on(1, 60, 80)), (960, note_on(1, 61, 80))])
    file = mido.MidiFile(file=io.BytesIO(smf.to_bytes([track], [(0, 500_000), (960, 250_000)], [(0, (6, 8))])))
    assert [(m.time, m.note) for m in file.tracks[1] if m.type == "note_on"] == [(0, 60), (960, 62), (0, 61)]
    assert file.tracks[1].name == "a"
    assert [m.tempo for m in file.tracks[0] if m.type == "set_tempo"] == [500_000, 250_000]
    assert [(m.numerator, m.denominator) for m in file.tracks[0] if m.type == "time_signature"] == [(6, 8)]
    assert file.length == pytest.approx(0.5)


@pytest.mark.parametrize(
    "meter, signature", [(4.0, (4, 4)), (3.0, (3, 4)), (1.5, (3, 8)), (3.5, (7, 8)), (0.75, (3, 16)), (1e-9, (1, 4))]
)
def test_the_time_signature_of_a_bar(meter: float, signature: tuple[int, int]) -> None:
    assert smf.time_signature(meter) == signature


@given(st.floats(0.01, 300.0))
def test_every_bar_has_a_time_signature_that_fits_a_file(meter: float) -> None:
    numerator, denominator = smf.time_signature(meter)
    assert 1 <= numerator <= 255 or denominator == 4
    assert denominator in (4, 8, 16, 32)


def test_a_pause_of_days_is_more_than_one_event_can_wait() -> None:
    end = 7 * 86400 * 2 * smf.FILE_TICKS
    data = smf.to_bytes([smf.Track("t", [(0, note_on(1, 60, 90)), (end, note_off(1, 60))])], [], [])
    waits = [message.time for message in mido.MidiFile(file=io.BytesIO(data)).tracks[1]]
    assert sum(waits) == end and max(waits) < 1 << 28


def test_as_sent_ends_a_pitch_before_its_next_note_on_and_by_its_last_holder() -> None:
    on, off, other = note_on(1, 60, 80), note_off(1, 60), note_on(2, 60, 80)
    events = [(0, on), (5, on), (5, other), (7, off), (9, off), (10, b"\xb0\x07\x40"), (11, off), (6, b"\xc0\x01")]
    assert list(smf.as_sent(events)) == [
        (0, on), (5, off), (5, on), (5, other), (6, b"\xc0\x01"), (9, off), (10, b"\xb0\x07\x40"), (11, off),
    ]  # fmt: skip
