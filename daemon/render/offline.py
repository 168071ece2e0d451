"""The performance on an offline clock, with the engines in this process: files are rendered faster than real time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from daemon.audio.ring import Frames
from daemon.config import Config
from daemon.entries import Entry, PlayerDown, PlayerUp, Sent, Started, TempoChanged
from daemon.instrument.mixdown import Mixdown
from daemon.metrics import Cause
from daemon.music import smf
from daemon.music.events import CONTROL_CHANGE, SUSTAIN, Play, Stop, control_change, note_off, note_on
from daemon.music.melody import Melody, melody_of
from daemon.music.midi_file import DRUM_CHANNEL, read_midi_file
from daemon.music.midi_tracks import MidiFile
from daemon.music.sound import of_channels
from daemon.performance.performance import Performance
from daemon.performance.sink import SilentSink
from daemon.performance.transport import PRE_ROLL
from daemon.player.failure import named
from daemon.player.host import Host, make_host
from daemon.render.instruments import for_rendering
from daemon.render.plan import INPUT, PLAYED, plan
from daemon.spec import AUDIO, StageSpec
from daemon.usage import Report
from daemon.wire import Answer, Call, Control, Generate

Key = tuple[float, str, bytes]  # beat, source, message

EPSILON = 1e-6  # beats
RELEASE_BARS = 2  # bars after the end in which sounding notes may end by themselves
ANSWER_BARS = 66  # bars after the end for answers: the longest phrase and the rest before it


class OfflineSink(SilentSink):
    """Calls hosts at once and keeps the entries that make the file.

    `end`: the beat from which on nothing new is played; it moves on, up to `latest`, while a host owes an answer. Hosts
    in `heard`, to which others listen, do not play on unless they owe an answer themselves: it would have no end.
    """

    def __init__(
        self, hosts: Mapping[str, Host], heard: set[str], end: float, latest: float, sound: Mixdown | None = None
    ) -> None:
        self._hosts, self._heard, self._sound = hosts, heard, sound
        self._now = -PRE_ROLL
        self.end, self._input_end, self._latest = end, end, latest
        self._calls: deque[tuple[str, int, Call]] = deque()
        self.entries: list[Sent | TempoChanged] = []

    @property
    def tempi(self) -> list[tuple[int, int]]:
        """Changes of the tempo that the piece does not have by itself, as in smf.to_bytes."""
        return []

    @property
    def expected(self) -> float:
        """The beat at which the music ends, as far as is known."""
        return self.end

    def reach(self, now: float) -> None:
        """Nothing is sent for a moment before `now` any more."""
        self._now = now
        if self._sound is not None:
            self._sound.advance(now)

    def send(self, port: str, message: bytes, due: float, cause: Cause) -> None:
        if self._sound is not None and port in self._sound.names:
            self._sound.play(port, message, due, cause)

    def panic(self) -> None:
        if self._sound is not None:
            self._sound.panic(self._now)

    def call(self, player: str, number: int, call: Call) -> None:
        self._calls.append((player, number, call))

    def record(self, entry: Entry) -> None:
        if isinstance(entry, Sent | TempoChanged):
            self.entries.append(entry)

    def answer(self, performance: Performance, now: float) -> None:
        """Answer all pending calls at `now`; answers may cause further calls."""
        while self._calls:
            player, number, call = self._calls.popleft()
            if self._sound is not None and player in self._sound.names:
                if isinstance(call, Control):
                    self._sound.control(player, call.name, call.value)
                performance.answer(now, player, number, (), True)
                continue
            with named(player, performance.spec.tempo_map):
                end = self._end_of(player, call)
                performance.answer(now, player, number, _until(end, self._hosts[player].handle(call)), True)

    def _end_of(self, player: str, call: Call) -> float:
        """The beat from which on `player` plays nothing new."""
        beat = call.window.start if isinstance(call, Generate) else self._input_end
        if isinstance(call, Generate) and beat >= self.end - EPSILON and self._owed(beat):
            self.end = min(call.window.end, self._latest)
        waits = player in self._heard and not self._hosts[player].owes(beat)
        return self._input_end if waits else self.end

    def _owed(self, beat: float) -> bool:
        return any(host.owes(beat) for host in self._hosts.values())


def _until(end: float, actions: Iterator[Answer]) -> Iterator[Answer]:
    """From `end` on, a Play becomes a Stop, which ends the voice all the same."""
    for action in actions:
        if isinstance(action, Play) and action.onset >= end - EPSILON:
            yield Stop(action.onset, action.voice)
        else:
            yield action


@dataclass(frozen=True, slots=True)
class Rendering:
    """A MIDI file, its number of notes, a warning about the input, or "", and of the sound, if there is any, the length
    in seconds, the peak, at most 1, and what the instruments do without."""

    data: bytes
    notes: int
    warning: str = ""
    seconds: float = 0.0
    peak: float = 0.0
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """What is performed: stage and members, up to beat `end`, or `latest` while an answer is owed; what sounds then has
    `patience` beats to end. `tempi` and `meters` as in smf.to_bytes; `keys` as from the inputs."""

    spec: StageSpec
    members: Mapping[str, Mapping[str, Any]]
    end: float
    latest: float
    patience: float
    tempi: Sequence[tuple[int, int]]
    meters: Sequence[tuple[int, tuple[int, int]]]
    keys: Iterable[Key] = ()


def render(
    config: Config,
    path: Path,
    live: bool = False,
    report: Report = lambda share: None,
    write: Callable[[Frames], None] | None = None,
) -> Rendering:
    """Play the file at `path` to the band. Its future is known, or, `live`, it is played as keys.

    `report` is called at every beat, `write` with the frames that the instruments play, from beat 0 on; without
    `write` there is no sound. Raises MelodyError, ModelError, EngineFailure.
    """
    config = for_rendering(config, write is not None)
    file = read_midi_file(path)
    melody = melody_of(file, INPUT)
    spec, members = plan(config, melody, live)
    _, bar = melody.tempo_map.bar_at(melody.length - EPSILON)
    tempi = {round(tick * smf.FILE_TICKS / file.division): tempo for tick, tempo in file.tempi}
    meters = {round(tick * smf.FILE_TICKS / file.division): meter for tick, meter in file.meters}
    keys = _keys(config, spec, melody, file) if live else ()
    piece = Piece(
        spec,
        members,
        melody.length,
        melody.length + ANSWER_BARS * bar,
        RELEASE_BARS * bar,
        list(tempi.items()),
        list(meters.items()),
        keys,
    )
    return replace(perform(config, piece, report=report, write=write), warning=file.warning)


def perform(
    config: Config,
    piece: Piece,
    sink_type: Callable[..., OfflineSink] = OfflineSink,
    report: Report = lambda share: None,
    write: Callable[[Frames], None] | None = None,
) -> Rendering:
    """Play `piece` from its first beat on. Raises ModelError, EngineFailure."""
    hosts = {name: _host(name, member) for name, member in piece.members.items()}
    heard = {name for member in piece.members.values() for name in member["listen"] if name in hosts}
    sound = None if write is None else _mixdown(config, write)
    sink = sink_type(hosts, heard, piece.end, piece.latest, sound)
    performance = Performance(piece.spec, sink)
    for player in piece.spec.players:
        performance.take(PlayerUp(-PRE_ROLL, player.name))
    performance.take(Started(-PRE_ROLL))
    _play(performance, sink, iter(piece.keys), piece.patience, report)
    if sound is not None:
        sound.finish()
    tracks = _tracks(config, sink.entries)
    notes = sum(message[0] & 0xF0 == 0x90 for track in tracks for _, message in track.events)
    data = smf.to_bytes(tracks, [*piece.tempi, *sink.tempi], piece.meters)
    if sound is None:
        return Rendering(data, notes)
    return Rendering(data, notes, "", sound.seconds, sound.peak, sound.notices)


def _mixdown(config: Config, write: Callable[[Frames], None]) -> Mixdown:
    sounds = {port.name: port.sounds for port in config.stage.ports if port.direction == AUDIO}
    members = {name: config.members[name] for name in sounds}
    return Mixdown(members, sounds, config.audio.rate, write)


def _host(name: str, member: Mapping[str, Any]) -> Host:
    with named(name):
        return make_host(member)


def _keys(config: Config, spec: StageSpec, melody: Melody, file: MidiFile) -> Iterator[Key]:
    """The melody and its file's control changes, in order, as from every input that something listens to or that turns
    something; all on channel 1. At one moment pedals and controllers come first, then what ends makes room."""
    inputs = {port.name for port in spec.ports if port.direction == "in"}
    heard = [name for player in spec.players for name in player.listen] + [c.source for c in spec.controls]
    heard += [port.name for port in spec.ports if port.thru]
    sources = [name for name in dict.fromkeys(heard) if name in inputs]
    others = {(c.source, c.event, c.number) for c in config.controls if c.action not in PLAYED}
    events = [(note.onset, 2, note_on(1, note.pitch, note.velocity)) for note in melody.notes]
    events += [(note.onset + note.duration, 1, note_off(1, note.pitch)) for note in melody.notes]
    events += [(beat, 0, message) for beat, message in _control_changes(file)]
    turned = {c.number: c.action for c in spec.controls if c.event == "cc"}
    pedals = {number for number, action in ({SUSTAIN: "sustain"} | turned).items() if action == "sustain"}
    events += [(melody.length, 3, control_change(1, number, 0)) for number in sorted(pedals)]  # nobody waits for more
    for beat, rank, message in sorted(events, key=lambda event: event[:2]):
        kind = "note" if rank in (1, 2) else "cc"
        yield from ((beat, source, message) for source in sources if (source, kind, message[1]) not in others)


def _control_changes(file: MidiFile) -> Iterator[tuple[float, bytes]]:
    """(beat, message) of all tracks, but not of the drums, on channel 1."""
    for track in file.tracks:
        for tick, message in track.messages:
            if message[0] & 0xF0 == CONTROL_CHANGE and message[0] & 15 != DRUM_CHANNEL:
                yield tick / file.division, control_change(1, *message[1:])


def _play(performance: Performance, sink: OfflineSink, keys: Iterator[Key], patience: float, report: Report) -> None:
    """From deadline to deadline until the input is over, what it asked for was answered and what sounds has ended, or
    `patience`, in beats, is at an end."""
    key = next(keys, None)
    sink.answer(performance, -PRE_ROLL)
    reported = 0.0  # beats
    while True:
        now = performance.next_deadline()
        if key is not None and (at := performance.seconds_at(key[0])) < now:
            sink.reach(at)
            performance.hear(at, key[1], at, key[2])
            sink.answer(performance, at)
            key = next(keys, None)
            continue
        beat = performance.beat_at(now)
        over = beat > sink.end + EPSILON and not any(performance.sounding().values())
        if over or not beat <= sink.end + patience:
            break
        if beat >= reported + 1:
            reported = beat
            report(min(beat / sink.expected, 1.0))
        sink.reach(now)
        performance.advance(now)
        sink.answer(performance, now)
    for player in performance.spec.players:
        performance.take(PlayerDown(performance.seconds_at(sink.end + patience), player.name))


def _tracks(config: Config, entries: Iterable[Sent | TempoChanged]) -> list[smf.Track]:
    """A track for every voice of every member that has a channel, at the beats where the clock had them. Each begins
    with its channel's sound."""
    played: dict[tuple[str, str], list[tuple[int, bytes]]] = {
        (member.name, voice): [] for member in config.players for voice in member.channels
    }
    beat, seconds, bpm = 0.0, 0.0, 60.0
    for entry in entries:
        if isinstance(entry, TempoChanged):
            seconds, beat, bpm = entry.seconds, entry.beat, entry.bpm
            continue
        tick = max(round((beat + (entry.seconds - seconds) * bpm / 60) * smf.FILE_TICKS), 0)
        played[entry.player, entry.voice].append((tick, entry.message))
    tracks, outputs = [], {port.name: port.sounds for port in config.ports}
    for member in config.players:
        for voice, channel in member.channels.items():
            sounds = of_channels(outputs.get(member.port, ()), [channel]).values()
            first = [(0, message) for sound in sounds for message in sound.messages()]
            name = voice if len(config.players) == 1 else f"{member.name} {voice}"
            tracks.append(smf.Track(name, [*first, *smf.as_sent(played[member.name, voice])]))
    return tracks
