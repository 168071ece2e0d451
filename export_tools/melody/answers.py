"""Answers of the soloist compared with how real tunes go on.

    python -m export_tools.melody.answers TUNES.mid … [--bars 4] [--count 80] [--model models/melody.onnx]

The call is the first bars of a tune; "real" is the bars that follow in the tune, "ours" the answer of the engine as the
daemon runs it, with `phrase: bars`. Nothing here uses the engine's own estimate of key or copies. Rows, means:

- place: share of answers whose first note is at the place in the bar of the call's first note
- tonic, triad: share whose last note is the tonic, or of its triad; the tonic is the last note of the whole tune
- run: the longest run of intervals, counted in scale steps, that call and answer share
- copy: the longest run of the same pitches, in notes
- range: semitones; leaps: intervals of more than two scale steps; final leap: share whose last interval is one
- rhythm: onsets that call and answer have at the same place, as a share of the onsets of either
- longest: the longest note of any answer, in bars; notes: those of the answer for each one of the call

A second table has the shares of tonic and triad by the mode of the tune.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from daemon.encodings.melody.events import STEPS_PER_BEAT
from daemon.engines.base import Setup
from daemon.engines.melody.engine import MelodyPlayer
from daemon.errors import MelodyError
from daemon.music.events import MidiEvent, Play, Stop, Window, note_off, note_on
from daemon.music.melody import Note
from export_tools.common import command

from .checks import notes_from
from .tunes import NoTunes, Tune, read_tunes

Key = tuple[int, str]  # tonic, name of the mode
MODES = {  # semitones of the scale, and its third
    "major": ((0, 2, 4, 5, 7, 9, 11), 4),
    "minor": ((0, 2, 3, 5, 7, 8, 10), 3),
    "Dorian": ((0, 2, 3, 5, 7, 9, 10), 3),
    "Mixolydian": ((0, 2, 4, 5, 7, 9, 10), 4),
}
LEAP = 2  # scale steps
LEGATO = 0.95  # share of its length for which a key is held


def key_of(tune: Sequence[Note]) -> Key:
    """The tonic is the tune's last note; the mode is the one that holds most of the tune."""
    tonic, time = tune[-1].pitch % 12, np.zeros(12)
    for note in tune:
        time[(note.pitch - tonic) % 12] += note.duration
    return tonic, max(MODES, key=lambda mode: (time[list(MODES[mode][0])].sum(), time[MODES[mode][1]]))


def steps(notes: Sequence[Note], tonic: int, scale: tuple[int, ...]) -> list[int]:
    """Intervals between notes in scale steps; a note outside the scale counts as the step below."""
    places = []
    for note in notes:
        octave, inside = divmod(note.pitch - tonic, 12)
        places.append(7 * octave + sum(each <= inside for each in scale))
    return [after - before for before, after in pairwise(places)]


def shared_run(one: Sequence[int], other: Sequence[int]) -> int:
    """The length of the longest run that both have."""
    best, runs = 0, [0] * (len(other) + 1)
    for value in one:
        runs = [0] + [runs[i] + 1 if value == each else 0 for i, each in enumerate(other)]
        best = max(best, *runs)
    return best


def measure(call: Sequence[Note], answer: Sequence[Note], bar: float, key: Key) -> dict[str, float]:
    """The rows of one answer; the onsets of each count from its own first bar line."""
    tonic, (scale, third) = key[0], MODES[key[1]]
    last = (answer[-1].pitch - tonic) % 12
    moves = steps(answer, tonic, scale)
    pitches = [note.pitch for note in answer]
    onsets, answered = ({round(note.onset * STEPS_PER_BEAT) for note in notes} for notes in (call, answer))
    return {
        "place": 100.0 * (abs(call[0].onset % bar - answer[0].onset % bar) < 0.13),
        "tonic": 100.0 * (last == 0),
        "triad": 100.0 * (last in (0, third, 7)),
        "run": float(shared_run(steps(call, tonic, scale), moves)),
        "copy": float(shared_run([note.pitch for note in call], pitches)),
        "range": float(max(pitches) - min(pitches)),
        "leaps": 100.0 * float(np.mean([abs(move) > LEAP for move in moves])) if moves else 0.0,
        "final leap": 100.0 * (abs(moves[-1]) > LEAP) if moves else 0.0,
        "rhythm": 100.0 * len(onsets & answered) / len(onsets | answered),
        "longest": max(note.duration for note in answer) / bar,
        "notes": len(answer) / len(call),
    }


def answer_of(player: MelodyPlayer, call: Sequence[Note], meter: float, bars: int, seed: int) -> list[Note]:
    """What the engine answers, as the stage calls it: each 16th before it begins, keys as they are struck. Onsets count
    from the bar line at which the answer begins."""
    player.reset({}, 0.0, seed)
    keys = sorted(
        (onset, message)
        for note in call
        for onset, message in (
            (note.onset, note_on(1, note.pitch, 80)),
            (note.onset + note.duration * LEGATO, note_off(1, note.pitch)),
        )
    )
    notes: list[Note] = []
    sounding: tuple[float, int] | None = None
    for frame in range(round(2 * bars * meter * STEPS_PER_BEAT) + 1):
        beat = frame / STEPS_PER_BEAT
        actions = []
        while keys and keys[0][0] < beat:
            onset, message = keys.pop(0)
            actions += player.listen(MidiEvent(onset, "keys", message))
        window = Window(beat, beat + 1 / STEPS_PER_BEAT, bar_start=beat // meter * meter, meter=meter, tempo=96.0)
        actions += player.generate(window)
        for action in actions:
            if sounding is not None and isinstance(action, Play | Stop):
                notes.append(Note(sounding[0], action.onset - sounding[0], sounding[1], 80))
                sounding = None
            if isinstance(action, Play):
                sounding = action.onset, action.pitch
    return [replace(note, onset=note.onset - bars * meter) for note in notes if note.duration > 0]


def calls(tunes: Sequence[Tune], bars: int) -> Iterator[tuple[float, list[Note], list[Note]]]:
    """(meter, call, continuation) of the tunes that are long enough; onsets count from the first bar line."""
    for tune in tunes:
        length = round(bars * tune.meter * STEPS_PER_BEAT)
        first = round(-tune.position * STEPS_PER_BEAT) % round(tune.meter * STEPS_PER_BEAT)
        call = notes_from(tune.events[first : first + length])
        following = notes_from(tune.events[first + length : first + 2 * length])
        if len(tune.events) >= first + 2 * length and len(call) > 3 and len(following) > 3:
            yield tune.meter, call, following


def compare(args: argparse.Namespace) -> int:
    """Print the table. Raises ModelError, or NoTunes if no tune is long enough."""
    rows: dict[str, list[dict[str, float]]] = {"real": [], "ours": []}
    modes: list[str] = []
    player = MelodyPlayer(Setup(MelodyPlayer.Options(phrase="bars"), {"bars": args.bars}, args.model, ("keys",)))
    player.prepare()
    rng = np.random.default_rng(args.seed)
    for number in rng.permutation(len(args.tunes)):
        if len(rows["real"]) >= args.count:
            break
        try:
            tunes = read_tunes(args.tunes[number])
        except MelodyError:  # has chords
            continue
        for meter, call, following in list(calls(tunes[:1], args.bars)):
            answer = answer_of(player, call, meter, args.bars, int(number))
            if not answer:
                continue
            key = key_of(notes_from(tunes[0].events))
            modes.append(key[1])
            rows["real"].append(measure(call, following, meter, key))
            rows["ours"].append(measure(call, answer, meter, key))
    if not rows["ours"]:
        raise NoTunes("no tune is long enough for a call and its answer: give longer ones, or fewer --bars")
    print_means(rows)
    print_modes(rows["ours"], modes)
    return 0


def print_means(rows: dict[str, list[dict[str, float]]]) -> None:
    """The table of all rows."""
    print("| | real | ours |\n|---|---|---|")
    for name in rows["real"][0]:
        values = [[row[name] for row in rows[side]] for side in rows]
        figures = [max(column) if name == "longest" else float(np.mean(column)) for column in values]
        print(f"| {name} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |")


def print_modes(rows: Sequence[dict[str, float]], modes: Sequence[str]) -> None:
    """The shares of tonic and triad of our answers by mode."""
    print("\n| mode | answers | tonic | triad |\n|---|---|---|---|")
    for mode in MODES:
        chosen = [row for row, each in zip(rows, modes, strict=True) if each == mode]
        if chosen:
            shares = [np.mean([row[name] for row in chosen]) for name in ("tonic", "triad")]
            print(f"| {mode} | {len(chosen)} | " + " | ".join(f"{share:.0f}" for share in shares) + " |")


def main(arguments: list[str] | None = None) -> int:
    parser = command.parser(__doc__)
    parser.add_argument("tunes", type=Path, nargs="+", metavar="TUNE.mid")
    parser.add_argument("--model", type=Path, default=Path("models/melody.onnx"))
    parser.add_argument("--bars", type=command.positive_integer, default=4, help="of a call, and of its answer")
    parser.add_argument("--count", type=command.positive_integer, default=80, help="tunes")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    return command.exit_code(lambda: compare(args))


if __name__ == "__main__":
    sys.exit(main())
