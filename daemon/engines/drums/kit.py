"""The drum kit: its pieces, their MIDI notes, and the hits that a drummer with two hands and two feet can play."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.drums.hits import COUNT, INSTRUMENTS, TICKS
from daemon.engines.drums.options import SILENT, DrumsOptions

Ints = NDArray[np.int64]

UNREACHABLE_TICK = 1 << 40  # ticks
LONG_AGO = -(1 << 40)


@dataclass(frozen=True, slots=True)
class Piece:
    """`name`: of the option with its MIDI note; `notes`: MIDI notes of the model's instruments that are played on it.

    Two hits of a piece are at least `apart` seconds apart; each sounds for `beats`.
    """

    name: str
    voice: str
    notes: tuple[int, ...]
    apart: float = 0.055
    beats: float = 0.1


PIECES = (
    Piece("kick", "kick", (36,), apart=0.085),
    Piece("snare", "snare", (38, 40)),
    Piece("side_stick", "snare", (37,)),
    Piece("closed_hat", "hihat", (42,)),
    Piece("pedal_hat", "hihat", (44,), apart=0.12),
    Piece("open_hat", "hihat", (46,), apart=0.1, beats=1.0),
    Piece("low_tom", "toms", (41, 43)),
    Piece("mid_tom", "toms", (45, 47)),
    Piece("high_tom", "toms", (48, 50)),
    Piece("crash", "cymbals", (49, 52), apart=0.2, beats=1.0),
    Piece("ride", "cymbals", (51,), beats=0.5),
    Piece("bell", "cymbals", (53,), beats=0.5),
)
KIT_VOICES = tuple(dict.fromkeys(piece.voice for piece in PIECES))
PIECE_OF = tuple(next(n for n, piece in enumerate(PIECES) if note in piece.notes) for note in INSTRUMENTS)
KICK, PEDAL_HAT, OPEN_HAT, CRASH = (INSTRUMENTS.index(note) for note in (36, 44, 46, 49))
HATS = frozenset(n for n, piece in enumerate(PIECE_OF) if PIECES[piece].voice == "hihat")

_BY_FOOT = frozenset((KICK, PEDAL_HAT))
_BY_HAND: Ints = np.array([number for number in range(COUNT) if number not in _BY_FOOT])
_HIHAT: Ints = np.array(sorted(HATS))
_CLOSED_HAT, _HAT_PIECES = 3, slice(3, 6)  # in PIECES
_APART = np.array([piece.apart for piece in PIECES])
_PIECES: Ints = np.array(PIECE_OF)
HANDS = 2
TOGETHER = 0.025  # seconds: hits less than this apart are struck by different hands
LONGEST_APART = 100  # ticks: at any tempo, every piece may be struck once in a 16th
HIHAT_APART = 60  # ticks between two hits of the hi-hat, open or closed; fewer at slow tempi


class Kit:
    """The MIDI notes of the pieces, from the options that are named like them."""

    def __init__(self, options: DrumsOptions) -> None:
        self._notes: list[float] = [getattr(options, piece.name) for piece in PIECES]

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Options that give a piece no MIDI note, or every piece none: (name, problem and remedy)."""
        for piece, note in zip(PIECES, self._notes, strict=True):
            if note != SILENT and note not in range(128):
                yield piece.name, f"{note:g} is not a MIDI note: choose 0 to 127, or -1 for none"
        if set(self._notes) == {SILENT}:
            yield PIECES[0].name, "every piece of the kit is -1: give one a MIDI note, or remove the player"

    def note(self, instrument: int) -> int | None:
        """The MIDI note of an instrument of the model, None if the instrument is not played."""
        note = int(self._notes[PIECE_OF[instrument]])
        return None if note == SILENT else note

    @property
    def silent(self) -> Ints:
        """The instruments that are not played."""
        return np.flatnonzero(np.array(self._notes)[_PIECES] == SILENT)


class PlayableHits:
    """The earliest next hit of each instrument: a piece needs time before it is struck again, and two hands strike two
    pieces at once at most.

    Ticks are those at which hits sound, after swing.
    """

    def __init__(self, silent: Ints) -> None:
        self._silent = silent
        self._struck: Ints = np.full(len(PIECES), LONG_AGO, dtype=np.int64)  # ticks of the last hits, by piece
        self._by_hand = [LONG_AGO] * HANDS  # ticks of the last hits by hand, in order
        self._set_tempo(120.0)

    def copy(self, shift: int = 0) -> PlayableHits:
        """A copy with all ticks `shift` later."""
        other = PlayableHits(self._silent)
        other._struck, other._by_hand = self._struck + shift, [tick + shift for tick in self._by_hand]
        return other

    def strike(self, tick: int, instrument: int) -> None:
        """Take a hit into account."""
        self._struck[PIECE_OF[instrument]] = tick
        if instrument not in _BY_FOOT:
            self._by_hand = [*self._by_hand[1:], tick]

    def earliest(self, tempo: float) -> Ints:
        """(17,): the tick from which each instrument may be struck, at `tempo` beats per minute."""
        if tempo != self._tempo:
            self._set_tempo(tempo)
        earliest: Ints = (self._struck + self._apart)[_PIECES]
        last_hat = max(self._struck[_HAT_PIECES].tolist())
        earliest[_HIHAT] = np.maximum(earliest[_HIHAT], last_hat + self._hihat)
        earliest[_BY_HAND] = np.maximum(earliest[_BY_HAND], self._by_hand[0] + self._together)
        earliest[self._silent] = UNREACHABLE_TICK
        return earliest

    def _set_tempo(self, tempo: float) -> None:
        """Convert the times between hits from seconds to ticks."""
        self._tempo, per_second = tempo, tempo / 60 * TICKS
        self._apart: Ints = np.minimum(np.ceil(_APART * per_second), LONGEST_APART).astype(np.int64)
        self._hihat = min(HIHAT_APART, int(self._apart[_CLOSED_HAT]))
        self._together = min(int(TOGETHER * per_second) + 1, LONGEST_APART)

    def allows(self, tick: int, instrument: int, tempo: float) -> bool:
        """Whether `instrument` may be struck at `tick`."""
        return bool(self.earliest(tempo)[instrument] <= tick)
