"""Pitches as degrees of a key, and the key of what was heard: so that all keys share what the net learns about one.

A degree class is the number of semitones from the tonic, 0..11 in a major key, 12..23 in a minor key; 24: no pitch, or
no key. The key of what was heard is the one whose profile fits its pitch classes best (Krumhansl and Kessler 1982).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from daemon.encodings.chorale import KEY_UNKNOWN, KEYS, LOWEST, REST, UNKNOWN
from daemon.music.key_profiles import MAJOR_PROFILE, MINOR_PROFILE

DEGREES = KEYS + 1  # classes
RECENT = 0.95  # share of the weight of what was heard that a 16th leaves: half of it after 13 16ths


def degree_table() -> Tensor:
    """(25, 48): the degree class of each input symbol in each key, KEY_UNKNOWN among them."""
    key, symbol = torch.arange(DEGREES)[:, None], torch.arange(UNKNOWN + 1)
    degree = (symbol + LOWEST - key) % 12 + 12 * (key >= 12)
    return torch.where((symbol < REST) & (key < KEYS), degree, KEYS)


def profiles() -> Tensor:
    """(12, 24): the fit of each pitch class in each key, without its mean, in units of its deviation."""
    rows = [np.roll(profile, tonic) for profile in (MAJOR_PROFILE, MINOR_PROFILE) for tonic in range(12)]
    centred = np.array(rows) - np.mean(rows, axis=1, keepdims=True)
    return torch.from_numpy((centred / np.linalg.norm(centred, axis=1, keepdims=True)).T.astype(np.float32))


class Degrees(nn.Module):
    """Degrees of symbols in a key, and keys of pitch classes."""

    def __init__(self):
        super().__init__()
        symbols = torch.arange(UNKNOWN + 1)
        one_hot = functional.one_hot((symbols + LOWEST) % 12, 12).float() * (symbols < REST)[:, None]
        constants = {"table": degree_table(), "profiles": profiles(), "pitch_classes": one_hot}
        for name, constant in constants.items():
            self.register_buffer(name, constant, persistent=False)

    def of(self, symbols: Tensor, key: Tensor) -> Tensor:
        """(..., n), (...) → degree classes (..., n)."""
        return self.table.flatten()[key[..., None] * (UNKNOWN + 1) + symbols]

    def counts(self, frame: Tensor) -> Tensor:
        """(..., 4) → how many voices sing each pitch class (..., 12)."""
        return functional.embedding(frame, self.pitch_classes).sum(-2)

    def key(self, counts: Tensor) -> Tensor:
        """(..., 12) → key (...); KEY_UNKNOWN before the first pitch."""
        best = (counts @ self.profiles).argmax(-1)
        return torch.where(counts.sum(-1) > 0, best, KEY_UNKNOWN)

    def heard(self, frame: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (batch, time, 4) → key of all that was heard so far, and of what was heard last: (batch, time)."""
        counts, time = self.counts(frame), torch.arange(frame.shape[1], device=frame.device)
        distance = time[:, None] - time
        weights = torch.where(distance >= 0, RECENT ** distance.clamp(min=0).float(), 0.0)
        return self.key(counts.cumsum(1)), self.key(weights @ counts)
