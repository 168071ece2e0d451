"""Convert the Groove MIDI Dataset (Gillick et al. 2019, CC BY 4.0) to arrays for training.

    python -m export_tools.drums.prepare GROOVE_FOLDER TABLES.json drums.npz

GROOVE_FOLDER holds info.csv, whose official split is kept. TABLES.json holds `notes` and `ticks`, the tick classes, of
the RNN drummer. The output has `ticks`, `styles` and, for each of `train` and `validation`, over the hits of all
performances:
  first                        number of the first hit of each performance, and the number of all hits
  gap, instrument, velocity    the hits; the first gap counts from the preceding bar line
  features, window             of `daemon.encodings.drums.metric` before each hit
  anchors                      of `daemon.encodings.drums.metric` for the cell and instrument of the hit
  places, floor                places of the cells ahead; the least possible offset of the hit
  ahead, offset                the cell of the hit, counted from that of the previous hit, and the offset in it
  style, fill                  of the performance
  loudness, density            mean velocity (0..1), and hits per quarter note, of the bar that begins with the hit
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from daemon.encodings.drums import metric
from daemon.encodings.drums.files import DrumPart, read_groove
from daemon.encodings.drums.hits import TICKS
from export_tools.common import command
from export_tools.common.files import write_arrays
from export_tools.common.folder import BadFolder

from .grooves import GrooveFile, groove_files
from .import_rnn_drummer import read_tables

SPLITS = ("train", "validation")
Rows = dict[str, list]


def intensity(groove: DrumPart, bar: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean velocity (0..1) and hits per quarter note of the bar that begins with each hit."""
    ticks = np.cumsum([hit.gap for hit in groove.hits])
    velocities = np.array([hit.velocity / 127 for hit in groove.hits])
    end = np.searchsorted(ticks, ticks + bar)  # number of the first hit after the bar
    sums = np.concatenate([[0.0], np.cumsum(velocities)])
    count = end - np.arange(len(ticks))
    return (sums[end] - sums[:-1]) / count, count * TICKS / bar


def rows(groove: DrumPart) -> Rows:
    """The arrays of one performance, hit by hit."""
    position, bar = groove.bar_at(groove.start)
    tempo = groove.tempo_map.bpm_at(groove.start / TICKS)
    history = metric.start(bar, position)
    out: Rows = defaultdict(list)
    for hit in groove.hits:
        following = metric.observe(history, hit)
        ahead = min(following.cell - history.cell, metric.AHEAD - 1)
        same_cell = following.cell == history.cell
        out["features"].append(metric.features(history, tempo))
        out["window"].append(metric.window(history))
        out["places"].append(metric.places(history))
        out["anchors"].append(metric.anchors(history, ahead, hit.instrument))
        after = hit.instrument < metric.least_instrument(history)
        out["floor"].append(history.offset + after if same_cell else metric.EARLIEST)
        out["ahead"].append(ahead)
        out["offset"].append(following.offset)
        for name in ("gap", "instrument", "velocity"):
            out[name].append(getattr(hit, name))
        history = following
    out["loudness"], out["density"] = map(list, intensity(groove, bar))
    return out


def arrays(listed: list[GrooveFile], styles: list[str]) -> dict[str, np.ndarray]:
    """The arrays of all performances of a split."""
    parts: dict[str, list[np.ndarray]] = defaultdict(list)
    first = [0]
    for file in tqdm(listed, mininterval=10):
        performed = rows(read_groove(file.path))
        count = len(performed["gap"])
        performed["style"], performed["fill"] = [styles.index(file.style)] * count, [file.fill] * count
        for name, values in performed.items():
            kind = np.float16 if isinstance(values[0], float | np.floating | np.ndarray) else np.int32
            parts[name].append(np.array(values, dtype=np.int8 if name == "places" else kind))
        first.append(first[-1] + count)
    return {"first": np.array(first), **{name: np.concatenate(values) for name, values in parts.items()}}


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("folder", type=Path, metavar="GROOVE_FOLDER")
    parser.add_argument("tables", type=Path, metavar="TABLES.json")
    parser.add_argument("output", type=Path, metavar="drums.npz")
    args = parser.parse_args()
    by_split = {split: groove_files(args.folder, split) for split in SPLITS}
    styles = sorted({file.style for file in by_split["train"]})
    untrained = sorted({file.style for file in by_split["validation"]}.difference(styles))
    if untrained:
        raise BadFolder(
            f"{args.folder / 'info.csv'}: the style {untrained[0]!r} is in the split validation only: "
            "list a file of it under train"
        )
    out = {"ticks": np.array(read_tables(args.tables)), "styles": np.array(styles)}
    for split in SPLITS:
        split_arrays = arrays(by_split[split], styles)
        out |= {f"{split}/{name}": array for name, array in split_arrays.items()}
        print(f"{split}: {len(split_arrays['first']) - 1} performances, {len(split_arrays['gap'])} hits")
    write_arrays(args.output, out)


if __name__ == "__main__":
    sys.exit(command.exit_code(main))
