"""The fixed melodies: on MIDI ports, on audio outputs, and in the ears of players."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from daemon.metrics import GRID
from daemon.music.events import is_note_off, is_note_on
from daemon.performance.held_notes import HeldNotes
from daemon.performance.note_sequencer import NoteSequence, NoteSequencer
from daemon.performance.timeline import Timeline
from daemon.spec import AUDIO, MelodySpec, PortSpec, StageSpec

MELODY_TOLERANCE = 0.1  # seconds after which a melody's note is dropped

PlayMelody = Callable[[str, bytes, float, float], None]  # name, message, due seconds, beat


@dataclass(frozen=True, slots=True)
class _Part:
    """A melody on the outputs that have the same delay, or on one audio output, whose delays may change while notes
    sound. Players hear the melody through the first part."""

    spec: MelodySpec = field(hash=False)  # perhaps of many notes
    is_first: bool
    outputs: tuple[str, ...]
    delay: float | None  # seconds; None: an audio output

    @property
    def source(self) -> str:
        """The name under which `HeldNotes` keeps its notes."""
        name = self.spec.melody.name
        if self.delay is None:
            return f"{name}\0audio\0{self.outputs[0]}"
        return name if self.is_first else f"{name}\0{self.delay}"


class Melodies:
    """`play` is called with each note that players may hear; `clock()` gives the current seconds."""

    def __init__(self, timeline: Timeline, held: HeldNotes, play: PlayMelody, clock: Callable[[], float]) -> None:
        self._timeline, self._held, self._play, self._clock = timeline, held, play, clock
        self._parts: dict[_Part, NoteSequencer] = {}
        self._new: list[NoteSequencer] = []
        self.late = 0  # notes that were dropped

    def take(self, now: float, spec: StageSpec) -> None:
        """Take the melodies of `spec`; unchanged ones go on undisturbed, those that are new wait for a start."""
        ports = {port.name: port for port in spec.ports}
        wanted = [part for melody in spec.melodies for part in _parts(melody, ports)]
        for part in [part for part in self._parts if part not in wanted]:
            self._parts.pop(part).stop()
            self._release(part, now)
        self._held.keep([*ports, *(part.source for part in wanted)])
        self._new, old, self._parts = [], self._parts, {}
        for part in wanted:
            port = ports[part.outputs[0]] if part.delay is None else PortSpec("", "out", delay=part.delay)
            if part in old:
                self._parts[part] = old[part]
                old[part].move(port)
            else:
                self._parts[part] = self._sequencer(part, port)
                self._new.append(self._parts[part])

    def start(self, beat: float) -> None:
        for sequencer in self._parts.values():
            sequencer.start(beat)

    def start_new(self, beat: float) -> None:
        """Start those that `take` found new, while the others play."""
        for sequencer in self._new:
            sequencer.start(beat)

    def stop(self) -> None:
        """Play on no more; what sounds is left to `release`."""
        for sequencer in self._parts.values():
            sequencer.stop()

    def release(self, now: float) -> None:
        """End the sounding notes."""
        for part in self._parts:
            self._release(part, now)

    def resume(self, now: float, began: float) -> None:
        """See `NoteSequencer.resume`."""
        for sequencer in self._parts.values():
            sequencer.resume(now, began)

    def _sequencer(self, part: _Part, port: PortSpec) -> NoteSequencer:
        melody, name, channel = part.spec.melody, part.spec.melody.name, part.spec.channel

        def play(message: bytes, due: float, sounds: float, beat: float) -> None:
            if is_note_on(message) and self._clock() - max(due, sounds) > MELODY_TOLERANCE:
                self.late += part.is_first
                return
            if is_note_off(message) and not self._held.holds(part.source, channel, message[1]):
                return  # the note-on was dropped, or the note has ended already
            self._held.pass_on(part.source, part.outputs, message, sounds, GRID)
            if part.is_first:
                self._play(name, message, due, beat)

        longest = max((note.duration for note in melody.notes), default=0.0)
        return NoteSequencer(NoteSequence(melody.between, longest, channel, play), self._timeline, port)

    def _release(self, part: _Part, now: float) -> None:
        for ended in self._held.release_keys(part.source, part.outputs, now):
            if part.is_first:
                self._play(part.spec.melody.name, ended, now, self._timeline.tempo.beat_at(now))


def _parts(spec: MelodySpec, ports: Mapping[str, PortSpec]) -> Iterator[_Part]:
    """Players hear a melody without delay, so the first part has none, and perhaps no output."""
    by_delay: dict[float, list[str]] = {0.0: []}
    audio = [output for output in spec.thru if output in ports and ports[output].direction == AUDIO]
    for output in spec.thru:
        if output not in audio:
            by_delay.setdefault(ports[output].delay if output in ports else 0.0, []).append(output)
    for delay, outputs in by_delay.items():
        yield _Part(spec, delay == 0.0, tuple(outputs), delay)
    for output in audio:
        yield _Part(spec, False, (output,), None)
