"""Groove (Gillick et al. 2019, CC BY 4.0) as arrays for training.

    python -m export_tools.drums.prepare GROOVE_FOLDER TABLES.json drums.npz

GROOVE_FOLDER holds info.csv, whose official split is kept. TABLES.json holds under `ticks` the tick values of the RNN
drummer. Written for each of `train` and `validation`, over the hits of all performances one after the other:
  first                        where each performance begins
  gap, instrument, velocity    the hits; the first gap counts from the bar line before
  features, window, anchors    what `daemon.encodings.drums.metric` knows before each hit; anchors of the hit itself
  places, floor                of the cells that it may fall into; the least offset that it can have
  ahead, offset                where it falls
  style, fill                  of the performance
  loudness, density            mean velocity, and hits per quarter note, of the bar that begins here
and, once, `ticks` and `styles`.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from daemon.encodings.drums import metric
from daemon.encodings.drums.files import DrumPart, read_groove
from daemon.encodings.drums.hits import TICKS

from .grooves import Performance, performances

SPLITS = ("train", "validation")
Rows = dict[str, list]


def intensity(groove: DrumPart, bar: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the hits in the bar that begins with each hit: mean velocity (0..1), and hits per quarter note."""
    ticks = np.cumsum([hit.gap for hit in groove.hits])
    velocities = np.array([hit.velocity / 127 for hit in groove.hits])
    past = np.searchsorted(ticks, ticks + bar)
    sums = np.concatenate([[0.0], np.cumsum(velocities)])
    count = past - np.arange(len(ticks))
    return (sums[past] - sums[:-1]) / count, count * TICKS / bar


def rows(groove: DrumPart) -> Rows:
    """One performance, hit by hit."""
    position, bar = groove.bar_at(groove.start)
    tempo = groove.tempo_map.bpm_at(groove.start / TICKS)
    memory = metric.start(bar, position)
    out: Rows = defaultdict(list)
    for hit in groove.hits:
        now = metric.observe(memory, hit)
        ahead = min(now.cell - memory.cell, metric.AHEAD - 1)
        same = now.cell == memory.cell
        out["features"].append(metric.features(memory, tempo))
        out["window"].append(metric.window(memory))
        out["places"].append(metric.places(memory))
        out["anchors"].append(metric.anchors(memory, ahead, hit.instrument))
        after = hit.instrument < metric.least_instrument(memory)
        out["floor"].append(memory.offset + after if same else metric.EARLIEST)
        out["ahead"].append(ahead)
        out["offset"].append(now.offset)
        for name in ("gap", "instrument", "velocity"):
            out[name].append(getattr(hit, name))
        memory = now
    out["loudness"], out["density"] = map(list, intensity(groove, bar))
    return out


def arrays(listed: list[Performance], styles: list[str]) -> dict[str, np.ndarray]:
    """All performances of a split."""
    parts: dict[str, list[np.ndarray]] = defaultdict(list)
    first = [0]
    for performance in tqdm(listed, mininterval=10):
        performed = rows(read_groove(performance.path))
        count = len(performed["gap"])
        performed["style"], performed["fill"] = [styles.index(performance.style)] * count, [performance.fill] * count
        for name, values in performed.items():
            kind = np.float16 if isinstance(values[0], float | np.floating | np.ndarray) else np.int32
            parts[name].append(np.array(values, dtype=np.int8 if name == "places" else kind))
        first.append(first[-1] + count)
    return {"first": np.array(first), **{name: np.concatenate(values) for name, values in parts.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="GROOVE_FOLDER")
    parser.add_argument("tables", type=Path, metavar="TABLES.json")
    parser.add_argument("output", type=Path, metavar="drums.npz")
    args = parser.parse_args()
    everything = performances(args.folder)
    styles = sorted({performance.style for performance in everything if performance.split == "train"})
    out = {"ticks": np.array(json.loads(args.tables.read_text())["ticks"]), "styles": np.array(styles)}
    for split in SPLITS:
        split_arrays = arrays([performance for performance in everything if performance.split == split], styles)
        out |= {f"{split}/{name}": array for name, array in split_arrays.items()}
        print(f"{split}: {len(split_arrays['first']) - 1} performances, {len(split_arrays['gap'])} hits")
    np.savez(args.output, **out)


if __name__ == "__main__":
    main()
