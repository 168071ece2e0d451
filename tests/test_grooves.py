"""The grooves that ship: two bars each, as small files of General MIDI."""

from pathlib import Path

import mido
import pytest

from daemon.paths import resources

GROOVES = sorted((resources() / "grooves").glob("*.mid"))
METERS = {"five": (5, 4), "six_eight": (6, 8), "three": (3, 4), "waltz": (3, 4)}
GENERAL_MIDI = range(35, 60)


def test_there_are_some() -> None:
    assert {"rock", "funk", "swing", *METERS} <= {path.stem for path in GROOVES}


@pytest.mark.parametrize("path", GROOVES, ids=lambda path: path.stem)
def test_a_groove_is_two_bars_on_channel_10_and_credits_its_source(path: Path) -> None:
    file = mido.MidiFile(path)
    assert path.stat().st_size < 1000
    (track,) = file.tracks
    metas = {message.type: message for message in track if message.is_meta}
    signature = metas["time_signature"]
    assert (signature.numerator, signature.denominator) == METERS.get(path.stem, (4, 4))
    assert 2 * 4 * signature.numerator / signature.denominator * file.ticks_per_beat == sum(m.time for m in track)
    assert "Groove MIDI Dataset" in metas["copyright"].text and "CC BY 4.0" in metas["copyright"].text
    notes = [message for message in track if message.type == "note_on" and message.velocity]
    assert len(notes) >= 12
    assert all(note.channel == 9 and note.note in GENERAL_MIDI for note in notes)
