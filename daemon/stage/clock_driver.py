"""Between those who keep the time for us and the performance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from daemon.clocks import ableton_link
from daemon.clocks.ableton_link import AbletonLink
from daemon.clocks.midi_clock_in import Caution, Change, MidiClockIn, TransportChange
from daemon.commands import (
    Command,
    ContinueTransport,
    SetTempo,
    StartTransport,
    StopTransport,
    TapBeat,
)
from daemon.entries import Followed, Located, Started, Stopped
from daemon.music.events import CONTINUE, SONG_POSITION, START, STOP_CLOCK, TICK
from daemon.music.tempo import SIXTEENTH, Tempo
from daemon.performance.performance import Performance
from daemon.performance.transport import FOLLOWS
from daemon.spec import ClockSpec

SOON = 0.2  # seconds that a new stage takes to go on where the one before it was
LOOK = 0.2  # seconds between looks at a MIDI clock
AS_MASTER = {StartTransport: START, ContinueTransport: CONTINUE, StopTransport: STOP_CLOCK}

Say = Callable[[str, str, str], None]  # level, cause, text


class ClockDriver:
    """Tells `performance` what the clock's source says.

    `look_at` is when it wants to `look` at that source next.
    """

    def __init__(self, performance: Performance, say: Say) -> None:
        self._performance, self._say = performance, say
        self._source: ClockSpec | None = None
        self._follower: MidiClockIn | None = None
        self._link: AbletonLink | None = None
        self._wanted: list[int] = []  # by hand, under MIDI clock: what the master might have sent as well
        self._begun = False
        self.look_at = math.inf
        self.configure()

    def configure(self) -> None:
        """The performance has another configuration: follow whom it names."""
        clock, before = self._performance.spec.clock, self._source
        if before is None or (clock.source, clock.port) != (before.source, before.port):
            self.close()
            self._wanted.clear()
            if clock.source == "midi":
                self._follower = MidiClockIn(self._performance.bpm)
                self._follower.stand(self._performance.position)
            self._link = self._join() if clock.source == "link" else None
            if self._link is not None and self._begun and not clock.by_hand:
                self._link.start_soon(self._performance.position)
        elif self._link is not None and self._link.quantum != self._quantum:
            self._link.set_quantum(self._quantum)
        self._source = clock
        self._look_again()

    def close(self) -> None:
        """Leave whom we follow."""
        if self._link is not None:
            self._link.close()
        self._follower = self._link = None

    def begin(self, now: float, was: Sequence[float] = ()) -> None:
        """Start the clock, or go on where a stage before this one was: see `place`."""
        performance, clock = self._performance, self._performance.spec.clock
        self._begun = True
        self._look_again()
        if len(was) == 3:
            tempo = Tempo(*was)
            beat = max(math.ceil(tempo.beat_at(now + SOON) / SIXTEENTH) * SIXTEENTH, 0.0)
            if self._follower is not None:
                self._follower.resume(tempo)
            if self._link is not None:
                self._link.resume(now, tempo)
            performance.take(Followed.make(now, tempo))
            performance.take(Started(now, beat, tempo.seconds_at(beat)))
        elif was or clock.source in FOLLOWS or clock.by_hand:
            performance.take(Stopped(now))
            performance.take(Located(now, was[0] if was else 0.0))
            if self._follower is not None and was:
                self._follower.stand(was[0])
            if self._link is not None and not was and not clock.by_hand:
                self._link.start_soon()
        else:
            performance.take(Started(now))

    def place(self) -> list[float]:
        """Where the song is, for a stage after this one: beat, seconds and bpm while it runs; else the beat; nothing
        before its start."""
        performance = self._performance
        if not performance.ready:
            return []
        if not performance.running:
            return [performance.position]
        tempo = performance.tempo
        if self._follower is not None:  # a slew is over by then
            truth, given = self._follower.truth(), self._follower.tempo
            offset = tempo.beat_at(truth.seconds) - given.beat_at(truth.seconds)  # from its numbers to ours
            tempo = Tempo(truth.beat + offset, truth.seconds, truth.bpm)
        return [tempo.beat, tempo.seconds, tempo.bpm]

    def hear(self, now: float, source: str, message: bytes, stamp: float) -> bool:
        """Whether it was a message of our clock."""
        if self._follower is None or self._source is None or source != self._source.port:
            return False
        if not message or (message[0] < TICK and message[0] != SONG_POSITION):
            return False
        self._obey(now, self._follower.hear(message, stamp))
        return True

    def look(self, now: float) -> None:
        """At `look_at`; earlier, nothing is done."""
        if now < self.look_at:
            return
        if self._follower is not None:
            self.look_at = now + LOOK
            for status in self._wanted:
                self._obey(now, self._follower.hear(bytes((status,)), now))
            self._wanted.clear()
            self._obey(now, self._follower.advance(now))
        elif self._link is not None:
            self._obey(now, self._link.advance(now))
            self.look_at = self._link.next_look(now)

    def propose(self, now: float, command: Command, stamp: float) -> None:
        """To whom we follow: what is wanted by hand. See Sink.propose.

        Under MIDI clock it counts as if the master had sent it, so that both agree on where the song is.
        """
        if self._follower is not None and type(command) in AS_MASTER:
            self._wanted.append(AS_MASTER[type(command)])
            self._look_again()
        if (link := self._link) is None:
            return
        match command:
            case StartTransport():
                link.start(now)
            case ContinueTransport() if not link.running:
                link.start(now, self._performance.position)
            case StopTransport():
                link.stop(now)
            case TapBeat():
                link.tap(now, stamp)
            case SetTempo(bpm):
                link.set_bpm(now, bpm)
        self._look_again()

    def port_lost(self, now: float, name: str) -> None:
        if self._follower is not None and self._source is not None and name == self._source.port:
            self._obey(now, self._follower.lost(now))

    def figures(self) -> dict[str, Any]:
        source = self._follower or self._link
        return {} if source is None else {"clock": source.status()}

    @property
    def _quantum(self) -> float:
        return self._performance.bar_at(0.0)[1]

    def _join(self) -> AbletonLink | None:
        if barred := ableton_link.barred():
            self._say("warning", "link", f"clock.source: {barred}")
        try:
            return ableton_link.join(self._performance.bpm, self._quantum)
        except ImportError:
            self._say("error", "link", f"clock.source: {ableton_link.lacking()}")
            return None

    def _look_again(self) -> None:
        """As soon as can be. A session that we have joined is looked at from the beginning of the song on."""
        waits = self._follower is None and (self._link is None or not self._begun)
        self.look_at = math.inf if waits else 0.0

    def _obey(self, now: float, changes: Iterable[Change]) -> None:
        performance = self._performance
        for change in changes:
            match change:
                case Tempo():
                    performance.take(Followed.make(now, change))
                case TransportChange("stop", _):
                    performance.take(Stopped(now))
                case TransportChange(_, line):
                    performance.take(Followed.make(now, line))
                    performance.take(Started(now, line.beat, line.seconds))
                case Caution(cause, text):
                    self._say("warning", f"clock {cause}", f"clock: {text}")
