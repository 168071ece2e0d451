"""The instruments of a band in one process, without a device: what they play becomes frames, block after block."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np

from daemon.audio.limiter import Limiter
from daemon.audio.ring import CHANNELS, Frames
from daemon.instrument.renderer import Renderer, make_renderer
from daemon.metrics import OTHER, STRAY, Cause
from daemon.midi.ledger import Ledger, panic_messages
from daemon.midi.sounds import PendingSounds
from daemon.music.events import channel_of, note_off
from daemon.music.sound import Sound
from daemon.player.failure import named

BLOCK = 1024  # frames
SILENCE, SILENT_FOR = 1e-4, 0.25  # −80 dBFS; seconds below that after which the sound has ended
LONGEST_TAIL = 10.0  # seconds from the last message to the end, at most


class Mixdown:
    """Mixes instruments as the speaker does. Frame 0 is heard at 0 seconds.

    `members`: descriptions of instruments by name, as in `Config.members`; `sounds`: of the channels of each. `write`
    gets the frames, in a buffer that is used again. Methods raise JamdError.
    """

    def __init__(
        self,
        members: Mapping[str, Mapping[str, Any]],
        sounds: Mapping[str, Iterable[Sound]],
        rate: int,
        write: Callable[[Frames], None],
    ) -> None:
        self._rate, self._write = rate, write
        self._renderers = {name: _renderer(name, member) for name, member in members.items()}
        self._sounds = {name: PendingSounds() for name in members}
        for name, pending in self._sounds.items():
            pending.change(sounds.get(name, ()))
        self._ledger, self._limiter = Ledger(), Limiter(rate)
        self._look_ahead = max((each.look_ahead for each in self._renderers.values()), default=0)
        self._mix, self._part = np.empty((2, BLOCK, CHANNELS), np.float32)
        self._next = 0  # the first frame that is not rendered
        self._last = 0  # the frame of the last message
        self.peak = 0.0

    @property
    def names(self) -> Collection[str]:
        """Of the instruments."""
        return self._renderers.keys()

    @property
    def notices(self) -> tuple[str, ...]:
        """What the instruments do without (see AudioEngine), a line for each."""
        return tuple(f"{name}: {each.notice}" for name, each in self._renderers.items() if each.notice)

    @property
    def seconds(self) -> float:
        """Of what is rendered."""
        return self._next / self._rate

    def play(self, name: str, message: bytes, seconds: float, cause: Cause = OTHER) -> None:
        """Have an instrument play `message` at `seconds`, as an audio output of the stage sends messages."""
        if channel_of(message) is None or (cause is STRAY and self._ledger.is_held(name, message)):
            return
        frame = self._frame(seconds)
        for each in (*self._sounds[name].before(message), message):
            self._ledger.transmit(name, each, lambda sent: self._renderers[name].schedule(frame, sent))

    def control(self, name: str, setting: str, value: float) -> None:
        with named(name):
            self._renderers[name].control(setting, value)

    def panic(self, seconds: float) -> None:
        """Silence every instrument."""
        frame = self._frame(seconds)
        for name, renderer in self._renderers.items():
            ended = [note_off(*key) for key in self._ledger.sounding(name)]
            self._ledger.end_holders(name)
            for message in (*ended, *panic_messages()):
                renderer.schedule(frame, message)

    def advance(self, seconds: float) -> None:
        """Render the blocks before `seconds`: no message for an earlier moment will come."""
        end = int(seconds * self._rate) - self._look_ahead
        while self._next + BLOCK <= end:
            self._render()

    def finish(self) -> None:
        """Render until nothing is heard after the last message."""
        silent, end = 0, self._last + round(LONGEST_TAIL * self._rate)
        while self._next <= self._last or (silent < SILENT_FOR * self._rate and self._next < end):
            silent = silent + BLOCK if self._render() < SILENCE else 0

    def _frame(self, seconds: float) -> int:
        """Of a message."""
        frame = max(round(seconds * self._rate), 0)
        self._last = max(self._last, frame)
        return frame

    def _render(self) -> float:
        """One block; returns its peak."""
        self._mix.fill(0.0)
        for name, renderer in self._renderers.items():
            with named(name):
                renderer.render(self._next, self._part)
            self._mix += self._part
        self._limiter.process(self._mix)
        self._next += BLOCK
        peak = float(np.abs(self._mix).max())
        self.peak = max(self.peak, peak)
        self._write(self._mix)
        return peak


def _renderer(name: str, member: Mapping[str, Any]) -> Renderer:
    with named(name):
        return make_renderer(member)
