"""The players: their calls and deadlines, which of their answers still count, notes, settings, mutes and plans."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from daemon.commands import Command
from daemon.metrics import GRID, OTHER, Cause, CauseKind
from daemon.music.events import Action, MidiEvent
from daemon.music.plan import Plan
from daemon.music.tempo import SIXTEENTH, next_sixteenth
from daemon.performance.held_notes import NEVER
from daemon.performance.mutes import Mutes
from daemon.performance.plans import Plans
from daemon.performance.player_notes import PlayerNotes
from daemon.performance.player_state import PlayerState, WaitingCall
from daemon.performance.settings import Settings
from daemon.performance.sink import Sink
from daemon.performance.timeline import Timeline
from daemon.performance.windows import Windows
from daemon.performance.zones import Zones
from daemon.spec import StageSpec
from daemon.wire import MUTE, Call, Control, Learn, Listen, Ping, Reset

ANSWER_TIMEOUT = 0.7  # seconds without an answer after which a player counts as hung
FIRST_WINDOW_TIME = 0.1  # seconds to fill the first window after a reset, before which nothing was computed ahead


class Players:
    """`clock()` gives the seconds of the current entry."""

    def __init__(self, sink: Sink, timeline: Timeline, clock: Callable[[], float]) -> None:
        self._sink, self._timeline, self._clock = sink, timeline, clock
        self._players: dict[str, PlayerState] = {}
        self._settings, self._zones = Settings(), Zones()
        self.mutes = Mutes(self._apply_mutes)
        self.plans = Plans()
        self._number = self._resets = self._seed = 0
        self._windows = Windows(timeline, clock, self._call)
        self.counts = {"dropped": 0, "stale": 0}

    def take(self, spec: StageSpec) -> None:
        """Take the players of `spec`; unchanged players go on undisturbed."""
        self._seed = spec.seed
        self._windows.take(spec.tempo_map)
        self.plans.take(spec)
        ports = {port.name: port for port in spec.ports}
        old, self._players, timeline = self._players, {}, self._timeline
        for player_spec in spec.players:
            kept = old.get(player_spec.name)
            if kept is not None and kept.spec.goes_on_as(player_spec):
                del old[player_spec.name]
                kept.spec = player_spec
            else:
                notes = PlayerNotes(player_spec, self._sink, timeline, self._clock, self.tell, self.counts)
                kept = PlayerState(player_spec, notes)
            self._players[player_spec.name] = kept
            kept.notes.take(player_spec.audio, ports)
        for player in old.values():
            self._silence(player)
            self._settings.forget(player.spec.name)
            self.plans.forget(player.spec.name)
        self._zones.take(spec.zones, self._players.keys() - old.keys())
        self.mutes.take(self._players, [player.name for player in spec.players if player.is_instrument])

    def up(self, name: str) -> None:
        """A player is ready (again). An instrument is never reset, so its settings are sent now."""
        player = self._players[name]
        player.up, player.released = True, False
        player.waiting.clear()
        if player.spec.is_instrument:
            self._send_settings(player, self._timeline.tempo.beat_at(self._clock()))
            self._send_mute(player)

    def down(self, name: str) -> None:
        """A player's process is gone: its notes end now."""
        player = self._players[name]
        player.up = False
        player.waiting.clear()
        self.plans.down(name)
        self._silence(player)

    def hung(self, name: str) -> None:
        """End the player's notes; it is silent until its process is replaced."""
        self._players[name].released = True
        self._silence(self._players[name])

    def check(self, standing_at: float | None = None, patient: bool = False) -> list[str]:
        """Ping idle players; returns the names of the players that do not answer. While the transport stands, a start
        from `standing_at` (beats) and one from the song's beginning are anticipated. `patient`: none is named."""
        hung, now, resets = [], self._clock(), self._resets
        for name, player in self._players.items():
            resets += player.makes_music
            if not player.up or player.released:
                continue
            if player.waiting and now - player.waiting[0].asked > ANSWER_TIMEOUT and not patient:
                hung.append(name)
            elif not player.waiting:  # with the last call's number: these calls are no part of the journal
                player.waiting.append(WaitingCall(self._number, now, GRID))
                call = None
                if standing_at is not None and player.makes_music:
                    call = self._windows.anticipation(player, standing_at, self._seed_of(name, resets))
                self._sink.call(name, self._number, call or Ping())
        return hung

    def one_up(self, name: str) -> PlayerState | None:
        """The player, if it is up."""
        return player if (player := self._players.get(name)) is not None and player.up else None

    def answer(self, name: str, number: int, actions: Iterable[Action], last: bool) -> None:
        """Queue the actions of an answer, or of a part of it. Calls are answered in their order."""
        player = self._players[name]
        cause = next((call.cause for call in player.waiting if call.number == number), GRID)
        player.finish(number if last else number - 1)
        player.answered = self._clock()
        stale = number < player.first_valid or player.released
        for action in actions:
            if stale:
                self.counts["stale"] += 1
            else:
                player.notes.act(action, cause)

    def plan(self, name: str, number: int, plan: Plan) -> None:
        """Hand a plan that `name` gave in answer to a call to the players that listen to `name`."""
        player = self._players[name]
        if number < player.first_valid or player.released:
            self.counts["stale"] += 1
            return
        self.plans.add(name, plan, self._timeline.tempo.beat_at(self._clock()))
        for other in self._players.values():
            if other.up and name in other.spec.listen:
                self._call(other, Learn(name, plan))
                self._windows.plan_came(other)

    def tell(self, source: str, message: bytes, beat: float, stamp: float | None = None, only: str = "") -> None:
        """`stamp` (seconds): when a person pressed or moved something; then the latency of the answer is measured.
        `only`: the one player that hears the message."""
        for name, player in self._players.items():
            hears = player.up and source in player.spec.listen and only in ("", name)
            if hears and self._zones.lets_pass(name, source, message):
                self._call(player, Listen(MidiEvent(beat, source, message)), stamp)

    def turn(self, name: str, setting: str, value: float, beat: float, stamp: float) -> None:
        if (player := self._players.get(name)) is None:
            return
        self._settings.turn(name, setting, value)
        player.anticipated.clear()
        if player.up:
            self._call(player, Control(setting, value, beat), stamp)

    def setting(self, name: str, setting: str) -> float | None:
        """The present value of a player's setting; None if there is none."""
        player = self._players.get(name)
        return self._settings.of(player.spec).get(setting) if player is not None else None

    def settings(self) -> dict[str, dict[str, float]]:
        """The present values, by player and setting."""
        return {name: self._settings.of(player.spec) for name, player in self._players.items()}

    def standing(self) -> list[Command]:
        """The commands that turned the settings, mutes and solos."""
        return [*self._settings.commands(), *self.mutes.commands()]

    def silence(self) -> None:
        """End all sounding notes, drop queued ones, request no more windows."""
        for player in self._players.values():
            self._silence(player)

    def reset(self, first: float | None = None, began: float = 0.0) -> None:
        """Reset all players that are up and request the window at beat `first` at once; without `first`, in the middle
        of the song, a window far enough ahead, and not before beat `began`."""
        self.plans.reset(first)
        for player in self._players.values():
            if player.makes_music:
                self._reset(player, first, began)

    def reset_for_key(self, beat: float, source: str, key: bytes) -> None:
        """Reset all players that are up for a `key` of `source` at `beat`, which they hear next. Those that give way to
        the key answer it before anything else: their first window is the one of the next 16th."""
        self.plans.reset(beat)
        for player in self._players.values():
            if player.makes_music and player.spec.gives_way and self._hears(player, source, key):
                self._begin(player, beat)
                self._windows.schedule(player, beat + SIXTEENTH)
            elif player.makes_music:
                self._reset(player, beat, beat)

    def let_lead(self, source: str, key: bytes, since: float) -> bool:
        """Whether a player hears a `key` of `source`, and only such as give way to the key struck a note after `since`
        (seconds)."""
        heard = [player for player in self._players.values() if self._hears(player, source, key)]
        kept = [player for player in self._players.values() if not (player.spec.gives_way and player in heard)]
        return any(player.up for player in heard) and all(player.notes.last_note <= since for player in kept)

    def reset_one(self, name: str, began: float) -> None:
        """Reset one player, with a window far enough ahead."""
        if self._players[name].makes_music:
            self._reset(self._players[name], None, began)

    def listen_only(self, beat: float, only: str | None = None) -> None:
        """Reset the players that are up, or only one, without a window: the transport stands at `beat`."""
        if only is None:
            self.plans.stand(beat)
        for name, player in self._players.items():
            if player.makes_music and only in (None, name):
                self._begin(player, beat)

    def sounding(self) -> dict[str, int]:
        return {name: player.notes.sounding() for name, player in self._players.items()}

    def to_json(self) -> dict[str, Any]:
        return {
            "number": self._number,
            "resets": self._resets,
            **self._settings.to_json(),
            "up": [name for name, player in self._players.items() if player.up],
            "hung": [name for name, player in self._players.items() if player.released],
            **self.mutes.to_json(),
            **self._zones.to_json(),
            **self.plans.to_json(),
            "last_note": {name: player.notes.last_note for name, player in self._players.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._number, self._resets = state["number"], state["resets"]
        self._settings.restore(state)
        self.mutes.restore(state)  # while no player is up: the instruments were told already
        for name, player in self._players.items():
            player.up, player.released = name in state["up"], name in state["hung"]
            player.notes.last_note = state.get("last_note", {}).get(name, NEVER)
        self._zones.restore(state)
        self.plans.restore(state)

    # Inside

    def _hears(self, player: PlayerState, source: str, key: bytes) -> bool:
        return source in player.spec.listen and self._zones.covers(player.spec.name, source, key)

    def _apply_mutes(self) -> None:
        """A silent player goes on playing, unheard by its listeners too; an instrument fades out by itself."""
        silent = self.mutes.silent()
        for name, player in self._players.items():
            has_changed = player.notes.muted != (name in silent)
            player.notes.mute(name in silent)
            if has_changed and player.spec.is_instrument and player.up:
                self._send_mute(player)

    def _send_mute(self, player: PlayerState) -> None:
        beat = self._timeline.tempo.beat_at(self._clock())
        self._call(player, Control(MUTE, float(player.notes.muted), beat))

    def _silence(self, player: PlayerState) -> None:
        player.notes.release()
        if player.ask is not None:
            player.ask.cancelled = True
            player.ask = player.first_window = None

    def _reset(self, player: PlayerState, first: float | None, began: float) -> None:
        soon = self._timeline.tempo.beat_at(self._clock() + max(player.lead, FIRST_WINDOW_TIME))
        beat = max(soon, began) if first is None else first
        start = next_sixteenth(beat)
        self._begin(player, start)
        if self._lacks_plan(player):
            self._windows.wait_for_plan(player, start)
        else:
            self._windows.request(player, start)

    def _begin(self, player: PlayerState, beat: float) -> None:
        self._silence(player)
        self._resets += 1
        player.first_valid = self._number + 1
        self._call(player, Reset(beat, self._seed_of(player.spec.name, self._resets)))
        self._send_settings(player, beat)
        for source, plan in self.plans.for_player(player.spec.name, player.spec.listen):
            self._call(player, Learn(source, plan))

    def _lacks_plan(self, player: PlayerState) -> bool:
        """Whether a player that it listens to is about to announce its first plan."""
        sources = (self._players[name] for name in player.spec.listen if name in self._players)
        return any(each.spec.plans and each.up and not self.plans.of(each.spec.name) for each in sources)

    def _send_settings(self, player: PlayerState, beat: float) -> None:
        for setting, value in self._settings.of(player.spec).items():
            self._call(player, Control(setting, value, beat))

    def _seed_of(self, name: str, resets: int) -> int:
        """A different seed for every player and every reset; two seeds of the configuration share none."""
        return (self._seed << 32) + zlib.crc32(f"{name} {resets}".encode())

    def _call(self, player: PlayerState, call: Call, stamp: float | None = None) -> None:
        if player.released:
            return
        self._number += 1
        cause = GRID
        if isinstance(call, Listen | Control):
            cause = OTHER if stamp is None else Cause(CauseKind.ANSWER, player.spec.name, stamp)
        player.waiting.append(WaitingCall(self._number, self._clock(), cause))
        self._sink.call(player.spec.name, self._number, call)
