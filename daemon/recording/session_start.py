"""When a session's MIDI file begins: the sound of the session begins then, too."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from daemon.entries import Entry, Heard, MelodyPlayed, Reconfigured, Sent, StageStarted, StateSaved, TempoChanged
from daemon.json_decoding import decoder
from daemon.music.tempo import Bpm, Tempo, TempoMap, tempo_map_from_json
from daemon.recording.to_midi import TickMap

TEMPI = 16  # that are kept: a message may be stamped before the latest


class SessionStart:
    """Follows the entries. `seconds`: of tick 0 of the present session; None: nothing was heard yet."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        self.seconds: float | None = None
        self._header = header
        self._tempo_map: TempoMap | None = None  # the header's
        self._first_tempo_map: TempoMap | None = None  # … when the session began
        self._tempi: deque[Tempo] = deque(maxlen=TEMPI)

    def follow(self, entry: Entry) -> None:
        match entry:
            case StateSaved():
                self.seconds, self._first_tempo_map = None, self._tempo_map
                self._tempi.clear()
                if entry.state.get("running"):
                    self._tempi.append(Tempo(*decoder(tuple[float, float, Bpm])(entry.state.get("tempo"))))
            case Reconfigured() | StageStarted():
                self._tempo_map = entry.spec.tempo_map
            case TempoChanged():
                self._tempi.append(Tempo(entry.beat, entry.seconds, entry.bpm))
            case Heard() if self.seconds is None:
                self._begin(entry.stamp)
            case MelodyPlayed() | Sent() if self.seconds is None:
                self._begin(entry.seconds)

    def _begin(self, first: float) -> None:
        tempo_map = self._first_tempo_map or tempo_map_from_json(self._header["spec"]["tempo_map"])
        self.seconds = TickMap(self._tempi or [Tempo(0.0, first, tempo_map.bpm_at(0.0))], tempo_map, first).start
