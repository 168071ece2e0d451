"""The first key after a bar of silence sets the beat, where nothing keeps time: the person who plays leads.

The key becomes the first beat of the song's next bar, at the same tempo. The players are reset as at a jump of the
transport, so nothing of the old beat sounds on, and none of their queued notes comes late.

Nothing keeps time if
- jamd's own clock runs, no output sends MIDI clock, the metronome is off, and no melody is sent to an output;
- no beat was tapped or counted in within a bar;
- no player struck a note within a bar, but such as give way to this key (`PlayerSpec.gives_way`): a drummer keeps
  time, so does a soloist who answers or loops; a choir that sings a tune until keys lead does not.
"""

from __future__ import annotations

from daemon.music.tempo import SIXTEENTH
from daemon.performance.held_notes import HeldNotes
from daemon.performance.players import Players
from daemon.performance.transport import Transport
from daemon.spec import StageSpec


class FirstKey:
    """Recognises the key and sets the beat."""

    def __init__(self, held: HeldNotes, transport: Transport, players: Players) -> None:
        self._held, self._transport, self._players = held, transport, players
        self._spec: StageSpec
        self._inputs: tuple[str, ...] = ()

    def take(self, spec: StageSpec) -> None:
        self._spec, self._inputs = spec, tuple(port.name for port in spec.ports if port.direction == "in")

    def look(self, now: float) -> None:
        """Notice whether all keys and pedals are up."""
        self._held.notice_silence(self._inputs, now)

    def press(self, now: float, source: str, stamp: float, key: bytes) -> None:
        """A `key` of input `source` was pressed at `stamp` seconds; the players have not heard it yet."""
        since, self._held.silent_since = self._held.silent_since, None
        if since is None or not self._spec.clock.first_key_sets_beat:
            return
        transport, tempo = self._transport, self._transport.tempo
        beat = tempo.beat_at(stamp)
        bar, length = self._spec.tempo_map.bar_at(beat)
        first = bar if beat - bar < SIXTEENTH / 2 else bar + length  # on a bar line, the song's place stays as it is
        earliest = stamp - length * 60 / tempo.bpm
        if (
            since > earliest
            or not transport.running
            or beat < transport.began
            or transport.keeps_time(stamp, earliest)
            or not self._players.let_lead(source, key, earliest)
        ):
            return
        self._players.silence()
        transport.start(now, first, stamp)
        self._players.reset_for_key(first, source, key)
