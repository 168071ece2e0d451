"""From a chord of the left hand to the bass that plays its root: when does a chord count?"""

from __future__ import annotations

import random
from math import ceil
from pathlib import Path
from statistics import median

import yaml

from daemon.bench.figure import Figure, percentile
from daemon.bench.instruments import JAMD, Events, JamdProcess, perform
from daemon.engines.leadsheet.engine import EARLY
from daemon.music.events import is_note_on, note_off, note_on
from daemon.paths import resources

BPM = 120
SIXTEENTH = 15 / BPM  # seconds
SLACK = 0.005  # seconds that a chord needs through the ports
BAND = """
clock: {source: lead}
ports: {keys: {direction: in}, choir: {direction: out}}
band:
  lead:
    engine: leadsheet
    listen: [keys]
    play: {port: choir, channels: {melody: 1}}
    options: {song: "%s", chords: keys}
  bass: {engine: bass, listen: [lead], play: {port: choir, channels: {bass: 2}}}
"""
SONG = f"key: C\ntempo: {BPM}\nfeel: rock\nchords: '| N.C. | N.C. | N.C. | N.C. |'\n"
CHORDS = 100


def random_chords(count: int) -> tuple[Events, list[tuple[float, int]]]:
    """Triads at random moments, no two in a row with one root; and when each is complete, with its root."""
    rng, moment, root = random.Random(1), 1.0, 0
    events: Events = []
    complete = []
    for _ in range(count):
        moment += rng.uniform(0.5, 0.9)
        root = (root + rng.randrange(1, 12)) % 12
        for number, interval in enumerate((0, 4, 7)):
            events.append((moment + number * 0.004, note_on(1, 40 + root + interval, 90)))
            events.append((moment + 0.4, note_off(1, 40 + root + interval)))
        complete.append((moment + 0.008, (40 + root) % 12))
    return sorted(events), complete


def chords(folder: Path, environment: dict[str, str]) -> list[Figure]:
    """Of a leader with a bass alone, and of the band that ships for songs, without its sound."""
    song = folder / "chords.yaml"
    song.write_text(SONG)
    figures = []
    for name, config, out, channel in (
        ("left-hand chord to bass", BAND % song, JAMD[1], 2),
        ("the same in bands/combo.yaml", _shipped_band(song), "jamd band:midi", 3),
    ):
        answers, late = _answers(folder, environment, config, out, channel)
        too_late = sum(each > SIXTEENTH / 2 for each in late)
        figures += [
            Figure(f"{name}, p50", median(answers) * 1e3, 115, "ms"),
            Figure("bass after the first 16th that is 30 ms after a chord, p50", percentile(late, 0.5) * 1e3, 3, "ms"),
            Figure("chords that count later than that 16th", too_late, 0, f"of {CHORDS}"),
        ]
    return figures


def _shipped_band(song: Path) -> str:
    config = yaml.safe_load((resources() / "bands" / "combo.yaml").read_text(encoding="utf-8"))
    config["band"]["lead"]["options"] = {"song": str(song), "chords": "keys"}
    return yaml.safe_dump(config | {"audio": {"device": None}}, sort_keys=False)


def _answers(
    folder: Path, environment: dict[str, str], config: str, out: str, channel: int
) -> tuple[list[float], list[float]]:
    """Of random chords, in seconds: from each to the bass on `channel` of the port `out`, if it played that root; and
    how much later than the first 16th on which the chord could count, infinite without an answer."""
    events, complete = random_chords(CHORDS)
    with JamdProcess(folder, environment, config):
        sent, heard = perform(environment, events, JAMD[0], out)
    begin = sent[0][0] - events[0][0]
    basses = [
        (stamp - begin, message[1] % 12)
        for stamp, message in heard
        if is_note_on(message) and message[0] & 15 == channel - 1
    ]
    answers = []
    for (at, root), (until, _) in zip(complete, [*complete[1:], (complete[-1][0] + 1, 0)], strict=True):
        answers.append((at, next((stamp for stamp, note in basses if at < stamp < until and note == root), None)))
    grid = _middle([stamp % SIXTEENTH for _, stamp in answers if stamp is not None])
    late = []
    for at, stamp in answers:
        due = grid + ceil((at + EARLY + SLACK - grid) / SIXTEENTH) * SIXTEENTH
        late.append(float("inf") if stamp is None else max(stamp - due, 0.0))
    return [stamp - at for at, stamp in answers if stamp is not None], late


def _middle(phases: list[float]) -> float:
    """Of moments on a circle as long as a 16th."""
    return min(phases, key=lambda one: sum(min(abs(one - other), SIXTEENTH - abs(one - other)) for other in phases))
