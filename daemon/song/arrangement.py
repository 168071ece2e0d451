"""From lead sheets to a performance: opening, choruses and ending as plans, in absolute beats."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeVar

from daemon.music.chords import NO_CHORD, Chord, chord_of, symbol_in_key
from daemon.music.leadsheet import LeadSheet
from daemon.music.melody import Note
from daemon.music.plan import ENDING, EPSILON, INTRO, Plan, PlannedChord, Section
from daemon.song.description import Song

TAG = "tag"  # the name of the sections that a tag repeats
TAG_BARS, TAG_REPEATS = 4, 2
LONGEST_CLOSE = 2  # bars of the tonic that close a chorus
LAST_CHORD = 2.0  # seconds that the last chord lasts, at least
PartT = TypeVar("PartT", PlannedChord, Section)


def part_of(plan: Plan, start: float, end: float) -> Plan:
    """What sounds in [start, end): chords and sections are cut at both ends, notes that begin there at the latter."""

    def inside(part: PartT) -> PartT:
        first = max(part.onset, start)
        return replace(part, onset=first, duration=min(part.onset + part.duration, end) - first)

    chords, sections = map(inside, plan.chords), map(inside, plan.sections)
    notes = (note for note in plan.melody if start - EPSILON <= note.onset < end - EPSILON)
    return Plan(
        start,
        tuple(chord for chord in chords if chord.duration > EPSILON),
        tuple(section for section in sections if section.duration > EPSILON),
        tuple(replace(note, duration=min(note.duration, end - note.onset)) for note in notes),
        plan.feel,
    )


def opening(song: Song, sheet: LeadSheet, beat: float) -> Plan:
    """What precedes the first chorus `sheet`: its last bars, `song.intro` of them, without melody but for the upbeat.

    A song with an upbeat and no introduction has a bar without chords. Without either, the plan has no sections.
    """
    upbeat = _upbeat(sheet)
    length = (song.intro or (1 if upbeat else 0)) * sheet.bar
    start = sheet.length - length
    if not length:
        return Plan(beat)
    chords = part_of(_whole(sheet), start, sheet.length).chords
    silence = (PlannedChord(start, length, NO_CHORD),)
    plan = Plan(start, chords if song.intro else silence, (Section(start, length, INTRO),), upbeat)
    return plan.moved(beat - start)


def chorus(sheet: LeadSheet, beat: float) -> Plan:
    """One time through from `beat` on, before another chorus of the same upbeat."""
    whole, upbeat = part_of(_whole(sheet), 0.0, sheet.length), _upbeat(sheet)
    end = min((note.onset for note in upbeat), default=sheet.length)
    return replace(whole, melody=(*part_of(whole, 0.0, end).melody, *upbeat)).moved(beat)


def final_chorus(song: Song, sheet: LeadSheet, beat: float) -> Plan:
    """The last time through, and the ending: the tonic that the chorus closes with, or one that a dominant leads to.

    `song.ending`: tag: the four bars before the last chord are played three times; none: the chorus as written,
    and an ENDING of a silent bar, which tells that the song is over.
    """
    plan = part_of(_whole(sheet), 0.0, sheet.length)
    if song.ending == "none":
        end, bar = plan.end, sheet.bar
        silence = Plan(end, (PlannedChord(end, bar, NO_CHORD),), (Section(end, bar, ENDING),))
        plan = _joined(plan, silence)
    else:
        close = _closing_tonic(sheet)
        body = _with_dominant(plan, sheet) if close is None else part_of(plan, 0.0, close)
        if song.ending == "tag":
            body = _tagged(body, sheet)
        plan = _closed(body, sheet, close, song.ritardando * sheet.bar)
    return plan.moved(beat)


def _tagged(body: Plan, sheet: LeadSheet) -> Plan:
    """`body` with its last bars repeated."""
    end = body.end
    length = min(TAG_BARS * sheet.bar, end)
    repeated = replace(part_of(body, end - length, end), sections=(Section(end - length, length, TAG),))
    for number in range(1, TAG_REPEATS + 1) if length else ():
        body = _joined(body, repeated.moved(number * length))
    return body


def _closed(body: Plan, sheet: LeadSheet, close: float | None, ritardando: float) -> Plan:
    """`body` and the last chord, with what the sheet has from `close` on, or with the tonic; slower in the last beats
    of `body`, `ritardando` of them."""
    end = body.end
    rest = 0.0 if close is None else sheet.length - close
    lasting = max(LAST_CHORD * sheet.bpm / 60, rest, sheet.bar)
    last = math.ceil((end + lasting) / sheet.bar - EPSILON) * sheet.bar - end
    if close is not None:
        melody = part_of(_whole(sheet), close, sheet.length).moved(end - close).melody
    else:
        melody = _last_note(sheet, end, last)
    chord = PlannedChord(end, last, _tonic_symbol(sheet))
    section = Section(end, last, ENDING, ritardando=min(ritardando, end - body.beat))
    return _joined(body, Plan(end, (chord,), (section,), melody))


def _closing_tonic(sheet: LeadSheet) -> float | None:
    """Where the tonic begins that the chorus ends with, at most LONGEST_CLOSE bars early; None: it ends otherwise."""
    start = None
    for planned in reversed(sheet.chords):
        chord = _chord(planned)
        if chord is None or chord.root != sheet.key.tonic:
            break
        start = planned.onset
    return None if start is None else max(start, sheet.length - LONGEST_CLOSE * sheet.bar)


def _with_dominant(plan: Plan, sheet: LeadSheet) -> Plan:
    """`plan`, and a bar of the dominant if its last chord does not lead to the tonic, as a dominant, its tritone
    substitute, a chord on the leading note or a subdominant does."""
    chord = _chord(sheet.chords[-1]) if sheet.chords else None
    if chord is not None:
        step, steps = (chord.root - sheet.key.tonic) % 12, set(chord.intervals)
        if step in (5, 11) or (step == 7 and steps & {4, 5}) or (step in (1, 10) and steps >= {4, 10}):
            return plan
    symbol = symbol_in_key((sheet.key.tonic + 7) % 12, "7", sheet.key)
    last = replace(plan.sections[-1], duration=plan.sections[-1].duration + sheet.bar)
    dominant = PlannedChord(sheet.length, sheet.bar, symbol)
    return replace(plan, chords=(*plan.chords, dominant), sections=(*plan.sections[:-1], last))


def _tonic_symbol(sheet: LeadSheet) -> str:
    """The tonic chord that sounds longest in the sheet, else a triad."""
    lasting: dict[str, float] = {}
    for planned in sheet.chords:
        chord = _chord(planned)
        if chord is not None and chord.root == chord.bass == sheet.key.tonic:
            lasting[planned.symbol] = lasting.get(planned.symbol, 0.0) + planned.duration
    if lasting:
        return max(lasting, key=lambda symbol: lasting[symbol])
    return symbol_in_key(sheet.key.tonic, "m" if sheet.key.mode == "minor" else "", sheet.key)


def _last_note(sheet: LeadSheet, onset: float, duration: float) -> tuple[Note, ...]:
    """The tonic nearest to the melody's last note; none if there is no melody."""
    if not sheet.melody:
        return ()
    last = sheet.melody[-1]
    below = last.pitch - (last.pitch - sheet.key.tonic) % 12
    pitch = below + 12 if below < 0 or (last.pitch - below > 6 and below + 12 <= 127) else below
    return (replace(last, onset=onset, duration=duration, pitch=pitch),)


def _chord(planned: PlannedChord) -> Chord | None:
    return None if planned.symbol == NO_CHORD else chord_of(planned.symbol)


def _whole(sheet: LeadSheet) -> Plan:
    return Plan(0.0, sheet.chords, sheet.sections, sheet.melody)


def _upbeat(sheet: LeadSheet) -> tuple[Note, ...]:
    """The notes before the first bar line, where they fall at the end of the chorus before."""
    return tuple(replace(note, onset=note.onset + sheet.length) for note in sheet.melody if note.onset < 0)


def _joined(plan: Plan, later: Plan) -> Plan:
    return replace(
        plan,
        chords=plan.chords + later.chords,
        sections=plan.sections + later.sections,
        melody=plan.melody + later.melody,
    )
