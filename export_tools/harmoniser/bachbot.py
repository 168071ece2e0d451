"""BachBot's own configuration (Liang et al., ISMIR 2017) on our chorales: the baseline of the model card; not shipped.

    python -m export_tools.harmoniser.prepare BACH_FOLDER valid.npz --part valid
    python -m export_tools.harmoniser.bachbot chorales.npz valid.npz [--epochs 30]

Pieces are transposed to C major or A minor. A frame is an optional fermata token, a token (pitch, tied or not) for each
sounding voice from the top, and a delimiter; a piece is enclosed in START and END. 3 x LSTM 256 on embeddings of 32,
dropout 0.3, batch norm, 50 rows of 128 tokens, Adam 2e-3 halved every five epochs, gradients clipped at 5. Not as in
the original: all metres; four voices also in unison. Prints one JSON object: nats per token, and their sum per note,
rests included, an upper bound of the benchmark's figure.

This module has a training loop of its own, because that of export_tools/common/trainer.py gives other results: it clips
the norm of the gradient, not each value, and validates averaged weights, among which the running means and variances of
batch norm are not updated. The baseline keeps no checkpoint either.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import clip_grad_value_
from tqdm import tqdm

from daemon.music.key_profiles import MAJOR_PROFILE, MINOR_PROFILE
from export_tools.common import command
from export_tools.common.files import BadFile, read_arrays, using

START, END, DELIMITER, FERMATA_TOKEN = range(4)
FIRST_PITCH_TOKEN = 4
LOWEST_PITCH, PITCHES = 33, 52  # 52 pitches, tied or not, and 4: 108 tokens
TOKENS = FIRST_PITCH_TOKEN + 2 * PITCHES
BATCH_ROWS, BATCH_LENGTH = 50, 128  # length in tokens


def to_c_or_a(midi: np.ndarray) -> int:
    """Semitones, −6..5, that transpose a piece (frames, 4) to C major or A minor (Krumhansl and Kessler 1982)."""
    histogram = np.bincount(midi[midi >= 0] % 12, minlength=12)
    fits = [
        [np.corrcoef(histogram, np.roll(profile, tonic))[0, 1] for tonic in range(12)]
        for profile in (MAJOR_PROFILE, MINOR_PROFILE)
    ]
    mode, tonic = np.unravel_index(np.argmax(fits), (2, 12))
    return int((12 - tonic + (9 if mode else 0) + 6) % 12 - 6)


def tokens(midi: np.ndarray, held: np.ndarray, fermata: np.ndarray) -> list[int]:
    """A piece as tokens of BachBot."""
    shift = to_c_or_a(midi)
    encoded = [START]
    for frame, ties, has_fermata in zip(midi, held, fermata, strict=True):
        encoded += [FERMATA_TOKEN] * bool(has_fermata)
        for pitch, tied in zip(frame, ties, strict=True):
            if pitch >= 0:
                number = int(np.clip(pitch + shift - LOWEST_PITCH, 0, PITCHES - 1))
                encoded.append(FIRST_PITCH_TOKEN + 2 * number + bool(tied))
        encoded.append(DELIMITER)
    return [*encoded, END]


def read(path: Path) -> tuple[list[list[int]], int]:
    """The pieces of prepare.py, without those with repeats played, as tokens; and their number of notes, frames x 4."""
    with using(path, "prepare.py"):
        data = read_arrays(path)
        names = sorted({name.rsplit("/", 1)[0] for name in data if "+repeats" not in name})
        if not names:
            raise BadFile(f"{path}: holds no chorales: make it again with prepare.py")
        pieces = [tokens(*(data[f"{name}/{key}"].astype(int) for key in ("midi", "held", "fermata"))) for name in names]
        return pieces, sum(data[f"{name}/midi"].size for name in names)


class BachBotNet(nn.Module):
    """3 x LSTM 256 with batch norm."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, 32)
        self.lstms = nn.ModuleList(nn.LSTM(32 if i == 0 else 256, 256, batch_first=True) for i in range(3))
        self.norms = nn.ModuleList(nn.BatchNorm1d(256) for _ in range(3))
        self.dropout = nn.Dropout(0.3)
        self.out = nn.Linear(256, TOKENS)

    def forward(self, x: Tensor, states: list | None = None) -> tuple[Tensor, list]:
        """(rows, time) → logits (rows, time, tokens), states for the next tokens."""
        y, following = self.embedding(x), []
        for i, (lstm, norm) in enumerate(zip(self.lstms, self.norms, strict=True)):
            y, state = lstm(y, states[i] if states else None)
            following.append(tuple(s.detach() for s in state))
            y = self.dropout(norm(y.flatten(0, 1)).view_as(y))
        return self.out(y), following


@torch.no_grad()
def validate(model: BachBotNet, pieces: list[list[int]]) -> float:
    """Sum of the nats of all tokens except START, with a zero state at the start of each piece."""
    model.eval()
    total = 0.0
    for piece in pieces:
        x = torch.tensor(piece)
        total += functional.cross_entropy(model(x[None, :-1])[0][0], x[1:], reduction="sum").item()
    model.train()
    return total


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("chorales", type=Path, help=".npz of prepare.py")
    parser.add_argument("valid", type=Path, help=".npz of prepare.py --part valid")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    train, (valid, notes) = read(args.chorales)[0], read(args.valid)
    count = sum(len(piece) - 1 for piece in valid)
    model = BachBotNet()
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    halving = torch.optim.lr_scheduler.StepLR(optimiser, step_size=5, gamma=0.5)
    began, best = time.perf_counter(), {"nats_per_token": float("inf")}
    for epoch in tqdm(range(1, args.epochs + 1), mininterval=10):
        stream = np.concatenate([train[i] for i in rng.permutation(len(train))])
        rows = torch.from_numpy(stream[: len(stream) // BATCH_ROWS * BATCH_ROWS].reshape(BATCH_ROWS, -1))
        states = None
        for first in range(0, rows.shape[1] - 1, BATCH_LENGTH):
            x, y = rows[:, first : first + BATCH_LENGTH], rows[:, first + 1 : first + 1 + BATCH_LENGTH]
            logits, states = model(x[:, : y.shape[1]], states)
            optimiser.zero_grad()
            functional.cross_entropy(logits.flatten(0, 1), y.flatten()).backward()
            clip_grad_value_(model.parameters(), 5)
            optimiser.step()
        halving.step()
        nats = validate(model, valid)
        if nats / count < best["nats_per_token"]:
            minutes = round((time.perf_counter() - began) / 60, 1)
            best = {"nats_per_token": round(nats / count, 4), "nats_per_note": round(nats / notes, 4), "epoch": epoch}
            best |= {
                "minutes": minutes,
                "tokens": count,
                "notes": notes,
                "pieces": len(valid),
                "trained_on": len(train),
            }
        tqdm.write(f"epoch {epoch}: {nats / count:.4f} nats per token, {nats / notes:.4f} per note")
    print(json.dumps(best))


if __name__ == "__main__":
    sys.exit(command.exit_code(main))
