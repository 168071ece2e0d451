"""Puts the sections of a song together to a lead sheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from daemon.music.leadsheet import LeadSheet
from daemon.music.melody import Note
from daemon.music.plan import PlannedChord
from daemon.song.description import REST, Song, SongSection
from daemon.song.form import sections_of

VELOCITY = 80


@dataclass(frozen=True, slots=True)
class SectionMusic:
    """Chords and melody of a section, in beats from its first bar line."""

    chords: tuple[PlannedChord, ...]
    melody: tuple[Note, ...] = ()


def given_music(section: SongSection) -> SectionMusic:
    """What a section gives: chords and notes whose pitch and length are fixed."""
    chords = [rule for rule in section.chords if rule.duration and not rule.forbidden and len(rule.symbols) == 1]
    notes = [rule for rule in section.notes if rule.duration and not rule.forbidden and len(rule.pitches) == 1]
    return SectionMusic(
        tuple(PlannedChord(rule.onset, rule.duration, rule.symbols[0]) for rule in chords),
        tuple(note(rule.onset, rule.duration, rule.pitches[0]) for rule in notes if rule.pitches[0] != REST),
    )


def note(onset: float, duration: float, pitch: int) -> Note:
    return Note(onset, duration, pitch, VELOCITY)


def lead_sheet(song: Song, music: Mapping[str, SectionMusic]) -> LeadSheet:
    """`music`: of each section by name. An upbeat ends the notes that it meets."""
    chords: list[PlannedChord] = []
    melody: list[Note] = []
    sections = sections_of(song)
    for section in sections:
        part = music[section.name]
        chords += [replace(chord, onset=section.onset + chord.onset) for chord in part.chords]
        notes = [replace(each, onset=section.onset + each.onset) for each in part.melody]
        melody = [*_cut(melody, notes[0].onset if notes else section.onset), *notes]
    return LeadSheet(
        song.title,
        song.key,
        song.meter,
        song.bpm,
        song.length,
        tuple(chords),
        sections,
        tuple(melody),
        song.composer,
        song.feel,
    )


def _cut(melody: Iterable[Note], end: float) -> Iterable[Note]:
    return (replace(each, duration=min(each.duration, end - each.onset)) for each in melody if each.onset < end)
