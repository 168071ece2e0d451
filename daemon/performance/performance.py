"""The stage without its ports: a pure function from what happens, and when, to what is sent and asked.

Live, `stage/process.py` feeds it from MIDI and sockets; offline, `render/offline.py` feeds it from a file, and
`recording/replay.py` from a journal. Every call is an entry of the journal, so that the same entries give the same
output again. It never reads a clock:
`now` is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from daemon.metrics import THRU
from daemon.music.events import (
    ALL_NOTES_OFF,
    ALL_SOUND_OFF,
    CONTROL_CHANGE,
    SUSTAIN,
    TICK,
    channel_of,
    control_change,
    is_note_off,
    is_note_on,
    is_well_formed,
    note_off,
)
from daemon.music.tempo import Tempo
from daemon.performance.held_notes import HeldNotes
from daemon.performance.players import Players, Sink
from daemon.performance.transport import Transport
from daemon.spec import ControlSpec, PortSpec, StageSpec
from daemon.wire import decode_action


class Performance:
    """Clock, routes, players' windows and notes.

    All times are seconds on the caller's clock; beats count from the song's start. The transport runs or stands. While
    it stands, beats go on, to time what keys are answered with, but nothing is played in time.
    """

    def __init__(self, spec: StageSpec, sink: Sink) -> None:
        self._sink = sink
        self._now = 0.0
        self._malformed = 0
        self._sources = HeldNotes(sink.send)
        clock = lambda: self._now  # noqa: E731
        self._transport = Transport(spec, sink.send, self._sources, self._play_melody, self._tempo_changed, clock)
        self._players = Players(sink, self._transport.timeline, clock)
        self._take(spec)

    # The clock

    def start(self, now: float, beat: float = 0.0, at: float | None = None) -> None:
        """The transport runs from `beat`, which falls at `at` seconds; without `at`, soon, after the count-in."""
        self._happens("start", now, beat, at)
        self._start(beat, at)

    def stop(self, now: float) -> None:
        """The transport stands: everything in time ends; keys are still answered."""
        self._happens("stop", now)
        self._stop()

    def locate(self, now: float, beat: float) -> None:
        """From where a transport that stands goes on."""
        self._happens("locate", now, beat)
        self._transport.position = beat

    def follow(self, now: float, tempo: Tempo) -> None:
        """The clock that we follow: its beats fall like this from now on."""
        self._happens("follow", now, tempo.beat, tempo.seconds, tempo.bpm)
        self._transport.follow(now, tempo)

    def by_hand(self, now: float, action: str, stamp: float) -> None:
        """Somebody at the computer wants to start, stop, continue, or taps, at `stamp` seconds."""
        self._happens("hand", now, action, stamp)
        self._hand(action, stamp)

    # What happens

    def heard(self, now: float, source: str, stamp: float, message: bytes) -> bool:
        """An input port received `message` at `stamp`. False: it is not MIDI, and went nowhere."""
        port = self._ports.get(source)
        if port is None or port.direction != "in":
            return True
        if not is_well_formed(message):
            self._malformed += 1
            return False
        channel = channel_of(message)
        if message[0] >= TICK or (channel is not None and port.channels and channel not in port.channels):
            return True
        self._happens("heard", now, source, stamp, message.hex())
        control = self._control(source, message)
        if control is None or control.event == "cc":  # a key that is a control makes no music
            self._pass_on(port, channel, message, stamp)
        if control is not None:
            self._turn(control, message, stamp)
        elif is_note_on(message) or is_note_off(message):
            self._tell(source, message, stamp, is_note_on(message))
        return True

    def answer(self, now: float, name: str, number: int, actions: Iterable[list[Any]], last: bool) -> None:
        """A player's answer, or a part of it, as `wire.encode_action` makes them. Due notes are sent at once."""
        if not self._players.is_up(name):
            return
        actions = list(actions)
        decoded = [decode_action(action) for action in actions]  # ValueError before anything has happened
        self._happens("answer", now, name, number, actions, last)
        self._players.answer(name, number, decoded, last)
        self._transport.timeline.advance(now)

    def advance(self, now: float) -> None:
        """Do what is due at `now`."""
        self._now = now
        self._transport.pulse(now)
        if self._transport.timeline.next_deadline() <= now:
            self._happens("advance", now)
            self._transport.timeline.advance(now)

    def player_up(self, now: float, name: str) -> None:
        """A player is ready (again)."""
        self._happens("up", now, name)
        self._players.up(name)
        if self._transport.running:
            self._players.reset_one(name, self._transport.began)
        elif self._transport.ready:
            self._players.listen_only(self._transport.position, name)

    def player_down(self, now: float, name: str) -> None:
        """A player is gone: its notes end now."""
        self._happens("down", now, name)
        self._players.down(name)

    def check_players(self, now: float) -> list[str]:
        """Ask idle players whether they live; end the notes of the hung ones and return their names, once each."""
        self._now = now
        hung = self._players.check()
        for name in hung:
            self.player_hung(now, name)
        return hung

    def player_hung(self, now: float, name: str) -> None:
        """A player does not answer: its notes end now, and it is silent until it is replaced."""
        self._happens("hung", now, name)
        self._players.hung(name)

    def port_lost(self, now: float, name: str) -> None:
        """A port vanished: what a lost input held ends."""
        self._happens("lost", now, name)
        self._let_go(name)

    def panic(self, now: float) -> None:
        """Silence everything, and let every player start anew."""
        self._happens("panic", now)
        self._panic()

    def leave(self, now: float) -> None:
        """It ends here: those who follow our clock stand. (What sounds, the ledger knows.)"""
        self._transport.stop_clocks(now)

    def rotate(self, now: float) -> None:
        """Begin a new session: every player starts anew here, so that the journal's next entries stand alone."""
        self._happens("rotate", now)
        self._transport.timeline.advance(now)
        self._players.silence()
        state = {**self._players.to_json(), **self._sources.to_json(), **self._transport.to_json()}
        self._happens("state", now, state)
        self._reset_players()

    def reconfigure(self, now: float, spec: StageSpec) -> None:
        """Take another configuration; players and ports that are the same in both go on undisturbed."""
        self._happens("spec", now, spec.to_json())
        old, transport = self.spec, self._transport
        ports = {port.name: port for port in spec.ports}
        for name, port in self._ports.items():
            # What is held there may be released elsewhere from now on, or do something else.
            if ports.get(name) != port or _controls(old, name) != _controls(spec, name):
                self._let_go(name)
        other_clock = (spec.clock.source, spec.clock.port) != (old.clock.source, old.clock.port) and transport.ready
        if other_clock:
            self._stop()
        self._take(spec)
        if other_clock and not transport.follows and not spec.clock.by_hand:
            self._start(transport.position, now + transport.pre_roll)

    def restore(self, now: float, state: dict[str, Any]) -> None:
        """Put a new performance where `rotate` recorded the old one to be: the beginning of a replay."""
        self._now = now
        self._players.restore(state)
        self._sources.restore(state)
        self._transport.restore(now, state)
        self._reset_players()

    # What can be asked

    def next_deadline(self) -> float:
        """When `advance` has something to do: seconds, or infinity."""
        return self._transport.next_deadline()

    def beat_at(self, seconds: float) -> float:
        return self._transport.tempo.beat_at(seconds)

    def seconds_at(self, beat: float) -> float:
        return self._transport.tempo.seconds_at(beat)

    def bar_at(self, beat: float) -> tuple[float, float]:
        """Its bar line, and the bar's length in beats."""
        return self.spec.tempo_map.bar_at(beat)

    @property
    def ready(self) -> bool:
        """It was started, or stands and waits for that."""
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
        return {**counts, "dropped": counts["dropped"] + self._transport.late, "malformed": self._malformed}

    def sounding(self) -> dict[str, int]:
        """How many notes each player sounds."""
        return self._players.sounding()

    # Inside

    def _pass_on(self, port: PortSpec, channel: int | None, message: bytes, stamp: float) -> None:
        """To the outputs in `thru`, with what must end before."""
        if is_note_on(message) and channel is not None and self._sources.holds(port.name, channel, message[1]):
            # A key that was never released: the old note has one holder less.
            self._sources.pass_on(port.name, port.thru, note_off(channel, message[1]), stamp, THRU)
        if message[0] & 0xF0 == CONTROL_CHANGE and message[1] in (ALL_SOUND_OFF, ALL_NOTES_OFF):
            for ended in self._sources.let_go_keys(port.name, port.thru, self._now, channel):
                self._tell(port.name, ended, self._now)  # whoever sends this may never send their note-offs
        self._sources.pass_on(port.name, port.thru, message, stamp, THRU)

    def _happens(self, kind: str, now: float, *details: Any) -> None:
        self._now = now
        self._sink.record([kind, now, *details])

    def _take(self, spec: StageSpec) -> None:
        self.spec = spec
        self._ports: dict[str, PortSpec] = {port.name: port for port in spec.ports}
        self._controls: dict[tuple[str, str, int], ControlSpec] = {
            (c.source, c.event, c.number): c for c in spec.controls
        }
        self._transport.take(self._now, spec)
        self._players.take(spec)

    def _start(self, beat: float, at: float | None) -> None:
        count_in = 0.0
        if at is None:
            count_in, at = self.spec.clock.count_in * self.bar_at(beat)[1], self._now + self._transport.pre_roll
        self._players.silence()
        self._transport.start(self._now, beat, at, count_in)
        self._players.reset(first=beat)

    def _stop(self) -> None:
        self._players.silence()
        self._transport.halt(self._now)
        self._players.listen_only(self._transport.position)

    def _reset_players(self) -> None:
        if self._transport.running:
            self._players.reset(began=self._transport.began)
        elif self._transport.ready:
            self._players.listen_only(self._transport.position)

    def _panic(self) -> None:
        self._transport.release(self._now)  # in the recording, too
        self._sources.clear()
        self._sink.panic()
        self._players.silence()
        self._reset_players()

    def _let_go(self, name: str) -> None:
        """What input `name` holds ends."""
        if name in self._ports:
            for message in self._sources.let_go(name, self._ports[name].thru, self._now):
                self._tell(name, message, self._now)

    def _tell(self, source: str, message: bytes, stamp: float, is_played: bool = False) -> None:
        """To the players that listen; `is_played`: a key or pedal was pressed, so that latency is measured."""
        self._players.tell(source, message, self.beat_at(stamp), stamp if is_played else None)

    def _play_melody(self, name: str, message: bytes, due: float, beat: float) -> None:
        self._sink.record(["melody", due, name, message.hex()])
        self._players.tell(name, message, beat)

    def _tempo_changed(self, now: float) -> None:
        self._sink.record(["tempo", now, self.beat_at(now), self.bpm])

    # By hand

    def _control(self, source: str, message: bytes) -> ControlSpec | None:
        if message[0] & 0xF0 == CONTROL_CHANGE:
            return self._controls.get((source, "cc", message[1]))
        if is_note_on(message) or is_note_off(message):
            return self._controls.get((source, "note", message[1]))
        return None

    def _turn(self, control: ControlSpec, message: bytes, stamp: float) -> None:
        number, value = message[1], 0 if is_note_off(message) else message[2]
        if control.event == "note" and value:
            value = 127  # however softly it was struck
        amount = control.low + (control.high - control.low) * value / 127
        match control.action:
            case "panic":
                if value >= 64 or (control.event == "cc" and number in (ALL_SOUND_OFF, ALL_NOTES_OFF)):
                    self._panic()
            case "sustain":
                channel = (message[0] & 15) + 1
                self._sources.sustain(control.source, channel, value >= 64)
                self._tell(control.source, control_change(channel, SUSTAIN, value), stamp, is_played=True)
            case "setting":
                self._players.turn(control.player, control.setting, amount, self.beat_at(stamp), stamp)
            case "tempo" if self._proposes:
                self._sink.propose("tempo", amount)
            case "tempo":
                self._transport.set_bpm(self._now, amount)
            case action if value >= 64:
                self._hand(action, stamp)

    def _hand(self, action: str, stamp: float) -> None:
        transport = self._transport
        match action:
            case _ if self._proposes:
                self._sink.propose(action, stamp)
            case "start":
                self._start(0.0, None)
            case "stop" if transport.running:
                self._stop()
            case "continue" if not transport.running:
                self._start(transport.position, self._now + transport.pre_roll)
            case "tap":
                at = transport.tap(self._now, stamp)
                if at is not None:
                    self._start(transport.position, at)

    @property
    def _proposes(self) -> bool:
        """Whether what is done by hand is for those to decide whom we follow: we are told what becomes of it."""
        return self._transport.follows


def _controls(spec: StageSpec, source: str) -> set[ControlSpec]:
    return {control for control in spec.controls if control.source == source}
