"""The hints (daemon.encodings.chorale.Hints) of a whole piece, and those that are shown of them in one epoch."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from daemon.encodings.chorale import Hints, coming_notes, distances_to, no_hints
from daemon.music.key_profiles import MAJOR_PROFILE, MINOR_PROFILE

ALL_HIDDEN, ONE_HIDDEN = 0.35, 0.3  # share of the views without any hint; of the others, without each of the hints
View = dict[str, np.ndarray]  # hints by name


def home_of(midi: np.ndarray) -> int:
    """The key of a piece (frames, 4): on the bass of its last chord, with the mode that its pitches fit better."""
    tonic = int(midi[midi[:, 3] >= 0][-1, 3]) % 12
    counts = np.bincount(midi[midi >= 0] % 12, minlength=12)
    major, minor = (np.corrcoef(counts, np.roll(p, tonic))[0, 1] for p in (MAJOR_PROFILE, MINOR_PROFILE))
    return tonic + 12 * bool(minor > major)


def transposed(home: int, semitones: int) -> int:
    """A key, some semitones higher."""
    return (home + semitones) % 12 + home // 12 * 12


def hints_of(symbols: np.ndarray, held: np.ndarray, fermata: np.ndarray, home: int) -> Hints:
    """All hints of a piece (frames, 4). A phrase ends with the chord under a fermata, or else with the piece."""
    under = fermata.astype(bool)
    last = np.zeros(len(symbols), dtype=bool)
    last[np.flatnonzero(np.diff(symbols[:, 0], prepend=-1))[-1] :] = True
    phrase, piece = distances_to(under | last if under.any() else last), distances_to(last)
    hints = no_hints(len(symbols))
    coming, coming_in = coming_notes(symbols[:, 0], ~held[:, 0].astype(bool))
    if not under.any():
        phrase = hints.ends[:, 0]
    return Hints(fermata.astype(np.int64), np.full(len(symbols), home), np.stack([phrase, piece], 1), coming, coming_in)


def hidden(frames: int) -> View:
    """No hints."""
    return asdict(no_hints(frames))


def hide(hints: Hints, rng: np.random.Generator, hides_fermata: bool) -> View:
    """Some of the hints, chosen at random."""
    shown, none = asdict(hints), hidden(len(hints.home))
    names = ["fermata"] if hides_fermata or rng.random() < ONE_HIDDEN else []
    if rng.random() < ALL_HIDDEN:
        return none | {name: shown[name] for name in shown if name == "fermata" and not names}
    unknown = rng.random(4) < ONE_HIDDEN
    shown["ends"] = np.where(unknown[1:3], none["ends"], shown["ends"])
    names += ["home"] * bool(unknown[0]) + ["coming", "coming_in"] * bool(unknown[3])
    return shown | {name: none[name] for name in names}
