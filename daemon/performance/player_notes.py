"""A player's notes on its MIDI port, and the same on its audio outputs, each with its own delay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from daemon.entries import Dropped, Sent
from daemon.metrics import GRID, OTHER, Cause, CauseKind
from daemon.music.events import Action, is_note_on
from daemon.performance.sink import Sink
from daemon.performance.timeline import Timeline
from daemon.performance.voices import Voices
from daemon.spec import AUDIO, PlayerSpec, PortSpec

Tell = Callable[[str, bytes, float], object]  # player, message, beat


class PlayerNotes:
    """`clock()` gives the seconds of the current entry. What is sent to the port is also recorded and given to `tell`;
    a note that comes too late for the port is recorded and counted in `counts`. To audio outputs notes are only sent.
    """

    def __init__(
        self,
        spec: PlayerSpec,
        sink: Sink,
        timeline: Timeline,
        clock: Callable[[], float],
        tell: Tell,
        counts: dict[str, int],
    ) -> None:
        self._spec, self._sink, self._timeline, self._clock = spec, sink, timeline, clock
        measured: Cause | None = None

        def emit(due: float, voice: str, message: bytes, beat: float, cause: Cause) -> None:
            nonlocal measured
            if cause.kind is CauseKind.ANSWER and is_note_on(message):
                cause, measured = OTHER if cause is measured else cause, cause  # of an answer, the first note counts
            sink.send(spec.port, message, due, cause)
            sink.record(Sent(due, spec.name, voice, spec.port, message))
            tell(spec.name, message, beat)

        def drop(due: float, voice: str, message: bytes) -> None:
            counts["dropped"] += 1
            sink.record(Dropped(due, spec.name, voice, spec.port, message))

        self._main = Voices(spec, timeline, clock, emit, drop)
        self._audio: dict[str, Voices] = {}  # by audio output
        self._all: tuple[Voices, ...] = (self._main,)

    def take(self, audio: Iterable[str], ports: Mapping[str, PortSpec]) -> None:
        """Play also on the outputs `audio`. A note that is queued or sounds keeps its delay; a new audio output begins
        with the next note."""
        main, old = self._main, self._audio
        main.delay = ports[self._spec.port].delay if self._spec.port in ports else 0.0
        self._audio = {output: old.pop(output) if output in old else self._new(output) for output in audio}
        for output, voices in self._audio.items():
            port = ports.get(output, PortSpec(output, AUDIO))
            voices.delay, voices.latency = port.offset, port.latency
            voices.tolerance = main.tolerance + max(main.delay - voices.delay, 0.0)  # for as long as on the port
        self._all = (main, *self._audio.values())
        for voices in old.values():
            voices.release(self._clock())

    @property
    def ahead(self) -> float:
        """Seconds by which notes are sent before their beats, at most."""
        return max(0.0, *(-voices.delay for voices in self._all))

    @property
    def last_note(self) -> float:
        """The seconds at which the last note was struck."""
        return self._main.last_note

    @last_note.setter
    def last_note(self, seconds: float) -> None:
        self._main.last_note = seconds

    @property
    def muted(self) -> bool:
        return self._main.muted

    def mute(self, muted: bool) -> None:
        """Leave out notes from now on, those that are queued as well; or no longer."""
        for voices in self._all:
            voices.muted = muted
            if muted:
                voices.end_sounding(self._clock())

    def act(self, action: Action, cause: Cause = GRID) -> None:
        """See `Voices.act`."""
        for voices in self._all:
            voices.act(action, cause)

    def release(self) -> None:
        """End all sounding notes and drop queued ones."""
        for voices in self._all:
            voices.release(self._clock())

    def sounding(self) -> int:
        return self._main.sounding()

    def _new(self, output: str) -> Voices:
        def emit(at: float, voice: str, message: bytes, beat: float, cause: Cause) -> None:
            self._sink.send(output, message, at, cause)

        def drop(due: float, voice: str, message: bytes) -> None:
            pass

        return Voices(self._spec, self._timeline, self._clock, emit, drop, is_audio=True)
