"""Keys and pedals that inputs and melodies hold down, so that their notes end when the source is lost."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from daemon.metrics import OTHER, STRAY, WITHDRAWAL, Cause
from daemon.music.events import (
    CONTROL_CHANGE,
    RESET_CONTROLLERS,
    SUSTAIN,
    channel_of,
    control_change,
    is_note_off,
    is_note_on,
    note_off,
    note_on,
)

NEVER = -1e9  # seconds, long before any clock begins

Send = Callable[[str, bytes, float, Cause], None]  # output, message, due seconds, cause


@dataclass(eq=False, slots=True)
class _Held:
    held: dict[tuple[int, int], int] = field(default_factory=dict)  # (channel, pitch) → how often
    pressed: dict[tuple[int, int], float] = field(default_factory=dict)  # … → seconds, the earliest first
    struck: dict[tuple[int, int], tuple[float, int]] = field(default_factory=dict)  # … → seconds, velocity of the last
    sustained: set[int] = field(default_factory=set)  # channels


class HeldNotes:
    """Held notes by source, an input or a melody; copies the messages of a source to outputs."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._sources: dict[str, _Held] = {}
        self.silent_since: float | None = NEVER  # seconds; None: keys were pressed since the last silence

    def notice_silence(self, names: Iterable[str], now: float) -> None:
        """Set `silent_since` if all keys and pedals of the sources `names` are up again. A pedal that goes down without
        a key does not end a silence."""
        if self.silent_since is None and self.is_empty(*names):
            self.silent_since = now

    def keep(self, names: Iterable[str]) -> None:
        """Keep these sources and forget all others."""
        self._sources = {name: self._sources.get(name) or _Held() for name in names}

    def clear(self) -> None:
        """Forget everything held, without sending note-offs."""
        for source in self._sources.values():
            source.held.clear()
            source.pressed.clear()
            source.struck.clear()
            source.sustained.clear()

    def pass_on(self, name: str, outputs: Iterable[str], message: bytes, due: float, cause: Cause) -> None:
        """Copy `message` to `outputs` and keep track of the keys that the source holds.

        The note-off of a key that was released without its sender (after the longest note, by a panic or a reset) comes
        late: others may sound the same note by then.
        """
        channel = channel_of(message)
        is_known = channel is not None and name in self._sources
        if channel is not None and is_known and is_note_off(message) and not self.holds(name, channel, message[1]):
            cause = STRAY
        for output in outputs:
            self._send(output, message, due, cause)
        if channel is None or not is_known:
            return
        source = self._sources[name]
        held, pressed = source.held, source.pressed
        if is_note_on(message):
            held[channel, message[1]] = held.get((channel, message[1]), 0) + 1
            pressed.setdefault((channel, message[1]), due)
            source.struck[channel, message[1]] = due, message[2]
        elif is_note_off(message):
            if (left := held.pop((channel, message[1]), 0) - 1) > 0:
                held[channel, message[1]] = left
            else:
                pressed.pop((channel, message[1]), None)
                source.struck.pop((channel, message[1]), None)
        elif message[0] & 0xF0 == CONTROL_CHANGE and message[1] in (SUSTAIN, RESET_CONTROLLERS):
            self.sustain(name, channel, message[1] == SUSTAIN and message[2] >= 64)

    def sustain(self, name: str, channel: int, down: bool) -> None:
        sustained = self._sources[name].sustained
        (sustained.add if down else sustained.discard)(channel)

    def holds(self, name: str, channel: int, pitch: int) -> bool:
        return (channel, pitch) in self._sources[name].held

    def sustains(self, name: str, channel: int) -> bool:
        return name in self._sources and channel in self._sources[name].sustained

    def is_empty(self, *names: str) -> bool:
        """Whether no source, or none of those named, holds a key or a pedal."""
        sources = (source for name, source in self._sources.items() if not names or name in names)
        return not any(source.held or source.sustained for source in sources)

    def messages(self, name: str) -> list[bytes]:
        """The pedals and keys that a source holds, as they are told to a player that starts anew: the top key first,
        because it leads, so that the others change little."""
        source = self._sources[name]
        pedals = [control_change(channel, SUSTAIN, 127) for channel in sorted(source.sustained)]
        keys = sorted(source.held, key=lambda key: (-key[1], key[0]))
        return pedals + [note_on(*key, source.struck[key][1]) for key in keys if key in source.struck]

    def next_limit(self, limits: Mapping[str, float]) -> float:
        """When a key will have been held as long as its source allows: seconds; infinity where no key has a limit.

        `limits`: seconds by source.
        """
        earliest = ((limits[name], at) for name in limits for at in list(self._sources[name].pressed.values())[:1])
        return min((at + limit for limit, at in earliest), default=math.inf)

    def beyond_limit(self, limits: Mapping[str, float], now: float) -> list[tuple[str, bytes]]:
        """The source and the note-off of each key that is held longer than its source allows."""
        pressed = ((name, key, at) for name in limits for key, at in self._sources[name].pressed.items())
        return [(name, note_off(*key)) for name, key, at in pressed if at + limits[name] <= now]

    def release_keys(self, name: str, outputs: Iterable[str], now: float, channel: int | None = None) -> list[bytes]:
        """Release the keys of a source, on one channel or on all; returns one note-off for each key."""
        source = self._sources.get(name, _Held())
        ended = []
        for (on, pitch), count in list(source.held.items()):
            if channel in (None, on):
                ended.append(note_off(on, pitch))
                is_ahead = source.struck.get((on, pitch), (now, 0))[0] > now  # worked out shortly before it is due
                for _ in range(count):
                    self.pass_on(name, outputs, ended[-1], now, WITHDRAWAL if is_ahead else OTHER)
        return ended

    def release(self, name: str, outputs: Iterable[str], now: float) -> list[bytes]:
        """Release keys and pedals of a source; returns the messages that do so."""
        ended = self.release_keys(name, outputs, now)
        for channel in list(self._sources[name].sustained) if name in self._sources else []:
            ended.append(control_change(channel, SUSTAIN, 0))
            self.pass_on(name, outputs, ended[-1], now, OTHER)
        return ended

    def to_json(self) -> dict[str, Any]:
        return {
            "held": [[n, *key, count] for n, source in self._sources.items() for key, count in source.held.items()],
            "sustained": [[n, channel] for n, source in self._sources.items() for channel in source.sustained],
            "velocities": [
                [n, *key, velocity] for n, s in self._sources.items() for key, (_, velocity) in s.struck.items()
            ],
            "silent_since": self.silent_since,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        for name, channel, pitch, count in state["held"]:
            self._sources[name].held[channel, pitch] = count
        for name, channel in state["sustained"]:
            self._sources[name].sustained.add(channel)
        for name, channel, pitch, velocity in state.get("velocities", ()):  # older journals have none
            self._sources[name].struck[channel, pitch] = NEVER, velocity
        self.silent_since = state.get("silent_since")
