"""Sound from MIDI messages: for instruments of the band, `jamd render` and `jamd replay`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daemon.audio.ring import Frames
from daemon.engines.audio import AudioEngine
from daemon.engines.base import engine_class
from daemon.errors import EngineError
from daemon.instrument.level import Level
from daemon.instrument.message_queue import MessageQueue
from daemon.instrument.sources import ConvertedSource, EngineSource
from daemon.models.limits import exit_with
from daemon.player.failure import failure
from daemon.player.host import make_engine

TOLERANCE = 0.1  # seconds; a note-on that is later is left out


class Renderer:
    """An engine whose messages are played exactly at their frames, at `rate` frames per second. How its frames are
    divided into blocks makes no difference. Methods raise EngineFailure."""

    def __init__(self, engine: AudioEngine, rate: int) -> None:
        self.rate = rate
        self._engine = engine
        self._queue = MessageQueue(round(TOLERANCE * rate))
        self._level = Level(rate, engine.values)
        own_rate = engine.own_rate or rate
        self._source = (
            EngineSource(engine, self._queue)
            if own_rate == rate
            else ConvertedSource(engine, self._queue, own_rate, rate)
        )

    @property
    def notice(self) -> str:
        """A line for the log, or "" (see AudioEngine)."""
        return self._engine.notice

    @property
    def look_ahead(self) -> int:
        """Frames; a message that is scheduled later than that before its frame is rendered is late."""
        return self._source.look_ahead

    @property
    def late(self) -> int:
        """Notes that began, or were to begin, at frames that had been rendered or skipped."""
        return self._queue.late

    def schedule(self, frame: int, message: bytes) -> None:
        """Play a message at the frame of this number, or, if that is over, at the next one; see MessageQueue."""
        self._queue.push(frame, message)

    def control(self, name: str, value: float) -> None:
        """Turn a setting of the engine, or MUTE; one that is not declared is ignored."""
        for setting in self._engine.settings:
            if setting.name == name:
                value = min(max(value, setting.low), setting.high)
                try:
                    list(self._engine.control(name, value, 0.0))
                except Exception as error:
                    raise failure(type(self._engine), f"in control({name!r}, {value:g})", error) from error
        if name in Level.names:
            self._level.set(name, value)

    def render(self, first: int, out: Frames) -> None:
        """Fill `out` with the frames from number `first` on: of one block after another, or later."""
        self._source.fill(first, out)
        self._level.apply(out)


def make_renderer(member: Mapping[str, Any], give_up: Callable[[str], object] = exit_with) -> Renderer:
    """The prepared engine of an instrument, a value of `Config.members` with its `rate`. Raises JamdError."""
    rate, engine_type = member["rate"], engine_class(member["engine"])
    if not issubclass(engine_type, AudioEngine):
        raise EngineError(f"the engine {member['engine']!r} renders no sound: choose another one for this instrument")
    engine = make_engine(member, give_up, engine_type.own_rate or rate)
    assert isinstance(engine, AudioEngine)
    return Renderer(engine, rate)
