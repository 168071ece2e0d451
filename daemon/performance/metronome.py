"""The metronome, for the count-in or for as long as the transport runs."""

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

    def start(self, now: float, spec: StageSpec, beat: float, began: float) -> None:
        """Click from `beat` on; a count-in lasts until beat `began`."""
        self.stop(now)
        click = self._click = _make(spec, began)
        if click is None:
            return

        def play(message: bytes, due: float, _beat: float) -> None:
            self._sounding.pass_on(NAME, (click.port,), message, due, GRID)

        notes = clicks(click.tempo_map, click.until)
        sequence = NoteSequence(notes, CLICK_LENGTH, click.channel, click.delay, play)
        self._player = NoteSequencer(sequence, self._timeline)
        self._player.start(beat)

    def change(self, now: float, spec: StageSpec, beat: float, began: float) -> None:
        """Restart with the metronome of `spec`, unless nothing changed."""
        if _make(spec, began) != self._click:
            self.start(now, spec, beat + CLICK_LENGTH, began)  # the sounding click is not repeated

    def stop(self, now: float) -> None:
        if self._player is not None and self._click is not None:
            self._player.stop()
            self._sounding.release_keys(NAME, (self._click.port,), now)
        self._click = self._player = None


def _make(spec: StageSpec, began: float) -> _Click | None:
    clock = spec.clock
    if clock.metronome is None:
        return None
    port, channel = clock.metronome
    delay = next((p.delay for p in spec.ports if p.name == port), 0.0)
    return _Click(port, channel, delay, began if clock.click == "count-in" else math.inf, spec.tempo_map)


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
