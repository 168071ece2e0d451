"""The transport: running or standing, position, tempo; melodies, metronome and MIDI clock out.

There are two timelines of the same tempo. The music's is part of the journal; that of metronome and MIDI clock is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from daemon.clocks.tap_tempo import TapTempo, approach
from daemon.commands import Command, SetTempo, ToggleMetronome
from daemon.music.tempo import MAX_BPM, MIN_BPM, SIXTEENTH, Tempo
from daemon.performance.clock_outputs import ClockOutputs
from daemon.performance.held_notes import NEVER, HeldNotes, Send
from daemon.performance.melodies import Melodies, PlayMelody
from daemon.performance.metronome import Metronome
from daemon.performance.ritardando import Ritardando
from daemon.performance.timeline import ScheduledCall, Timeline
from daemon.spec import StageSpec

PRE_ROLL = 0.3  # seconds between a start and its first beat, so that the first window can be filled in time
RANK_TEMPO = 0
JUMP_TIME = 0.1  # seconds after a stop in which a start makes both of them a jump


class Transport:
    """`play` is called with each note of a melody, `changed` at each new tempo; `clock()` gives the current seconds."""

    def __init__(
        self,
        spec: StageSpec,
        send: Send,
        sources: HeldNotes,
        play: PlayMelody,
        changed: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._changed = changed
        tempo = Tempo(0.0, 0.0, spec.tempo_map.bpm_at(0.0))
        self.timeline, self._pulse = Timeline(tempo), Timeline(tempo)
        self.ready = self.running = False  # ready: started, or waiting for a start
        self.position = 0.0  # beat from which a standing transport continues
        self._halted = 0.0  # seconds
        self._bpm: float | None = None  # set by a command or a tapped tempo
        self._taps = TapTempo()
        self._beat_given = NEVER  # seconds of the last beat that was tapped, or to which was counted in
        self._slew: tuple[float, float] | None = None  # beat and bpm of a tapped tempo that is being approached
        self.ritardando = Ritardando()
        self._tempo_from = 0.0  # the beat after which the next tempo change was looked up
        self._tempo_entry: ScheduledCall | None = None
        self.began = 0.0  # the beat of the last start
        self.melodies = Melodies(self.timeline, sources, play, clock)
        self._metronome = Metronome(send, self._pulse)
        self.clocks = ClockOutputs(send, self._pulse)
        self._spec = spec

    @property
    def tempo(self) -> Tempo:
        return self.timeline.tempo

    @property
    def bpm(self) -> float:
        """The tempo without ritardando; the one that was tapped last, which a slew still approaches."""
        return self.tempo.bpm / self.ritardando.share if self._slew is None else self._slew[1]

    def pre_roll(self, least: float = PRE_ROLL) -> float:
        """Seconds from a start to its first beat: more than `least` where an output has a large negative delay."""
        earliest = min((port.offset for port in self._spec.ports if port.direction != "in"), default=0.0)
        return max(least, least / 2 - earliest)

    @property
    def follows(self) -> bool:
        return self._spec.clock.is_external

    def keeps_time(self, now: float, since: float) -> bool:
        """Whether people or programs play to this beat: they receive or hear it at `now`, or a beat was tapped or
        counted in later than `since` (seconds)."""
        beat, spec = self.tempo.beat_at(now), self._spec
        return (
            self.follows
            or bool(spec.clock.send)
            or self._metronome.is_on(spec)
            or any(each.thru and (each.melody.loop or beat < each.melody.length) for each in spec.melodies)
            or self._beat_given > since
        )

    def stands_still(self, now: float) -> bool:
        """Whether the transport stands, and has for longer than a jump takes."""
        return self.ready and not self.running and now >= self._halted + JUMP_TIME

    # Start, stop

    def start(self, now: float, beat: float, at: float, count_in: float = 0.0) -> None:
        """Run: `beat` falls at `at` seconds, or `count_in` beats later."""
        self.halt(now)
        self.ready = self.running = True
        self.began, self._slew = beat, None
        bpm = self.tempo.bpm if self.follows else self._bpm_at(beat)
        self._change(now, Tempo(beat - count_in, at, bpm))
        if count_in:
            self._beat_given = self.tempo.seconds_at(beat)
        self._follow_map(beat)
        self.melodies.start(beat)
        self._metronome.start(now, self._spec, beat - count_in, beat)
        self.clocks.start(now, beat - count_in, beat)

    def halt(self, now: float) -> None:
        """Stop at the current position."""
        if self.running:
            self.position = max(math.floor(self.tempo.beat_at(now) / SIXTEENTH + 1e-6) * SIXTEENTH, self.began)
            self._halted = now
        self.ready, self.running = True, False
        self._cancel_tempo()
        if self.ritardando.share != 1:
            self._change(now, self.tempo.changed(self.tempo.beat_at(now), self.bpm))
            self.ritardando.share = 1.0
        self.melodies.stop()
        self.melodies.release(now)
        self._metronome.stop(now)
        self.clocks.stop(now)

    def locate(self, beat: float) -> None:
        """Continue from `beat`, once it runs again."""
        self.position = beat

    # Tempo

    def follow(self, now: float, tempo: Tempo) -> None:
        """Take the tempo of the clock source, or of the previous stage process."""
        bpm = tempo.bpm / self.ritardando.at(tempo.beat)
        if not self.follows and not math.isclose(bpm, self._spec.tempo_map.bpm_at(tempo.beat_at(now))):
            self._bpm = bpm  # it was set by a command
        self._change(now, tempo)

    @property
    def set_tempo(self) -> float | None:
        """The bpm of jamd's own clock, also while a tapped tempo is still being approached; None: another clock's."""
        return None if self.follows else self.bpm

    def set_bpm(self, now: float, bpm: float) -> None:
        """Set the tempo until the next change of the tempo map."""
        self._bpm, self._slew = min(max(bpm, MIN_BPM), MAX_BPM), None
        here = self.tempo.beat_at(now)
        self._change(now, self.tempo.changed(here, self._bpm_at(here) if self.running else self._bpm))
        if self.running:
            self._follow_map(here)

    def tap(self, now: float, stamp: float) -> float | None:
        """Take a tapped beat. While standing, a whole bar of taps is a count-in: returns the start in seconds."""
        self._taps.tap(stamp)
        self._beat_given = stamp
        period = self._taps.period
        if period is None:
            return None
        self._bpm = min(max(60 / period / self.ritardando.share, MIN_BPM), MAX_BPM)
        if not self.running:
            self._slew = None  # of a tempo that was still being approached when the transport stopped
            self._change(now, self.tempo.changed(self.tempo.beat_at(now), self._bpm))
            if self._taps.count < min(self._spec.tempo_map.bar_at(self.position)[1], self._taps.MAX_TAPS):
                return None
            self._taps.forget()
            return stamp + period
        here = self.tempo.beat_at(now)
        target, bpm = approach(Tempo(here, now, 60 / period), stamp, round(self.tempo.beat_at(stamp)) + 1)
        self._slew = (target, self._bpm)
        self._change(now, self.tempo.changed(here, bpm))
        self._follow_map(here)
        return None

    def _change(self, now: float, tempo: Tempo) -> None:
        self.timeline.change_tempo(tempo)
        self._pulse.change_tempo(tempo)
        self._changed(now)

    def replan(self) -> None:
        """The ritardandi that are planned may be others now."""
        if not self.running or self.follows or self._slew is not None:
            return
        now = self._clock()
        here = self.tempo.beat_at(now)
        if self.ritardando.at(here) != self.ritardando.share:
            self._change(now, self.tempo.changed(here, self._bpm_at(here)))
        self._follow_map(self._tempo_from, here)

    def _bpm_at(self, beat: float) -> float:
        return (self._bpm or self._spec.tempo_map.bpm_at(beat)) * self.ritardando.enter(beat)

    def _follow_map(self, beat: float, here: float | None = None) -> None:
        """Schedule the next tempo change after `beat`: the end of a slew, a change of the tempo map, or a step of a
        ritardando, that after `here` if it was planned only now."""
        self._tempo_from = beat
        self._cancel_tempo()
        mapped = None if self.follows else self._spec.tempo_map.next_change(beat)
        changes_at, mapped_bpm = (math.inf, 0.0) if mapped is None else mapped
        if self._slew is not None:
            at = self._slew[0]
            if changes_at <= at:
                self._bpm = None  # the map's change comes first
        else:
            step = math.inf if self.follows else self.ritardando.next_step(beat if here is None else here)
            at = min(changes_at, step)
        if at == math.inf:
            return

        def run(due: float) -> None:
            bpm = self._bpm_at(at)
            if at == changes_at:  # which the map may have a rounding error later
                self._bpm, bpm = None, mapped_bpm * self.ritardando.share
            self._slew = None
            self._change(due, self.tempo.changed(at, bpm))
            self._follow_map(at)

        self._tempo_entry = self.timeline.add(at, RANK_TEMPO, run)

    def _cancel_tempo(self) -> None:
        if self._tempo_entry is not None:
            self._tempo_entry.cancelled = True
            self._tempo_entry = None

    # Time

    @property
    def metronome_is_on(self) -> bool:
        return self._metronome.is_on(self._spec)

    def toggle_metronome(self, now: float) -> None:
        """Turn the metronome on or off; it clicks while the transport runs."""
        self._metronome.turned = not self.metronome_is_on
        if self.running:
            self._metronome.change(now, self._spec, self.tempo.beat_at(now), self.began)

    def standing(self) -> list[Command]:
        """The commands that set the tempo and turn the metronome as commands and taps did."""
        tempo = [SetTempo(self._bpm)] if self._bpm is not None and not self.follows else []
        return [*tempo, *([ToggleMetronome()] if self._metronome.is_toggled(self._spec) else [])]

    def next_deadline(self) -> float:
        return min(self.timeline.next_deadline(), self._pulse.next_deadline())

    def pulse(self, now: float) -> None:
        """Send what is due of metronome and MIDI clock."""
        self._pulse.advance(now)

    # Configuration

    def take(self, now: float, spec: StageSpec) -> None:
        """Take the melodies, MIDI clock outputs and metronome of `spec`; unchanged ones go on undisturbed."""
        old, self._spec = self._spec, spec
        self.melodies.take(now, spec)
        if (spec.clock.metronome, spec.clock.click) != (old.clock.metronome, old.clock.click):
            self._metronome.turned = None
        self.clocks.take(now, spec)
        if spec.tempo_map != old.tempo_map and not self.follows:
            self._bpm, self._slew = None, None
            here = self.tempo.beat_at(now)
            bpm = self._bpm_at(here) if self.running else spec.tempo_map.bpm_at(self.position)
            self._change(now, self.tempo.changed(here, bpm))
            if self.running:
                self._follow_map(here)
        if not self.running:
            return
        beat = self.tempo.beat_at(now)
        self.melodies.start_new(max(beat, self.began))
        self.clocks.start(now, beat, max(beat, self.began), only_new=True)
        self._metronome.change(now, spec, beat, self.began)

    # A replay's beginning

    def to_json(self) -> dict[str, Any]:
        return {
            "ready": self.ready,
            "running": self.running,
            "position": self.position,
            "bpm": self._bpm,
            "taps": self._taps.stamps,
            "began": self.began,
            "tempo": [self.tempo.beat, self.tempo.seconds, self.tempo.bpm],
            "tempo_from": self._tempo_from,
            "slew": self._slew,
            "share": self.ritardando.share,
            "metronome": self._metronome.turned,
            "beat_given": self._beat_given,
        }

    def restore(self, now: float, state: Mapping[str, Any]) -> None:
        self.ready, self.running, self.position = state["ready"], state["running"], state["position"]
        self._bpm, self.began, self.ritardando.share = state["bpm"], state["began"], state.get("share", 1.0)
        self._slew = None if state["slew"] is None else (state["slew"][0], state["slew"][1])
        self._taps = TapTempo(state["taps"])
        self._metronome.turned = state.get("metronome")  # older journals know no such command
        self._beat_given = state.get("beat_given", self._beat_given)
        tempo = Tempo(*state["tempo"])
        self.timeline.change_tempo(tempo)
        self._pulse.change_tempo(tempo)
        if self.running:
            self._follow_map(state["tempo_from"])
            self.melodies.resume(now, self.began)
