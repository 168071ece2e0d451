"""What the drums engine makes of a player: dynamics, density, backbeat, time. The counts share no code with the engine.

The player plays even notes for `BARS` bars; the figures leave out the first bars, in which the engine comes to follow.
Those of drummers are counted in the same way over the 4/4 beats (fills: over the fills) of the validation split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from daemon.engines.base import Setup
from daemon.engines.drums.engine import Drums
from daemon.engines.options import make_options
from daemon.music.events import MidiEvent, Play, Window, note_on
from daemon.music.melody import Note

BARS, ENTRY = 24, 4
TEMPO = 100.0  # beats per minute
LENGTH = 0.1  # of a hit in beats
METERS = {"three": 3.0, "waltz": 3.0, "six_eight": 3.0, "five": 5.0}  # quarters in a bar; the others have four
SNARES, STICK, TOMS = (38, 40), 37, (41, 43, 45, 47, 48, 50)
GHOST = 40  # velocity below which a stroke of the snare is a ghost note
FLAM = 0.045  # seconds between the two strokes of a flam, at most
NEAR = 1 / 12  # of a beat: a hit so near to a quarter belongs to the quarter


def played(
    groove: str,
    model: Path,
    seed: int,
    notes: tuple[float, int] | None = None,
    tempo: float = TEMPO,
    **settings: float,
) -> list[Note]:
    """What the engine plays while a player plays `notes`, (notes per beat, velocity), or nobody plays."""
    options = make_options(Drums.Options, {"groove": groove})
    engine = Drums(Setup(options, settings, model, listen=("keys",)))
    engine.prepare()
    engine.reset({}, 0.0, seed)
    meter, hits, heard = METERS.get(groove, 4.0), [], 0
    for number in range(round(BARS * meter * 4)):
        start = number / 4
        window = Window(start, start + 0.25, start // meter * meter, meter, tempo)
        hits += [
            Note(action.onset, LENGTH, action.pitch, action.velocity)
            for action in engine.generate(window)
            if isinstance(action, Play)
        ]
        while notes is not None and heard / notes[0] < start + 0.25:
            for _ in engine.listen(MidiEvent(heard / notes[0], "keys", note_on(1, 60, notes[1]))):
                pass
            heard += 1
    return [hit for hit in hits if hit.onset >= ENTRY * meter]


def mean_velocity(hits: Iterable[Note], pitches: Sequence[int] | None = None) -> float:
    velocities = [hit.velocity for hit in hits if pitches is None or hit.pitch in pitches]
    return float(np.mean(velocities)) if velocities else float("nan")


def backbeat(hits: Sequence[Note]) -> float:
    """The share of the beats 2 and 4, in bars of four, on which the snare or its rim is struck."""
    struck = {round(hit.onset) for hit in hits if hit.pitch in (*SNARES, STICK) and _off(hit) <= NEAR}
    last = int(hits[-1].onset)
    due = [beat for beat in range(int(hits[0].onset), last) if beat % 2]
    return sum(beat in struck for beat in due) / max(len(due), 1)


def lateness(hits: Sequence[Note], tempo: float = TEMPO) -> float:
    """The median distance of the hits near a quarter from that quarter, in milliseconds; less than 0: early."""
    away = [hit.onset - round(hit.onset) for hit in hits if abs(hit.onset - round(hit.onset)) <= 2 * NEAR]
    return float(np.median(away)) * 60_000 / tempo if away else float("nan")


def ghosts(hits: Iterable[Note]) -> float:
    """The share of the strokes of the snare that are ghost notes."""
    strokes = [hit.velocity < GHOST for hit in hits if hit.pitch in SNARES]
    return float(np.mean(strokes)) if strokes else 0.0


def flams(hits: Iterable[Note], tempo: float = TEMPO) -> float:
    """Flams of the snare, per stroke."""
    onsets = [hit.onset * 60 / tempo for hit in hits if hit.pitch in SNARES]
    return float(np.mean(np.diff(sorted(onsets)) <= FLAM)) if len(onsets) > 1 else 0.0


def toms(hits: Sequence[Note]) -> float:
    """The share of the toms."""
    return float(np.mean([hit.pitch in TOMS for hit in hits])) if hits else 0.0


def loudest(hits: Sequence[Note]) -> float:
    """The share of the hits at velocity 127."""
    return float(np.mean([hit.velocity == 127 for hit in hits]))


def groove_rows(groove: str, model: Path, seed: int) -> dict[str, float]:
    """The figures of one groove."""
    soft, loud = (played(groove, model, seed, (2, velocity)) for velocity in (20, 120))
    sparse, dense = (played(groove, model, seed, (density, 70)) for density in (0.5, 8))
    by_intensity = {n: played(groove, model, seed, intensity=n, fill_every=0.0) for n in (0.1, 0.5, 0.9)}
    middle = by_intensity[0.5]
    fills = played(groove, model, seed, fill_every=1.0)
    meter = METERS.get(groove, 4.0)
    return {
        "mean_at_20": mean_velocity(soft),
        "mean_at_120": mean_velocity(loud),
        "slope": (mean_velocity(loud) - mean_velocity(soft)) / 100,
        "snare_at_20": mean_velocity(soft, SNARES),
        "snare_at_120": mean_velocity(loud, SNARES),
        "hits_ratio": len(dense) / len(sparse),
        "hits_soft_to_middle": len(by_intensity[0.1]) / len(middle),
        **{f"backbeat_{n}": backbeat(hits) if meter == 4 else float("nan") for n, hits in by_intensity.items()},
        "at_127_loud": loudest(by_intensity[0.9]),
        "mean": mean_velocity(middle),
        "sd": float(np.std([hit.velocity for hit in middle])),
        "ghosts": ghosts(middle),
        "flams": flams(middle),
        "lateness_ms": lateness(middle),
        "toms_in_fills": toms([hit for hit in fills if hit.onset % meter >= meter - 1]),
    }


def drummer_rows(beats: Sequence[Sequence[Note]], fills: Sequence[Sequence[Note]]) -> dict[str, float]:
    """Those of the figures that drummers have without a player to follow."""
    hits = [hit for piece in beats for hit in piece]
    return {
        "at_127_loud": loudest(hits),
        "mean": mean_velocity(hits),
        "sd": float(np.std([hit.velocity for hit in hits])),
        "ghosts": ghosts(hits),
        "flams": float(np.mean([flams(piece) for piece in beats])),
        "lateness_ms": float(np.median([lateness(piece) for piece in beats])),
        "toms_in_fills": toms([hit for piece in fills for hit in piece]),
    }


def print_table(by_groove: Mapping[str, Mapping[str, float]], drummers: Mapping[str, float]) -> None:
    """A Markdown table: a row per figure, a column for the drummers and for each groove."""
    print("| |", " | ".join(("drummers", *by_groove)), "|")
    print("|---" * (len(by_groove) + 2) + "|")
    for name in next(iter(by_groove.values())):
        values = [drummers.get(name, float("nan")), *(figures[name] for figures in by_groove.values())]
        print(f"| {name} |", " | ".join("–" if np.isnan(value) else f"{value:.2f}" for value in values), "|")


def _off(hit: Note) -> float:
    return abs(hit.onset - round(hit.onset))
