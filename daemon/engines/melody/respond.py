"""Call and answer: a phrase is heard, then continued for as long as it was; the answer can be repeated and varied."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from daemon.encodings.melody.events import FIRST_PITCH, NO_EVENT, NOTE_OFF, pitch_of, step_of
from daemon.engines.base import ON, turned_on
from daemon.engines.melody.choice import MIDI, VOICE, LineMemory, Voice
from daemon.engines.melody.phrase import Phrase, Turn
from daemon.engines.melody.top_line import Struck
from daemon.engines.shared.grid import JUMP, STEPS_PER_BEAT, Grid
from daemon.engines.shared.line import EPSILON, STEP
from daemon.music.events import CONTROL_CHANGE, SUSTAIN, Action, MidiEvent, is_note_on

UPBEAT = 1.0  # beats before a bar line: what begins there belongs to the bar that follows
LAST_NOTE = 1.0  # beats into an answer that was asked for, or came at its bar: keys struck there end the phrase
CLOSING = 2 * STEPS_PER_BEAT  # 16ths of an answer from which on it has an end of its own
LONGEST = 64  # bars of a phrase: of a longer one, the last ones count


class Respond:
    """Listens all the time; the net hears each 16th when it is over, so that it can answer at any moment."""

    def __init__(self, voice: Voice, settings: Mapping[str, float], listen: Sequence[str], phrase_end: str) -> None:
        self._settings, self._listen, self._phrase_end = settings, tuple(listen), phrase_end
        self._memory, self._line, self._chooser, self._choir = voice.memory, voice.line, voice.chooser, voice.choir
        self.reset()

    def reset(self, frame: int = 0) -> None:
        """Nothing was heard yet; `frame` is the last 16th that was asked for."""
        self._pedals: set[tuple[str, int]] = set()  # that are down, by source and channel
        self.frame = frame
        self._forget()

    def _forget(self) -> None:
        self._memory.forget()
        self._phrase: Phrase | None = None  # that is being heard
        self._answered: Phrase | None = None  # that was heard last
        self._turn: Turn | None = None  # that is being played
        self._replaced: Turn | None = None  # a loop whose place it took
        self._alone: LineMemory | None = None  # of a first answer under which you play: the net goes on without you
        self._last: Turn | None = None  # that was played last
        self._own = (0, NO_EVENT)  # the last 16th that was played, and its event
        self._asked: float | None = None  # the 16th from which on an answer is wanted on the next beat
        self._again = False  # the last answer is wanted once more

    def control(self, name: str, before: float, value: float, beat: float, grid: Grid) -> Iterable[Action]:
        if name == "answer" and turned_on(before, value):
            return self._ask(beat, grid)
        if name == "loop":
            self._again = value >= ON
        return ()

    def hear(self, event: MidiEvent, grid: Grid) -> Iterator[Action]:
        if self._phrase_end == "control" and _is_pedal(event.message):
            if event.source in self._listen:
                yield from self._press(event, grid)
            if event.message[2] >= 64:
                return
        if is_note_on(event.message) and self._follows(event.source, grid):
            return
        struck = self._line.hear(event, grid.meter, grid.tempo)
        if struck is not None and grid.runs:
            yield from self._strike(struck, grid)

    def _press(self, event: MidiEvent, grid: Grid) -> Iterator[Action]:
        """The pedal asks for an answer."""
        pedal, down = (event.source, event.message[0] & 15), event.message[2] >= 64
        pressed = down and pedal not in self._pedals
        self._pedals = self._pedals | {pedal} if down else self._pedals - {pedal}
        if pressed:
            yield from self._ask(event.beat, grid)

    def _ask(self, beat: float, grid: Grid) -> Iterator[Action]:
        """An answer is wanted on the next beat. If that was filled already, it begins here."""
        if not grid.runs:
            return
        self._asked = grid.beat_after(beat)
        if self._asked == self.frame and (over := self._over(self.frame, grid)):
            if self._phrase is not None and (late := self._line.early(self.frame)) is not None:
                self._memory.mend(late, grid)
                self._learn(late)
            self._answer(self.frame, over, grid)
            yield from self._sing(self.frame, max(self.frame * STEP, beat))

    def _strike(self, struck: Struck, grid: Grid) -> Iterator[Action]:
        """You play: whoever answers yields, unless it loops."""
        turn = self._turn
        if turn is not None and turn.source is None and self._phrase is None:
            begins = turn.start * STEP
            if turn.asked and struck.beat < begins + LAST_NOTE - EPSILON:
                return
            if struck.beat < begins - EPSILON:  # it was no rest
                self._phrase, self._turn = self._answered, self._replaced
                yield from self._choir.stop(struck.beat, VOICE)
        if self._turn is not None and self._settings["loop"] < ON:
            self._turn.length = min(self._turn.length, self.frame + 1 - self._turn.start)
            self._finish()
        if self._turn is None:
            yield from self._choir.stop(struck.beat, VOICE)
        if self._phrase is None or self._phrase.source != struck.source or self._silent(grid):
            self._phrase, self._asked = self._begin(struck, grid), None
        self._phrase.hear(struck, LONGEST * grid.bar)

    def _follows(self, source: str, grid: Grid) -> bool:
        """Whether it leads only after the one whose phrase is to be answered, or is being answered."""
        loops = self._settings["loop"] >= ON
        phrase = self._phrase if self._phrase or self._turn is None or loops else self._answered
        if phrase is None or source not in self._listen or self._silent(grid):
            return False
        return self._listen.index(source) > self._listen.index(phrase.source)

    def _silent(self, grid: Grid) -> bool:
        """Whether what was played before is no part of a phrase that only you can end."""
        return self._phrase_end == "control" and self._memory.rested > grid.bar

    def _begin(self, struck: Struck, grid: Grid) -> Phrase:
        if self._turn is not None and self._turn.source is None:
            self._alone = self._memory.copy()
        if self._memory.state is None or self._memory.rested > grid.bar:
            self._memory.begin(struck.frame, grid)
        self._chooser.key.begin()
        position = grid.position(struck.frame)
        bar = struck.frame - math.floor(position / STEP + EPSILON)
        upbeat = grid.meter > UPBEAT and position > grid.meter - UPBEAT - EPSILON
        return Phrase(struck.source, struck.frame, bar, -1 if upbeat else 0)

    # the grid

    def step(self, frame: int, beat: float, grid: Grid) -> Iterator[Action]:
        """16th number `frame`, which is about to begin at `beat`."""
        if not 0 < frame - self.frame <= JUMP and self._memory.state is not None:
            self._forget()
            yield from self._choir.stop(beat, VOICE)
        self.frame = frame
        if (phrase := self._phrase) is not None and grid.on_bar(frame) and frame > phrase.start:
            phrase.bars += 1
            phrase.bar = phrase.bar if phrase.bars else frame
        over = self._over(frame, grid)
        if over:
            self._line.hurry(frame)
        self._remember(frame, grid)
        if over:
            self._answer(frame, over, grid)
        else:
            self._go_on(frame, grid)
        if self._turn is None or frame - self._turn.start >= self._turn.length:
            self._own = (frame, NOTE_OFF if self._memory.sounds is not None else NO_EVENT)
            yield from self._choir.stop(beat, VOICE)
        else:
            yield from self._sing(frame, beat)

    def _remember(self, frame: int, grid: Grid) -> None:
        """The net, the ear for the key and the memory of copies hear what is over: your line, or else its own."""
        memory = self._memory
        if memory.state is None:
            self._line.skip(frame)
            return
        while self._alone is not None and self._alone.at < frame:
            self._alone.hear(self._own[1] if self._own[0] == self._alone.at else NO_EVENT, grid)
        while memory.at < frame:
            event, at = self._line.take(memory.at), memory.at
            if self._phrase is None or at < self._phrase.start:
                memory.hear(self._own[1] if self._own[0] == at else NO_EVENT, grid)
                continue
            memory.hear(event, grid)
            self._learn(event)
        if self._phrase is not None and grid.on_beat(frame):
            memory.retune(grid)

    def _learn(self, event: int) -> None:
        """The ear for the key and the memory of copies hear your event."""
        if event >= FIRST_PITCH:
            self._chooser.copies.hear(event)
        if self._memory.sounds is not None:
            self._chooser.key.hear(pitch_of(self._memory.sounds) % 12)

    def _over(self, frame: int, grid: Grid) -> str | None:
        """Why an answer begins with this 16th: a rest, bars, or control; or None."""
        if not grid.on_beat(frame):
            return None
        phrase, line = self._phrase, self._line
        if self._asked is not None and frame >= self._asked:
            self._asked = None
            return "control" if phrase is not None or self._answered is not None else None
        if phrase is None:
            return None
        if self._phrase_end == "bars" and grid.on_bar(frame):
            return "bars" if phrase.bars >= round(self._settings["bars"]) else None
        if self._phrase_end == "rest" and not line.held:
            return "rest" if line.released + self._settings["rest"] <= frame * STEP + EPSILON else None
        return None

    def _answer(self, frame: int, over: str, grid: Grid) -> None:
        """Begin to answer what was heard, or to answer it once more."""
        phrase, self._phrase = self._phrase, None
        if phrase is not None and over == "bars":
            phrase.start, phrase.length = phrase.bar, frame - phrase.bar
        elif phrase is not None:
            end = frame if self._line.held else min(max(step_of(self._line.released), phrase.start + 1), frame)
            phrase.length = max(math.ceil((end - phrase.start) / STEPS_PER_BEAT), 1) * STEPS_PER_BEAT
        self._answered = phrase or self._answered
        assert self._answered is not None
        self._chooser.copies.begin()
        self._replaced, self._alone = self._turn, None
        self._turn = Turn(frame, self._answered.length, asked=over != "rest")

    def owes(self, beat: float) -> bool:
        """Whether an answer is to come by itself, or a first one goes on; what loops owes nothing."""
        if self._phrase is not None:
            return self._phrase_end != "control" or self._asked is not None
        turn = self._turn
        return turn is not None and turn.source is None and beat < (turn.start + turn.length) * STEP - EPSILON

    def _go_on(self, frame: int, grid: Grid) -> None:
        """End an answer that is over, or repeat it."""
        turn, loops = self._turn, self._settings["loop"] >= ON
        if turn is None:
            if self._again and self._last is not None and grid.on_beat(frame):
                self._turn, self._again = Turn(frame, self._last.length, source=self._last.events), False
            return
        if frame - turn.start >= turn.length and not loops:
            self._finish()
        elif frame - turn.start >= math.ceil(turn.length / grid.bar) * grid.bar:
            self._finish()
            self._turn = Turn(frame, turn.length, source=turn.events)

    def _finish(self) -> None:
        assert self._turn is not None
        if self._turn.source is None:  # what it invented is no news either
            for event in self._turn.events.values():
                if event >= FIRST_PITCH:
                    self._chooser.copies.hear(event)
        self._last, self._turn, self._again, self._alone = self._turn, None, False, None

    def _sing(self, frame: int, beat: float) -> Iterator[Action]:
        """The answer's event in this 16th."""
        turn = self._turn
        assert turn is not None and self._answered is not None
        place = frame - turn.start
        event = self._invent(turn, place) if turn.source is None else self._repeat(turn, turn.source, place)
        turn.events[place] = event
        self._own = (frame, event)
        if event >= FIRST_PITCH:
            self._chooser.copies.play(event)
            velocity = self._chooser.velocity(self._answered.velocity(place))
            yield self._choir.play(beat, VOICE, pitch_of(event), velocity)
        elif event == NOTE_OFF:
            yield from self._choir.stop(beat, VOICE)

    def _invent(self, turn: Turn, place: int) -> int:
        """What the net would go on with. It begins with a note, and ends at home, with a note that lasts a beat."""
        memory, chooser = self._alone or self._memory, self._chooser
        assert memory.state is not None
        left, first = turn.length - place, place == 0
        closes = turn.length >= CLOSING and left <= STEPS_PER_BEAT
        if closes and left < STEPS_PER_BEAT:
            return NO_EVENT
        pitches, sounds = chooser.pitches(), None if first else memory.sounds
        stays = not first and (sounds is None or bool(chooser.within()[sounds - FIRST_PITCH]))  # the range may turn
        if closes and (near := pitches & ((cost := chooser.home()) < np.inf)).any():
            hold = stays and sounds is not None and bool(cost[sounds - FIRST_PITCH] < np.inf)
            return chooser.draw(memory.state.log_probs, near, hold, end=False, cost=cost)
        return chooser.draw(memory.state.log_probs, pitches, hold=stays, end=sounds is not None)

    def _repeat(self, turn: Turn, source: Mapping[int, int], place: int) -> int:
        """The event there, or another note in its place that the net likes: the rhythm stays, and so does the contour,
        that is, whether the line rises or falls."""
        event = source.get(place, NO_EVENT)
        if event < FIRST_PITCH:
            return event
        new = event
        if self._chooser.happens(self._settings["mutate"]) and self._memory.state is not None:
            allowed = self._chooser.pitches()
            allowed[event - FIRST_PITCH] = False
            following = next((later for at, later in source.items() if at > place and later >= FIRST_PITCH), None)
            for now, before in ((turn.new, turn.old), (following, following)):
                if now is not None and before is not None:
                    alike = allowed & (np.sign(MIDI - pitch_of(now)) == np.sign(event - before))
                    allowed = alike if alike.any() else allowed
            if allowed.any():
                new = self._chooser.draw(self._memory.state.log_probs, allowed, hold=False, end=False)
        turn.old, turn.new = event, new
        return new


def _is_pedal(message: bytes) -> bool:
    return len(message) == 3 and message[0] & 0xF0 == CONTROL_CHANGE and message[1] == SUSTAIN
