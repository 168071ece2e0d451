"""Chord symbols ↔ <harmony> elements of MusicXML: a kind, and degrees that are added, altered or left out."""

from __future__ import annotations

from functools import cache
from xml.etree.ElementTree import Element, SubElement

from daemon.music.chords import NO_CHORD, Chord, chord_of

NO_CHORD_NAMES = ("N.C.", "NC", "N.C", "NO CHORD", "TACET")  # in capitals, as words in a sheet
_QUALITIES = {  # by kind (MusicXML 4.0, kind-value)
    "major": "",
    "minor": "m",
    "augmented": "aug",
    "diminished": "dim",
    "dominant": "7",
    "major-seventh": "maj7",
    "minor-seventh": "m7",
    "diminished-seventh": "dim7",
    "augmented-seventh": "7#5",
    "half-diminished": "m7b5",
    "major-minor": "mM7",
    "major-sixth": "6",
    "minor-sixth": "m6",
    "dominant-ninth": "9",
    "major-ninth": "maj9",
    "minor-ninth": "m9",
    "dominant-11th": "11",
    "major-11th": "maj11",
    "minor-11th": "m11",
    "dominant-13th": "13",
    "major-13th": "maj13",
    "minor-13th": "m13",
    "suspended-second": "sus2",
    "suspended-fourth": "sus4",
    "power": "5",
}
_OTHER_KINDS = {"minor-major": "mM7", "augmented-ninth": "9#5", "maj69": "69"}  # that some programs write
_DEGREES = {  # by semitones above the root: degree and alteration; the seventh is that of a dominant chord
    2: (2, 0), 3: (3, -1), 4: (3, 0), 5: (4, 0), 6: (5, -1), 7: (5, 0), 8: (5, 1), 9: (6, 0), 10: (7, 0), 11: (7, 1),
    13: (9, -1), 14: (9, 0), 15: (9, 1), 17: (11, 0), 18: (11, 1), 20: (13, -1), 21: (13, 0),
}  # fmt: skip
_SIGNS = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}


def symbol_of(harmony: Element) -> str:
    """The chord symbol of a <harmony>, as its program spelled the kind, if that spelling means the same. Raises
    ValueError."""
    kind = (harmony.findtext("kind") or "").strip()
    if kind == "none":
        return NO_CHORD
    root = _name(harmony.find("root"), "root")
    if not root:
        raise ValueError("a chord without a root: write it as a chord symbol, such as G7")
    text = (element.get("text") or "").strip() if (element := harmony.find("kind")) is not None else ""
    bass = _name(harmony.find("bass"), "bass")
    over = f"/{bass}" if bass else ""
    if text.upper() in NO_CHORD_NAMES:
        return NO_CHORD
    if kind in ("", "other"):
        return chord_of(f"{root}{text}{over}").symbol
    quality = _QUALITIES.get(kind, _OTHER_KINDS.get(kind))
    if quality is None:
        raise ValueError(f"a chord of the kind {kind[:40]!r}: write it as a chord symbol, such as G7")
    changes = ",".join(_change(degree) for degree in harmony.iterfind("degree"))
    chord = chord_of(f"{root}{quality}({changes}){over}" if changes else f"{root}{quality}{over}")
    return _as_written(root, text, over, chord)


def _as_written(root: str, text: str, over: str, chord: Chord) -> str:
    try:
        written = chord_of(f"{root}{text}{over}")
    except ValueError:
        written = chord
    same = (written.root, written.pitch_classes) == (chord.root, chord.pitch_classes) and text
    return written.symbol if same else f"{root}{chord.quality}{over}"


def _name(element: Element | None, part: str) -> str:
    """The name in a <root> or <bass>. Raises ValueError."""
    if element is None:
        return ""
    step = (element.findtext(f"{part}-step") or "").strip()
    try:
        alter = round(float(element.findtext(f"{part}-alter") or 0))
        return step + _SIGNS[alter] if step else ""
    except (ValueError, OverflowError, KeyError):
        raise ValueError(f"a chord on {step[:5]} with an alteration that is none: correct the chord symbol") from None


def _change(degree: Element) -> str:
    """The degree as part of a symbol: b9, add9, no3. Raises ValueError."""
    kind = (degree.findtext("degree-type") or "").strip()
    try:
        value = int(degree.findtext("degree-value") or 0)
        alter = round(float(degree.findtext("degree-alter") or 0))
    except (ValueError, OverflowError):
        raise ValueError("a chord with a degree that is no number: correct the chord symbol") from None
    if kind == "subtract":
        return f"no{value}"
    if (value, alter) == (7, 1):
        return "maj7"
    sign = _SIGNS.get(alter, "?")
    return f"{sign}{value}" if sign else f"add{value}"


def harmony_of(symbol: str) -> Element:
    """Raises ValueError if `symbol` is no chord."""
    harmony = Element("harmony", {"print-frame": "no"})
    if symbol == NO_CHORD:
        _add_name(harmony, "root", "C")
        harmony[0][0].set("text", "")
        SubElement(harmony, "kind", {"text": NO_CHORD}).text = "none"
        return harmony
    chord = chord_of(symbol)
    _add_name(harmony, "root", chord.root_name)
    kind, degrees = _kind_of(chord.intervals)
    SubElement(harmony, "kind", {"text": chord.written_quality}).text = kind
    if chord.bass_name != chord.root_name:
        _add_name(harmony, "bass", chord.bass_name)
    for value, alter, type in degrees:
        degree = SubElement(harmony, "degree", {"print-object": "no"})  # the kind's text has all of it
        SubElement(degree, "degree-value").text = str(value)
        SubElement(degree, "degree-alter").text = str(alter)
        SubElement(degree, "degree-type").text = type
    return harmony


def _add_name(harmony: Element, part: str, name: str) -> None:
    element = SubElement(harmony, part)
    SubElement(element, f"{part}-step").text = name[0]
    if alter := name.count("#") - name.count("b", 1):
        SubElement(element, f"{part}-alter").text = str(alter)


@cache
def _kind_of(intervals: tuple[int, ...]) -> tuple[str, list[tuple[int, int, str]]]:
    """The kind that needs the fewest changes, and these: degree, alteration, type."""
    changes = {
        kind: _changes(set(chord_of(f"C{quality}").intervals), set(intervals)) for kind, quality in _QUALITIES.items()
    }
    return min(changes.items(), key=lambda found: len(found[1]))


def _changes(base: set[int], wanted: set[int]) -> list[tuple[int, int, str]]:
    added = [_DEGREES[interval] for interval in sorted(wanted - base)]
    lost = list(dict.fromkeys(_DEGREES[interval][0] for interval in sorted(base - wanted)))
    replaced = {degree for degree, _ in added}
    return [
        *((degree, alter, "alter" if degree in lost else "add") for degree, alter in added),
        *((degree, 0, "subtract") for degree in lost if degree not in replaced),
    ]
