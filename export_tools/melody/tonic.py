"""Fit the weights by which the soloist finds the tonic of a call, and comes home to it: TONIC_WEIGHTS and APPROACHES of
daemon/engines/melody/key.py.

    python -m export_tools.melody.tonic DIR_OF_MIDI_FILES tunes.valid.txt

The tonic of a tune is its last note; a call is its first two, or first four, bars. The probability of a tonic is the
softmax, over the 12 pitch classes, of logsumexp over MODES of weights * x; x holds, in semitones above the pitch
class, the square roots of the shares of the time, the first and the last note. An approach is log P(tonic | x)
- log P(tonic), of the note that begins on a beat and lasts a beat, where x is the pitch class, in semitones above the
tonic, that sounds one or two, or three or four, 16ths before. Prints both, from the tunes that are not listed in the
second file, and the share of calls of the listed ones whose tonic is found.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from daemon.encodings.melody.events import STEPS_PER_BEAT
from daemon.music.melody import Note
from export_tools.common import command

from .answers import calls
from .checks import notes_from
from .evaluate import collect
from .tunes import Tune

MODES = 2
STEPS, RATE, DECAY = 400, 0.05, 2e-4
BARS = (2, 4)
PRIOR = 10  # occurrences, with the mean ratio, that are added to the counts of a pitch class


def view(call: Sequence[Note]) -> np.ndarray:
    """(12, 36): the square roots of the shares of the time, the first and the last note, from each pitch class on."""
    time, first, last = np.zeros((3, 12))
    for note in call:
        time[note.pitch % 12] += note.duration
    first[call[0].pitch % 12] = last[call[-1].pitch % 12] = 1.0
    rows = np.sqrt(time / time.sum()), first, last
    return np.array([np.concatenate([np.roll(row, -tonic) for row in rows]) for tonic in range(12)])


def examples(tunes: Iterable[Tune], bars: int) -> tuple[Tensor, Tensor]:
    """Views (calls, 12, 36) and tonics (calls,) of the tunes that are long enough."""
    views, tonics = [], []
    for tune in tunes:
        for _, call, _ in calls([tune], bars):
            views.append(view(call))
            tonics.append(notes_from(tune.events)[-1].pitch % 12)
    return torch.tensor(np.array(views), dtype=torch.float32), torch.tensor(tonics)


def scores(weights: Tensor, views: Tensor) -> Tensor:
    """(calls, 12)."""
    return torch.logsumexp(views @ weights.T, dim=2)


def fit(views: Tensor, tonics: Tensor) -> Tensor:
    """(MODES, 36)."""
    torch.manual_seed(0)
    weights = (0.05 * torch.randn(MODES, views.shape[2])).requires_grad_()
    optimiser = torch.optim.Adam([weights], RATE)
    for _ in range(STEPS):
        optimiser.zero_grad()
        (cross_entropy(scores(weights, views), tonics) + DECAY * (weights**2).sum()).backward()
        optimiser.step()
    return weights.detach()


def approaches(tunes: Iterable[Tune]) -> np.ndarray:
    """(2, 12): nats, one or two 16ths and three or four 16ths before."""
    tonics, all_notes = np.zeros((2, 2, 12))
    for tune in tunes:
        notes = notes_from(tune.events)
        tonic = notes[-1].pitch % 12
        sounding = np.full(len(tune.events), -1)
        for note in notes:
            sounding[round(note.onset * STEPS_PER_BEAT) :][: round(note.duration * STEPS_PER_BEAT)] = note.pitch
        for note in notes:
            if note.onset % 1 == 0 and note.duration == 1:
                for left in range(1, STEPS_PER_BEAT + 1):
                    before = sounding[round(note.onset * STEPS_PER_BEAT) - left] if note.onset else -1
                    if before >= 0:
                        place = (left - 1) // 2, (before - tonic) % 12
                        all_notes[place] += 1
                        tonics[place] += note.pitch % 12 == tonic
    mean = tonics.sum(axis=1, keepdims=True) / all_notes.sum(axis=1, keepdims=True)
    return np.log((tonics + PRIOR * mean) / (all_notes + PRIOR) / mean)


def report(args: argparse.Namespace) -> int:
    listed = collect(args.folder, args.listed)[0]
    kept_out = set(listed)
    others = [tune for tune in collect(args.folder, None)[0] if tune not in kept_out]
    parts = [examples(others, bars) for bars in BARS]
    weights = fit(torch.cat([views for views, _ in parts]), torch.cat([tonics for _, tonics in parts]))
    for mode in weights.reshape(MODES, 3, 12).tolist():
        print(*(f"({', '.join(f'{value:.1f}' for value in row)})," for row in mode), "", sep="\n")
    for row in approaches(others):
        print(f"({', '.join(f'{value:.2f}' for value in row)}),")
    for bars in BARS:
        views, tonics = examples(listed, bars)
        found = scores(weights, views).argmax(dim=1) == tonics
        print(f"{bars} bars: {found.float().mean():.3f} of {len(tonics)} tonics found")
    return 0


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR_OF_MIDI_FILES")
    parser.add_argument("listed", type=Path, metavar="tunes.valid.txt", help="files to measure on, one per line")
    args = parser.parse_args()
    sys.exit(command.exit_code(lambda: report(args)))


if __name__ == "__main__":
    main()
