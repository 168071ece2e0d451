"""The performance: a pure function from entries to what is sent, asked and recorded.

Live, `stage/process.py` feeds it from MIDI ports and sockets; offline, `render/offline.py` feeds it from a file and
`recording/replay.py` from a journal. Every input is an entry with its time, so the same entries give the same output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any

from daemon.commands import encode_command
from daemon.entries import (
    Advanced,
    Answered,
    Commanded,
    Entry,
    Followed,
    Heard,
    Located,
    MelodyPlayed,
    Planned,
    PlansKept,
    PlayerDown,
    PlayerHung,
    PlayerUp,
    PortLost,
    Reconfigured,
    Started,
    Stopped,
    TempoChanged,
)
from daemon.metrics import THRU
from daemon.music.events import (
    CLOCK_TICK,
    SUSTAIN,
    SYSTEM_RESET,
    channel_of,
    control_change,
    ends_notes,
    is_note_off,
    is_note_on,
    is_well_formed,
    lifts_pedals,
    note_off,
)
from daemon.music.form_place import FormPlace
from daemon.music.plan import Plan
from daemon.music.tempo import Tempo
from daemon.performance.command_executor import CommandExecutor
from daemon.performance.controls import Controls, bound
from daemon.performance.first_key import FirstKey
from daemon.performance.held_notes import HeldNotes
from daemon.performance.players import Players
from daemon.performance.sink import Sink
from daemon.performance.transport import Transport
from daemon.spec import PortSpec, StageSpec
from daemon.wire import Answer


class Performance:
    """Clock, routes, players' windows and notes.

    All times are seconds on the caller's clock; beats count from the song's start. The transport runs or stands. While
    it stands, beats go on, to time the answers to keys, but nothing is played in time.
    """

    def __init__(self, spec: StageSpec, sink: Sink) -> None:
        self._sink, self._now, self._malformed = sink, 0.0, 0
        self._held, self._controls = HeldNotes(sink.send), Controls()
        clock = lambda: self._now  # noqa: E731
        changed = lambda now: sink.record(TempoChanged(now, self.beat_at(now), self.bpm))  # noqa: E731
        self._transport = Transport(spec, sink.send, self._held, self._play_melody, changed, clock)
        self._players = Players(sink, self._transport.timeline, clock)
        self.plans = self._players.plans
        self._transport.ritardando.sections, self.plans.changed = self.plans.ritardandi, self._transport.replan
        self._commands = CommandExecutor(sink, self._controls, self._held, self._transport, self._players, clock)
        self._first_key = FirstKey(self._held, self._transport, self._players)
        self._handlers: Mapping[type[Entry], Callable[[Any], object]] = {
            Heard: self._hear,
            Answered: self._answer,
            Planned: lambda entry: self._players.plan(entry.player, entry.number, entry.plan),
            Advanced: lambda entry: self._transport.timeline.advance(self._now),
            Started: lambda entry: self._commands.begin(entry.beat, entry.at),
            Stopped: lambda entry: self._commands.stop(),
            Located: lambda entry: self._transport.locate(entry.beat),
            Followed: lambda entry: self._transport.follow(entry.seconds, entry.tempo),
            Commanded: lambda entry: self._commands.execute(entry.command, entry.stamp),
            PlayerUp: lambda entry: self._commands.join(entry.player),
            PlayerDown: lambda entry: self._players.down(entry.player),
            PlayerHung: lambda entry: self._players.hung(entry.player),
            PortLost: lambda entry: self._lose_input(entry.port),
            PlansKept: lambda entry: self.plans.keep(entry.plans, entry.stood_at),
            Reconfigured: lambda entry: self._reconfigure(entry.spec),
        }
        self._configure(spec)

    # Inputs

    def take(self, entry: Entry) -> None:
        """Record an input and carry it out."""
        self._now = entry.seconds
        self._sink.record(entry)
        self._handlers[type(entry)](entry)
        self._first_key.look(self._now)

    def hear(self, now: float, source: str, stamp: float, message: bytes) -> bool:
        """Take a message that an input received at `stamp`, unless its port filters it. False: it is not MIDI."""
        if (port := self._ports.get(source)) is None or port.direction != "in":
            return True
        if not is_well_formed(message):
            self._malformed += 1
            return False
        channel = channel_of(message)
        if message[0] == SYSTEM_RESET:
            if not self._held.is_empty(source):
                self.take(PortLost(now, source))
        elif message[0] < CLOCK_TICK and (channel is None or not port.channels or channel in port.channels):
            self.take(Heard(now, source, stamp, message))
        return True

    def answer(self, now: float, name: str, number: int, items: Iterable[Answer], last: bool) -> None:
        """Take a player's answer to call `number`, or a part; an empty end is an entry only where a replay needs it."""
        if (player := self._players.one_up(name)) is None:
            return
        parts = [(is_plan, tuple(part)) for is_plan, part in groupby(items, lambda item: isinstance(item, Plan))]
        if not parts or (last and parts[-1][0]):
            parts.append((False, ()))
        for place, (is_plan, part) in enumerate(parts, 1):
            if is_plan:
                for plan in part:
                    self.take(Planned(now, name, number, plan))  # type: ignore[arg-type]
            elif part or self._transport.timeline.next_deadline() <= now or player.is_quiet(now):
                self.take(Answered(now, name, number, part, last and place == len(parts)))  # type: ignore[arg-type]
            else:
                player.finish(number if last else 0)

    def advance(self, now: float) -> None:
        """Do what is due at `now`. Metronome and MIDI clock are no part of the journal."""
        self._now = now
        self._transport.pulse(now)
        for source, message in self._held.beyond_limit(self._longest_notes, now):
            self.take(Heard(now, source, now, message))
        if self._transport.timeline.next_deadline() <= now:
            self.take(Advanced(now))

    def check_players(self, now: float, patient: bool = False) -> list[str]:
        """Ask idle players whether they live; end the notes of the hung ones and return their names, once each.

        While the transport stands, the players compute the first notes of the next start ahead, but not at once: a
        stop may be the first message of a jump. `patient`: none counts as hung, because the stage stood still before.
        """
        self._now = now
        standing_at = self._transport.position if self._transport.stands_still(now) else None
        hung = self._players.check(standing_at, patient)
        for name in hung:
            self.take(PlayerHung(now, name))
        return hung

    def leave(self, now: float) -> None:
        """The end: followers of our MIDI clock stop. (What sounds is left to the ledger.)"""
        self._transport.clocks.stop(now)

    def restore(self, now: float, state: Mapping[str, Any]) -> None:
        """Set a new performance to the state that a rotation saved: the beginning of a replay."""
        self._now = now
        self._players.restore(state)
        self._held.restore(state)
        self._controls.restore(state)
        self._transport.restore(now, state)
        self._commands.reset_players()

    # Queries

    def next_deadline(self) -> float:
        """When `advance` has something to do: seconds, or infinity."""
        return min(self._transport.next_deadline(), self._held.next_limit(self._longest_notes))

    def beat_at(self, seconds: float) -> float:
        return self._transport.tempo.beat_at(seconds)

    def seconds_at(self, beat: float) -> float:
        return self._transport.tempo.seconds_at(beat)

    @property
    def ready(self) -> bool:
        """The transport was started, or stands and waits for its start."""
        return self._transport.ready

    @property
    def running(self) -> bool:
        return self._transport.running

    @property
    def position(self) -> float:
        """The beat from which a transport that stands goes on."""
        return self._transport.position

    @property
    def tempo(self) -> Tempo:
        return self._transport.tempo

    @property
    def bpm(self) -> float:
        return self._transport.tempo.bpm

    @property
    def counts(self) -> dict[str, int]:
        counts = self._players.counts
        return {**counts, "dropped": counts["dropped"] + self._transport.melodies.late, "malformed": self._malformed}

    def sounding(self) -> dict[str, int]:
        """How many notes each player sounds."""
        return self._players.sounding()

    def form_place(self, now: float) -> FormPlace | None:
        """Where the song is in the form that a player has planned, if one has."""
        beat = self.beat_at(now) if self.running else self.position
        return self.plans.form_place(beat, self.spec.tempo_map.bar_at(beat)[1])

    def silent(self) -> list[str]:
        """The players that are muted, or not soloed while others are."""
        return self._players.mutes.silent()

    def turned(self) -> list[Any]:
        """What controls change: the silent players, the settings, whether the metronome is on, the tempo; and the
        commands, encoded, that turn the performance of another stage process like this one."""
        transport, commands = self._transport, [encode_command(each) for each in self._commands.standing()]
        return [self.silent(), self._players.settings(), transport.metronome_is_on, transport.set_tempo, commands]

    # Inside

    def _hear(self, entry: Heard) -> None:
        source, stamp, message = entry.source, entry.stamp, entry.message
        control = self._controls.find(source, message)
        if control is None or control.event == "cc":  # a key that is a control makes no music
            self._pass_on(self._ports[source], channel_of(message), message, stamp)
        if control is not None:
            self._commands.turn(control, message, stamp)
        elif is_note_on(message) or is_note_off(message):
            if is_note_on(message):
                self._first_key.press(self._now, source, stamp, message)
            self._tell(source, message, stamp, is_note_on(message))

    def _pass_on(self, port: PortSpec, channel: int | None, message: bytes, stamp: float) -> None:
        """To the outputs in `thru`, after the note-offs that must come before."""
        if is_note_on(message) and channel is not None and self._held.holds(port.name, channel, message[1]):
            # A key that was never released: the old note has one holder less.
            self._held.pass_on(port.name, port.thru, note_off(channel, message[1]), stamp, THRU)
        if ends_notes(message):
            for ended in self._held.release_keys(port.name, port.thru, self._now, channel):
                self._tell(port.name, ended, self._now)  # the sender may never send their note-offs
        if lifts_pedals(message) and channel is not None and self._held.sustains(port.name, channel):
            self._tell(port.name, control_change(channel, SUSTAIN, 0), self._now)
        self._held.pass_on(port.name, port.thru, message, stamp, THRU)

    def _answer(self, entry: Answered) -> None:
        self._players.answer(entry.player, entry.number, entry.actions, entry.last)
        self._transport.timeline.advance(self._now)

    def _reconfigure(self, spec: StageSpec) -> None:
        old, transport, ports = self.spec, self._transport, {port.name: port for port in spec.ports}
        for name, port in self._ports.items():
            # Keys held there may be released on another port from now on, or be controls.
            if ports.get(name) != port or bound(old.controls, name) != bound(spec.controls, name):
                self._release_input(name)
        other_clock = (spec.clock.source, spec.clock.port) != (old.clock.source, old.clock.port) and transport.ready
        if other_clock:
            self._commands.stop()
        self._configure(spec)
        if other_clock and not transport.follows and not spec.clock.by_hand:
            self._commands.start(transport.position, self._now + transport.pre_roll())

    def _configure(self, spec: StageSpec) -> None:
        self.spec = spec
        self._commands.take(spec)
        self._ports: dict[str, PortSpec] = {port.name: port for port in spec.ports}
        self._longest_notes = {p.name: p.longest_note for p in spec.ports if p.longest_note is not None}
        self._transport.take(self._now, spec)
        self._players.take(spec)
        self._first_key.take(spec)

    def _lose_input(self, name: str) -> None:
        self._release_input(name)
        self._commands.lose_controls(name)

    def _release_input(self, name: str) -> None:
        """End what input `name` holds."""
        if name in self._ports:
            for message in self._held.release(name, self._ports[name].thru, self._now):
                self._tell(name, message, self._now)

    def _tell(self, source: str, message: bytes, stamp: float, is_played: bool = False) -> None:
        """To the players that listen; `is_played`: a key was pressed or a pedal moved, so that latency is measured."""
        self._players.tell(source, message, self.beat_at(stamp), stamp if is_played else None)

    def _play_melody(self, name: str, message: bytes, due: float, beat: float) -> None:
        self._sink.record(MelodyPlayed(due, name, message))
        self._players.tell(name, message, beat)
