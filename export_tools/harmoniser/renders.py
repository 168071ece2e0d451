"""The choir beside real settings, to look at and to listen to.

    python -m export_tools.harmoniser.renders PIECES --model models/bachbot.onnx --output FOLDER [--no-sound]

PIECES as for compare.py. For each of 12 pieces, evenly chosen, FOLDER gets the piece's own setting and the engine's,
with the soprano known and live on keys: a MIDI file, a piano roll and, unless --no-sound is given, a FLAC file of a
church organ. A repeated pitch is held. `index.html` shows them side by side.
"""

from __future__ import annotations

import argparse
import sys
from html import escape
from itertools import pairwise
from pathlib import Path

import numpy as np

from daemon import config
from daemon.encodings.chorale import VOICES
from daemon.engines.base import Setup
from daemon.engines.harmoniser.engine import Harmoniser
from daemon.engines.shared.line import STEP
from daemon.music import smf
from daemon.music.events import note_off, note_on
from daemon.music.tempo import TempoMap
from daemon.render.files import render_files
from daemon.render.piano_roll import picture_of
from export_tools.common import command
from export_tools.common.files import write, writing

from .compare import METHODS
from .tunes import SOURCE, VELOCITY, Frames, frames_of, read

BAND = """\
ports: {keys: {direction: in, thru: [choir]}, choir: {direction: out}}
band: {organ: {engine: soundfont, listen: [choir], options: {program: church organ}}}
"""


def render(args: argparse.Namespace) -> int:
    """Raises BadPieces, MelodyError, ModelError."""
    pieces = read(args.pieces, args.split, args.count)
    engine = Harmoniser(Setup(Harmoniser.Options(), {}, args.model, (SOURCE,)))
    engine.prepare()
    with writing(args.output):
        args.output.mkdir(parents=True, exist_ok=True)
    write(args.output / "band.yaml", BAND.encode())
    page = ["<!doctype html><meta charset=utf-8><title>Choir</title><table>"]
    for number, piece in enumerate(pieces, 1):
        settings = {"own": piece.frames}
        settings |= {
            name: frames_of(method(engine, piece, args.seed + number), len(piece.frames))
            for name, method in METHODS.items()
        }
        page.append(f"<tr><th colspan={len(settings)}>{escape(piece.name)}<tr>")
        for name, frames in settings.items():
            file = args.output / f"{number:02d}-{name}.mid"
            data = midi_of(frames, piece.soprano.tempo_map)
            write(file, data)
            write(file.with_suffix(".svg"), picture_of(data).encode())
            page.append(f'<td valign=top>{name}<br><img width=600 src="{file.stem}.svg">')
            if args.sound:
                sound = file.with_suffix(".flac")
                render_files(config.load(args.output / "band.yaml"), file, [str(sound)], True, None)
                page.append(f'<br><audio controls preload=none src="{sound.name}"></audio>')
    write(args.output / "index.html", "\n".join(page).encode())
    print(f"{args.output / 'index.html'}: {len(pieces)} pieces")
    return 0


def midi_of(frames: Frames, tempo_map: TempoMap) -> bytes:
    """A MIDI file with a track for each voice of frames, in the tempo and the bars of the first beat."""
    tracks = []
    for voice, name in enumerate(VOICES):
        track, line = smf.Track(name), frames[:, voice]
        for first, last in pairwise([0, *(np.flatnonzero(np.diff(line)) + 1).tolist(), len(line)]):
            if (pitch := int(line[first])) >= 0:
                begin, end = (round(frame * STEP * smf.FILE_TICKS) for frame in (first, last))
                track.events += [
                    (begin, note_on(voice + 1, pitch, VELOCITY)), (end, note_off(voice + 1, pitch))
                ]  # fmt: skip
        tracks.append(track)
    _, meter = tempo_map.bar_at(0.0)
    return smf.to_bytes(tracks, [(0, round(60e6 / tempo_map.bpm_at(0.0)))], [(0, smf.time_signature(meter))])


def main(arguments: list[str] | None = None) -> int:
    parser = command.parser(__doc__)
    parser.add_argument("pieces", type=Path, metavar="PIECES")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--split", help="which list of PIECES.json")
    parser.add_argument("--count", type=command.positive_integer, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-sound", dest="sound", action="store_false")
    args = parser.parse_args(arguments)
    return command.exit_code(lambda: render(args))


if __name__ == "__main__":
    sys.exit(main())
