"""The keys of the person who plays: what the pedal holds, and what ends the chord."""

from __future__ import annotations

import pytest

from daemon.engines.leadsheet.keys import Keys
from daemon.engines.leadsheet.options import KEYS, LeaderOptions
from daemon.music.events import SUSTAIN, MidiEvent, control_change, note_off, note_on
from daemon.music.leadsheet import Key


@pytest.fixture
def keys() -> Keys:
    """C major, held by the pedal alone; without `hold`, so that nothing else holds the chord."""
    keys = Keys(LeaderOptions(chords=KEYS, hold=False), Key(0))
    for message in (
        *(note_on(1, pitch, 80) for pitch in (48, 52, 55)),
        control_change(1, SUSTAIN, 127),
        *(note_off(1, pitch) for pitch in (48, 52, 55)),
    ):
        hear(keys, message)
    return keys


def hear(keys: Keys, message: bytes) -> bool:
    return keys.hear(MidiEvent(1.0, "keys", message), 120.0)


def test_the_pedal_holds_the_chord(keys: Keys) -> None:
    assert not hear(keys, control_change(1, 1, 64)) and keys.chord == "C", "a modulation wheel is no pedal"
    for message in (control_change(1, 1, 0), bytes((0xE0, SUSTAIN, 0))):
        assert not hear(keys, message) and keys.chord == "C", "nor pitch bend"
    assert hear(keys, control_change(1, SUSTAIN, 0)) and keys.chord is None


def test_keys_after_it_are_another_chord(keys: Keys) -> None:
    for pitch in (50, 53, 57):
        hear(keys, note_on(1, pitch, 80))
    assert keys.chord == "Dm"


@pytest.mark.parametrize(("tempo", "seconds", "chord"), [(60, 0.04, "Cmaj7"), (60, 0.2, "C"), (240, 0.04, "Cmaj7"),
                                                         (240, 0.07, "C"), (30, 0.07, "C")])  # fmt: skip
def test_keys_within_50_ms_are_one_chord_at_every_tempo(tempo: float, seconds: float, chord: str) -> None:
    """Without a split, a key that comes later is a melody."""
    keys = Keys(LeaderOptions(chords=KEYS, split=0), Key(0))
    for number, pitch in enumerate((48, 52, 55)):
        keys.hear(MidiEvent(1.0 + number * 0.001, "keys", note_on(1, pitch, 80)), tempo)
    keys.hear(MidiEvent(1.002 + seconds * tempo / 60, "keys", note_on(1, 59, 80)), tempo)
    assert keys.chord == chord
