"""Chord symbols of lead sheets, as they are written there: Dm7, F♯ø7, B♭Δ, G7/B, C13(♯11), D7alt, Esus."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache

from daemon.music.leadsheet import Key
from daemon.music.spelling import fifths_of, name_at, name_in_key, pitch_class_of

NO_CHORD = "N.C."  # the symbol of bars without harmony
LONGEST_SYMBOL = 40  # characters
_SYMBOL = re.compile(r"([A-G])(##?|bb?)?(.*?)(?:/([A-G])(##?|bb?)?)?")
_SIGNS = str.maketrans({"♯": "#", "♭": "b", "−": "-", "–": "-", "º": "°", "∆": "Δ", "△": "Δ", "Ø": "ø", "∅": "ø"})

# A quality is a triad, an extension and changes: m 7 b5, or dim, or "" 13 #11 (ISO names of degrees: 9 is the ninth).
_TRIADS = {"": (0, 4, 7), "maj": (0, 4, 7), "m": (0, 3, 7), "dim": (0, 3, 6), "aug": (0, 4, 8), "ø": (0, 3, 6)}
_QUALITY = re.compile(r"(maj|m(?!aj)|dim|aug|ø)?(?: *(6 ?9|6|7|9|11|13)(?!\d))?(.*)")
_CHANGE = re.compile(r" *(?:(sus(?:24|42|[24])?)|(maj)(7|9|11|13)?|(alt)|(add|no|omit)?([b#]?)(\d\d?)) *")
_SEMITONES = {2: 14, 4: 17, 5: 7, 6: 9, 7: 10, 9: 14, 11: 17, 13: 21}  # of a degree above the root; the 3rd is apart
_WITHOUT = {"3": {3, 4}, "5": {6, 7, 8}, "7": {10, 11}, "9": {13, 14, 15}, "11": {17, 18}, "13": {20, 21}}
# Spellings of the head of a quality, in this order, and of its changes.
_HEADS = (
    (r"^(?:dom)", ""),
    (r"^(?:Δ|\^|j)(?!\d)", "maj7"),
    (r"^(?:Δ|\^|j|MAJ|Maj|MA|Ma(?!dd)|ma(?!j|dd)|M(?![iI]))", "maj"),
    (r"^(?:-(?!5)|MIN|Min|min|MI|Mi|mi)", "m"),
    (r"^(?:°|o(?!mit))", "dim"),
    (r"^\+(?=5)", "#"),
    (r"^\+", "aug"),
    (r"^h", "ø"),
    (r"^([24])$", r"add\1"),
    (r"^5$", "no3"),
    (r"^sus(7|9|11|13)", r"\1sus"),
    (r"^(?:sus[4]? ?b ?9)", "7sus b9"),
    (r"^alt", "7alt"),
)
_CHANGES = (
    (r"6/9", "69"),
    (r"/(?=maj)", " "),
    (r"/?(?:Δ|\^|Maj|MAJ|Ma|MA|M)(?:7)?(?!\d)", " maj7 "),
    (r"/?(?:Maj|MAJ|Ma|MA|M|Δ)(?=\d)", " maj"),
    (r"(7|9|11|13) *(?:aug|\+)(?!\d)", r"\1 #5 "),
    (r"\+(?=\d)", " #"),
    (r"-(?=\d)", " b"),
)
# What may be meant by an unknown symbol, and the names of qualities.
_NAMES = (
    *("", "m", "dim", "aug", "5", "sus4", "sus2", "6", "m6", "69", "m69", "7", "maj7", "m7", "mM7", "dim7", "m7b5"),
    *("7#5", "maj7#5", "dimM7", "9", "maj9", "m9", "mM9", "m9b5", "11", "m11", "maj11", "13", "m13", "maj13"),
    *("7sus4", "7sus2", "9sus4", "13sus4", "7sus4b9", "13sus4b9", "add9", "madd9", "add11", "madd11", "m7add11"),
    *("7b5", "7b9", "7#9", "7#11", "7b13", "7b5b9", "7b5#9", "7#5b9", "7#5#9", "7alt", "7b9#9", "7b9#11", "7#9#11"),
    *("7b9b13", "7#9b13", "9b5", "9#5", "9#11", "9b13", "13b9", "13#9", "13#11", "13b9#11", "maj7b5", "maj7#11"),
    *("maj9#11", "maj13#11", "maj7#9", "maj7add13", "7add13", "m7b9", "m#5", "m7#5", "m7b5add11", "m11b5", "mb6"),
    *("(b5)", "6b5", "6#11", "no5", "mno5", "sus4add9", "sus24", "maj7sus4", "7no5", "7no3"),
)


@dataclass(frozen=True, slots=True)
class Chord:
    """`root` and `bass` are pitch classes; `intervals`: semitones above the root, ascending from 0; a ninth is 14."""

    symbol: str
    root: int
    bass: int
    intervals: tuple[int, ...]

    @property
    def pitch_classes(self) -> frozenset[int]:
        """Of the chord and its bass."""
        return frozenset({(self.root + interval) % 12 for interval in self.intervals} | {self.bass})

    @property
    def root_name(self) -> str:
        """As written: F#, Gb."""
        return _parts(self.symbol)[0]

    @property
    def bass_name(self) -> str:
        """As written; that of the root, if none is written."""
        root, _, bass = _parts(self.symbol)
        return bass or root

    @property
    def written_quality(self) -> str:
        """As written: m7, -7, mi7."""
        return _parts(self.symbol)[1]

    @property
    def quality(self) -> str:
        """The same name for all spellings: m7b5, 7b9, "" for major. With a root it is a chord symbol."""
        name = _names().get(self.intervals)
        return self.written_quality if name is None else name


@lru_cache(maxsize=4096)
def chord_of(symbol: str) -> Chord:
    """Raises ValueError, naming the nearest known symbol, if `symbol` is no chord. NO_CHORD is none."""
    if len(symbol) > LONGEST_SYMBOL:
        raise ValueError(f"{symbol[:LONGEST_SYMBOL]!r}… is no chord: write at most {LONGEST_SYMBOL} characters")
    try:
        root, quality, bass = _parts(symbol)
    except ValueError:
        raise ValueError(
            f"{symbol!r} is no chord: write a root from A to G first, as in {_with_root(symbol)!r}"
        ) from None
    if (intervals := _intervals(quality)) is None:
        raise ValueError(f"{symbol!r} is no known chord: did you mean {_nearest(root, quality, bass)!r}?")
    return Chord(symbol, pitch_class_of(root), pitch_class_of(bass or root), intervals)


def symbol_in_key(root: int, quality: str, key: Key) -> str:
    """The symbol of the chord on a pitch class, spelled as in `key`."""
    return name_in_key(root, key, quality.startswith("dim")) + quality


def chord_named(symbol: str) -> Chord | None:
    """None if `symbol` is no chord."""
    try:
        return None if symbol == NO_CHORD else chord_of(symbol)
    except ValueError:
        return None


def transposed_symbol(symbol: str, semitones: int, key: Key) -> str:
    """The symbol in music that is `semitones` higher, and then in `key`. It keeps its place in the key: F#dim7 of C is
    Gdim7 in Db. The quality keeps its spelling. Raises ValueError."""
    if symbol == NO_CHORD or not semitones:
        return symbol
    chord_of(symbol)
    root, quality, bass = _parts(symbol)
    fifths = key.fifths - Key((key.tonic - semitones) % 12, key.mode).fifths
    over = f"/{name_at(fifths_of(bass) + fifths)}" if bass else ""
    return name_at(fifths_of(root) + fifths) + quality + over


def _parts(symbol: str) -> tuple[str, str, str]:
    """Name of the root, quality, and name of the bass or "". Raises ValueError."""
    if (found := _SYMBOL.fullmatch(symbol.translate(_SIGNS))) is None:
        raise ValueError(symbol)
    letter, sign, quality, bass, bass_sign = found.groups()
    return letter + (sign or ""), quality.strip(), (bass or "") + (bass_sign or "")


def _with_root(symbol: str) -> str:
    """A chord that may be meant by a symbol without a root: dm7 → Dm7, H7 → B7."""
    near = re.sub("^[hH]", "B", symbol)
    near = near[:1].upper() + near[1:]
    try:
        return chord_of(near).symbol if _SYMBOL.fullmatch(near.translate(_SIGNS)) else "Bb7"
    except ValueError:
        return "Bb7"


def _nearest(root: str, quality: str, bass: str) -> str:
    near = get_close_matches(_normalised(quality).replace(" ", ""), _NAMES, 1, 0.0) or [""]
    return root + near[0] + (f"/{bass}" if bass else "")


def _normalised(quality: str) -> str:
    quality = re.sub(r"[(),]", " ", quality).strip()
    for pattern, replacement in (*_HEADS, *_CHANGES):
        quality = re.sub(pattern, replacement, quality)
    return quality


@lru_cache(maxsize=1024)
def _intervals(quality: str) -> tuple[int, ...] | None:
    """Semitones above the root; None if the quality is unknown."""
    found = _QUALITY.fullmatch(_normalised(quality))
    assert found is not None  # its last group takes anything
    triad, extension, changes = found[1] or "", (found[2] or "").replace(" ", ""), found[3]
    tones = {*_TRIADS[triad], *_extension(triad, extension)}
    at = 0
    while at < len(changes):
        if (change := _CHANGE.match(changes, at)) is None or not _apply(change, tones):
            return None
        at = change.end()
    return tuple(sorted(tones))


def _extension(triad: str, extension: str) -> set[int]:
    """The tones that a number after the triad adds: 9 is a seventh and a ninth."""
    if extension.startswith("6"):
        return {9, 14} if extension == "69" else {9}
    if not extension:
        return {10} if triad == "ø" else set()
    seventh = {"maj": 11, "dim": 9}.get(triad, 10)
    return {seventh, *(_SEMITONES[degree] for degree in (9, 11, 13) if degree <= int(extension))}


def _apply(change: re.Match[str], tones: set[int]) -> bool:
    """Change `tones`. Returns whether that is possible."""
    sus, major, upto, altered, verb, sign, number = change.groups()
    if sus:
        tones -= {3, 4}
        tones |= {5 if digit == "4" else 2 for digit in sus[3:] or "4"}
    elif major:
        tones.discard(10)
        tones |= _extension("maj", upto or "7")
    elif altered:
        tones.discard(7)
        tones |= {8, 10, 13, 15}
    elif verb in ("no", "omit"):
        tones -= _WITHOUT.get(number, set())
        return number in _WITHOUT
    else:
        return _alter(int(number), {"b": -1, "#": 1, "": 0}[sign], verb is not None, tones)
    return True


def _alter(degree: int, by: int, is_added: bool, tones: set[int]) -> bool:
    """Add a degree, or an altered one in the place of the natural one."""
    if degree not in _SEMITONES or (degree == 7 and (by or not is_added)):
        return False
    natural = _SEMITONES[degree]
    if by and not (degree == 6 or is_added):
        tones.discard(natural)
    tones.add(natural + by)
    return True


@cache
def _names() -> dict[tuple[int, ...], str]:
    """Names of qualities by their intervals."""
    found: dict[tuple[int, ...], str] = {}
    for name in _NAMES:
        intervals = _intervals(name)
        assert intervals is not None, name
        found.setdefault(intervals, name)
    return found
