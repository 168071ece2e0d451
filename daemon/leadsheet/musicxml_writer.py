"""Writes lead sheets as MusicXML 4.0, which notation programs open."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from daemon import __version__
from daemon.leadsheet.harmony import harmony_of
from daemon.leadsheet.notation import TICKS, VALUES, Piece, beams_of, is_compound
from daemon.leadsheet.written_bars import WrittenBar, written_bars
from daemon.music.chords import NO_CHORD, chord_of
from daemon.music.leadsheet import LeadSheet
from daemon.music.spelling import spelled

_HEADER = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise'
    b'//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_SHARPS = "FCGDAEB"


def musicxml_of(sheet: LeadSheet) -> bytes:
    """Onsets are rounded to triplet 32nds or 32nds. Raises ValueError if a chord symbol is none."""
    root = Element("score-partwise", {"version": "4.0"})
    _text(SubElement(root, "work"), "work-title", sheet.title)
    identification = SubElement(root, "identification")
    if sheet.composer:
        _text(identification, "creator", sheet.composer, type="composer")
    _text(SubElement(identification, "encoding"), "software", f"jamd {__version__}")
    _credits(root, sheet)
    part_list = SubElement(SubElement(root, "part-list"), "score-part", {"id": "P1"})
    _text(part_list, "part-name", "Lead", **{"print-object": "no"})
    part = SubElement(root, "part", {"id": "P1"})
    for bar in written_bars(sheet):
        part.append(_Measure(sheet, bar).element)
    indent(root)
    written: bytes = tostring(root, "utf-8")
    return _HEADER + written + b"\n"


def _credits(root: Element, sheet: LeadSheet) -> None:
    """Title and composer at the top of a page of A4, whose sizes are in tenths of the distance of staff lines."""
    defaults = SubElement(root, "defaults")
    scaling, layout = SubElement(defaults, "scaling"), SubElement(defaults, "page-layout")
    _text(scaling, "millimeters", "7")
    _text(scaling, "tenths", "40")
    _text(layout, "page-height", "1697")
    _text(layout, "page-width", "1200")
    places = {
        "title": (sheet.title, {"default-x": "600", "default-y": "1620", "justify": "center", "font-size": "22"}),
        "composer": (sheet.composer, {"default-x": "1120", "default-y": "1520", "justify": "right", "font-size": "12"}),
    }
    for kind, (words, place) in places.items():
        if words:
            credit = SubElement(root, "credit", {"page": "1"})
            _text(credit, "credit-type", kind)
            _text(credit, "credit-words", words, valign="top", **place)


class _Measure:
    """The element of a bar."""

    def __init__(self, sheet: LeadSheet, bar: WrittenBar) -> None:
        self._sheet, self._bar = sheet, bar
        self._accidentals: dict[tuple[str, int], int] = {}  # alterations of letter and octave in this bar
        self.element = Element("measure", {"number": str(bar.number)} | ({} if bar.number else {"implicit": "yes"}))
        if bar.is_new_line:
            SubElement(self.element, "print", {"new-system": "yes"})
        if bar.is_first:
            self._begin()
        if bar.section:
            direction = SubElement(self.element, "direction", {"placement": "above"})
            _text(SubElement(direction, "direction-type"), "rehearsal", bar.section, enclosure="square")
        self._music()
        if bar.closes:
            _text(SubElement(self.element, "barline", {"location": "right"}), "bar-style", bar.closes)

    def _begin(self) -> None:
        """Key, meter, clef and tempo."""
        sheet = self._sheet
        attributes = SubElement(self.element, "attributes")
        _text(attributes, "divisions", str(TICKS))
        key = SubElement(attributes, "key")
        _text(key, "fifths", str(sheet.key.fifths))
        _text(key, "mode", sheet.key.mode)
        time = SubElement(attributes, "time", {"symbol": "cut"} if sheet.meter == (2, 2) else {})
        _text(time, "beats", str(sheet.meter[0]))
        _text(time, "beat-type", str(sheet.meter[1]))
        clef = SubElement(attributes, "clef")
        low = sheet.melody and sum(note.pitch for note in sheet.melody) / len(sheet.melody) < 55
        _text(clef, "sign", "F" if low else "G")
        _text(clef, "line", "4" if low else "2")
        direction = SubElement(self.element, "direction", {"placement": "above"})
        if sheet.feel:
            _text(SubElement(direction, "direction-type"), "words", sheet.feel.capitalize())
        metronome = SubElement(SubElement(direction, "direction-type"), "metronome", {"parentheses": "no"})
        _text(metronome, "beat-unit", "half" if sheet.meter[1] == 2 else "quarter")
        if is_compound(sheet.meter):
            SubElement(metronome, "beat-unit-dot")
        beat = 1.5 if is_compound(sheet.meter) else 2.0 if sheet.meter[1] == 2 else 1.0
        _text(metronome, "per-minute", f"{sheet.bpm / beat:.0f}")
        SubElement(direction, "sound", {"tempo": f"{sheet.bpm:g}"})

    def _music(self) -> None:
        bar, chords = self._bar, list(self._bar.chords)
        if not self._sheet.melody:
            self._slashes(chords)
            return
        if all(piece.pitch is None for piece in bar.pieces):
            self._chords(chords, 0, bar.length)
            note = SubElement(self.element, "note")
            SubElement(note, "rest", {"measure": "yes"})
            _text(note, "duration", str(bar.length))
            _text(note, "voice", "1")
            return
        beams = beams_of(bar.pieces, self._sheet.meter)
        for piece, symbol, beam in zip(bar.pieces, bar.harmonies, beams, strict=True):
            self._chords(chords, piece.start, piece.duration)
            self._note(piece, symbol, beam)

    def _slashes(self, chords: Sequence[tuple[int, str]]) -> None:
        """Of a sheet with chords alone: a slash for each beat."""
        beat = (3 if is_compound(self._sheet.meter) else 1) * 4 * TICKS // self._sheet.meter[1]
        kind, dots = VALUES[beat]
        for start in range(0, self._bar.length, beat):
            self._chords(chords, start, beat)
            note = SubElement(self.element, "note")
            pitch = SubElement(note, "pitch")
            _text(pitch, "step", "B")
            _text(pitch, "octave", "4")
            _text(note, "duration", str(beat))
            _text(note, "voice", "1")
            _text(note, "type", kind)
            for _ in range(dots):
                SubElement(note, "dot")
            _text(note, "stem", "none")
            _text(note, "notehead", "slash")

    def _chords(self, chords: Sequence[tuple[int, str]], start: int, duration: int) -> None:
        for tick, symbol in chords:
            if start <= tick < start + duration:
                harmony = harmony_of(symbol)
                if tick > start:
                    _text(harmony, "offset", str(tick - start), sound="yes")
                self.element.append(harmony)

    def _note(self, piece: Piece, symbol: str, beams: Sequence[str]) -> None:
        sheet = self._sheet
        note = SubElement(self.element, "note")
        accidental = None
        if piece.pitch is None:
            SubElement(note, "rest")
        else:
            chord = chord_of(symbol) if symbol != NO_CHORD else None
            root, intervals = (chord.root_name, chord.intervals) if chord else ("", ())
            letter, alter, octave = spelled(piece.pitch, sheet.key, root, intervals)
            pitch = SubElement(note, "pitch")
            _text(pitch, "step", letter)
            if alter:
                _text(pitch, "alter", str(alter))
            _text(pitch, "octave", str(octave))
            if not piece.continues and self._accidentals.get((letter, octave), self._in_key(letter)) != alter:
                accidental = _ACCIDENTALS[alter]
                self._accidentals[letter, octave] = alter
        _text(note, "duration", str(piece.duration))
        ties = [kind for kind, tied in (("stop", piece.continues), ("start", piece.is_continued)) if tied]
        for kind in ties:
            SubElement(note, "tie", {"type": kind})
        _text(note, "voice", "1")
        _text(note, "type", piece.type)
        for _ in range(piece.dots):
            SubElement(note, "dot")
        if accidental:
            _text(note, "accidental", accidental)
        if piece.is_triplet:
            modification = SubElement(note, "time-modification")
            _text(modification, "actual-notes", "3")
            _text(modification, "normal-notes", "2")
        for number, beam in enumerate(beams, 1):
            _text(note, "beam", beam, number=str(number))
        if ties or piece.begins or piece.ends:
            notations = SubElement(note, "notations")
            for kind in ties:
                SubElement(notations, "tied", {"type": kind})
            for kind, here in (("start", piece.begins), ("stop", piece.ends)):
                if here:
                    SubElement(notations, "tuplet", {"type": kind})

    def _in_key(self, letter: str) -> int:
        fifths = self._sheet.key.fifths
        if fifths > 0:
            return int(_SHARPS.index(letter) < fifths)
        return -int(_SHARPS[::-1].index(letter) < -fifths)


def _text(parent: Element, tag: str, text: str, **attributes: str) -> None:
    SubElement(parent, tag, attributes).text = printable_in_xml(text)


def printable_in_xml(text: str) -> str:
    """`text` without the characters that no XML document may have."""
    return _NO_XML.sub("", text)
