"""Reads a MusicXML part: the first voice of its first staff, with the chord symbols."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction
from xml.etree.ElementTree import Element

from daemon.leadsheet.harmony import symbol_of
from daemon.leadsheet.measures import MAX_NUMBER, Measure, Part, WrittenNote, number
from daemon.leadsheet.signs import find_codas, read_bar_line, read_direction, read_sound
from daemon.music.chords import transposed_symbol
from daemon.music.leadsheet import Key
from daemon.music.spelling import pitch_class_of

MAX_MEASURES = 2000


def read_part(part: Element) -> Part:
    """Problems are in the result; nothing is raised."""
    return _Reader().read(part)


class _Reader:
    def __init__(self) -> None:
        self._part = Part()
        self._measure = Measure("")
        self._divisions = Fraction(1)
        self._transposition = 0
        self._voice: str | None = None
        self._endings: frozenset[int] = frozenset()
        self._has_key = self._has_meter = False
        self._at = Fraction(0)  # in the bar
        self._last = Fraction(0)  # onset of the note before

    def read(self, part: Element) -> Part:
        for index, element in enumerate(part.iterfind("measure")):
            if index == MAX_MEASURES:
                self._part.problems.append(f"more than {MAX_MEASURES:,} bars: split the file")
                break
            self._measure = Measure(element.get("number", "")[:MAX_NUMBER] or str(index + 1))
            self._at = self._last = Fraction(0)
            for child in element:
                try:
                    self._take(child)
                except ValueError as error:
                    self._part.problems.append(f"bar {self._measure.number}: {error}")
            self._measure.endings = self._measure.endings or self._endings
            self._measure.notes.sort(key=lambda note: note.onset)
            self._measure.chords.sort(key=lambda chord: chord[0])
            self._part.measures.append(self._measure)
        find_codas(self._part.measures)
        if not self._has_meter and self._part.measures:
            self._part.meter = _likely_meter(self._part.measures)
        return self._part

    def _take(self, element: Element) -> None:
        tag = element.tag
        if tag == "note":
            self._note(element)
        elif tag == "harmony":
            onset = self._at + self._beats(element, "offset", signed=True)
            symbol = transposed_symbol(symbol_of(element), self._transposition, self._part.key)
            self._measure.chords.append((max(onset, Fraction(0)), symbol))
        elif tag in ("backup", "forward"):
            by = self._beats(element, "duration")
            self._move(-by if tag == "backup" else by)
        elif tag == "attributes":
            self._attributes(element)
        elif tag == "barline":
            self._endings = read_bar_line(element, self._measure, self._endings)
        elif tag == "direction":
            read_direction(element, self._measure, self._part, self._at)
        elif tag == "sound":
            read_sound(element, self._measure, self._part)

    def _move(self, by: Fraction) -> None:
        self._at = max(self._at + by, Fraction(0))
        self._measure.length = max(self._measure.length, self._at)

    def _beats(self, element: Element, tag: str, signed: bool = False) -> Fraction:
        text = element.findtext(tag)
        if text is None:
            return Fraction(0)
        return number(text, f"<{tag}>", signed) / self._divisions

    # Notes

    def _note(self, note: Element) -> None:
        if note.find("grace") is not None:
            return
        duration = self._beats(note, "duration")
        onset = self._last if note.find("chord") is not None else self._at
        if note.find("chord") is None:
            self._last = self._at
            self._move(duration)
        if not self._is_of_the_melody(note):
            return
        rest = note.find("rest")
        if rest is not None:
            beats, unit = self._part.meter
            self._measure.has_rests |= rest.get("measure") != "yes" and duration < Fraction(beats * 4, unit)
            return
        if (pitch := note.find("pitch")) is None or note.findtext("notehead") == "slash" or not duration:
            return
        ties = {tie.get("type") for tie in note.iterfind("tie")}
        written = WrittenNote(onset, duration, self._pitch(pitch), "start" in ties, "stop" in ties)
        notes = self._measure.notes
        if note.find("chord") is None or not notes or notes[-1].onset != onset:
            notes.append(written)
        elif notes[-1].pitch < written.pitch:
            notes[-1] = written

    def _is_of_the_melody(self, note: Element) -> bool:
        """Whether a note is in the first voice of the first staff, and no cue."""
        if note.find("cue") is not None or note.findtext("staff", "1").strip() != "1":
            return False
        voice = note.findtext("voice", "1").strip()
        self._voice = self._voice or voice
        return voice == self._voice

    def _pitch(self, pitch: Element) -> int:
        step = (pitch.findtext("step") or "").strip()
        if step not in tuple("ABCDEFG"):
            raise ValueError(f"a note on the step {step[:5]!r}: write one from A to G")
        alter, octave = number(pitch.findtext("alter") or "0", "<alter>", True), pitch.findtext("octave") or ""
        natural = 12 * (round(number(octave, "<octave>", True)) + 1) + pitch_class_of(step)
        found = natural + round(alter) + self._transposition
        if not 0 <= found <= 127:
            raise ValueError(f"the note {step}{octave.strip()} is outside the range of MIDI: write another octave")
        return found

    # Key, meter, tempo

    def _attributes(self, attributes: Element) -> None:
        if (divisions := attributes.findtext("divisions")) is not None:
            self._divisions = number(divisions, "<divisions>")
            if not self._divisions:
                self._divisions = Fraction(1)
                raise ValueError("<divisions> is 0: export the sheet again")
        if (transpose := attributes.find("transpose")) is not None:
            octaves = number(transpose.findtext("octave-change") or "0", "<octave-change>", True)
            self._transposition = round(
                number(transpose.findtext("chromatic") or "0", "<chromatic>", True) + 12 * octaves
            )
        if (key := attributes.find("key")) is not None and not self._has_key:
            fifths = round(number(key.findtext("fifths") or "0", "<fifths>", True))
            mode = "minor" if (key.findtext("mode") or "").strip() in ("minor", "aeolian", "dorian") else "major"
            self._part.key = _key(fifths, mode, self._transposition)
            self._has_key = True
        if (time := attributes.find("time")) is not None:
            self._time(time)

    def _time(self, time: Element) -> None:
        numbers = [(time.findtext(tag) or "").strip() for tag in ("beats", "beat-type")]
        if not re.fullmatch(r"\d\d?(\+\d)*", numbers[0]) or numbers[1] not in ("1", "2", "4", "8", "16"):
            raise ValueError("a time signature that is none: write one such as 4/4")
        meter = sum(int(beats) for beats in numbers[0].split("+")), int(numbers[1])
        if not meter[0]:
            raise ValueError("a time signature that is none: write one such as 4/4")
        if self._has_meter and meter != self._part.meter:
            before, after = ("{}/{}".format(*each) for each in (self._part.meter, meter))
            raise ValueError(f"the meter changes from {before} to {after}, but a lead sheet has one: split the file")
        self._part.meter, self._has_meter = meter, True


def _likely_meter(measures: list[Measure]) -> tuple[int, int]:
    """Of a part without a time signature: the length that most bars have."""
    (length, _), *_ = Counter(measure.length for measure in measures).most_common(1)
    eighths = round(length * 2) or 8
    return (eighths // 2, 4) if eighths % 2 == 0 else (eighths, 8)


def _key(fifths: int, mode: str, transposition: int) -> Key:
    tonic = fifths * 7 + (9 if mode == "minor" else 0) + transposition
    return Key(tonic % 12, mode)
