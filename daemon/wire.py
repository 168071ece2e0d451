"""Messages between processes: JSON lines over local sockets; calls to a player and its answers as values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from daemon.music.events import Action, MidiEvent, Play, Stop, Window, is_beat
from daemon.music.plan import Plan, plan_from_json, plan_to_json


@dataclass(frozen=True, slots=True)
class Reset:
    """Forget everything and start at `beat`, drawing from `seed`."""

    beat: float
    seed: int


@dataclass(frozen=True, slots=True)
class Listen:
    event: MidiEvent


@dataclass(frozen=True, slots=True)
class Generate:
    window: Window


@dataclass(frozen=True, slots=True)
class Control:
    name: str
    value: float
    beat: float


@dataclass(frozen=True, slots=True)
class Learn:
    """A plan of `source`, a player listened to."""

    source: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class Anticipate:
    """The transport stands, and may start with the calls `reset` and `Generate(window)`."""

    reset: Reset
    window: Window


@dataclass(frozen=True, slots=True)
class Ping:
    """Answered with no item: the player is alive."""


@dataclass(frozen=True, slots=True)
class PlayMessage:
    """A MIDI message for an instrument, which is not answered. `at`: the seconds at which it is to be heard, or before
    it can be; then it is heard a constant time after `sent` (seconds)."""

    at: float
    sent: float
    message: bytes


MESSAGE_LIMIT = 64 << 20  # bytes
MUTE = "mute"  # the setting that every instrument has beside those of its engine: 1.0 or 0.0

Call = Reset | Listen | Generate | Control | Learn | Anticipate | Ping | PlayMessage
Answer = Action | Plan  # an item of a player's answer


def encode_call(call: Call) -> list[Any]:
    match call:
        case Listen(MidiEvent(beat, source, message)):
            return ["listen", beat, source, message.hex()]
        case Generate(w):
            return ["generate", w.start, w.end, w.bar_start, w.meter, w.tempo]
        case Anticipate(Reset(beat, seed), w):
            return ["anticipate", beat, seed, w.start, w.end, w.bar_start, w.meter, w.tempo]
        case Control(name, value, beat):
            return ["control", name, value, beat]
        case Reset(beat, seed):
            return ["reset", beat, seed]
        case Learn(source, plan):
            return ["learn", source, plan_to_json(plan)]
        case Ping():
            return ["ping"]
        case PlayMessage(at, sent, message):
            return ["play", at, sent, message.hex()]


def decode_call(data: list[Any]) -> Call:
    """Raises ValueError for what is no call."""
    match data:
        case ["listen", beat, str(source), str(message)] if is_beat(beat):
            return Listen(MidiEvent(beat, source, bytes.fromhex(message)))
        case ["generate", start, end, bar_start, meter, tempo] if all(map(is_beat, data[1:])):
            return Generate(Window(start, end, bar_start, meter, tempo))
        case ["anticipate", beat, int(seed), *window] if len(window) == 5 and all(map(is_beat, (beat, *window))):
            return Anticipate(Reset(beat, seed), Window(*window))
        case ["control", str(name), value, beat] if is_beat(value) and is_beat(beat):
            return Control(name, value, beat)
        case ["reset", beat, int(seed)] if is_beat(beat):
            return Reset(beat, seed)
        case ["learn", str(source), plan]:
            return Learn(source, plan_from_json(plan))
        case ["ping"]:
            return Ping()
        case ["play", at, sent, str(message)] if is_beat(at) and is_beat(sent):
            return PlayMessage(at, sent, bytes.fromhex(message))
    raise ValueError(f"not a call: {repr(data)[:200]}")


def encode_answer(item: Answer) -> Any:
    return plan_to_json(item) if isinstance(item, Plan) else encode_action(item)


def decode_answer(data: Any) -> Answer:
    """Raises ValueError for what is neither an action nor a plan."""
    return plan_from_json(data) if isinstance(data, dict) else decode_action(data)


def encode_action(action: Action) -> list[Any]:
    if isinstance(action, Play):
        return [action.voice, action.onset, action.pitch, action.velocity, action.duration, *[True] * action.tied]
    return [action.voice, action.onset]


def decode_action(data: list[Any]) -> Action:
    """Raises ValueError for an invalid action: an infinite onset would stop the whole stage."""
    match data:
        case [str(voice), onset] if is_beat(onset):
            return Stop(onset, voice)
        case [str(voice), onset, int(pitch), int(velocity), duration, *tied] if is_beat(onset) and (
            duration is None or is_beat(duration)
        ):
            if 0 <= pitch < 128 and 0 < velocity < 128 and tied in ([], [True]):
                return Play(onset, pitch, velocity, voice, duration, bool(tied))
    raise ValueError(f"not an action: {repr(data)[:200]}")


def pack(messages: Iterable[Any]) -> bytes:
    """JSON, one message per line."""
    return b"".join(json.dumps(message, separators=(",", ":")).encode() + b"\n" for message in messages)


class Unpacker:
    """Received bytes → messages. Raises ValueError for a line that is not JSON or has more than `limit` bytes."""

    def __init__(self, limit: int = MESSAGE_LIMIT) -> None:
        self.limit = limit
        self._rest = bytearray()

    @property
    def has_part(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[Any]:
        self._rest += data
        if b"\n" not in data:
            lines: list[bytearray] = []
        else:
            *lines, self._rest = self._rest.split(b"\n")
        if len(self._rest) > self.limit:
            raise ValueError(f"a message of more than {self.limit} bytes")
        try:
            return [json.loads(line) for line in lines]
        except RecursionError:
            raise ValueError("a message of too many brackets") from None
