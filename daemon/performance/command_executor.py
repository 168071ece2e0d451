"""Commands, posted or given by a control: what they do to the transport, the players and the held notes together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from daemon.commands import (
    ChangeSetting,
    Command,
    ContinueTransport,
    MutePlayer,
    Panic,
    RotateSession,
    SetTempo,
    SoloPlayer,
    StartTransport,
    StopTransport,
    TapBeat,
    ToggleMetronome,
    ToggleMute,
    ToggleSolo,
)
from daemon.entries import StateSaved
from daemon.music.events import SUSTAIN, control_change
from daemon.performance.controls import PRESSED, Controls, value_of
from daemon.performance.gestures import Gestures
from daemon.performance.held_notes import HeldNotes
from daemon.performance.players import Players
from daemon.performance.sink import Sink
from daemon.performance.transport import Transport
from daemon.spec import ControlSpec, StageSpec


class CommandExecutor:
    """`clock()` gives the seconds of the current entry."""

    def __init__(
        self,
        sink: Sink,
        controls: Controls,
        held: HeldNotes,
        transport: Transport,
        players: Players,
        clock: Callable[[], float],
    ) -> None:
        self._sink, self._controls, self._held, self._clock = sink, controls, held, clock
        self._transport, self._players = transport, players
        self._gestures = Gestures()
        self._spec: StageSpec

    def take(self, spec: StageSpec) -> None:
        """Take the controls and the lengths of a gesture and of the count-in from `spec`."""
        released = self._controls.take(spec.controls)
        self._spec = spec
        self._gestures.forget()
        self._execute_now(released)

    def lose_controls(self, source: str) -> None:
        """Input `source` was lost: what its controls hold down is released."""
        self._execute_now(self._controls.lose(source))

    def standing(self) -> list[Command]:
        """The commands that turn a new performance like this one. What controls hold down is released: they may be
        released unnoticed meanwhile."""
        return [*self._transport.standing(), *self._players.standing(), *self._controls.held()]

    def turn(self, control: ControlSpec, message: bytes, stamp: float) -> None:
        """Carry out what a bound controller or key means."""
        if control.action == "sustain":
            channel, value = (message[0] & 15) + 1, value_of(control, message)
            self._held.sustain(control.source, channel, value >= PRESSED)
            pedal, beat = control_change(channel, SUSTAIN, value), self._transport.tempo.beat_at(stamp)
            self._players.tell(control.source, pedal, beat, stamp)
        elif (command := self._controls.command(control, message, self._present)) is not None:
            self.execute(command, stamp)

    def execute(self, command: Command, stamp: float) -> None:
        """Carry out a command that was given at `stamp`, unless it only repeats the one before."""
        transport, now, clock = self._transport, self._clock(), self._spec.clock
        if isinstance(command, StopTransport):
            self._gestures.stopped()
        if self._gestures.repeats(command, now, self._spec.gesture) and not (
            isinstance(command, Panic) and self._is_sounding()
        ):
            return
        match command:
            case Panic():
                self._panic()
            case RotateSession():
                self._rotate()
            case ChangeSetting(player, setting, value):
                self._players.turn(player, setting, value, transport.tempo.beat_at(stamp), stamp)
            case MutePlayer(player, muted):
                self._players.mutes.mute(player, muted)
            case SoloPlayer(player, soloed):
                self._players.mutes.solo(player, soloed)
            case ToggleMute(player):
                self._players.mutes.mute(player)
            case ToggleSolo(player):
                self._players.mutes.solo(player)
            case ToggleMetronome():
                transport.toggle_metronome(now)
            case _ if transport.follows:  # the clock source decides, and reports what becomes of the proposal
                self._sink.propose(command, stamp)
            case SetTempo(bpm):
                transport.set_bpm(now, bpm)
            case StartTransport():
                self.start(0.0, now + transport.pre_roll(clock.start_delay), clock.count_in)
            case StopTransport() if transport.running:
                self.stop()
            case ContinueTransport() if not transport.running:
                self.start(transport.position, now + transport.pre_roll(clock.start_delay))
            case TapBeat():
                at = transport.tap(now, stamp)
                if at is not None:
                    self.start(transport.position, at)

    def begin(self, beat: float, at: float | None) -> None:
        """Run from `beat`, which falls at `at` seconds; without `at`, soon, after the count-in."""
        if at is not None:
            self.start(beat, at)
        else:
            self.start(beat, self._clock() + self._transport.pre_roll(), self._spec.clock.count_in)

    def start(self, beat: float, at: float, count_in: int = 0) -> None:
        """Run from `beat`, which falls at `at` seconds, or `count_in` bars later."""
        self._players.silence()
        self._transport.start(self._clock(), beat, at, count_in * self._spec.tempo_map.bar_at(beat)[1])
        self._players.reset(first=beat)

    def stop(self) -> None:
        """Stop at the current position; keys are still answered."""
        self._gestures.stopped()
        self._players.silence()
        self._transport.halt(self._clock())
        self._players.listen_only(self._transport.position)

    def join(self, player: str) -> None:
        """A player that has started joins in."""
        self._players.up(player)
        if self._transport.running:
            self._players.reset_one(player, self._transport.began)
        elif self._transport.ready:
            self._players.listen_only(self._transport.position, player)
        self._tell_held_keys(player)

    def reset_players(self) -> None:
        if self._transport.running:
            self._players.reset(began=self._transport.began)
        elif self._transport.ready:
            self._players.listen_only(self._transport.position)
        self._tell_held_keys()

    def _tell_held_keys(self, only: str = "") -> None:
        """Tell the players, or only one, which keys and pedals are held: a reset has made them forget."""
        beat = self._transport.tempo.beat_at(self._clock())
        for port in self._spec.ports if self._spec.tells_held_keys else ():
            for message in self._held.messages(port.name) if port.direction == "in" else ():
                self._players.tell(port.name, message, beat, only=only)

    def _execute_now(self, commands: Iterable[Command]) -> None:
        for command in commands:
            self.execute(command, self._clock())

    def _panic(self) -> None:
        self._transport.melodies.release(self._clock())  # in the recording, too
        self._held.clear()
        self._sink.panic()
        self._players.silence()
        self.reset_players()

    def _rotate(self) -> None:
        """Every player starts anew here, so that the journal's next entries stand alone."""
        self._transport.timeline.advance(self._clock())
        self._gestures.forget()
        self._players.silence()
        state: dict[str, Any] = {}
        for part in (self._players, self._held, self._transport, self._controls):
            state |= part.to_json()
        self._sink.record(StateSaved(self._clock(), state))
        self.reset_players()

    def _present(self, control: ControlSpec) -> float | None:
        """The value that a control changes; None for the tempo of another clock, which may change gradually."""
        if control.action == "tempo":
            return None if self._transport.follows else self._transport.bpm
        return self._players.setting(control.player, control.setting)

    def _is_sounding(self) -> bool:
        """Whether a key or a pedal is held, or a player or a melody sounds."""
        return any(self._players.sounding().values()) or not self._held.is_empty()
