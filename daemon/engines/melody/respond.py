"""Call and answer: a phrase is heard, then continued for as long as it was; the answer can be repeated and varied."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from daemon.encodings.melody.events import FIRST_PITCH, NO_EVENT, NOTE_OFF_EVENT, pitch_of, step_of
from daemon.engines.base import ON, turned_on
from daemon.engines.melody.answer_writer import AnswerWriter
from daemon.engines.melody.line_memory import LineMemory
from daemon.engines.melody.mode_state import VOICE, ModeState
from daemon.engines.melody.phrase import Answer, Phrase, rests_at
from daemon.engines.melody.top_line import TopNote
from daemon.engines.shared.grid import JUMP, STEPS_PER_BEAT, Grid
from daemon.engines.shared.line import EPSILON, STEP
from daemon.music.events import CONTROL_CHANGE, SUSTAIN, Action, MidiEvent, is_note_on
from daemon.music.melody import Melodies

UPBEAT = 1.0  # beats before a bar line: a phrase that begins there belongs to the bar that follows
LAST_NOTE = 1.0  # beats into an answer begun by control or at a bar line: notes heard there belong to the phrase before
MAX_PHRASE = 64  # bars of a phrase; of a longer one, the last bars count


class Respond:
    """The model hears each 16th at once when that has passed, so that an answer can begin at any moment."""

    def __init__(self, state: ModeState, settings: Mapping[str, float], listen: Sequence[str], phrase_end: str) -> None:
        self._settings, self._listen, self._phrase_end = settings, tuple(listen), phrase_end
        self._memory, self._line, self._sampler, self._sounding = (
            state.memory, state.line, state.sampler, state.sounding
        )  # fmt: skip
        self._writer = AnswerWriter(state.sampler, settings)
        self._known: Melodies = {}
        self._bar = 0  # 16ths
        self.reset()

    def learn(self, known: Melodies) -> None:
        """Take the melodies that are known, by name."""
        self._known = known

    def reset(self, frame: int = 0) -> None:
        """Forget everything; `frame` is the last 16th that was requested."""
        self._pressed: set[tuple[str, int]] = set()  # pedals that are down, by source and channel
        self.frame = frame
        self._forget()

    def _forget(self) -> None:
        self._memory.forget()
        self._phrase: Phrase | None = None  # being heard
        self._answered: Phrase | None = None  # the last phrase that was answered
        self._answer: Answer | None = None  # being played
        self._replaced_loop: Answer | None = None  # the loop that the answer replaced
        self._answer_memory: LineMemory | None = None  # of a generated answer alone, while a phrase is heard over it
        self._last_answer: Answer | None = None  # the last one that ended
        self._played = (0, NO_EVENT)  # the last 16th of the answer, and its event
        self._requested_from: float | None = None  # the 16th from which on an answer is to begin on the next beat
        self._repeat_last = False  # the last answer is to be played again

    def control(self, name: str, before: float, value: float, beat: float, grid: Grid) -> Iterable[Action]:
        if name == "answer" and turned_on(before, value):
            return self._request(beat, grid)
        if name == "loop":
            self._repeat_last = value >= ON
        return ()

    def hear(self, event: MidiEvent, grid: Grid) -> Iterator[Action]:
        if self._phrase_end == "control" and _is_pedal(event.message):
            if event.source in self._listen:
                yield from self._hear_pedal(event, grid)
            if event.message[2] >= 64:
                return
        if is_note_on(event.message) and self._yields_to_phrase(event.source, grid):
            return
        note = self._line.hear(event, grid.meter, grid.tempo)
        if note is not None and grid.runs:
            yield from self._hear_note(note, grid)

    def _hear_pedal(self, event: MidiEvent, grid: Grid) -> Iterator[Action]:
        """A pedal that goes down requests an answer."""
        pedal, down = (event.source, event.message[0] & 15), event.message[2] >= 64
        pressed = down and pedal not in self._pressed
        self._pressed = self._pressed | {pedal} if down else self._pressed - {pedal}
        if pressed:
            yield from self._request(event.beat, grid)

    def _request(self, beat: float, grid: Grid) -> Iterator[Action]:
        """Request an answer on the next beat. If that 16th was filled already, the answer begins in this call."""
        if not grid.runs:
            return
        self._requested_from = grid.beat_after(beat)
        if self._requested_from == self.frame and (cause := self._answer_cause(self.frame, grid)):
            if self._phrase is not None and (late := self._line.take_early(self.frame)) is not None:
                self._memory.correct_last(late, grid)
                self._learn(late)
            self._begin_answer(self.frame, cause, grid)
            yield from self._play(self.frame, max(self.frame * STEP, beat))

    def _hear_note(self, note: TopNote, grid: Grid) -> Iterator[Action]:
        """A note that is heard ends an answer, unless that loops, and continues or begins a phrase."""
        answer = self._answer
        if answer is not None and answer.repeated is None and self._phrase is None:
            begins = answer.start * STEP
            if answer.requested and note.beat < begins + LAST_NOTE - EPSILON:
                return
            if note.beat < begins - EPSILON:  # the note is still part of the phrase: the rest was too short
                self._phrase, self._answer = self._answered, self._replaced_loop
                yield from self._sounding.stop(note.beat, VOICE)
        if self._answer is not None and self._settings["loop"] < ON:
            self._answer.length = min(self._answer.length, self.frame + 1 - self._answer.start)
            self._end_answer()
        if self._answer is None:
            yield from self._sounding.stop(note.beat, VOICE)
        if self._phrase is None or self._phrase.source != note.source or self._phrase_expired(grid):
            self._phrase, self._requested_from = self._begin_phrase(note, grid), None
        self._phrase.hear(note, MAX_PHRASE * grid.bar)

    def _yields_to_phrase(self, source: str, grid: Grid) -> bool:
        """Whether `source` comes, in `listen`, after the source of the phrase being heard or answered."""
        loops = self._settings["loop"] >= ON
        phrase = self._phrase if self._phrase or self._answer is None or loops else self._answered
        if phrase is None or source not in self._listen or self._phrase_expired(grid):
            return False
        return self._listen.index(source) > self._listen.index(phrase.source)

    def _phrase_expired(self, grid: Grid) -> bool:
        """Whether more than a bar of silence separates the next note from a phrase that only control could have ended:
        that note begins a new phrase."""
        return self._phrase_end == "control" and self._memory.silence > grid.bar

    def _begin_phrase(self, note: TopNote, grid: Grid) -> Phrase:
        if self._answer is not None and self._answer.repeated is None:
            self._answer_memory = self._memory.copy()
        if self._memory.state is None or self._memory.silence > grid.bar:
            self._memory.begin(note.frame, grid)
        self._sampler.key.begin_phrase()
        self._sampler.motif.begin_phrase()
        position, place = grid.position(note.frame), _place(note.frame, grid)
        bar = note.frame - place
        upbeat = grid.meter > UPBEAT and position > grid.meter - UPBEAT - EPSILON
        return Phrase(note.source, note.frame, bar, place, -1 if upbeat else 0)

    def step(self, frame: int, beat: float, grid: Grid) -> Iterator[Action]:
        """Play 16th number `frame`, which begins at `beat`."""
        if not 0 < frame - self.frame <= JUMP and self._memory.state is not None:
            self._forget()
            yield from self._sounding.stop(beat, VOICE)
        self.frame, self._bar = frame, grid.bar
        if (phrase := self._phrase) is not None and grid.on_bar(frame) and frame > phrase.start:
            phrase.bars += 1
            phrase.bar = phrase.bar if phrase.bars else frame
        cause = self._answer_cause(frame, grid)
        if cause:
            self._line.end_before(frame)
        self._catch_up(frame, grid)
        if cause:
            self._begin_answer(frame, cause, grid)
        else:
            self._end_or_repeat(frame, grid)
        if self._answer is None or frame - self._answer.start >= self._answer.length:
            self._played = (frame, NOTE_OFF_EVENT if self._memory.sounding is not None else NO_EVENT)
            yield from self._sounding.stop(beat, VOICE)
        else:
            yield from self._play(frame, beat)

    def _catch_up(self, frame: int, grid: Grid) -> None:
        """Pass the 16ths before `frame` to the model: those of the phrase, else those of the answer. Those of the
        phrase also go to the key estimator and the copy tracker."""
        memory = self._memory
        if memory.state is None:
            self._line.skip_to(frame)
            return
        while self._answer_memory is not None and self._answer_memory.frame < frame:
            own = self._played[1] if self._played[0] == self._answer_memory.frame else NO_EVENT
            self._answer_memory.hear(own, grid)
        while memory.frame < frame:
            event, at = self._line.take(memory.frame), memory.frame
            if self._phrase is None or at < self._phrase.start:
                memory.hear(self._played[1] if self._played[0] == at else NO_EVENT, grid)
                continue
            memory.hear(event, grid)
            self._learn(event)
        if self._phrase is not None and grid.on_beat(frame):
            memory.update_transposition(grid)

    def _learn(self, event: int) -> None:
        """Pass an event of the phrase to the copy tracker, and what sounds after it to the key estimator."""
        if event >= FIRST_PITCH:
            self._sampler.copies.hear(event)
            self._sampler.motif.hear(event)
        if self._memory.sounding is not None:
            self._sampler.key.hear(pitch_of(self._memory.sounding) % 12)

    def _answer_cause(self, frame: int, grid: Grid) -> str | None:
        """What lets an answer begin with this 16th: "rest", "bars" or "control"; None if no answer begins."""
        phrase, line = self._phrase, self._line
        if self._phrase_end == "rest" and self._requested_from is None and phrase is not None and self._aligned(phrase):
            if _place(frame, grid) != phrase.place % grid.bar:
                return None
        elif not grid.on_beat(frame):
            return None
        if self._requested_from is not None and frame >= self._requested_from:
            self._requested_from = None
            return "control" if phrase is not None or self._answered is not None else None
        if phrase is None:
            return None
        if self._phrase_end == "bars" and grid.on_bar(frame):
            return "bars" if phrase.bars >= round(self._settings["bars"]) else None
        rests = not line.held and line.released + self._settings["rest"] <= frame * STEP + EPSILON
        if self._phrase_end == "rest" and (rests or self._known_to_rest(phrase, frame * STEP)):
            return "rest"
        return None

    def _known_to_rest(self, phrase: Phrase, beat: float) -> bool:
        """Whether a known melody's rest of `rest` beats has begun by `beat`."""
        melody = self._known.get(phrase.source)
        return melody is not None and rests_at(melody, phrase.start * STEP, beat, self._settings["rest"])

    def _begin_answer(self, frame: int, cause: str, grid: Grid) -> None:
        """Begin to answer the phrase; if none was heard since the last answer, the last phrase once more."""
        phrase, self._phrase = self._phrase, None
        if phrase is not None and cause == "bars":
            phrase.start, phrase.length = phrase.bar, frame - phrase.bar
        elif phrase is not None:
            end = frame if self._line.held else min(max(step_of(self._line.released), phrase.start + 1), frame)
            phrase.length = max(math.ceil((end - phrase.start) / STEPS_PER_BEAT), 1) * STEPS_PER_BEAT
        self._answered = phrase or self._answered
        assert self._answered is not None
        self._sampler.copies.begin_answer()
        self._sampler.motif.begin_answer()
        self._replaced_loop, self._answer_memory = self._answer, None
        longest = round(self._settings["longest"]) * grid.bar
        first = self._answered.place if cause == "bars" and self._answered.place < grid.bar - STEPS_PER_BEAT else 0
        length = min(self._answered.length, longest)
        self._answer = Answer(frame, length, first, cause != "rest", self._answered.onsets())

    def _aligned(self, phrase: Phrase) -> bool:
        """Whether the answer waits for the phrase's place in the bar: that of a known melody always does."""
        return self._settings["align"] >= ON or phrase.source in self._known

    def owes(self, beat: float) -> bool:
        """Whether an answer will begin without a request, or a generated one still plays; a loop does not count."""
        if self._phrase is not None:
            return self._phrase_end != "control" or self._requested_from is not None
        answer = self._answer
        return answer is not None and answer.repeated is None and beat < (answer.start + answer.length) * STEP - EPSILON

    def _end_or_repeat(self, frame: int, grid: Grid) -> None:
        """End an answer after its last 16th, or repeat it."""
        answer, loops = self._answer, self._settings["loop"] >= ON
        if answer is None:
            if self._repeat_last and self._last_answer is not None and grid.on_beat(frame):
                self._answer = Answer(frame, self._last_answer.length, repeated=self._last_answer.events)
                self._repeat_last = False
            return
        if frame - answer.start >= answer.length and not loops:
            self._end_answer()
        elif frame - answer.start >= math.ceil(answer.length / grid.bar) * grid.bar:
            self._end_answer()
            self._answer = Answer(frame, answer.length, repeated=answer.events)

    def _end_answer(self) -> None:
        assert self._answer is not None
        if self._answer.repeated is None:  # the next answer must not copy a generated one either
            for event in self._answer.events.values():
                if event >= FIRST_PITCH:
                    self._sampler.copies.hear(event)
        self._last_answer, self._answer, self._repeat_last, self._answer_memory = self._answer, None, False, None

    def _play(self, frame: int, beat: float) -> Iterator[Action]:
        """Play the answer's event in this 16th."""
        answer = self._answer
        assert answer is not None and self._answered is not None
        place, memory = frame - answer.start, self._answer_memory or self._memory
        if self._sampler.silent:
            event = NOTE_OFF_EVENT if memory.sounding is not None else NO_EVENT
        elif answer.repeated is None:
            event = self._writer.generate(answer, place, memory, self._bar)
        else:
            event = self._writer.repeat(answer, answer.repeated, place, self._memory)
        answer.events[place] = event
        self._played = (frame, event)
        if event >= FIRST_PITCH:
            self._sampler.copies.play(event)
            self._sampler.motif.play(event, self._sampler.scale())
            velocity = self._sampler.velocity(self._answered.velocity(place))
            yield self._sounding.play(beat, VOICE, pitch_of(event), velocity)
        elif event == NOTE_OFF_EVENT:
            yield from self._sounding.stop(beat, VOICE)


def _is_pedal(message: bytes) -> bool:
    return len(message) == 3 and message[0] & 0xF0 == CONTROL_CHANGE and message[1] == SUSTAIN


def _place(frame: int, grid: Grid) -> int:
    """16ths from the bar line to 16th number `frame`."""
    return math.floor(grid.position(frame) / STEP + EPSILON)
