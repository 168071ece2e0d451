"""When a session ends and the next one begins: after silence, or, with a large journal, just before a bar line."""

from __future__ import annotations

from collections.abc import Callable

from daemon.commands import Panic
from daemon.entries import (
    Audible,
    Commanded,
    Entry,
    Heard,
    MelodyPlayed,
    PortLost,
    Reconfigured,
    Sent,
    StageStarted,
    StateSaved,
    TempoChanged,
)
from daemon.music.events import ends_notes, is_note_off, is_note_on
from daemon.music.tempo import Tempo
from daemon.spec import StageSpec

SESSION_SILENCE = 300.0  # seconds after which a session ends
# A large session ends, too, so that its MIDI file is made and replay and recovery stay short. A rotation costs a short
# silence, so it is rare: the default band writes this much in 50 minutes.
LARGE = 8 << 20
REQUEST_TIMEOUT = 10.0  # seconds until a rotation is requested again
# Before the bar line: 0.1 s in which players fill their first window (FIRST_WINDOW_TIME), and the way to the stage
BREATH = 0.15
WAY = 0.05
NEXT_CALL_LIMIT = 1.0  # seconds; a later call, twice a second, decides on moments further away


class Rotation:
    """Follows a journal's entries. At a rotation the stage ends what players sound and starts them anew.

    So a large session ends BREATH seconds before a bar line, and the next bar begins on time. No key should be held
    then, because engines forget held keys; from twice LARGE on, any bar line will do. `clock` gives seconds.
    """

    def __init__(self, spec: StageSpec, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sounding: set[tuple[str, str]] = set()  # (source or player, channel and pitch)
        self._tempo: Tempo | None = None  # before the clock's start
        self._heard_at = self._asked_at = clock()
        self._configure(spec)

    def follow(self, entry: Entry) -> None:
        match entry:
            case Commanded(command=Panic()):
                self._sounding.clear()
            case Reconfigured() | StageStarted():  # inputs that have changed release their keys
                self._configure(entry.spec)
                self._sounding = {key for key in self._sounding if key[0] in self._players}
                if isinstance(entry, StageStarted):
                    self._sounding.clear()
                    self._tempo = None
            case StateSaved():
                self._heard_at = self._clock()
            case TempoChanged():
                self._tempo = Tempo(entry.beat, entry.seconds, entry.bpm)
            case PortLost(port=port):
                self._sounding = {key for key in self._sounding if key[0] != port}
            case Heard() | MelodyPlayed() | Sent():
                self._follow_note(entry)

    def _follow_note(self, entry: Audible) -> None:
        self._heard_at = self._clock()
        name = entry.player if isinstance(entry, Sent) else entry.source
        key = (name, entry.message[:2].hex()[1:])
        if is_note_on(entry.message) and not isinstance(entry, MelodyPlayed):
            self._sounding.add(key)
        elif is_note_off(entry.message):
            self._sounding.discard(key)
        elif ends_notes(entry.message):
            self._sounding = {other for other in self._sounding if other[0] != name or other[1][0] != key[1][0]}

    def due(self, size: int) -> float | None:
        """Seconds until the stage should rotate; None: not soon. `size`: bytes of the session."""
        now = self._clock()
        if now < self._asked_at + REQUEST_TIMEOUT:
            return None
        wait = None
        if size and now - self._heard_at > SESSION_SILENCE and not self._sounding:
            wait = 0.0
        elif size > 2 * LARGE or (size > LARGE and not any(name not in self._players for name, _ in self._sounding)):
            wait = self._until_breath(now)
        if wait is not None:
            self._asked_at = now
        return wait

    def _until_breath(self, now: float) -> float | None:
        if self._tempo is None:
            return 0.0
        start, length = self._tempo_map.bar_at(self._tempo.beat_at(now + self._breath))
        wait = self._tempo.seconds_at(start + length) - self._breath - now
        return max(wait, 0.0) if wait < NEXT_CALL_LIMIT else None

    def _configure(self, spec: StageSpec) -> None:
        self._players = {player.name for player in spec.players}
        self._tempo_map = spec.tempo_map
        self._breath = max([BREATH, *(player.lead + WAY for player in spec.players)])
