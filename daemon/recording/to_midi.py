"""From a session's journal to a Standard MIDI File: a track for every source and every player, by elapsed time."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from daemon.entries import (
    Entry,
    Gap,
    Heard,
    MelodyPlayed,
    PortLost,
    Reconfigured,
    Sent,
    SessionBegan,
    StageStarted,
    StateSaved,
    TempoChanged,
)
from daemon.json_decoding import decoder
from daemon.locks import lock
from daemon.music import smf
from daemon.music.events import channel_of, ends_notes, is_note_off, is_note_on, note_off
from daemon.music.tempo import Bpm, Tempo, TempoMap, tempo_map_from_json
from daemon.recording.journal_file import MAGIC, MAX_INTERVAL, Damage, JournalReader, NoSession
from daemon.recording.track_sounds import TrackSounds
from daemon.replacement import replace_file
from daemon.spec import StageSpec

AT_ONCE = 4 << 20  # bytes of journals (about half an hour) that are converted within a second or two
MAX_METER_BARS = 100_000  # bars whose meter is looked up
DEFAULT_TEMPO_MAP = TempoMap(((0.0, 120.0),), ((0.0, 4.0),))  # of a session whose header is damaged


def write_recording(journal: Path, path: Path) -> Sequence[Damage]:
    """Write what can be read of a journal as the MIDI file `path`; none if nothing audible is in it.

    Returns what cannot be read or is of another version of jamd. Raises NoSession, OSError.
    """
    entries = JournalReader(journal)
    data = midi_file(entries)
    if data:
        replace_file(path, data)
    return entries.damages


def midi_file(entries: Iterable[Entry]) -> bytes:
    """The MIDI file of a session; empty if nothing was audible. Raises NoSession."""
    session = _Session()
    for entry in entries:
        session.take(entry)
    return session.midi_file()


@dataclass(slots=True)
class _Session:
    """The audible messages of a session, and its clock, in seconds."""

    tempi: list[Tempo] = field(default_factory=list)
    meters: list[tuple[float, TempoMap]] = field(default_factory=list)  # a reload brings other bars
    tracks: dict[str, list[tuple[float, bytes]]] = field(default_factory=dict)
    sounds: TrackSounds = field(default_factory=TrackSounds)
    sounding: dict[str, Counter[tuple[int, int]]] = field(default_factory=dict)  # by track: (channel, pitch)
    ours: set[str] = field(default_factory=set)  # the names of melodies and players
    note_offs_only: bool = False  # as earlier versions wrote the file: channel mode messages do not end notes
    last: float = 0.0

    def take(self, entry: Entry) -> None:
        seconds = entry.seconds
        self.last = max(self.last, seconds) if self.meters else seconds
        match entry:
            case SessionBegan():
                with suppress(KeyError, TypeError, ValueError):
                    self.note_offs_only = "gesture" not in entry.header["spec"]
                    self.meters.append((seconds, tempo_map_from_json(entry.header["spec"]["tempo_map"])))
                    # The header is written once something was heard: it may be later than the first note.
                    self.sounds.take(-math.inf, StageSpec.from_json(entry.header["spec"]))
            case Reconfigured():
                self._configure(seconds, entry.spec)
            case StageStarted():
                self._configure(seconds, entry.spec)
                self._end_notes(list(self.tracks), seconds)
            case StateSaved() if entry.state.get("running"):
                with suppress(ValueError):
                    tempo = Tempo(*decoder(tuple[float, float, Bpm])(entry.state.get("tempo")))
                    if tempo.seconds < seconds + MAX_INTERVAL:  # else its tick is too far to be written
                        self.tempi.append(tempo)
            case TempoChanged():
                self.tempi.append(Tempo(entry.beat, seconds, entry.bpm))
            case Heard():
                if ends_notes(entry.message) and not self.note_offs_only:
                    self._end_notes([entry.source], entry.stamp, channel_of(entry.message))
                self._add(entry.source, entry.stamp, entry.message)
            case MelodyPlayed():
                self._add_ours(entry.source, seconds, entry.message)
            case Sent():
                self._add_ours(entry.player, seconds, entry.message)
            case PortLost():
                self._end_notes([entry.port], seconds)
            case Gap() | Damage(is_hole=True):
                self._end_notes(list(self.tracks), seconds)

    def _configure(self, seconds: float, spec: StageSpec) -> None:
        self.meters.append((seconds, spec.tempo_map))
        self.sounds.take(seconds, spec)

    def _add(self, name: str, seconds: float, message: bytes) -> None:
        self.tracks.setdefault(name, []).append((seconds, message))
        sounding = self.sounding.setdefault(name, Counter())
        key = (message[0] & 15) + 1, message[1] if len(message) > 1 else 0
        if is_note_on(message):
            sounding[key] += 1
        elif is_note_off(message):
            sounding[key] = max(sounding[key] - 1, 0)

    def _add_ours(self, name: str, seconds: float, message: bytes) -> None:
        """A message of a melody or player. A note that was released before it was due was not heard (see Output)."""
        self.ours.add(name)
        events = self.tracks.get(name, [])
        for place in range(len(events) - 1, -1, -1) if is_note_off(message) else ():
            due, earlier = events[place]
            if due <= seconds:
                break
            if is_note_on(earlier) and (earlier[0] & 15, earlier[1]) == (message[0] & 15, message[1]):
                del events[place]
                self.sounding[name][(message[0] & 15) + 1, message[1]] -= 1
                return
        self._add(name, seconds, message)

    def _end_notes(self, names: Iterable[str], seconds: float, channel: int | None = None) -> None:
        """End the sounding notes of these tracks, on one channel or on all."""
        for name in names:
            for key in list(self.sounding.get(name, Counter()).elements()):
                if channel in (None, key[0]):
                    self._add(name, seconds, note_off(*key))

    def midi_file(self) -> bytes:
        if not self.meters and not self.tracks:
            raise NoSession
        if not any(self.tracks.values()):
            return b""
        self.meters = self.meters or [(0.0, DEFAULT_TEMPO_MAP)]
        self._end_notes(self.tracks, self.last)
        first = min(seconds for events in self.tracks.values() for seconds, _ in events)
        ruler = TickMap(self.tempi or [Tempo(0.0, first, self.meters[0][1].bpm_at(0.0))], self.meters[0][1], first)
        tracks = [
            smf.Track(name, [(ruler.tick(seconds), message) for seconds, message in sorted(events, key=lambda e: e[0])])
            for name, events in self.tracks.items()
        ]
        for track in tracks:
            if track.name in self.ours:
                track.events = list(smf.as_sent(track.events))
                sounds = self.sounds.messages.get(track.name, [])
                track.events[:0] = [(ruler.tick(at) if at > first else 0, message) for at, message in sounds]
        last = max(tick for track in tracks for tick, _ in track.events)
        meters = _meters(self.meters[0][1], ruler.origin, last)
        for seconds, tempo_map in self.meters[1:]:
            signature = smf.time_signature(tempo_map.bar_at(0.0)[1])
            if seconds > first and signature != meters[-1][1]:
                meters.append((ruler.tick(seconds), signature))
        return smf.to_bytes(tracks, ruler.tempi, meters)


class TickMap:
    """Seconds → ticks: tick 0 is the bar line at or before the first moment, and ticks never run backwards.

    `origin` is the beat of tick 0, `start` its seconds; `tempi`: (tick, microseconds per quarter).
    """

    def __init__(self, tempi: Iterable[Tempo], tempo_map: TempoMap, first: float) -> None:
        ordered = sorted(tempi, key=lambda tempo: tempo.seconds)
        at = max(bisect_right(ordered, first, key=lambda tempo: tempo.seconds) - 1, 0)
        beat = ordered[at].beat_at(first)
        self.origin = tempo_map.bar_at(beat + 1e-9)[0]
        self._seconds, self._bpm = [first], [ordered[at].bpm]
        self._ticks = [max(beat - self.origin, 0.0) * smf.FILE_TICKS]
        self.start = first - max(beat - self.origin, 0.0) * 60 / ordered[at].bpm
        self.tempi = [(0, round(60e6 / ordered[at].bpm))]
        for tempo in ordered[at + 1 :]:
            if tempo.seconds >= first and tempo.bpm != self._bpm[-1]:
                self._ticks.append(self._exact(tempo.seconds))
                self._seconds.append(tempo.seconds)
                self._bpm.append(tempo.bpm)
                self.tempi.append((round(self._ticks[-1]), round(60e6 / tempo.bpm)))

    def tick(self, seconds: float) -> int:
        return round(self._exact(seconds))

    def _exact(self, seconds: float) -> float:
        at = max(bisect_right(self._seconds, seconds) - 1, 0)
        return self._ticks[at] + max(seconds - self._seconds[at], 0.0) * self._bpm[at] / 60 * smf.FILE_TICKS


def _meters(tempo_map: TempoMap, origin: float, last: int) -> list[tuple[int, tuple[int, int]]]:
    """The time signature at the start and wherever it changes."""
    found: list[tuple[int, tuple[int, int]]] = []
    beat = origin
    for _ in range(MAX_METER_BARS):
        beat, length = tempo_map.bar_at(beat + 1e-9)
        signature = smf.time_signature(length)
        if not found or found[-1][1] != signature:
            found.append((round((beat - origin) * smf.FILE_TICKS), signature))
        beat += length
        if (beat - origin) * smf.FILE_TICKS >= last or (len(tempo_map.meters) == 1 and found):
            break
    return found


def recover(directory: Path, say: Callable[[str], None]) -> None:
    """Convert the journals that a killed desk left without a MIDI file."""
    left = [path for path in sorted(directory.glob("*.journal")) if not path.with_suffix(".mid").exists()]
    convert([path for path in left if path.is_file()], say)


def convert(paths: Sequence[Path], say: Callable[[str], None], at_once: int | None = None) -> None:
    """Write the MIDI files of these journals beside them, except of journals that are being written.

    Journals of together at most `at_once` bytes are converted here, the others by a process of its own, so that they do
    not delay the recording. If that process is cut off, the next start converts them.
    """
    room, large = AT_ONCE if at_once is None else at_once, []
    for path in paths:
        try:
            room -= path.stat().st_size
            if room < 0:
                large.append(str(path))
                continue
            with FileIO(path, "rb+") as file:
                damages = write_recording(path, path.with_suffix(".mid")) if lock(file) else ()
            if damages:
                lost, first = sum(damage.unread for damage in damages), damages[0]
                size = f"{lost} bytes are" if lost else "entries are"
                say(f"{path}: {size} missing in its MIDI file, the first at byte {first.at}: {first.problem}")
        except NoSession as error:
            if not _is_empty(path):
                say(f"{path}: {error.problem}, so there is no MIDI file of it: move the file to another folder")
        except OSError as error:
            problem = f"{error.filename or path}: {error.strerror or error}"
            say(f"{path}: its MIDI file could not be written ({problem}): correct that; the next start tries again")
        except Exception as error:  # the journal stays; a failure here must not end the music
            problem = f"{type(error).__name__}: {error}"
            say(f"{path}: its MIDI file could not be written ({problem}): report this mistake of jamd")
    if large:
        _convert_in_background(large, say)


def _is_empty(path: Path) -> bool:
    """Whether a journal was cut off, as by a power cut, before its first entry."""
    with FileIO(path) as file:
        return MAGIC.startswith(file.read(len(MAGIC) + 1) or b"")


def _convert_in_background(paths: list[str], say: Callable[[str], None]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "daemon.recording.to_midi", *paths],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        encoding="utf-8",
    )

    def follow() -> None:
        assert process.stdout is not None
        with process.stdout as problems, suppress(RuntimeError):  # the desk may have ended
            for line in problems:
                say(line.rstrip())
        process.wait()  # so that no zombie is left

    threading.Thread(target=follow, daemon=True).start()


def main() -> None:
    """Make the MIDI files of the journals named in the arguments. Problems are printed, one in a line."""
    if sys.platform != "win32":
        os.nice(10)
    problems: list[str] = []
    convert([Path(name) for name in sys.argv[1:]], problems.append, at_once=sys.maxsize)
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    with suppress(OSError):  # the desk may have ended
        print(*problems, sep="\n", end="\n" if problems else "", flush=True)


if __name__ == "__main__":
    main()
