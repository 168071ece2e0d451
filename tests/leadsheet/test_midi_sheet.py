"""MIDI files as lead sheets: chords as texts or recognised, the part that is the melody, and what is refused."""

from __future__ import annotations

from pathlib import Path

import mido
import pytest

from daemon.errors import MelodyError
from daemon.leadsheet.midi_sheet import read_midi_sheet
from daemon.music.chords import chord_of
from daemon.music.leadsheet import Key

BEAT = 480
Notes = list[tuple[float, int, float]]  # onset, pitch, beats
TUNE: Notes = [(0, 72, 1), (1, 74, 1), (2, 76, 2), (4, 77, 2), (6, 74, 2), (8, 72, 4)]
HARMONY: Notes = [
    *[(0, pitch, 4) for pitch in (48, 52, 55)],
    *[(4, pitch, 2) for pitch in (41, 57, 60)],
    *[(6, pitch, 2) for pitch in (43, 53, 59, 62)],
    *[(8, pitch, 4) for pitch in (48, 52, 55)],
]
CHORDS = [(0, "C"), (4, "F"), (6, "G7"), (8, "C")]


def track(notes: Notes = (), texts: object = (), kind: str = "marker", name: str = "") -> mido.MidiTrack:  # type: ignore[assignment]
    events: list[tuple[float, int, object]] = [(0, 0, mido.MetaMessage("track_name", name=name))] if name else []
    events += [(beat, 1, mido.MetaMessage(kind, text=text)) for beat, text in texts]  # type: ignore[attr-defined]
    for onset, pitch, beats in notes:
        events.append((onset, 2, mido.Message("note_on", note=pitch, velocity=90)))
        events.append((onset + beats, 0, mido.Message("note_off", note=pitch)))
    now, made = 0, mido.MidiTrack()
    for beat, _, message in sorted(events, key=lambda event: event[:2]):
        made.append(message.copy(time=round(beat * BEAT) - now))  # type: ignore[attr-defined]
        now = round(beat * BEAT)
    return made


def written(folder: Path, *tracks: mido.MidiTrack, **metas: dict[str, object]) -> Path:
    conductor = mido.MidiTrack([mido.MetaMessage(kind, **values) for kind, values in metas.items()])
    file = mido.MidiFile(ticks_per_beat=BEAT, tracks=[conductor, *tracks])
    file.save(folder / "song.mid")
    return folder / "song.mid"


def symbols(path: Path) -> list[tuple[float, str]]:
    return [(chord.onset, chord.symbol) for chord in read_midi_sheet(path).chords]


@pytest.mark.parametrize("kind", ["marker", "text", "lyrics"])
def test_chords_are_markers_texts_or_lyrics(tmp_path: Path, kind: str) -> None:
    texts = [(0, "Verse"), *CHORDS, (10, "the end")]
    path = written(tmp_path, track(TUNE), track(texts=texts, kind=kind), set_tempo={"tempo": 500_000})
    sheet = read_midi_sheet(path)
    assert symbols(path) == CHORDS
    assert (sheet.title, sheet.meter, sheet.bpm, sheet.length, sheet.key) == ("song", (4, 4), 120.0, 12.0, Key(0))
    assert [(note.onset, note.pitch, note.duration) for note in sheet.melody] == TUNE


def test_before_the_first_chord_there_is_none(tmp_path: Path) -> None:
    path = written(tmp_path, track(TUNE), track(texts=[(4, "F"), (6, "G7"), (8, "C")]))
    assert symbols(path) == [(0, "N.C."), (4, "F"), (6, "G7"), (8, "C")]


def test_letters_of_sections_are_no_chords(tmp_path: Path) -> None:
    sections = track(texts=[(0, "A"), (4, "A"), (6, "B"), (8, "A")])
    with pytest.raises(MelodyError, match=r"song\.mid: no chords, neither as texts nor as notes: add markers"):
        read_midi_sheet(written(tmp_path, track(TUNE), sections))
    assert symbols(written(tmp_path, track(TUNE), sections, track(HARMONY))) == CHORDS


@pytest.mark.parametrize("names", [("", ""), ("Piano", "Lead vocal")])
def test_chords_are_recognised_from_the_other_parts(tmp_path: Path, names: tuple[str, str]) -> None:
    path = written(tmp_path, track(HARMONY, name=names[0]), track(TUNE, name=names[1]))
    assert symbols(path) == CHORDS
    assert [note.pitch for note in read_midi_sheet(path).melody] == [pitch for _, pitch, _ in TUNE]


def test_the_part_named_melody_is_the_melody_even_if_another_is_higher(tmp_path: Path) -> None:
    descant: Notes = [(beat, 84, 1) for beat in range(12)]
    path = written(tmp_path, track(TUNE, name="Melody"), track(descant), track(HARMONY))
    assert read_midi_sheet(path).melody[0].pitch == 72


def test_of_a_single_part_the_top_is_the_melody(tmp_path: Path) -> None:
    path = written(tmp_path, track([*HARMONY, *TUNE]))
    assert [note.pitch for note in read_midi_sheet(path).melody] == [pitch for _, pitch, _ in TUNE]
    assert symbols(path) == CHORDS


def test_a_broken_chord_with_passing_notes_is_recognised(tmp_path: Path) -> None:
    arpeggio: Notes = [(n / 2, pitch, 0.5) for n, pitch in enumerate((48, 55, 64, 55, 53, 60, 69, 60))]
    passing: Notes = [(1.75, 62, 0.25), (3.75, 58, 0.25)]
    path = written(tmp_path, track([(0, 72, 4)], name="melody"), track([*arpeggio, *passing]))
    assert symbols(path) == [(0, "C"), (2, "F")]


def test_chords_of_each_beat_are_recognised_with_the_melody_where_the_others_are_two_voices(tmp_path: Path) -> None:
    tops, lower = (76, 77, 74, 72), ((48, 55), (53, 57), (43, 59), (48, 55))
    voice: Notes = [(float(beat), top, 1.0) for beat, top in enumerate((*tops[:2], 74, 76))]
    others: Notes = [(float(beat), pitch, 1.0) for beat, pair in enumerate(lower) for pitch in pair]
    path = written(tmp_path, track(voice, name="melody"), track([*others, (1.0, 60, 1.0), (3.0, 64, 1.0)]))
    assert symbols(path) == [(0, "C"), (1, "F"), (2, "G"), (3, "C")]


def test_every_triad_and_seventh_is_recognised_in_every_key(tmp_path: Path) -> None:
    for quality in ("", "m", "7", "m7", "maj7", "dim", "m7b5", "aug"):
        intervals = chord_of(f"C{quality}").intervals
        notes = [(4.0 * root, 48 + root + interval, 4.0) for root in range(12) for interval in intervals]
        path = written(tmp_path, track([(0, 84, 48)], name="melody"), track(notes))
        found = [chord_of(symbol) for _, symbol in symbols(path)]
        assert [(chord.root, chord.intervals) for chord in found] == [(root, intervals) for root in range(12)], quality


@pytest.mark.parametrize(("sharps", "key"), [("Am", Key(9, "minor")), ("C", Key(9, "minor")), (None, Key(9, "minor"))])
def test_the_key_is_estimated_with_the_signature(tmp_path: Path, sharps: str | None, key: Key) -> None:
    tune: Notes = [(0, 69, 1), (1, 72, 1), (2, 76, 2), (4, 77, 2), (6, 76, 1), (7, 68, 1), (8, 69, 4)]
    texts = [(0, "Am"), (4, "Dm"), (6, "E7"), (8, "Am")]
    metas = {} if sharps is None else {"key_signature": {"key": sharps}}
    assert read_midi_sheet(written(tmp_path, track(tune), track(texts=texts), **metas)).key == key  # type: ignore[arg-type]


def test_other_meters(tmp_path: Path) -> None:
    path = written(tmp_path, track(TUNE), track(texts=CHORDS), time_signature={"numerator": 3, "denominator": 4})
    assert (read_midi_sheet(path).meter, read_midi_sheet(path).length) == ((3, 4), 12.0)


def test_a_change_of_meter_is_refused(tmp_path: Path) -> None:
    changed = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=3, denominator=4, time=4 * BEAT)])
    with pytest.raises(MelodyError, match=r"song\.mid: the meter changes \(3/4, 4/4\): split the file"):
        read_midi_sheet(written(tmp_path, track(TUNE), track(texts=CHORDS), changed))


def test_very_long_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MelodyError, match="more than 1,000 bars"):
        read_midi_sheet(written(tmp_path, track([(0, 60, 1), (5000, 60, 1)]), track(texts=CHORDS)))
    with pytest.raises(MelodyError, match="no such file"):
        read_midi_sheet(tmp_path / "none.mid")
