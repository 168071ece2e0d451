"""How steadily the band answers tunes that are played on keys beside jamd's beat.

    python -m export_tools.harmoniser.steadiness TUNE.mid … [--config config.yaml] [--beats-off 0 0.25 0.5 0.75]

Plays each tune (of a file with parts, the first part) on the configuration's first input at the clock's tempo, from bar
3 on, so many beats off jamd's beat, to the configured players on an offline clock. Needs no torch. Prints a line for
each offset, over all tunes:
  with a note    share of the changes of harmony that come within 30 ms of a note of the tune
  changes        their number: moments at which a voice other than the leading one moves to another pitch
  strikes/beat   notes that those voices strike in a beat of the tune
  restrikes      share of these that repeat the voice's pitch
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from daemon import config
from daemon.entries import Entry, PlayerUp, Sent, Started
from daemon.errors import ConfigError
from daemon.music.events import is_note_on, note_off, note_on
from daemon.music.melody import Note, melody_of
from daemon.music.midi_file import read_midi_file
from daemon.performance.performance import Performance
from daemon.performance.sink import SilentSink
from daemon.performance.transport import PRE_ROLL
from daemon.player.host import make_host
from daemon.wire import Call
from export_tools.common import command

TOGETHER = 0.030  # seconds within which two notes are heard as one chord
RELEASE = 0.02  # seconds before a key is struck again, and the shortest note
FIRST_BAR = 2  # bars before the tune, in which the band plays alone
MAX_JITTER = 0.06  # seconds
LEADING = "soprano"  # the voice that the tune leads

Strike = tuple[float, str, int]  # seconds, voice, pitch


@dataclass(frozen=True, slots=True)
class Playing:
    """How the tune is played. `overlap`: seconds for which a note lasts into the next one; negative: a gap between.
    `jitter`: standard deviation of the onsets in seconds."""

    beats_off: float
    overlap: float
    jitter: float
    bpm: float | None = None  # None: the clock's tempo


@dataclass(slots=True)
class Count:
    """Figures of the module's docstring, summed over tunes."""

    with_note: int = 0
    changes: int = 0
    strikes: int = 0
    restrikes: int = 0
    beats: float = 0.0

    def add(self, onsets: Sequence[float], strikes: Sequence[Strike], beats: float) -> None:
        """Count the `strikes` of the voices that the tune does not lead; `onsets` of the tune in seconds."""
        sounding: dict[str, int] = {}
        moments: list[float] = []
        for seconds, voice, pitch in strikes:
            if sounding.get(voice) == pitch:
                self.restrikes += 1
            elif not moments or seconds - moments[-1] > TOGETHER:
                moments.append(seconds)
            sounding[voice] = pitch
        self.with_note += sum(any(abs(at - onset) <= TOGETHER for onset in onsets) for at in moments)
        self.changes += len(moments)
        self.strikes += len(strikes)
        self.beats += beats

    def row(self, playing: Playing) -> str:
        share, again = self.with_note / max(self.changes, 1), self.restrikes / max(self.strikes, 1)
        return (
            f"{playing.beats_off:10.2f} {share:12.0%} {self.changes:8d} {self.strikes / max(self.beats, 1e-9):13.2f} "
            f"{again:10.0%}"
        )


@dataclass
class Band(SilentSink):
    """The configured players behind a performance whose calls are answered at once."""

    band: config.Config
    sent: list[Sent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._hosts = {name: make_host(member) for name, member in self.band.members.items()}

    def play(self, keys: Sequence[tuple[float, bytes]], until: float) -> list[Sent]:
        """What the players play to `keys`, (seconds, message) in order; beat 0 falls at 0 s without keys."""
        self.sent, self._calls = [], list[tuple[str, int, Call]]()
        source = next((port.name for port in self.band.ports if port.direction == "in"), None)
        if source is None:
            raise ConfigError([f"{self.band.path}: there is no input to play on: add one under ports"])
        performance = Performance(self.band.stage, self)
        for name in self._hosts:
            performance.take(PlayerUp(-PRE_ROLL, name))
        performance.take(Started(-PRE_ROLL, 0.0, 0.0))
        self._answer(performance, -PRE_ROLL)
        for seconds, message in [*keys, (until, b"")]:
            while (due := performance.next_deadline()) < seconds:
                performance.advance(due)
                self._answer(performance, due)
            if message:
                performance.hear(seconds, source, seconds, message)
                self._answer(performance, seconds)
        return self.sent

    def _answer(self, performance: Performance, now: float) -> None:
        while self._calls:
            player, number, call = self._calls.pop(0)
            performance.answer(now, player, number, list(self._hosts[player].handle(call)), True)

    def call(self, player: str, number: int, call: Call) -> None:
        self._calls.append((player, number, call))

    def record(self, entry: Entry) -> None:
        if isinstance(entry, Sent):
            self.sent.append(entry)


def tune_of(path: Path) -> list[Note]:
    """The notes of the first part, the highest of a chord. Raises MelodyError."""
    notes = [note for note in melody_of(read_midi_file(path), path.stem).notes if note.part == 0]
    top = {note.onset: note for note in sorted(notes, key=lambda note: note.pitch)}
    return [top[onset] for onset in sorted(top)]


def pressed(notes: Sequence[Note], playing: Playing, start: float, bpm: float) -> list[tuple[float, bytes]]:
    """The tune as keys, (seconds, message) in order; its first note is struck at `start` seconds."""
    beat = 60 / bpm
    random = Random(0)
    off = [min(max(random.gauss(0, playing.jitter), -MAX_JITTER), MAX_JITTER) for _ in notes]
    at = [start + (note.onset - notes[0].onset) * beat + late for note, late in zip(notes, off, strict=True)]
    events = []
    for index, (note, seconds) in enumerate(zip(notes, at, strict=True)):
        end = seconds + note.duration * beat
        following = at[index + 1] if index + 1 < len(notes) else math.inf
        if end > following - TOGETHER:  # no rest between the two
            end = following + (-RELEASE if note.pitch == notes[index + 1].pitch else playing.overlap)
        events.append((seconds, 1, note_on(1, note.pitch, note.velocity)))
        events.append((max(end, seconds + RELEASE), 0, note_off(1, note.pitch)))
    return [(seconds, message) for seconds, _, message in sorted(events)]


def measure(band: Band, tunes: Sequence[Sequence[Note]], playing: Playing) -> Count:
    """The figures of all tunes, played one way."""
    clock, count = band.band.stage.tempo_map, Count()
    bar, clock_bpm = clock.bar_at(0.0)[1], clock.bpm_at(0.0)
    bpm = playing.bpm or clock_bpm
    for notes in tunes:
        start = (FIRST_BAR * bar + playing.beats_off) * 60 / clock_bpm
        keys = pressed(notes, playing, start, bpm)
        end = keys[-1][0]
        onsets = [seconds for seconds, message in keys if is_note_on(message)]
        strikes = [
            (entry.seconds, entry.voice, entry.message[1])
            for entry in band.play(keys, end)
            if is_note_on(entry.message) and entry.voice != LEADING and start <= entry.seconds < end
        ]
        count.add(onsets, strikes, (end - start) * bpm / 60)
    return count


def compare(args: argparse.Namespace) -> int:
    """Print a line for each offset. Raises MelodyError, ConfigError, ModelError."""
    tunes = [tune_of(path) for path in args.tunes]
    band = Band(config.load(args.config, given=config.option_values(no_sound=True)))
    print(f"{'beats off':>10} {'with a note':>12} {'changes':>8} {'strikes/beat':>13} {'restrikes':>10}")
    for beats_off in args.beats_off:
        playing = Playing(beats_off, args.overlap, args.jitter, args.bpm)
        print(measure(band, tunes, playing).row(playing), flush=True)
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = command.parser(__doc__)
    parser.add_argument("tunes", type=Path, nargs="+", metavar="TUNE.mid")
    parser.add_argument("--config", type=Path, help="default: as for jamd run")
    parser.add_argument("--beats-off", type=float, nargs="+", default=[0.0, 0.25, 0.5, 0.75])
    parser.add_argument("--overlap", type=float, default=0.03, help="seconds from note to note; negative: a gap")
    parser.add_argument("--jitter", type=float, default=0.0, help="standard deviation of the onsets, in seconds")
    parser.add_argument("--bpm", type=float, help="of the tune; default: the clock's")
    args = parser.parse_args(arguments)
    return command.exit_code(lambda: compare(args))


if __name__ == "__main__":
    sys.exit(main())
