"""What a replay checks of entries beside the types of their fields: the JSON in them, and jumps of the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from daemon.entries import Entry, Followed, MembersChanged, PlansKept, SessionBegan, Started, StateSaved
from daemon.json_decoding import Limits, decoder
from daemon.music.events import Channel, Controller, Pitch, Velocity
from daemon.music.melody import Melody
from daemon.music.plan import Plan
from daemon.music.tempo import Bpm, Tempo
from daemon.performance.performance import Performance
from daemon.spec import StageSpec

FARTHEST = 200_000  # beats from one entry to the next while the transport runs: eight hours


@dataclass(frozen=True, slots=True)
class Member:
    """One of `Config.members`."""

    engine: str
    model: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, float] = field(default_factory=dict)
    listen: tuple[str, ...] = ()
    melodies: tuple[Melody, ...] = ()
    rate: Annotated[int, Limits(0, 1_000_000)] = 0  # of an instrument
    contents: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Header:
    """Of a SessionBegan entry."""

    members: Mapping[str, Member]
    spec: StageSpec
    jamd: str = ""
    began: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """Of a StateSaved entry: the parts of `Performance` (`to_json` of players, held notes and transport)."""

    number: int
    resets: int
    settings: tuple[tuple[str, str, float], ...]
    up: tuple[str, ...]
    hung: tuple[str, ...]
    held: tuple[tuple[str, Channel, Pitch, Annotated[int, Limits(0, 1000)]], ...]
    sustained: tuple[tuple[str, Channel], ...]
    ready: bool
    running: bool
    position: float
    bpm: Bpm | None
    taps: tuple[float, ...]
    began: float
    tempo: tuple[float, float, Bpm]
    tempo_from: float
    slew: tuple[float, Bpm] | None
    share: Annotated[float, Limits(0.1, 1)] = 1.0  # of the tempo, in a ritardando
    velocities: tuple[tuple[str, Channel, Pitch, Velocity], ...] = ()
    muted: tuple[str, ...] = ()
    soloed: tuple[str, ...] = ()
    heard: tuple[tuple[str, str, Channel, Annotated[int, Limits(0, 128)]], ...] = ()
    metronome: bool | None = None
    controls: tuple[tuple[str, str, Controller, Controller], ...] = ()
    beat_given: float = 0.0
    silent_since: float | None = None
    last_note: Mapping[str, float] = field(default_factory=dict)
    plans: Mapping[str, tuple[Plan, ...]] = field(default_factory=dict)


def check_shape(entry: Entry) -> None:
    """Raises ValueError if the JSON in `entry` lacks what a replay reads of it."""
    match entry:
        case SessionBegan():
            decoder(Header)(entry.header)
        case MembersChanged():
            decoder(Mapping[str, Member])(entry.members)
        case PlansKept():
            decoder(Mapping[str, tuple[Plan, ...]])(entry.plans)
        case StateSaved():
            decoder(State)(entry.state)


def check_jump(entry: Entry, performance: Performance, before: float) -> None:
    """Raises ValueError if the music between the last entry, at `before` seconds, and this one is hours long."""
    now, here = entry.seconds, performance.beat_at(before)
    beats = [performance.beat_at(now) - here] if performance.running else []
    match entry:
        case Followed() if performance.running:
            beats.append(entry.tempo.beat_at(now) - here)
        case Started(beat=beat, at=at):
            if beat < -1000:
                raise ValueError(f"a start at beat {beat:g}")
            beats.append(0.0 if at is None else (now - at) * performance.bpm / 60)
        case StateSaved(state=state) if state["running"]:  # the start may lie years back
            beats.append((Tempo(*state["tempo"]).beat_at(now) - state["began"]) / 1000)
    if any(abs(each) > FARTHEST for each in beats):
        raise ValueError(f"a jump of {max(beats, key=abs):.0f} beats")
