"""The stage without its ports: a pure function from what happens, and when, to what is sent and asked.

Live, `process.py` feeds it from MIDI and sockets; offline, `desk/offline.py` feeds it from a file or from a journal.
Every call is an entry of the journal, so that the same entries give the same output again. It never reads a clock:
`now` is an argument.
"""

from __future__ import annotations

import math
import zlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from daemon.music.events import (
    ALL_NOTES_OFF,
    ALL_SOUND_OFF,
    CONTROL_CHANGE,
    SUSTAIN,
    MidiEvent,
    Window,
    channel_of,
    control_change,
    is_note_off,
    is_note_on,
    is_well_formed,
    note_off,
    note_on,
)
from daemon.music.tempo import Tempo
from daemon.stage.spec import ControlSpec, MelodySpec, PlayerSpec, PortSpec, StageSpec
from daemon.stage.timeline import Entry, Timeline
from daemon.stage.voices import Voices
from daemon.wire import Call, Control, Generate, Listen, Ping, Reset, decode_action

SIXTEENTH = 0.25  # beats
PATIENCE = 0.7  # seconds without an answer after which a player counts as hung
PRE_ROLL = 0.3  # seconds between the start of the clock and beat 0, so that the first window can be filled in time
SETTLE = 0.1  # seconds that a player is given to fill its first window after a reset: look-ahead starts from nothing
RANK_TEMPO, RANK_ASK, RANK_MELODY = 0, 1, 2


class Sink(Protocol):
    """What a performance does to the world. None of it may call back."""

    def send(self, port: str, message: bytes, due: float) -> None:
        """Send on `port`; `due` (seconds) is when it should have been sent."""

    def call(self, player: str, number: int, call: Call) -> None:
        """Ask `player`; its answer comes back through `Performance.answer` with the same number."""

    def panic(self) -> None:
        """Pay the ledger and silence every output."""

    def record(self, entry: list[Any]) -> None:
        """Keep for the journal. The first item is the entry's kind, the second is seconds."""


@dataclass(eq=False, slots=True)
class _Player:
    spec: PlayerSpec
    voices: Voices
    up: bool = False
    released: bool = False  # hung: silent until it is replaced
    ask: Entry | None = None
    waiting: deque[tuple[int, float]] = field(default_factory=deque)  # calls without an answer: number, asked at
    first_valid: int = 0  # answers to calls before the last reset no longer count


@dataclass(eq=False, slots=True)
class _Source:
    """What an input port or a melody holds down: for its release when it is lost."""

    held: dict[tuple[int, int], int] = field(default_factory=dict)  # (channel, pitch) → how often
    sustained: set[int] = field(default_factory=set)  # channels


class Performance:
    """Clock, routes, players' windows and notes.

    All times are seconds on the caller's clock; beats count from the clock's start.
    """

    def __init__(self, spec: StageSpec, sink: Sink) -> None:
        self._sink = sink
        self._now = 0.0
        self._number = 0
        self._resets = 0
        self._running = False
        self._timeline = Timeline(Tempo(0.0, 0.0, spec.tempo_map.bpm_at(0.0)))
        self._players: dict[str, _Player] = {}
        self._sources: dict[str, _Source] = {}
        self._melodies: dict[str, MelodySpec] = {}
        self._tempo_entry: Entry | None = None  # the next change of tempo
        self._settings: dict[tuple[str, str], float] = {}  # as turned since the start
        self._tempo_from = 0.0  # the beat after which the next change of tempo was looked for
        self.counts = {"dropped": 0, "malformed": 0, "stale": 0}
        self._take(spec)

    # What happens

    def start(self, now: float, beat: float = 0.0) -> None:
        """Start the clock: `beat` falls PRE_ROLL after `now`."""
        self._happens("start", now, beat)
        self._running = True
        self._change_tempo(now, Tempo(beat, now + PRE_ROLL, self.spec.tempo_map.bpm_at(beat)))
        self._follow_tempo(beat)
        for melody in self._melodies.values():
            self._follow_melody(melody, math.floor(beat))
        for player in self._players.values():
            if player.up:
                self._reset(player)

    def heard(self, now: float, source: str, stamp: float, message: bytes) -> bool:
        """An input port received `message` at `stamp`. False: it is not MIDI, and went nowhere."""
        port = self._ports.get(source)
        if port is None or port.direction != "in":
            return True
        if not is_well_formed(message):
            self.counts["malformed"] += 1
            return False
        channel = channel_of(message)
        if message[0] >= 0xF8 or (channel is not None and port.channels and channel not in port.channels):
            return True
        self._happens("heard", now, source, stamp, message.hex())
        if is_note_on(message) and (channel, message[1]) in self._sources[source].held:
            assert channel is not None  # a key that was never released: the old note has one holder less
            self._pass_on(source, port.thru, note_off(channel, message[1]), stamp)
        if message[0] & 0xF0 == CONTROL_CHANGE and message[1] in (ALL_SOUND_OFF, ALL_NOTES_OFF):
            self._let_go_keys(source, channel)  # whoever sends this may never send their note-offs
        self._pass_on(source, port.thru, message, stamp)
        control = (
            self._controls.get((source, message[1]))
            if channel is not None and message[0] & 0xF0 == CONTROL_CHANGE
            else None
        )
        if control is not None:
            self._turn(control, message, stamp)
        elif is_note_on(message) or is_note_off(message):
            self._tell(source, message, self.beat_at(stamp))
        return True

    def answer(self, now: float, name: str, number: int, actions: Iterable[list[Any]], last: bool) -> None:
        """A player's answer, or a part of it, as `wire.encode_action` makes them. Due notes are sent at once."""
        player = self._players.get(name)
        if player is None or not player.up:
            return
        actions = list(actions)
        decoded = [decode_action(action) for action in actions]  # ValueError before anything has happened
        self._happens("answer", now, name, number, actions, last)
        while last and player.waiting and player.waiting[0][0] <= number:
            player.waiting.popleft()
        if number < player.first_valid or player.released:
            self.counts["stale"] += len(actions)
            return
        for action in decoded:
            player.voices.act(action)
        self._timeline.advance(now)

    def advance(self, now: float) -> None:
        """Do what is due at `now`."""
        if self._timeline.next_deadline() <= now:
            self._happens("advance", now)
            self._timeline.advance(now)

    def player_up(self, now: float, name: str) -> None:
        """A player is ready (again)."""
        player = self._players[name]
        self._happens("up", now, name)
        player.up, player.released = True, False
        player.waiting.clear()
        if self._running:
            self._reset(player)

    def player_down(self, now: float, name: str) -> None:
        """A player is gone: its notes end now."""
        player = self._players[name]
        self._happens("down", now, name)
        player.up = False
        player.waiting.clear()
        self._silence(player)

    def check_players(self, now: float) -> list[str]:
        """Ask idle players whether they live; end the notes of the hung ones and return their names, once each."""
        hung = []
        for name, player in self._players.items():
            if not player.up or player.released:
                continue
            if player.waiting and now - player.waiting[0][1] > PATIENCE:
                hung.append(name)
            elif not player.waiting:  # under the last call's number: it is no part of the music, so none of the journal
                player.waiting.append((self._number, now))
                self._sink.call(name, self._number, Ping())
        for name in hung:
            self.player_hung(now, name)
        return hung

    def player_hung(self, now: float, name: str) -> None:
        """A player does not answer: its notes end now, and it is silent until it is replaced."""
        self._happens("hung", now, name)
        self._players[name].released = True
        self._silence(self._players[name])

    def port_lost(self, now: float, name: str) -> None:
        """A port vanished: what a lost input held ends."""
        self._happens("lost", now, name)
        self._let_go(name)

    def panic(self, now: float) -> None:
        """Silence everything, and let every player start anew."""
        self._happens("panic", now)
        self._panic()

    def rotate(self, now: float) -> None:
        """Begin a new session: every player starts anew here, so that the journal's next entries stand alone."""
        self._happens("rotate", now)
        self._timeline.advance(now)
        for player in self._players.values():
            self._silence(player)
        self._record_state(now)
        for player in self._players.values():
            if player.up and self._running:
                self._reset(player)

    def reconfigure(self, now: float, spec: StageSpec) -> None:
        """Take another configuration; players and ports that are the same in both go on undisturbed."""
        self._happens("spec", now, spec.to_json())
        tempo_changed = spec.tempo_map != self.spec.tempo_map
        kept = {m.melody.name for m in spec.melodies if self._melodies.get(m.melody.name) == m}
        for name in self._melodies.keys() - kept:
            self._drop_melody(name)
        ports = {port.name: port for port in spec.ports}
        for name, port in self._ports.items():
            if ports.get(name) != port:  # what is held there may be released elsewhere from now on
                self._let_go(name)
        self._take(spec)
        if not self._running:
            return
        beat = self.beat_at(now)
        if tempo_changed:
            self._change_tempo(now, self._timeline.tempo.changed(beat, spec.tempo_map.bpm_at(beat)))
            self._follow_tempo(beat)
        for name, melody in self._melodies.items():
            if name not in kept:
                self._follow_melody(melody, math.ceil(beat))

    def restore(self, now: float, state: dict[str, Any]) -> None:
        """Put a new performance where `rotate` recorded the old one to be: the beginning of a replay."""
        self._now = now
        self._number, self._resets = state["number"], state["resets"]
        self._settings = {(name, setting): value for name, setting, value in state["settings"]}
        for name, player in self._players.items():
            player.up, player.released = name in state["up"], name in state["hung"]
        for name, channel, pitch, count in state["held"]:
            self._sources[name].held[channel, pitch] = count
        for name, channel in state["sustained"]:
            self._sources[name].sustained.add(channel)
        if not state["running"]:
            return
        self._running = True
        self._timeline.change_tempo(Tempo(*state["tempo"]))
        self._follow_tempo(state["tempo_from"])
        for melody in self._melodies.values():
            self._resume_melody(melody, now)
        for player in self._players.values():
            if player.up:
                self._reset(player)

    # What can be asked

    def next_deadline(self) -> float:
        """When `advance` has something to do: seconds, or infinity."""
        return self._timeline.next_deadline()

    def beat_at(self, seconds: float) -> float:
        return self._timeline.tempo.beat_at(seconds)

    def seconds_at(self, beat: float) -> float:
        return self._timeline.tempo.seconds_at(beat)

    @property
    def running(self) -> bool:
        return self._running

    @property
    def bpm(self) -> float:
        return self._timeline.tempo.bpm

    def sounding(self) -> dict[str, int]:
        """How many notes each player sounds."""
        return {name: player.voices.sounding() for name, player in self._players.items()}

    # Inside

    def _happens(self, kind: str, now: float, *details: Any) -> None:
        self._now = now
        self._sink.record([kind, now, *details])

    def _panic(self) -> None:
        for source in self._sources.values():
            source.held.clear()
            source.sustained.clear()
        self._sink.panic()
        for player in self._players.values():
            self._silence(player)
            if player.up and self._running:
                self._reset(player)

    def _take(self, spec: StageSpec) -> None:
        self.spec = spec
        self._ports: dict[str, PortSpec] = {port.name: port for port in spec.ports}
        self._controls: dict[tuple[str, int], ControlSpec] = {(c.source, c.number): c for c in spec.controls}
        old_melodies, self._melodies = self._melodies, {}
        for melody in spec.melodies:  # the same object goes on: what is on the timeline belongs to it
            kept_melody = old_melodies.get(melody.melody.name)
            self._melodies[melody.melody.name] = kept_melody if kept_melody == melody else melody
        old, self._players = self._players, {}
        for player_spec in spec.players:
            kept = old.get(player_spec.name)
            if kept is not None and kept.spec == player_spec:
                self._players[player_spec.name] = old.pop(player_spec.name)
            else:
                self._players[player_spec.name] = self._new_player(player_spec)
        for player in old.values():
            self._silence(player)
            self._settings = {key: value for key, value in self._settings.items() if key[0] != player.spec.name}
        for name in [n for n in self._sources if n not in self._ports and n not in self._melodies]:
            del self._sources[name]
        for name in [*self._ports, *self._melodies]:
            self._sources.setdefault(name, _Source())

    def _new_player(self, spec: PlayerSpec) -> _Player:
        def emit(due: float, voice: str, message: bytes, beat: float) -> None:
            self._sink.send(spec.port, message, due)
            self._sink.record(["sent", due, spec.name, voice, spec.port, message.hex()])
            self._tell(spec.name, message, beat)

        def drop(due: float, voice: str, message: bytes) -> None:
            self.counts["dropped"] += 1
            self._sink.record(["dropped", due, spec.name, voice, spec.port, message.hex()])

        return _Player(spec, Voices(spec, self._timeline, lambda: self._now, emit, drop))

    def _let_go(self, name: str) -> None:
        """What input `name` holds ends."""
        source = self._sources.get(name)
        port = self._ports.get(name)
        if source is None or port is None:
            return
        self._let_go_keys(name)
        for channel in list(source.sustained):
            message = control_change(channel, SUSTAIN, 0)
            self._pass_on(name, port.thru, message, self._now)
            self._tell(name, message, self.beat_at(self._now))

    def _let_go_keys(self, name: str, only: int | None = None) -> None:
        """On one channel, or on all."""
        held = self._sources[name].held
        for channel, pitch in list(held):
            if only in (None, channel):
                message = note_off(channel, pitch)
                for _ in range(held.get((channel, pitch), 0)):
                    self._pass_on(name, self._ports[name].thru, message, self._now)
                self._tell(name, message, self.beat_at(self._now))

    def _silence(self, player: _Player) -> None:
        player.voices.release(self._now)
        if player.ask is not None:
            player.ask.cancelled = True
            player.ask = None

    def _reset(self, player: _Player) -> None:
        """Start a player anew, with a first window far enough ahead, which is asked for at once."""
        self._silence(player)
        beat = self.beat_at(self._now + max(player.spec.lead, SETTLE))
        first = max(math.ceil(beat / SIXTEENTH) * SIXTEENTH, 0.0)
        self._resets += 1
        player.first_valid = self._number + 1
        self._call(player, Reset(first, self._seed(player.spec.name)), self._now)
        turned = {setting: value for (name, setting), value in self._settings.items() if name == player.spec.name}
        for setting, value in {**player.spec.settings, **turned}.items():
            self._call(player, Control(setting, value), self._now)
        self._generate(player, first)

    def _seed(self, name: str) -> int:
        """Another for every player and every start; two seeds of the configuration have none in common."""
        return (self.spec.seed << 32) + zlib.crc32(f"{name} {self._resets}".encode())

    def _generate(self, player: _Player, start: float) -> None:
        """Ask for the window at `start`, and for the next one when its time comes."""
        bar_start, meter = self.spec.tempo_map.bar_at(start)
        self._call(player, Generate(Window(start, start + SIXTEENTH, bar_start, meter, self.bpm)), self._now)

        def run(due: float) -> None:
            following = start + SIXTEENTH
            if self._now - due > player.spec.lead + 60 / self.bpm * SIXTEENTH:
                # The stage itself stood still: go on with the present.
                following = math.ceil(self.beat_at(self._now + player.spec.lead) / SIXTEENTH) * SIXTEENTH
            self._generate(player, following)

        player.ask = self._timeline.add(start + SIXTEENTH, RANK_ASK, run, offset=-player.spec.lead)

    def _call(self, player: _Player, call: Call, now: float) -> None:
        if player.released:
            return
        self._number += 1
        player.waiting.append((self._number, now))
        self._sink.call(player.spec.name, self._number, call)

    def _tell(self, source: str, message: bytes, beat: float) -> None:
        for player in self._players.values():
            if player.up and source in player.spec.listen:
                self._call(player, Listen(MidiEvent(beat, source, message)), self._now)

    def _pass_on(self, source: str, outputs: Iterable[str], message: bytes, due: float) -> None:
        """Copy to `outputs`, and note what the source holds."""
        for output in outputs:
            self._sink.send(output, message, due)
        state, channel = self._sources[source], channel_of(message)
        if channel is None:
            return
        if is_note_on(message):
            state.held[channel, message[1]] = state.held.get((channel, message[1]), 0) + 1
        elif is_note_off(message):
            if (left := state.held.pop((channel, message[1]), 0) - 1) > 0:
                state.held[channel, message[1]] = left
        elif message[0] & 0xF0 == CONTROL_CHANGE and message[1] == SUSTAIN:
            (state.sustained.add if message[2] >= 64 else state.sustained.discard)(channel)

    def _turn(self, control: ControlSpec, message: bytes, stamp: float) -> None:
        number, value = message[1], message[2]
        if control.action == "panic":
            if number in (ALL_SOUND_OFF, ALL_NOTES_OFF) or value >= 64:
                self._panic()
        elif control.action == "sustain":
            channel = (message[0] & 15) + 1
            sustained = self._sources[control.source].sustained
            (sustained.add if value >= 64 else sustained.discard)(channel)
            self._tell(control.source, control_change(channel, SUSTAIN, value), self.beat_at(stamp))
        else:
            self._settings[control.player, control.setting] = control.low + (control.high - control.low) * value / 127
            if (player := self._players.get(control.player)) is not None and player.up:
                self._call(player, Control(control.setting, self._settings[control.player, control.setting]), self._now)

    def _change_tempo(self, now: float, tempo: Tempo) -> None:
        self._timeline.change_tempo(tempo)
        self._sink.record(["tempo", now, tempo.beat_at(now), tempo.bpm])

    def _follow_tempo(self, beat: float) -> None:
        self._tempo_from = beat
        if self._tempo_entry is not None:
            self._tempo_entry.cancelled = True
        change = self.spec.tempo_map.next_change(beat)
        if change is None:
            return
        at, bpm = change

        def run(due: float) -> None:
            self._change_tempo(due, self._timeline.tempo.changed(at, bpm))
            self._follow_tempo(at)

        self._tempo_entry = self._timeline.add(at, RANK_TEMPO, run)

    def _resume_melody(self, spec: MelodySpec, now: float) -> None:
        """Go on with a melody where all that was due at `now` is done: what sounds ends in time."""
        seconds_at = self._timeline.tempo.seconds_at
        beat = math.floor(self.beat_at(now))
        beat += (seconds_at(beat + 1) <= now) - (seconds_at(beat) > now)  # rounding
        longest = max(note.duration for note in spec.melody.notes)
        for note in spec.melody.between(max(beat - longest, 0.0), beat + 1):
            if seconds_at(note.onset) > now:
                self._play_melody(spec, note_on(spec.channel, note.pitch, note.velocity), note.onset)
            if seconds_at(note.onset + note.duration) > now:
                self._play_melody(spec, note_off(spec.channel, note.pitch), note.onset + note.duration)
        self._follow_melody(spec, beat + 1)

    def _follow_melody(self, spec: MelodySpec, beat: float) -> None:
        """Put one beat of a melody on the timeline, and so on beat by beat."""

        def chunk(_due: float) -> None:
            if self._melodies.get(spec.melody.name) is not spec:
                return
            for note in spec.melody.between(beat, beat + 1):
                self._play_melody(spec, note_on(spec.channel, note.pitch, note.velocity), note.onset)
                self._play_melody(spec, note_off(spec.channel, note.pitch), note.onset + note.duration)
            self._follow_melody(spec, beat + 1)

        self._timeline.add(beat, RANK_TEMPO, chunk)

    def _play_melody(self, spec: MelodySpec, message: bytes, beat: float) -> None:
        def run(due: float) -> None:
            if self._melodies.get(spec.melody.name) is spec:
                self._sink.record(["melody", due, spec.melody.name, message.hex()])
                self._pass_on(spec.melody.name, spec.thru, message, due)
                self._tell(spec.melody.name, message, beat)

        self._timeline.add(beat, RANK_MELODY, run)

    def _drop_melody(self, name: str) -> None:
        spec = self._melodies[name]
        for (channel, pitch), count in list(self._sources[name].held.items()):
            for _ in range(count):
                self._pass_on(name, spec.thru, note_off(channel, pitch), self._now)
        del self._sources[name]

    def _record_state(self, now: float) -> None:
        tempo = self._timeline.tempo
        self._happens(
            "state",
            now,
            {
                "number": self._number,
                "resets": self._resets,
                "settings": [[name, setting, value] for (name, setting), value in self._settings.items()],
                "up": [name for name, player in self._players.items() if player.up],
                "hung": [name for name, player in self._players.items() if player.released],
                "held": [[n, *key, count] for n, source in self._sources.items() for key, count in source.held.items()],
                "sustained": [[n, channel] for n, source in self._sources.items() for channel in source.sustained],
                "running": self._running,
                "tempo": [tempo.beat, tempo.seconds, tempo.bpm],
                "tempo_from": self._tempo_from,
            },
        )
