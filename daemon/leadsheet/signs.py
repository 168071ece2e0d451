"""Signs of the form in MusicXML: repeats, endings, segno, coda, fine, sections; and the tempo."""

from __future__ import annotations

import re
from fractions import Fraction
from xml.etree.ElementTree import Element

from daemon.leadsheet.harmony import NO_CHORD_NAMES
from daemon.leadsheet.measures import Measure, Part, number
from daemon.music.chords import NO_CHORD

MOST_REPEATS = 9
_SECTIONS = re.compile(
    r"(intro(duction)?|verses?|chorus|refrain|bridge|trio|interlude|tag|outro|head|vamp)\b[: .\d]*$", re.IGNORECASE
)
_BEAT_UNITS = {"whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5, "16th": 0.25}
_DA_CAPO = re.compile(r"\bD\.? ?C\b|\bda ?capo\b", re.IGNORECASE)
_DAL_SEGNO = re.compile(r"\bD\.? ?S\b|\bdal ?segno\b", re.IGNORECASE)


def read_bar_line(line: Element, measure: Measure, endings: frozenset[int]) -> frozenset[int]:
    """`endings`: the numbers of the volta that is open; returns those afterwards. Raises ValueError."""
    style = line.findtext("bar-style")
    measure.is_double |= style in ("light-light", "light-heavy") and line.get("location", "right") == "right"
    measure.has_segno |= line.find("segno") is not None
    measure.has_coda |= line.find("coda") is not None
    if (ending := line.find("ending")) is not None:
        if ending.get("type") == "start":
            endings = measure.endings = _numbers(ending.get("number", ""))
        else:
            measure.endings = measure.endings or endings
            endings = frozenset()
    if (repeat := line.find("repeat")) is not None:
        if repeat.get("direction") == "forward":
            measure.begins_repeat = True
        else:
            times = round(number(repeat.get("times") or "2", "the number of repeats"))
            measure.repeats = min(max(times, 2), MOST_REPEATS)
    return endings


def read_direction(direction: Element, measure: Measure, part: Part, at: Fraction) -> None:
    """`at`: beats in the bar. Raises ValueError."""
    if (sound := direction.find("sound")) is not None:
        read_sound(sound, measure, part)
    for sign in direction.iterfind("direction-type/*"):
        text = (sign.text or "").strip()
        if sign.tag == "rehearsal" and text:
            measure.section = text[:40]
        elif sign.tag == "words" and text:
            part.words.append(text[:80])
            _read_words(text, measure, at)
        elif sign.tag == "segno":
            measure.has_segno = True
        elif sign.tag == "coda":
            measure.has_coda = True
        elif sign.tag == "metronome" and not part.bpm:
            unit = _BEAT_UNITS.get((sign.findtext("beat-unit") or "").strip(), 1.0)
            dots = len(sign.findall("beat-unit-dot"))
            if found := re.search(r"[0-9]{2,3}(\.[0-9]+)?", sign.findtext("per-minute") or ""):
                part.bpm = float(found[0]) * unit * (2 - 0.5**dots)


def _read_words(text: str, measure: Measure, at: Fraction) -> None:
    words = text.lower()
    if text.upper() in NO_CHORD_NAMES:
        measure.chords.append((at, NO_CHORD))
    elif found := _SECTIONS.match(text):
        measure.section = measure.section or found[1].capitalize()
    elif (from_start := _DA_CAPO.search(text)) or _DAL_SEGNO.search(text):
        measure.jump = "start" if from_start else "segno"
        measure.until = "fine" if "fine" in words else "coda" if "coda" in words else ""
    elif "to coda" in words:
        measure.leaves_to_coda = True
    elif re.search(r"\bfine\b", words):
        measure.is_fine = True


def read_sound(sound: Element, measure: Measure, part: Part) -> None:
    """Raises ValueError."""
    if (tempo := sound.get("tempo")) is not None and not part.bpm:
        part.bpm = float(number(tempo, "the tempo"))
    if sound.get("dacapo") == "yes" or sound.get("dalsegno"):
        measure.jump = measure.jump or ("start" if sound.get("dacapo") == "yes" else "segno")
    measure.has_segno |= bool(sound.get("segno"))
    measure.is_fine |= bool(sound.get("fine"))
    measure.leaves_to_coda |= bool(sound.get("tocoda"))
    measure.has_coda |= bool(sound.get("coda"))


def find_codas(measures: list[Measure]) -> None:
    """Of two coda signs the first is where a jump leaves, the second where it arrives."""
    signs = [measure for measure in measures if measure.has_coda]
    if len(signs) > 1 and not any(measure.leaves_to_coda for measure in measures):
        signs[0].has_coda, signs[0].leaves_to_coda = False, True


def _numbers(text: str) -> frozenset[int]:
    """Of an ending: "1", "1, 2" or "1-3"."""
    found: set[int] = set()
    for first, last in re.findall(r"([0-9])(?:\s*-\s*([0-9]))?", text[:40]):
        found |= set(range(int(first), int(last or first) + 1))
    return frozenset(found or {1})
