"""A small General MIDI synthesiser."""

from __future__ import annotations

import numpy as np

from daemon.engines.soundfont.built_in.channels import Channel
from daemon.engines.soundfont.built_in.oscillators import FRAMES
from daemon.engines.soundfont.built_in.reverb import Reverb
from daemon.engines.soundfont.built_in.voices import Voices
from daemon.engines.soundfont.built_in.waves import Samples

_DRUMS = 9  # the channel of the drums, from 0
_GAIN = 0.44
_KNEE = 0.8  # louder than this, the sound is compressed, and does not exceed 1


class BuiltInSynth:
    """Sixteen channels; drums on channel 10. `program`, 1–128: that of channels which are given none."""

    def __init__(self, rate: int, program: int = 1) -> None:
        self._rate = rate
        self._program = program - 1

    def prepare(self) -> None:
        """Compute all tables."""
        self._voices = Voices(self._rate)
        self._reverb = Reverb(self._rate)
        self._channels = [Channel(self._program) for _ in range(16)]
        self._frames = min(FRAMES, self._reverb.longest)

    def set_reverb(self, level: float) -> None:
        """0: none; 0.2, as at first: a small hall; 1: about as loud as the sound itself."""
        self._voices.reverb = level
        for number, channel in enumerate(self._channels):
            self._voices.follow(number, channel)

    def play(self, message: bytes) -> None:
        """Take a channel message, which takes effect at the next frame; other messages are ignored."""
        if not message or not 0x80 <= message[0] < 0xF0 or max(message[1:], default=0) > 127:
            return
        number = message[0] & 15
        channel = self._channels[number]
        match message[0] >> 4, *message[1:]:
            case (0x9, key, velocity) if velocity:
                start = self._voices.strike if number == _DRUMS else self._voices.start
                start(number, channel, key, velocity)
            case (0x8 | 0x9, key, _):
                self._voices.release_key(number, channel, key)
            case (0xB, controller, value):
                self._control(number, channel, controller, value)
            case (0xC, program):
                channel.program = program
            case (0xE, low, high):
                channel.bend = (high << 7 | low) / 8192 - 1
                self._voices.follow(number, channel)

    def _control(self, number: int, channel: Channel, controller: int, value: int) -> None:
        match controller:
            case 120:
                self._voices.cut(number)
            case 123 | 124 | 125 | 126 | 127:
                self._voices.release_all(number, channel)
            case 66 if value >= 64 and not channel.has_sostenuto:
                channel.has_sostenuto = True
                self._voices.catch(number)
            case _:
                channel.control(controller, value)
                self._voices.follow(number, channel)

    def render(self, out: Samples) -> None:
        """Fill `out`, of shape (frames, 2)."""
        for first in range(0, len(out), self._frames):
            block = out[first : first + self._frames]
            mix = self._voices.render(len(block))
            mix *= np.float32(_GAIN)
            self._reverb.add_to(mix[:2], mix[2])
            block[:] = _bounded(mix[:2]).T


def _bounded(samples: Samples) -> Samples:
    loud = np.abs(samples)
    if loud.max() <= _KNEE:
        return samples
    rest = np.float32(1 - _KNEE)
    return np.sign(samples) * np.where(loud > _KNEE, _KNEE + rest * np.tanh((loud - _KNEE) / rest), loud)
