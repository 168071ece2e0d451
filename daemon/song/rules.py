"""Chords and notes that a song fixes or forbids at a bar and beat: `9.1: Gm7 or C7`, `1.1-8.4: not F#`, `12: rest`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from daemon.music.chords import NO_CHORD, chord_of
from daemon.music.note_names import name_of_pitch, pitch_named
from daemon.song.description import REST, ChordRule, NoteRule
from daemon.song.positions import Grid, Span

MAX_RULES = 2000  # of a section
_CLASS = re.compile("[A-Ga-g][#♯b♭]?")
_NEARLY = 1e-6


def chord_rule(text: str, span: Span) -> ChordRule:
    """A chord at a bar.beat begins there; one for a bar or a span lasts as long. Raises ValueError."""
    words, forbidden = _alternatives(text)
    for word in words:
        if word != NO_CHORD:
            chord_of(word)
    duration = span.duration if forbidden or not span.is_point else 0.0
    return ChordRule(span.onset, duration, tuple(words), forbidden)


def note_rule(text: str, span: Span) -> NoteRule:
    """As `chord_rule`. Raises ValueError."""
    words, forbidden = _alternatives(text)
    pitches = sorted({pitch for word in words for pitch in _pitches(word)})
    duration = span.duration if forbidden or not span.is_point or pitches == [REST] else 0.0
    return NoteRule(span.onset, duration, tuple(pitches), forbidden)


def _alternatives(text: str) -> tuple[list[str], bool]:
    """The words that `or` parts, and whether `not` stands before them."""
    wanted = text.strip()
    forbidden = wanted.startswith("not ")
    return [word.strip() for word in wanted.removeprefix("not ").split(" or ")], forbidden


def _pitches(word: str) -> Iterable[int]:
    if word in ("rest", "r"):
        return (REST,)
    if _CLASS.fullmatch(word):
        lowest = pitch_named(f"{word}0")
        assert lowest is not None
        return range(lowest % 12, 128, 12)
    pitch = None if word.isdecimal() else pitch_named(word)
    if pitch is None:
        raise ValueError(f"{word!r} is no note: write C5, C for any octave, rest, or several as in C5 or E5")
    return (pitch,)


def conflicts(rules: Sequence[ChordRule] | Sequence[NoteRule], grid: Grid) -> Iterable[tuple[str, str]]:
    """What two rules say about the same beat and cannot both hold: (position, problem with its remedy)."""
    given = sorted((rule for rule in rules if not rule.forbidden), key=lambda rule: rule.onset)
    for one, other in pairwise(given):
        if other.onset < one.onset + max(one.duration, _NEARLY) - _NEARLY / 2:
            problem = f"{names(one)} and {names(other)} are both given here: delete one of the two"
            yield grid.at(other.onset), problem
    for ban in (rule for rule in rules if rule.forbidden):
        for rule in given:
            sounds = rule.onset < ban.onset + ban.duration and rule.onset + max(rule.duration, _NEARLY) > ban.onset
            if sounds and set(_values(rule)) <= set(_values(ban)):
                yield (
                    grid.at(max(rule.onset, ban.onset)),
                    f"{names(rule)} is given and forbidden: delete one of the two",
                )


def blank(rules: Sequence[ChordRule] | Sequence[NoteRule], length: float) -> float | None:
    """The first beat that no rule gives, None if there is none: nothing is to be composed."""
    at = 0.0
    for rule in sorted((rule for rule in rules if not rule.forbidden), key=lambda rule: rule.onset):
        if rule.onset > at + _NEARLY or not rule.duration or len(_values(rule)) > 1:
            break
        at = max(at, rule.onset + rule.duration)
    return at if at < length - _NEARLY else None


def names(rule: ChordRule | NoteRule) -> str:
    """Of the chords or notes, as messages name them."""
    if isinstance(rule, ChordRule):
        return " or ".join(rule.symbols)
    classes = {pitch % 12 for pitch in rule.pitches}
    if len(rule.pitches) > 9 and len(classes) == 1:
        return name_of_pitch(rule.pitches[0])[:-1].rstrip("-")
    return " or ".join("rest" if pitch == REST else name_of_pitch(pitch) for pitch in rule.pitches)


def _values(rule: ChordRule | NoteRule) -> Sequence[str] | Sequence[int]:
    return rule.symbols if isinstance(rule, ChordRule) else rule.pitches
