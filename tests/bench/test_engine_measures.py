"""How `jamd bench` evaluates received messages."""

import pytest

from daemon.bench.engine_measures import CLICK, _first_notes
from daemon.bench.instruments import Events
from daemon.music.events import control_change, note_off, note_on


def test_first_notes_are_measured_from_the_beat_after_the_pedal() -> None:
    clicks: Events = [(number * 0.5, note_on(CLICK, 76, 90)) for number in range(1, 9)]
    sent: Events = [
        (0.7, note_on(1, 60, 90)),
        (0.95, control_change(1, 64, 127)),
        (0.97, control_change(1, 64, 0)),
        (2.003, control_change(1, 64, 127)),
        (2.45, control_change(1, 64, 127)),
        (3.45, control_change(1, 64, 127)),
    ]
    notes: Events = [(1.002, note_on(1, 60, 80)), (1.5, note_off(1, 60)), (3.0, note_on(1, 62, 80))]
    seconds_to_beat, ms_to_note = zip(*_first_notes(sent, sorted([*clicks, *notes])), strict=True)
    assert seconds_to_beat == pytest.approx((0.05, 0.05, 0.05)), "one press fell on a beat"
    assert ms_to_note[:2] == pytest.approx((2.0, 500.0)) and ms_to_note[2] == float("inf")
