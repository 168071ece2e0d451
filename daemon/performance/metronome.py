"""The metronome, for the count-in or for as long as the transport runs; a command turns it on and off."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from daemon.metrics import GRID
from daemon.music.melody import Note
from daemon.music.tempo import TempoMap
from daemon.performance.held_notes import HeldNotes, Send
from daemon.performance.note_sequencer import NoteSequence, NoteSequencer
from daemon.performance.timeline import Timeline
from daemon.spec import AUDIO, PortSpec, StageSpec

DOWNBEAT_CLICK, BEAT_CLICK = (76, 120), (77, 90)  # pitch, velocity: high and low wood block of General MIDI
CLICK_LENGTH = 0.1  # beats
DRUMS = 10  # channel of the drums in General MIDI, for a metronome that the configuration does not place
JUST_PLAYED = 0.01  # beats in which a click that sounds already is not repeated


@dataclass(frozen=True, slots=True)
class _Click:
    """An output that clicks, the beat at which the clicks end, and the tempo map that has the bar lines."""

    output: str
    channel: int
    delay: float | None  # seconds; None: an audio output, whose delays may change while it clicks
    until: float
    tempo_map: TempoMap = field(hash=False)  # perhaps of many tempos


class Metronome:
    def __init__(self, send: Send, timeline: Timeline) -> None:
        self._timeline = timeline
        self._sounding = HeldNotes(send)  # by output
        self._clicks: dict[_Click, NoteSequencer] = {}
        self.turned: bool | None = None  # on or off by a command; None: as configured

    def start(self, now: float, spec: StageSpec, beat: float, began: float) -> None:
        """Click from `beat` on; a count-in lasts until beat `began`."""
        self.stop(now)
        self._click(spec, beat, began)

    def change(self, now: float, spec: StageSpec, beat: float, began: float) -> None:
        """Take the metronome of `spec`; outputs for which nothing changed click on."""
        wanted = set(_make(spec, began, self.turned))
        self._stop([click for click in self._clicks if click not in wanted], now)
        self._click(spec, beat + JUST_PLAYED, began)

    def is_on(self, spec: StageSpec) -> bool:
        """Whether it clicks for as long as the transport runs."""
        return _is_on(spec, self.turned)

    def is_toggled(self, spec: StageSpec) -> bool:
        """Whether it is on where `spec` has it off, or off where `spec` has it on."""
        return _is_on(spec, self.turned) != _is_on(spec, None)

    def stop(self, now: float) -> None:
        self._stop(list(self._clicks), now)

    def _stop(self, clicks: Iterable[_Click], now: float) -> None:
        for click in clicks:
            self._clicks.pop(click).stop()
            self._sounding.release_keys(click.output, (click.output,), now)

    def _click(self, spec: StageSpec, beat: float, began: float) -> None:
        """Click from `beat` on, on the outputs that do not click yet."""
        ports = {port.name: port for port in spec.ports}
        wanted = list(_make(spec, began, self.turned))
        self._sounding.keep(click.output for click in wanted)
        for click in wanted:
            port = ports.get(click.output, PortSpec(click.output, "out"))
            if click in self._clicks:
                self._clicks[click].move(port)
            else:
                self._clicks[click] = self._sequencer(click, port)
                self._clicks[click].start(beat)

    def _sequencer(self, click: _Click, port: PortSpec) -> NoteSequencer:
        def play(message: bytes, due: float, sounds: float, beat: float) -> None:
            self._sounding.pass_on(click.output, (click.output,), message, sounds, GRID)

        notes = clicks(click.tempo_map, click.until)
        sequence = NoteSequence(notes, 0.0, click.channel, play)  # a click is struck on its beat or not
        return NoteSequencer(sequence, self._timeline, port)


def _make(spec: StageSpec, began: float, turned: bool | None) -> Iterator[_Click]:
    """The outputs on which the metronome of `spec`, `turned` on or off, clicks: its port, then that port's audio
    outputs. One that is turned off clicks in the count-in, if configured."""
    place = spec.clock.metronome or (_default_place(spec) if turned else None)
    if place is None:
        return
    always = spec.clock.click == "always" if turned is None else turned
    ports = {port.name: port for port in spec.ports}
    name, channel = place
    for output in (name, *(ports[name].audio if name in ports else ())):
        port = ports.get(output, PortSpec(output, "out"))
        delay = None if port.direction == AUDIO else port.delay
        yield _Click(output, channel, delay, math.inf if always else began, spec.tempo_map)


def _is_on(spec: StageSpec, turned: bool | None) -> bool:
    return any(click.until == math.inf for click in _make(spec, 0.0, turned))


def _default_place(spec: StageSpec) -> tuple[str, int] | None:
    """Where the band plays, so that a synthesiser is there: the first player's port, else the first output, else the
    first instrument."""
    ports = [player.port for player in spec.players if not player.is_instrument]
    ports += [port.name for direction in ("out", AUDIO) for port in spec.ports if port.direction == direction]
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
