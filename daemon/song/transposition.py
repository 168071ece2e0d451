"""Chords and notes as they are written → as they sound in the song's key."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from daemon.music.chords import transposed_symbol
from daemon.music.leadsheet import Key
from daemon.music.note_names import name_of_pitch
from daemon.music.spelling import pitch_class_of
from daemon.song.description import REST, ChordRule, NoteRule

LARGEST = 24  # semitones
_KEY = re.compile(r"([A-Ga-g])([#♯b♭]?)\s*(m|min|minor|maj|major)?\.?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Transposition:
    """By `semitones`, into `key`."""

    semitones: int
    key: Key

    def chord(self, rule: ChordRule) -> ChordRule:
        if not self.semitones:
            return rule
        symbols = tuple(transposed_symbol(symbol, self.semitones, self.key) for symbol in rule.symbols)
        return replace(rule, symbols=symbols)

    def note(self, rule: NoteRule) -> NoteRule:
        """Raises ValueError if a pitch leaves MIDI's range."""
        pitches = tuple(pitch if pitch == REST else pitch + self.semitones for pitch in rule.pitches)
        if any(pitch != REST and not 0 <= pitch <= 127 for pitch in pitches):
            names = " or ".join(name_of_pitch(pitch) for pitch in rule.pitches if pitch != REST)
            raise ValueError(f"{names}, transposed by {self.semitones} semitones, is no MIDI note: transpose by less")
        return replace(rule, pitches=pitches)


def key_named(text: str) -> Key:
    """Of F, Bb, Gm, F# minor … Raises ValueError, with the remedy."""
    if (found := _KEY.fullmatch(text.strip())) is None:
        raise ValueError(f"{text!r} is no key: write a note, and m if it is minor, as in Bb or F#m")
    letter, sign, mode = found.groups()
    tonic = pitch_class_of(letter.upper() + sign.lower().replace("♯", "#").replace("♭", "b"))
    is_minor = mode == "m" or (mode or "").lower() in ("min", "minor")
    return Key(tonic, "minor" if is_minor else "major")


def transposed_key(key: Key, semitones: int) -> Key:
    return Key((key.tonic + semitones) % 12, key.mode)
