"""BachBot's own configuration (Liang et al., ISMIR 2017) on our chorales: the baseline in the model card, not shipped.

    python -m export_tools.harmoniser.prepare BACH_FOLDER valid.npz --part valid
    python -m export_tools.harmoniser.bachbot chorales.npz valid.npz [--epochs 30]

Pieces are moved to C major or A minor. A frame is an optional fermata token, a token (pitch, tied or not) per
sounding voice from the top, and a delimiter; a piece stands between START and END. 3 x LSTM 256 on embeddings of 32,
dropout 0.3, batch-norm, 50 rows of 128 tokens, Adam 2e-3 halved every five epochs, gradients clipped at 5. Not as in
the original: all metres, four voices also in unison. Prints one JSON object: nats per token, and their sum per note,
rests included, an upper bound of the benchmark's figure. The loop is not that of export_tools/common/trainer.py: it
clips values, averages no weights, and keeps no checkpoint.
"""

import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import clip_grad_value_
from tqdm import tqdm

from export_tools.common import command

START, END, DELIMITER, FERMATA = range(4)
LOWEST, PITCHES = 33, 52  # 52 pitches, tied or not, and 4: 108 tokens
TOKENS = 4 + 2 * PITCHES
ROWS, LENGTH = 50, 128
# Krumhansl and Kessler 1982: how well the twelve degrees fit a major and a minor key
MAJOR = [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88]
MINOR = [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17]


def to_c_or_a(midi: np.ndarray) -> int:
    """Semitones, −6..5, that move a piece (frames, 4) to C major or A minor."""
    histogram = np.bincount(midi[midi >= 0] % 12, minlength=12)
    fits = [[np.corrcoef(histogram, np.roll(profile, k))[0, 1] for k in range(12)] for profile in (MAJOR, MINOR)]
    mode, tonic = np.unravel_index(np.argmax(fits), (2, 12))
    return int((12 - tonic + (9 if mode else 0) + 6) % 12 - 6)


def tokens(midi: np.ndarray, held: np.ndarray, fermata: np.ndarray) -> list[int]:
    """A piece as tokens of BachBot."""
    shift = to_c_or_a(midi)
    written = [START]
    for frame, ties, pause in zip(midi, held, fermata, strict=True):
        written += [FERMATA] * bool(pause)
        for pitch, tie in zip(frame, ties, strict=True):
            if pitch >= 0:
                written.append(4 + 2 * int(np.clip(pitch + shift - LOWEST, 0, PITCHES - 1)) + bool(tie))
        written.append(DELIMITER)
    return [*written, END]


def read(path: Path) -> tuple[list[list[int]], int]:
    """The pieces of prepare.py as printed, as tokens, and their number of notes, frames x 4."""
    data = np.load(path)
    names = sorted({name.rsplit("/", 1)[0] for name in data.files if "+repeats" not in name})
    pieces = [tokens(*(data[f"{name}/{key}"].astype(int) for key in ("midi", "held", "fermata"))) for name in names]
    return pieces, sum(data[f"{name}/midi"].size for name in names)


class BachBotNet(nn.Module):
    """3 x LSTM 256 with batch-norm."""

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
    """Sum of the nats of all tokens but START, every piece from the zero state."""
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
        rows = torch.from_numpy(stream[: len(stream) // ROWS * ROWS].reshape(ROWS, -1))
        states = None
        for first in range(0, rows.shape[1] - 1, LENGTH):
            x, y = rows[:, first : first + LENGTH], rows[:, first + 1 : first + 1 + LENGTH]
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
    main()
