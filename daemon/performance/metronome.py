"""The metronome, for the count-in or for as long as the transport runs; a command turns it on and off."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from daemon.metrics import GRID
from daemon.music.melody import Note
from daemon.music.tempo import TempoMap
from daemon.performance.held_notes import HeldNotes, Send
from daemon.performance.note_sequencer import NoteSequence, NoteSequencer
from daemon.performance.timeline import Timeline
from daemon.spec import StageSpec

DOWNBEAT_CLICK, BEAT_CLICK = (76, 120), (77, 90)  # pitch, velocity: high and low wood block of General MIDI
CLICK_LENGTH = 0.1  # beats
DRUMS = 10  # channel of the drums in General MIDI, for a metronome that the configuration does not place
JUST_PLAYED = 0.01  # beats in which a click that sounds already is not repeated
NAME = "metronome"


@dataclass(frozen=True, slots=True)
class _Click:
    """Where the clicks go, the beat at which they end, and the tempo map that has the bar lines."""

    port: str
    channel: int
    delay: float
    until: float
    tempo_map: TempoMap


class Metronome:
    def __init__(self, send: Send, timeline: Timeline) -> None:
        self._timeline = timeline
        self._sounding = HeldNotes(send)
        self._sounding.keep([NAME])
        self._click: _Click | None = None
        self._player: NoteSequencer | None = None
        self.turned: bool | None = None  # on or off by a command; None: as configured

    def start(self, now: float, spec: StageSpec, beat: float, began: float) -> None:
        """Click from `beat` on; a count-in lasts until beat `began`."""
        self.stop(now)
        click = self._click = _make(spec, began, self.turned)
        if click is None:
            return

        def play(message: bytes, due: float, _beat: float) -> None:
            self._sounding.pass_on(NAME, (click.port,), message, due, GRID)

        notes = clicks(click.tempo_map, click.until)
        sequence = NoteSequence(notes, 0.0, click.channel, click.delay, play)  # a click is struck on its beat or not
        self._player = NoteSequencer(sequence, self._timeline)
        self._player.start(beat)

    def change(self, now: float, spec: StageSpec, beat: float, began: float) -> None:
        """Restart with the metronome of `spec`, unless nothing changed."""
        if _make(spec, began, self.turned) != self._click:
            self.start(now, spec, beat + JUST_PLAYED, began)

    def is_on(self, spec: StageSpec) -> bool:
        """Whether it clicks for as long as the transport runs."""
        return _is_on(spec, self.turned)

    def is_toggled(self, spec: StageSpec) -> bool:
        """Whether it is on where `spec` has it off, or off where `spec` has it on."""
        return _is_on(spec, self.turned) != _is_on(spec, None)

    def stop(self, now: float) -> None:
        if self._player is not None and self._click is not None:
            self._player.stop()
            self._sounding.release_keys(NAME, (self._click.port,), now)
        self._click = self._player = None


def _make(spec: StageSpec, began: float, turned: bool | None) -> _Click | None:
    """The metronome of `spec`, `turned` on or off; one that is turned off clicks in the count-in, if configured."""
    place = spec.clock.metronome or (_default_place(spec) if turned else None)
    if place is None:
        return None
    port, channel = place
    delay = next((p.delay for p in spec.ports if p.name == port), 0.0)
    always = spec.clock.click == "always" if turned is None else turned
    return _Click(port, channel, delay, math.inf if always else began, spec.tempo_map)


def _is_on(spec: StageSpec, turned: bool | None) -> bool:
    click = _make(spec, 0.0, turned)
    return click is not None and click.until == math.inf


def _default_place(spec: StageSpec) -> tuple[str, int] | None:
    """Where the band plays, so that a synthesiser is there: the first player's port, else the first output."""
    ports = [*(player.port for player in spec.players), *(port.name for port in spec.ports if port.direction == "out")]
    return (ports[0], DRUMS) if ports else None


def clicks(tempo_map: TempoMap, until: float) -> Callable[[float, float], Iterable[Note]]:
    """The metronome's notes before beat `until`: one at each bar line, others a beat from one another."""

    def between(start: float, end: float) -> Iterable[Note]:
        bar, length = tempo_map.bar_at(start + 1e-9)
        while bar < min(end, until) - 1e-6:
            for number in range(math.ceil(length - 1e-6)):
                if start - 1e-6 <= bar + number < min(end, until) - 1e-6:
                    yield Note(bar + number, CLICK_LENGTH, *(BEAT_CLICK if number else DOWNBEAT_CLICK))
            bar, length = tempo_map.bar_at(bar + length + 1e-9)

    return between
