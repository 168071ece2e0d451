"""The rows by which a choir is compared with real settings: how the music comes home, moves, sounds.

A chord is the set of pitch classes of the four voices, if it is a triad, a seventh chord or a part of one. Home is the
key on the bass of the last chord of the piece's own setting, in the mode that its pitches fit better. A beat is every
fourth 16th from the beginning. A phrase ends with a note of the soprano of at least 8 16ths and twice the median, or
before a rest or the end.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from statistics import median

import numpy as np

from daemon.encodings.chorale import RANGES, VOICES
from daemon.music.key_profiles import MAJOR_PROFILE, MINOR_PROFILE

from .hints import home_of
from .tunes import Frames

Chord = tuple[int, str]  # root, kind
KINDS = {
    "major": (0, 4, 7), "minor": (0, 3, 7), "diminished": (0, 3, 6), "augmented": (0, 4, 8), "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10), "maj7": (0, 4, 7, 11), "m7b5": (0, 3, 6, 10), "dim7": (0, 3, 6, 9), "no fifth": (0, 4),
    "m no fifth": (0, 3), "7 no fifth": (0, 4, 10), "open": (0, 7), "unison": (0,),
}  # fmt: skip
SETTLED = ("major", "minor", "no fifth", "m no fifth", "7", "7 no fifth", "open", "unison")
DOMINANT = ("major", "7", "7 no fifth", "no fifth")
CHORDS: dict[frozenset[int], Chord] = {}
for _kind, _intervals in KINDS.items():
    for _root in range(12):
        CHORDS.setdefault(frozenset((_root + i) % 12 for i in _intervals), (_root, _kind))
PROFILES = [(p, tonic, mode) for mode, p in enumerate((MAJOR_PROFILE, MINOR_PROFILE)) for tonic in range(12)]
WINDOW = 32  # 16ths
LONG = 8  # 16ths of a phrase's last note
BEFORE = 24  # 16ths before the end of a phrase's last note, at most, at which the chord before it is looked for
RAW = np.array([np.roll(profile, tonic) for profile, tonic, _ in PROFILES])
CENTRED = RAW - RAW.mean(1, keepdims=True)
FIT = CENTRED / np.linalg.norm(CENTRED, axis=1, keepdims=True)


def chord_of(frame: np.ndarray) -> Chord | None:
    return CHORDS.get(frozenset((frame[frame >= 0] % 12).tolist())) if frame.min() >= 0 else None


def key_of(frames: Frames) -> int | None:
    """0..11 major, 12..23 minor; None for silence."""
    counts = np.bincount(frames[frames >= 0] % 12, minlength=12)
    return int((FIT @ counts).argmax()) if counts.any() else None


def fifths_between(one: int, other: int) -> int:
    """Steps on the circle of fifths between the signatures of two keys."""
    signs = [((key + 3 if key >= 12 else key) * 7) % 12 for key in (one, other)]
    apart = abs(signs[0] - signs[1])
    return min(apart, 12 - apart)


@dataclass
class Rows:
    """Counts, each with the number of cases, by row; pooled over pieces by adding."""

    counts: Counter[str] = field(default_factory=Counter)
    cases: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)  # the last four chords, as degrees of home

    def add(self, row: str, count: float, cases: float = 1) -> None:
        self.counts[row] += count
        self.cases[row] += cases

    def share(self, row: str) -> float:
        return 100 * self.counts[row] / max(1, self.cases[row])


def count(rows: Rows, frames: Frames, own: Frames) -> None:
    """Add the counts of one piece; `own` is its real setting."""
    home = home_of(own)
    chords = [chord_of(frame) for frame in frames]
    endings(rows, frames, chords, home)
    phrase_ends(rows, frames, chords, home)
    beats(rows, frames, chords)
    voices(rows, frames)
    for first in range(0, max(1, len(frames) - WINDOW + 1), 16):
        if (key := key_of(frames[first : first + WINDOW])) is not None:
            rows.add("two-bar windows more than a fifth from home", fifths_between(key, home) > 1)


def endings(rows: Rows, frames: Frames, chords: list[Chord | None], home: int) -> None:
    """The last four chords. A chord that is none of CHORDS counts as a part of the one after it."""
    sounding = [t for t in range(len(frames)) if frames[t].max() >= 0]
    last = frames[sounding[-1]]
    degrees = {int(pitch - home) % 12 for pitch in last if pitch >= 0}
    is_home = degrees <= {0, 4, 7} or degrees <= {0, 3, 7}
    rows.add("last chord is home", is_home)
    rows.add("last chord is home, in root position", is_home and last[3] >= 0 and (last[3] - home) % 12 == 0)
    roots: list[int] = []
    for t in reversed(sounding):
        chord = chords[t]
        if chord is not None and (not roots or roots[-1] != (chord[0] - home) % 12):
            roots.append((chord[0] - home) % 12)
        if len(roots) == 4:
            break
    rows.add("chord before the last is V, vii or IV", len(roots) > 1 and roots[1] in (7, 11, 5))
    scale = {0, 2, 4, 5, 7, 9, 11} if home < 12 else {0, 2, 3, 5, 7, 8, 9, 10, 11}
    approach = frames[max(0, sounding[-1] - 27) : sounding[-1] + 1]
    pitches = approach[approach >= 0]
    rows.add(
        "notes out of the key before the end (seven beats)",
        sum((int(p) - home) % 12 not in scale for p in pitches),
        len(pitches),
    )
    rows.endings[" ".join(NAMES[root] for root in reversed(roots))] += 1


NAMES = ("I", "bII", "II", "bIII", "III", "IV", "#IV", "V", "bVI", "VI", "bVII", "VII")


def phrase_ends(rows: Rows, frames: Frames, chords: list[Chord | None], home: int) -> None:
    edges = [0, *np.flatnonzero(np.diff(frames[:, 0])) + 1, len(frames)]
    notes = [(first, last, int(frames[first, 0])) for first, last in pairwise(edges)]
    lengths = [last - first for first, last, pitch in notes if pitch >= 0]
    least = max(LONG, 2 * median(lengths)) if lengths else LONG
    for number, (first, last, pitch) in enumerate(notes):
        ends = number + 1 == len(notes) or notes[number + 1][2] < 0
        if pitch < 0 or not (last - first >= least or ends):
            continue
        found = [chord[0] for t in range(first, last) if (chord := chords[t]) is not None]
        rows.add("chord changes under the held note", len(set(found)) > 1)
        arrival = chords[last - 1]
        settled = arrival is not None and arrival[1] in SETTLED
        rows.add("phrase ends on I or V", settled and (arrival[0] - home) % 12 in (0, 7))
        rows.add("V-I, both in root position, at long notes", settled and is_cadence(frames, chords, last - 1))


def is_cadence(frames: Frames, chords: list[Chord | None], at: int) -> bool:
    """Whether the chord at 16th `at` comes from its dominant, both in root position."""
    root, before = chords[at][0], at
    while before > 0 and (chords[before] is None or chords[before][0] == root):
        before -= 1
    dominant = chords[before]
    if dominant is None or at - before > BEFORE or dominant[0] == root:
        return False
    in_root = (frames[at, 3] - root) % 12 == 0 and (frames[before, 3] - dominant[0]) % 12 == 0
    return bool((root - dominant[0]) % 12 == 5 and dominant[1] in DOMINANT and in_root)


def beats(rows: Rows, frames: Frames, chords: list[Chord | None]) -> None:
    on = [t for t in range(0, len(frames), 4) if frames[t].min() >= 0]
    for t in on:
        chord = chords[t]
        rows.add("dissonant on beats", chord is None or chord[1] == "augmented")
        rows.add("no third on beats", chord is not None and chord[1] in ("open", "unison"))
    for t in range(16, len(frames), 16):
        before, after = chords[t - 1], chords[t]
        if before is not None and after is not None:
            rows.add("same chord across a bar of 4/4", before == after)
    roots = [chords[t][0] if chords[t] is not None else -1 for t in on]
    changes = [root for number, root in enumerate(roots) if number == 0 or root != roots[number - 1]]
    rows.add("longest repeated progression, chords", 0.01 * longest_repeat(changes))


def longest_repeat(roots: list[int]) -> int:
    """Length of the longest passage that occurs twice, the two apart."""
    best, size = 0, len(roots)
    for distance in range(1, size):
        run = 0
        for place in range(size - distance):
            run = run + 1 if roots[place] == roots[place + distance] else 0
            best = max(best, min(run, distance))
    return best


def voices(rows: Rows, frames: Frames) -> None:
    full = frames[(frames >= 0).all(1)]
    for high, low in pairwise(range(len(VOICES))):
        rows.add(f"guard: {VOICES[high]} below {VOICES[low]}", int((full[:, high] < full[:, low]).sum()), len(full))
    wide = (full[:, 0] - full[:, 1] > 12) | (full[:, 1] - full[:, 2] > 12)
    rows.add("guard: upper voices more than an octave apart", int(wide.sum()), len(full))
    for voice, name in enumerate(VOICES[1:], 1):
        low, high = RANGES[name]
        rows.add("guard: out of range", int(((full[:, voice] < low) | (full[:, voice] > high)).sum()), len(full))
    both = (frames[:-1] >= 0).all(1) & (frames[1:] >= 0).all(1)
    before, after = frames[:-1][both], frames[1:][both]
    moves = after - before
    for voice in range(1, 4):
        kind = "alto and tenor" if voice < 3 else "bass"
        rows.add(f"{kind} move, in 100 16ths", int((moves[:, voice] != 0).sum()), len(moves))
    for high, low in combinations(range(len(VOICES)), 2):
        together = moves[:, high] * moves[:, low] > 0
        start, end = ((each[:, high] - each[:, low]) % 12 for each in (before, after))
        for interval, name in ((7, "fifths"), (0, "octaves")):
            found = together & (start == interval) & (end == interval)
            rows.add(
                f"guard: parallel {name}, in 100 16ths", int(found.sum()), len(moves) if (high, low) == (0, 1) else 0
            )
