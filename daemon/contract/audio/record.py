"""What an audio engine did in a session."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from daemon.audio.ring import CHANNELS, Frames
from daemon.contract.audio.sessions import BLOCK, Session, Step, as_code
from daemon.engines.audio import AudioEngine
from daemon.performance.players import ANSWER_TIMEOUT
from daemon.player.failure import failure
from daemon.wire import Control


@dataclass(slots=True)
class Record:
    """The steps of a session up to its end, or up to the one that failed with `error` or took too long. `blocks`: what
    was rendered; a frame that the engine did not fill is not a number."""

    engine: AudioEngine
    session: Session
    steps: list[Step] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    blocks: list[Frames] = field(default_factory=list)
    error: BaseException | None = None

    @property
    def frames(self) -> Frames:
        return np.concatenate([np.zeros((0, CHANNELS), np.float32), *self.blocks])

    @property
    def rate(self) -> int:
        return self.engine.setup.rate

    @property
    def too_long(self) -> bool:
        """Whether the last call took longer than jamd waits. It asks for no more than 256 frames at once."""
        if not self.steps:
            return False
        step = self.steps[-1]
        return self.seconds[-1] > ANSWER_TIMEOUT * (max(1.0, step / BLOCK) if isinstance(step, int) else 1.0)

    @property
    def complete(self) -> bool:
        return self.error is None and not self.too_long

    def answers(self) -> list[tuple[str, str]]:
        """Each call as Python, and what was rendered, to be compared."""
        rendered = iter(self.blocks)
        return [(as_code(step), _digest(next(rendered)) if isinstance(step, int) else "") for step in self.steps]


def play(
    engine: AudioEngine, session: Session, steps: Sequence[Step], watch: Callable[[Step], object] = lambda step: None
) -> Record:
    """Let the engine play the steps, of the session or a part of them. `watch` gets each before the engine does."""
    record = Record(engine, session)
    for step in steps:
        watch(step)
        begun = time.perf_counter()
        try:
            match step:
                case bytes():
                    engine.play(step)
                case int():
                    record.blocks.append(np.full((step, CHANNELS), np.nan, np.float32))
                    begun = time.perf_counter()
                    engine.render(record.blocks[-1])
                case Control(name, value, beat):
                    list(engine.control(name, value, beat))
        except SystemExit as error:
            record.error = error
        except Exception as error:
            record.error = failure(type(engine), f"in {as_code(step)}", error)
        record.steps.append(step)
        record.seconds.append(time.perf_counter() - begun)
        if not record.complete:
            break
    return record


def _digest(frames: Frames) -> str:
    return f"{len(frames)} frames of checksum {zlib.crc32(frames.tobytes()):08x}"
