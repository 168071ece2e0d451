"""Bach's chorales from music21's corpus as frames of 16ths, without those in JSB's test and validation parts.

    python -m export_tools.harmoniser.prepare BACH_FOLDER chorales.npz

BACH_FOLDER is `corpus/bach` of an installed music21 (docs/models.md). Only files with parts named soprano, alto, tenor
and bass are used; instrumental parts are left out. A score with repeat signs is written twice: as printed, and as
NAME+repeats with the repeats played.
"""

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daemon.encodings.chorale import HIGHEST, LOWEST, STEPS_PER_BAR, STEPS_PER_BEAT, VOICES
from export_tools.common import command
from export_tools.common.files import BadFile, write_arrays

HELD_OUT = Path(__file__).with_name("held_out_bwv.json")


def trainable(names: list[str], held_out: dict[str, list[str]]) -> list[str]:
    """The file names that are in no held-out list; folder, case and ending are ignored."""
    excluded = {Path(name).name.lower().removesuffix(".mxl") for part in held_out.values() for name in part}
    return sorted(name for name in names if Path(name).name.lower().removesuffix(".mxl") not in excluded)


def frames(notes: list[tuple[float, float, int, bool]], length: int) -> tuple[NDArray, NDArray]:
    """Notes (onset, end in quarters; MIDI; whether tied to the note before) → MIDI (−1 = rest) and held, by frame.

    The note that sounds at the beginning of a 16th fills the 16th; a note between two such moments is lost.
    """
    midi, owner = np.full(length, -1), np.full(length, -1)
    number = -1
    for onset, end, pitch, tied in sorted(notes):
        number += not tied or number < 0
        first, last = (int(np.ceil(time * STEPS_PER_BEAT - 1e-6)) for time in (onset, end))
        midi[first:last], owner[first:last] = pitch, number
    same = (midi[1:] == midi[:-1]) & (owner[1:] == owner[:-1]) & (midi[1:] >= 0)
    return midi, np.concatenate([[False], same])


def without_interludes(midi: NDArray, longest: int = STEPS_PER_BAR) -> NDArray:
    """Indices of the frames to keep: silence of all voices is cut to at most a bar, by whole bars of 16 frames."""
    keep, silent = [], 0
    runs = np.flatnonzero(np.diff((midi < 0).all(1).astype(int), prepend=-1))
    for first, last in zip(runs, [*runs[1:], len(midi)], strict=True):
        silent = last - first if (midi[first] < 0).all() else 0
        keep.append(np.arange(first + (silent - 1) // longest * longest if silent else first, last))
    return np.concatenate(keep)


def voices(score) -> list | None:
    """The parts of the four voices, found by name; None if one is missing."""
    parts = [next((p for p in score.parts if str(p.partName).lower().startswith(n)), None) for n in VOICES]
    return None if any(part is None for part in parts) else parts


def read(parts: list) -> dict[str, NDArray]:
    """Arrays of one score: `midi` (T, 4), `held` (T, 4), `fermata` (T), `position` (T) in 16ths since the bar line."""
    from music21 import expressions

    length = max(round(part.flatten().highestTime * STEPS_PER_BEAT) for part in parts)
    columns, fermata, position = [], np.zeros(length, np.int8), np.arange(length) % STEPS_PER_BAR
    for part in parts:
        notes = []
        for note in part.flatten().notes:
            onset, end = float(note.offset), float(note.offset + note.quarterLength)
            tied = note.tie is not None and note.tie.type in ("stop", "continue")
            notes.append((onset, end, max(p.midi for p in note.pitches), tied))
            if any(isinstance(e, expressions.Fermata) for e in note.expressions):
                fermata[round(onset * STEPS_PER_BEAT) : round(end * STEPS_PER_BEAT)] = 1
        columns.append(frames(notes, length))
    for bar in parts[0].getElementsByClass("Measure"):
        first, last = (round(time * STEPS_PER_BEAT) for time in (bar.offset, bar.offset + bar.quarterLength))
        position[first:last] = (np.arange(last - first) + round(bar.paddingLeft * STEPS_PER_BEAT)) % STEPS_PER_BAR
    midi = np.stack([m for m, _ in columns], 1)
    keep = without_interludes(midi)
    return {
        "midi": midi.astype(np.int8)[keep],
        "held": np.stack([h for _, h in columns], 1)[keep],
        "fermata": fermata[keep],
        "position": position.astype(np.int8)[keep],
    }


def main() -> None:
    from music21 import converter

    parser = command.parser(__doc__)
    parser.add_argument("bach", type=Path, help="folder with music21's bwv*.mxl")
    parser.add_argument("out", type=Path, help="the .npz to write")
    parser.add_argument(
        "--part", choices=("train", "valid"), default="train", help="valid: the files held out for validation"
    )
    args = parser.parse_args()
    names, held_out = [p.name for p in args.bach.glob("bwv*.mxl")], json.loads(HELD_OUT.read_text())
    names = trainable(names, held_out) if args.part == "train" else sorted(set(names) & set(held_out["valid"]))
    if not names:
        parser.error(f"{args.bach}: no bwv*.mxl; name the folder corpus/bach of an installed music21")
    arrays, kept = {}, []
    for name in names:
        try:
            score = converter.parse(args.bach / name)
        except Exception as error:  # music21 lets those of zipfile, of its XML parser and its own through
            raise BadFile(f"{args.bach / name}: music21 cannot read it ({error}): install music21 again") from None
        parts = voices(score)
        piece = read(parts) if parts else {}
        midi = piece.get("midi", np.array([-1]))
        if midi.max() > HIGHEST or midi[midi >= 0].min(initial=LOWEST) < LOWEST or not parts:
            print(f"{name}: left out (no four voices by name, or out of MIDI {LOWEST}..{HIGHEST})")
            continue
        kept.append(name)
        arrays |= {f"{name}/{key}": value for key, value in piece.items()}
        if score.recurse().getElementsByClass("Repeat"):
            played = read([part.expandRepeats() for part in parts])
            arrays |= {f"{name}+repeats/{key}": value for key, value in played.items()}
    write_arrays(args.out, arrays, compressed=True)
    count = sum(len(arrays[f"{name}/midi"]) for name in kept)
    print(f"{args.out}: {len(kept)} chorales, {count} frames; {len(names) - len(kept)} left out")


if __name__ == "__main__":
    sys.exit(command.exit_code(main))
