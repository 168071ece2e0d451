"""The entries of the journal: one frozen value per kind, encoded and decoded by one table.

*Inputs* are what a performance takes (`Performance.take`), *outputs* what comes of them, *marks* what desk and journal
write. In JSON an entry is `[kind, seconds, field, …]`, the fields in the order of the class. docs/architecture.md lists
the kinds.

Over 300 lines because the kinds and their one table belong together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, get_type_hints

from daemon.commands import Command, Panic, RotateSession, decode_command, encode_command
from daemon.errors import JamdError
from daemon.json_decoding import decoder
from daemon.music.events import Action
from daemon.music.plan import Plan, plan_from_json, plan_to_json
from daemon.music.tempo import Tempo
from daemon.spec import StageSpec
from daemon.wire import decode_action, encode_action

Actions = tuple[Action, ...]
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """`seconds`: when it happened, on the clock of the stage (`time.perf_counter`)."""

    kind: ClassVar[str] = ""
    seconds: float


# Inputs


@dataclass(frozen=True, slots=True)
class Heard(Entry):
    """Input port `source` received `message` at `stamp` (seconds), or a key was released there after the port's longest
    note."""

    kind = "heard"
    source: str
    stamp: float
    message: bytes


@dataclass(frozen=True, slots=True)
class Answered(Entry):
    """A player's answer to call `number`, or a part of it; `last`: nothing more follows."""

    kind = "answer"
    player: str
    number: int
    actions: Actions
    last: bool


@dataclass(frozen=True, slots=True)
class Planned(Entry):
    """A plan that a player gave in answer to call `number`."""

    kind = "plan"
    player: str
    number: int
    plan: Plan


@dataclass(frozen=True, slots=True)
class Advanced(Entry):
    """Everything due by now was done."""

    kind = "advance"


@dataclass(frozen=True, slots=True)
class Started(Entry):
    """The transport runs from `beat` on, which falls at `at` seconds; without `at`, soon, after the count-in."""

    kind = "start"
    beat: float = 0.0
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Stopped(Entry):
    """The transport stands; keys are still answered."""

    kind = "stop"


@dataclass(frozen=True, slots=True)
class Located(Entry):
    """A transport that stands continues from `beat`."""

    kind = "locate"
    beat: float


@dataclass(frozen=True, slots=True)
class Followed(Entry):
    """The clock source: `beat` falls at `at` seconds, and time goes on from there at `bpm`."""

    kind = "follow"
    beat: float
    at: float
    bpm: float

    @staticmethod
    def make(seconds: float, tempo: Tempo) -> Followed:
        return Followed(seconds, tempo.beat, tempo.seconds, tempo.bpm)

    @property
    def tempo(self) -> Tempo:
        return Tempo(self.beat, self.at, self.bpm)


@dataclass(frozen=True, slots=True)
class Commanded(Entry):
    """A control surface other than a MIDI port posted `command` at `stamp` (seconds)."""

    kind = "command"
    command: Command
    stamp: float


@dataclass(frozen=True, slots=True)
class PlayerUp(Entry):
    """A player is ready (again)."""

    kind = "up"
    player: str


@dataclass(frozen=True, slots=True)
class PlayerDown(Entry):
    """A player's process is gone."""

    kind = "down"
    player: str


@dataclass(frozen=True, slots=True)
class PlayerHung(Entry):
    """A player does not answer; it is silent until it is replaced."""

    kind = "hung"
    player: str


@dataclass(frozen=True, slots=True)
class PortLost(Entry):
    """What an input holds is released: the port vanished, or one that was connected to the port, or a System Reset
    came in."""

    kind = "lost"
    port: str


@dataclass(frozen=True, slots=True)
class PlansKept(Entry):
    """A stage process goes on with what the players had planned under the one before: `plans` by player.
    `stood_at`: the beat at which the transport stood; None: it ran."""

    kind = "plans"
    plans: Json
    stood_at: float | None = None


@dataclass(frozen=True, slots=True)
class Reconfigured(Entry):
    """A reload, or another latency of the sound: players and ports that are the same in both configurations go on
    undisturbed."""

    kind = "spec"
    spec: StageSpec


# Outputs


@dataclass(frozen=True, slots=True)
class Sent(Entry):
    """`message` of a player's `voice` was due on `port`."""

    kind = "sent"
    player: str
    voice: str
    port: str
    message: bytes


@dataclass(frozen=True, slots=True)
class Dropped(Entry):
    """A note-on came later than its engine tolerates and was not sent."""

    kind = "dropped"
    player: str
    voice: str
    port: str
    message: bytes


@dataclass(frozen=True, slots=True)
class MelodyPlayed(Entry):
    """A note of a fixed melody."""

    kind = "melody"
    source: str
    message: bytes


@dataclass(frozen=True, slots=True)
class TempoChanged(Entry):
    """The clock: at this moment it is at `beat`, and goes on at `bpm`."""

    kind = "tempo"
    beat: float
    bpm: float


@dataclass(frozen=True, slots=True)
class StateSaved(Entry):
    """The performance's state after a rotation: the beginning of the next session."""

    kind = "state"
    state: Json


# Marks


@dataclass(frozen=True, slots=True)
class SessionBegan(Entry):
    """The first entry of a journal. `header`: versions, models, members, spec, local time."""

    kind = "session"
    header: Json


@dataclass(frozen=True, slots=True)
class SessionEnded(Entry):
    """The last entry of a journal that is whole."""

    kind = "end"


@dataclass(frozen=True, slots=True)
class Gap(Entry):
    """Entries are missing here: the disk was full for too long."""

    kind = "gap"


@dataclass(frozen=True, slots=True)
class StageStarted(Entry):
    """A stage process begins with this configuration."""

    kind = "stage"
    spec: StageSpec


@dataclass(frozen=True, slots=True)
class MembersChanged(Entry):
    """After a reload: what each player's process is told from now on."""

    kind = "members"
    members: Json


Audible = Heard | MelodyPlayed | Sent  # entries that a person plays or hears

_KINDS: tuple[type[Entry], ...] = (
    Heard, Answered, Planned, Advanced, Started, Stopped, Located, Followed, Commanded, PlayerUp, PlayerDown,
    PlayerHung, PortLost, PlansKept, Reconfigured, Sent, Dropped, MelodyPlayed, TempoChanged, StateSaved, SessionBegan,
    SessionEnded, Gap, StageStarted, MembersChanged,
)  # fmt: skip
KINDS: Mapping[str, type[Entry]] = {entry.kind: entry for entry in _KINDS}

Convert = Callable[[Any], Any]


def _as_it_is(value: Any) -> Any:
    return value


def _message(data: str) -> bytes:
    if not data:
        raise ValueError("an empty message")
    return bytes.fromhex(data)


def _actions(data: Any) -> Actions:
    if not isinstance(data, list):
        raise TypeError
    return (*map(decode_action, data),)


_CODECS: Mapping[Any, tuple[Convert, Convert]] = {  # by the type of a field; all other fields are JSON as they are
    bytes: (bytes.hex, _message),
    Actions: (lambda actions: [*map(encode_action, actions)], _actions),
    Plan: (plan_to_json, plan_from_json),
    Command: (encode_command, decode_command),
    StageSpec: (StageSpec.to_json, StageSpec.from_json),
}


def _columns(entry: type[Entry]) -> tuple[tuple[str, Convert, Convert], ...]:
    """Name, encoder and decoder of each field, `seconds` first."""
    types = get_type_hints(entry)
    kinds = [(field.name, types[field.name]) for field in fields(entry)]
    return tuple((name, *(_CODECS[kind] if kind in _CODECS else (_as_it_is, decoder(kind)))) for name, kind in kinds)


_TABLE = {entry: _columns(entry) for entry in _KINDS}


def encode_entry(entry: Entry) -> list[Any]:
    return [entry.kind, *(encode(getattr(entry, name)) for name, encode, _ in _TABLE[type(entry)])]


def decode_entry(data: Sequence[Any]) -> Entry:
    """Raises JamdError for an entry of a kind or shape that this version does not know."""
    try:
        kind, *values = _modern(data)
        entry = KINDS[kind]
        # A list: CPython keeps up to 2,000 tuples of each size that `tuple` has made of an iterator, as if of a leak.
        return entry(*[decode(v) for (_, _, decode), v in zip(_TABLE[entry], values, strict=True)])
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        raise JamdError(f"an entry that this version of jamd does not know: {repr(data)[:200]}") from None


def _modern(data: Sequence[Any]) -> Sequence[Any]:
    """Entries of journals before version 0.2: commands were kinds of their own."""
    match data:
        case ["hand", seconds, action, stamp]:
            return ["command", seconds, [action], stamp]
        case ["panic", seconds]:
            return ["command", seconds, encode_command(Panic()), seconds]
        case ["rotate", seconds]:
            return ["command", seconds, encode_command(RotateSession()), seconds]
    return data
