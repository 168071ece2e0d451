"""The drummer: plays a groove, then continues it hit by hit with a model. All times are ticks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from daemon.encodings.drums.hits import COUNT, TICKS, Conditioning, Hit, Ints
from daemon.engines.drums.dynamics import SNARES
from daemon.engines.drums.guide import FILL, Guide
from daemon.engines.drums.interface import UNREACHABLE_GAP, DrawRequest, DrumsModel
from daemon.engines.drums.kit import CRASH, KICK, PlayableHits
from daemon.engines.drums.primer import NEAR, Note, Primer, in_order
from daemon.engines.drums.swing import all_unswung, swung

LOUD = 92  # velocity of an accent that a section begins or the song ends with, at least
ACCENT = (KICK, CRASH)  # struck on the bar line at the end of a fill
DENSE_GAP = 150  # longest gap, in ticks, in a fill and where no 16th is to stay empty
LATENESS_RATE = 0.2  # share of a hit's excess lateness that is added to the correction of later hits
BACKBEAT = 0.7  # of the loudest stroke of the snare in the groove, that a stroke of the backbeat has at least
WINDOW = 24  # ticks around the beat in which a stroke of the backbeat falls that was missing


@dataclass(frozen=True, slots=True)
class DrawSettings:
    """How hits are drawn. `dense`: the probability that the next 16th does not stay empty; `tempo` in beats per
    minute."""

    conditioning: Conditioning
    dense: float
    temperature: float
    top_p: float
    tempo: float


@dataclass(frozen=True, slots=True)
class PrimedState:
    """The state of a model after a groove that ends at a bar line. `last`: ticks of the last hit since that line, less
    than 0."""

    primer: Primer
    state: Any
    last: int
    guide: Guide | None


def prime(model: DrumsModel, primer: Primer) -> PrimedState:
    """Run the model over the groove at the groove's tempo; the song's tempo has no effect, so the state can be kept."""
    state, last = model.start(primer.bar, 0, primer.tempo), 0
    for note in primer.between(0, primer.length - NEAR):
        state = model.advance(state, Hit(note.tick - last, note.instrument, note.velocity), primer.tempo)
        last = note.tick
    return PrimedState(primer, state, last - primer.length, None if model.follows else Guide(primer))


class Drummer:
    """Ticks count from a bar line one primer before the bar in which the drummer enters.

    `swing` (bar, pair, share, own share): the arguments of `swung`, which gives the tick at which a hit sounds;
    `playable` holds such ticks.
    """

    def __init__(
        self, model: DrumsModel, primed: PrimedState, playable: PlayableHits, random: np.random.Generator
    ) -> None:
        self._model, self._primed, self._random = model, primed, random
        self._primer, self._guide = primed.primer, primed.guide
        self._lateness = LatenessTracker(primed.primer)
        self._queue: deque[Note] = deque()  # hits of the groove or of an accent, played before the model draws
        self._drawn: Note | None = None  # drawn from the model, not played yet
        self._backbeat, self._backbeat_done = backbeat_of(primed.primer), 0
        self.origin = primed.primer.length  # tick of the bar line at or before the entry
        self.swing: tuple[int, int, float, float] = (primed.primer.bar, TICKS, 0.5, 0.5)
        self.playable = playable
        self.return_to_groove(self.origin)

    def enter(self, position: int, tempo: float) -> None:
        """Start `position` ticks after the bar line at `origin`; the rest of that bar is the groove."""
        entry, self._earliest_drawn = self.origin + position, self.origin + self._primer.bar - NEAR
        for note in self._primer.between(self.origin - NEAR, entry - NEAR):
            self._advance(note, tempo)
        rest = [replace(n, tick=max(n.tick, entry)) for n in self._primer.between(entry - NEAR, self._earliest_drawn)]
        playable = self.playable.copy()
        for note in sorted(rest, key=in_order):
            sounding_tick = swung(note.tick, *self.swing)
            if playable.allows(sounding_tick, note.instrument, tempo):
                playable.strike(sounding_tick, note.instrument)
                self._queue.append(note)

    def return_to_groove(self, line: int) -> None:
        """From the bar line at tick `line` on, draw as if the groove had been played up to there."""
        self._state, self.last = self._primed.state, line + self._primed.last
        self._guide_origin = line - self.origin  # tick at which the guide's groove begins
        self._drawn, self._earliest_drawn = None, line - NEAR

    @property
    def upcoming(self) -> Note | None:
        """The next hit; None if it is still to be drawn."""
        return self._queue[0] if self._queue else self._drawn

    def draw(self, now: int, settings: DrawSettings) -> Note:
        """Draw the next hit, at or after tick `now`."""
        playable = all_unswung(self.playable.earliest(settings.tempo), *self.swing)
        earliest = np.maximum(playable, max(now, self._earliest_drawn)) - self.last
        latest, fill = self._primer.bar, bool(settings.conditioning.fill)
        if fill or (settings.dense and self._random.random() < settings.dense):
            latest = DENSE_GAP
        request = DrawRequest(
            settings.conditioning, settings.temperature, settings.top_p, earliest,
            latest=max(latest, int(earliest.min()) + TICKS // 4), instrument_bias=FILL if fill else None,
            bar_bias=self._guide.weights if self._guide else None,
        )  # fmt: skip
        hit = self._model.draw(self._state, self._random, request)
        if not fill and (due := self._backbeat_before(self.last + hit.gap, hit.instrument)) is not None:
            hit = self._draw_backbeat(due, request, earliest) or hit
        if self._guide:
            hit = self._guide.place(hit, self.last - self._guide_origin, earliest, self._random, fill)
        correction = 0 if self._guide else self._lateness.corrections[hit.instrument]
        gap = max(hit.gap - correction, int(earliest[hit.instrument]), 0)
        self._drawn = Note(self.last + gap, hit.instrument, hit.velocity)
        return self._drawn

    def _backbeat_before(self, tick: int, instrument: int) -> int | None:
        """The beat of the backbeat that still lacks its stroke if the next hit is `instrument` at `tick`."""
        for place in self._backbeat:
            due = tick - (tick - place) % self._primer.bar
            is_stroke = instrument in SNARES and tick - due <= NEAR
            if due > self._backbeat_done and due >= self.last - WINDOW and not is_stroke:
                return due
        return None

    def _draw_backbeat(self, due: int, request: DrawRequest, earliest: Ints) -> Hit | None:
        """A stroke of the backbeat on the beat at tick `due`; None if the hands are not free in time."""
        instrument = self._backbeat[(due - self.origin) % self._primer.bar]
        only = np.full(len(earliest), UNREACHABLE_GAP)
        only[instrument] = max(int(earliest[instrument]), due - WINDOW - self.last)
        latest = due + WINDOW - self.last
        if only[instrument] >= latest:
            return None
        return self._model.draw(self._state, self._random, request._replace(earliest=only, latest=latest))

    def strike(self, tempo: float) -> None:
        """Take the upcoming hit as played."""
        note = self._queue.popleft() if self._queue else self._drawn
        self._drawn = None
        if note is not None:
            self._advance(note, tempo)
            self._lateness.observe(note)
            self.playable.strike(swung(note.tick, *self.swing), note.instrument)

    def discard_upcoming(self) -> None:
        """Have the next hit drawn again, as a fill was requested."""
        self._queue.clear()
        self._drawn, self._earliest_drawn = None, 0

    def queue_accent(self, line: int, note: Note, tempo: float, exact: bool = False) -> None:
        """Play kick and crash on the bar line at tick `line` instead of `note`, the upcoming hit. `exact`: that
        of a section, loud; else at the time of that hit, if it is near."""
        tick = max(note.tick if abs(note.tick - line) <= NEAR and not exact else line, self.last)
        velocity = max(min(note.velocity + 20, 127), LOUD if exact else 0)
        self._drawn = None
        for instrument in ACCENT:
            if self.playable.allows(swung(tick, *self.swing), instrument, tempo):
                self._queue.append(Note(tick, instrument, velocity))

    def _advance(self, note: Note, tempo: float) -> None:
        """The model's state after `note`."""
        hit = Hit(max(note.tick - self.last, 0), note.instrument, note.velocity)
        self._state = self._model.advance(self._state, hit, tempo)
        self.last = note.tick
        beat = note.tick - (_lateness(note.tick, self._primer.beat) or 0)
        if note.instrument in SNARES and (beat - self.origin) % self._primer.bar in self._backbeat:
            self._backbeat_done = max(self._backbeat_done, beat)


class LatenessTracker:
    """Moves the hits of each instrument so that those on the beats come as late as the groove's in the mean.

    A model continues from its own last hits, so without a correction their lateness would add up. `corrections` (17):
    ticks by which the next hit of each instrument is moved earlier.
    """

    def __init__(self, primer: Primer) -> None:
        self._beat = primer.beat
        late = [ticks for note in primer.notes if (ticks := _lateness(note.tick, self._beat)) is not None]
        self._of_groove = sum(late) / max(len(late), 1)
        self._excess = [0.0] * COUNT
        self.corrections = [0] * COUNT

    def observe(self, note: Note) -> None:
        ticks = _lateness(note.tick, self._beat)
        if ticks is not None:
            excess = self._excess[note.instrument] + LATENESS_RATE * (ticks - self._of_groove)
            self._excess[note.instrument] = min(max(excess, -NEAR), NEAR)
            self.corrections[note.instrument] = round(self._excess[note.instrument])


def _lateness(tick: int, beat: int) -> int | None:
    """Ticks since the nearest beat, of `beat` ticks; None if the tick is not near a beat."""
    ticks = (tick + beat // 2) % beat - beat // 2
    return ticks if abs(ticks) <= NEAR else None


def backbeat_of(primer: Primer) -> dict[int, int]:
    """The beats, in ticks since the bar line, on which the groove has a strong stroke of the snare or its rim in
    every bar, with the instrument; not the first one."""
    strokes = [note for note in primer.notes if note.instrument in SNARES]
    loudest = max((note.velocity for note in strokes), default=0)
    bars: dict[int, dict[int, int]] = {}  # beat → bar → instrument
    for note in strokes:
        lateness = _lateness(note.tick, primer.beat)
        if lateness is not None and note.velocity >= BACKBEAT * loudest:
            number, place = divmod((note.tick - lateness) % primer.length, primer.bar)
            bars.setdefault(place, {})[number] = note.instrument
    count = primer.length // primer.bar
    return {place: found[0] for place, found in bars.items() if place and len(found) == count}
