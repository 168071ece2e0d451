"""An engine's frames: its messages are played at their frames, and its rate is converted to that of the band."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from daemon.audio.ring import CHANNELS, Frames
from daemon.engines.audio import AudioEngine
from daemon.instrument.message_queue import MessageQueue
from daemon.player.failure import failure
from daemon.wire import PlayMessage

CHUNK = 64  # frames that are converted at once
LOUDEST = 1000.0  # 60 dB above full scale; more can be no sound
_TRIAL = 0.25  # seconds of silence with which the look-ahead is found


class BadFrames(Exception):
    """An engine left frames out, or rendered what is no sound."""


class EngineSource:
    """The frames of an engine that renders at the band's rate. Methods raise EngineFailure."""

    look_ahead = 0

    def __init__(self, engine: AudioEngine, queue: MessageQueue) -> None:
        self._engine, self._queue = engine, queue

    def fill(self, first: int, out: Frames) -> None:
        """Render the frames from number `first` on."""
        self._late(first)
        self._render(out, lambda frame: frame - first)

    def _late(self, first: int) -> None:
        for message in self._queue.pop_before(first):
            self._play(message)

    def _render(self, out: Frames, place_of: Callable[[int], int]) -> None:
        """`place_of`: the frame of a message → its place in `out`."""
        done = 0
        while done < len(out):
            frame = self._queue.next_frame()
            until = len(out) if frame is None else min(place_of(frame), len(out))
            if until <= done:
                self._play(self._queue.pop())
                continue
            self._render_part(out[done:until])
            done = until

    def _play(self, message: bytes) -> None:
        try:
            self._engine.play(message)
        except Exception as error:
            raise failure(type(self._engine), PlayMessage(0.0, 0.0, message), error) from error

    def _render_part(self, out: Frames) -> None:
        out.fill(np.nan)
        try:
            self._engine.render(out)
            if not -LOUDEST <= out.min() <= out.max() <= LOUDEST:
                raise BadFrames(_problem(out))
        except Exception as error:
            raise failure(type(self._engine), "in render", error) from error


class ConvertedSource(EngineSource):
    """The frames of an engine that renders at its `own_rate`, converted by soxr.

    A frame of `rate` needs frames of the engine that follow: a message that arrives less than `look_ahead` frames
    before its frame is rendered is late. Onsets are within 2 frames of their places. soxr's variable ratio needs 3 to
    20 ms of look-ahead, depending on the rates, where its fixed ratios need 20 to 80.
    """

    def __init__(self, engine: AudioEngine, queue: MessageQueue, own_rate: int, rate: int) -> None:
        import soxr

        super().__init__(engine, queue)
        self._own_rate, self._rate = own_rate, rate
        self._new_stream: Callable[[], Any] = lambda: soxr.ResampleStream(
            own_rate, rate, CHANNELS, dtype="float32", quality="HQ", vr=True
        )
        self._restart(0)
        self.look_ahead = self._measure()

    def _restart(self, first: int) -> None:
        """Begin with the frame of number `first`."""
        self._stream, self._ready = self._new_stream(), np.zeros((0, CHANNELS), np.float32)
        self._origin, self._next, self._rendered = first, first, 0  # the last one in frames of the engine

    def _measure(self) -> int:
        """The most frames by which the engine is ahead of what comes out."""
        stream, ahead, out = self._new_stream(), 0, 0
        silence = np.zeros((CHUNK, CHANNELS), np.float32)
        for fed in range(CHUNK, round(_TRIAL * self._own_rate), CHUNK):
            ahead = max(ahead, fed * self._rate // self._own_rate + 1 - out)
            out += len(stream.resample_chunk(silence))
        return ahead

    def fill(self, first: int, out: Frames) -> None:
        if first != self._next:
            self._restart(first)
        done = 0
        while done < len(out):
            if not len(self._ready):
                self._ready = self._stream.resample_chunk(self._chunk())
            part = self._ready[: len(out) - done]
            out[done : done + len(part)] = part
            self._ready = self._ready[len(part) :]
            done += len(part)
        self._next = first + len(out)

    def _chunk(self) -> Frames:
        """The engine's next frames."""
        rate, own_rate, begun = self._rate, self._own_rate, self._rendered
        self._late(self._origin - (1 - 2 * begun) * rate // (2 * own_rate))  # the first frame with a place in the chunk
        chunk = np.empty((CHUNK, CHANNELS), np.float32)
        self._render(chunk, lambda frame: (2 * (frame - self._origin) * own_rate + rate) // (2 * rate) - begun)
        self._rendered += CHUNK
        return chunk


def _problem(out: Frames) -> str:
    if wrong := int((~np.isfinite(out)).any(axis=1).sum()):
        return f"{wrong} of {len(out)} frames are no finite numbers: fill every frame of `out`, from −1 to 1"
    return f"a frame of {np.abs(out).max():g}: fill `out` with numbers from −1 to 1"
