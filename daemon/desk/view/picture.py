"""What the terminal shows of jamd's state, as values: the first line, a row for each source and player, a notice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from daemon.desk.stage_state import StageState
from daemon.desk.view.sounding import TAPPED, Sounding
from daemon.music.tempo import TempoMap
from daemon.spec import INTERNAL, PlayerSpec, StageSpec

NOTICE_SHOWN = 8.0  # seconds
GESTURE = 2.0  # seconds without a change that end the turning of a setting


class PlayerProcess(Protocol):
    """A player's process: taking part, or refused with a reason."""

    up: bool
    refused: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """A source or player. `state`: a chord or a word; `voices`: label and notes, always the same labels."""

    name: str
    state: str = ""
    voices: tuple[tuple[str, str], ...] = ()
    is_player: bool = False
    is_drums: bool = False
    dim: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    place: str  # bar and beat
    bpm: str
    state: str
    rows: tuple[Row, ...]
    notice: str
    runs: bool
    form: str = ""  # where the song is in its form: chord now and next, section, bar


@dataclass(frozen=True, slots=True)
class _Turned:
    """What controls change."""

    runs: bool
    bpm: float
    silent: list[str]
    settings: Mapping[str, Mapping[str, float]]
    metronome: bool


class Painter:
    """Makes pictures, and notices what changes from one to the next."""

    def __init__(self, sounding: Sounding, state: StageState, players: Mapping[str, PlayerProcess]) -> None:
        self._sounding, self._state, self._players = sounding, state, players
        self._before: _Turned | None = None
        self._turned: dict[str, tuple[float, float]] = {}  # by setting: value before it was turned, seconds of that
        self._has_run = False

    def picture(self, now: float) -> Picture | None:
        """None before there is a configuration."""
        spec, sounding = self._state.spec, self._sounding
        if spec is None:
            return None
        runs = len(self._state.position) > 1
        self._has_run |= runs
        sounding.key.decide()
        beat = sounding.tempo.beat_at(now) if runs else (self._state.position or [0.0])[0]
        bpm = self._state.bpm or (self._state.position[2] if runs else sounding.tempo.bpm)
        self._notice_changes(now, runs, bpm, spec)
        bar = spec.tempo_map.bar_at(max(beat, 0.0))[1] * 60 / bpm if bpm else 0.0
        players = (self._player(player, now) for player in spec.players if not player.is_instrument)
        rows = (*self._sources(spec, now, beat, bar), *players, *self._instruments(spec))
        form = self._form(spec, beat) if runs and beat > -0.5 else ""
        return Picture(
            _place(spec.tempo_map, beat),
            f"{bpm:.4g} bpm" if bpm else "",
            self._transport(spec, runs, beat, () if form else rows),
            rows,
            sounding.notice if now < sounding.noticed_at + NOTICE_SHOWN else "",
            runs,
            form,
        )

    def _form(self, spec: StageSpec, beat: float) -> str:
        """Of the first player that has planned the song's form."""
        beat = max(beat, 0.0) + 1e-3  # drawn when a beat begins, or just before
        bar = spec.tempo_map.bar_at(beat)[1]
        places = (self._sounding.form_place(player.name, beat, bar) for player in spec.players)
        return next((place.text for place in places if place is not None), "")

    def _transport(self, spec: StageSpec, runs: bool, beat: float, rows: Sequence[Row]) -> str:
        """What the song does, or waits for. `rows`: of a song without a form, which goes on while all are silent."""
        clock: Mapping[str, Any] = self._state.metrics.get("clock", {})
        source = {"midi": "MIDI clock", "link": "Link"}.get(spec.clock.source, spec.clock.source)
        if runs and spec.clock.source != INTERNAL:
            return f"{source} is gone, plays on" if clock.get("state") == "free-wheeling" else f"follows {source}"
        if runs and beat <= -0.5:
            return "counts in"
        inputs = [row.name for row in rows if row.name in {port.name for port in spec.ports} and not row.is_player]
        if runs and inputs and all(row.dim for row in rows) and any(row.state == "silent" for row in rows):
            return f"waits for {', '.join(inputs)}"
        if runs:
            return "plays"
        if not self._state.position:
            return "starts"
        if spec.clock.source == "midi":
            return f"waits for {source}" if clock.get("state") == "waiting" else f"waits for Start of {source}"
        if spec.clock.source == INTERNAL and not self._has_run:
            return "waits: s or a bar of taps starts"
        return f"waits for {source}" if not self._has_run else "stopped: s starts, c continues"

    def _sources(self, spec: StageSpec, now: float, beat: float, bar: float) -> Iterator[Row]:
        """Inputs and melodies that players listen to. While keys lead, a melody that the same player follows waits."""
        heard = {name for player in spec.players for name in player.listen}
        inputs = [port.name for port in spec.ports if port.name in heard]
        leading = [name for name in inputs if self._sounding.leads(name, now, bar)]
        for name in inputs:
            state = "leads" if name in leading and spec.melodies else ""
            yield Row(name, state, (("", self._sounding.text(name, "", now)),), dim=not leading)
        for melody in spec.melodies:
            name = melody.melody.name
            others = {other for player in spec.players if name in player.listen for other in player.listen}
            if name in heard and others & set(leading):
                yield Row(name, "waits", (("", ""),), dim=True)
            elif name in heard and not melody.melody.loop and beat >= melody.melody.length:
                yield Row(name, "ended", dim=True)
            elif name in heard:
                yield Row(name, "leads", (("", self._sounding.text(name, "", now)),))

    def _player(self, player: PlayerSpec, now: float) -> Row:
        name, sounding = player.name, self._sounding
        is_drums = set(player.channels.values()) == {10}
        if state := self._absent(name):
            return Row(name, state, is_player=True, is_drums=is_drums, dim=state == "starts")
        voices = tuple((voice, sounding.text(name, voice, now)) for voice in player.channels)
        if name in self._state.silent:
            return Row(name, "muted", tuple((voice, "") for voice, _ in voices), True, is_drums, dim=True)
        is_silent = not any(text for _, text in voices)
        state = "silent" if is_silent else sounding.key.chord(sounding.pitches(name))
        return Row(name, state, voices, True, is_drums, dim=is_silent)

    def _instruments(self, spec: StageSpec) -> Iterator[Row]:
        """The first one with the state of the sound."""
        text = self._state.sound.short_text
        for player in spec.players:
            if player.is_instrument:
                absent, muted = self._absent(player.name), player.name in self._state.silent
                state = absent or ("muted" if muted else "")
                yield Row(player.name, state, (("", text),), is_player=True, dim=absent in ("", "starts"))
                text = ""

    def _absent(self, name: str) -> str:
        """Why a player does not take part; empty if it does."""
        process = self._players.get(name)
        if process is not None and process.up:
            return ""
        refused = process.refused if process is not None else None
        return "starts" if refused is None else f"failed: {refused.splitlines()[0]}"

    def _notice_changes(self, now: float, runs: bool, bpm: float, spec: StageSpec) -> None:
        """Compare with the last picture: what a control changed is no entry of the journal."""
        state, before = self._state, self._before
        self._before = _Turned(runs, bpm, state.silent, state.settings, state.metronome)
        if before is None or not state.settings:
            return
        for player in spec.players:
            name = player.name
            if (name in before.silent) != (name in state.silent):
                self._sounding.tell(f"{name} {'is muted' if name in state.silent else 'is heard again'}", now)
            for setting, value in state.settings.get(name, {}).items():
                old = before.settings.get(name, {}).get(setting, value)
                if old != value:
                    first = self._first(f"{name}.{setting}", old, now)
                    if first != value:  # else a pedal was pressed and released
                        self._sounding.tell(f"{name}.{setting} {first:.2f} → {value:.2f}", now)
        if before.metronome != state.metronome and before.settings:
            self._sounding.tell(f"metronome {'on' if state.metronome else 'off'}", now)
        if spec.clock.source == INTERNAL and before.bpm and abs(bpm - before.bpm) > 0.05:
            tapped = "tapped: " if now < self._sounding.tapped_at + TAPPED else ""
            self._sounding.tell(f"{tapped}{self._first('bpm', before.bpm, now):.4g} → {bpm:.4g} bpm", now)
        if runs != before.runs:
            starts = "the song continues" if self._sounding.began > 0 else "the song starts"
            self._sounding.tell(starts if runs else "the song stops", now)

    def _first(self, setting: str, old: float, now: float) -> float:
        """The value that a setting had before a person began to turn it."""
        first, at = self._turned.get(setting, (old, now))
        first = first if now < at + GESTURE else old
        self._turned[setting] = first, now
        return first


def _place(tempo_map: TempoMap, beat: float) -> str:
    """Bar and beat, from 1.1 on; in a count-in and before the first beat, the beats that are left, as -1."""
    if beat < -0.5:
        return f"{int(beat // 1)}"
    bar, place = tempo_map.place_of(max(beat, 0.0) + 1e-6)
    return f"{bar}.{int(place)}"
