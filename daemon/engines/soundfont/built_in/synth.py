"""A small General MIDI synthesiser."""

from __future__ import annotations

import numpy as np

from daemon.engines.soundfont.built_in.channels import Channel
from daemon.engines.soundfont.built_in.oscillators import FRAMES
from daemon.engines.soundfont.built_in.reverb import Reverb
from daemon.engines.soundfont.built_in.voices import Voices
from daemon.engines.soundfont.built_in.waves import Samples

_DRUMS = 9  # the channel of the drums, from 0
_GAIN = 0.35
_KNEE = 0.8  # louder than this, the sound is compressed, and never reaches 1


class BuiltInSynth:
    """Sixteen channels; drums on channel 10. `program`, 1–128: that of channels which are given none."""

    def __init__(self, rate: int, program: int = 1) -> None:
        self._rate = rate
        self._program = program - 1
        self._reverb_level = np.float32(0.2)

    def set_reverb(self, level: float) -> None:
        """0: none; 1: as loud as the sound itself."""
        self._reverb_level = np.float32(level)

    def prepare(self) -> None:
        """Compute all tables."""
        self._voices = Voices(self._rate)
        self._reverb = Reverb(self._rate)
        self._channels = [Channel(self._program) for _ in range(16)]
        self._frames = min(FRAMES, self._reverb.longest)

    def play(self, message: bytes) -> None:
        """Take a MIDI message, which takes effect at the next frame. Ignores what is no message of a channel."""
        if len(message) < 2 or not 0x80 <= message[0] < 0xF0:
            return
        number = message[0] & 15
        channel = self._channels[number]
        match message[0] >> 4, *message[1:]:
            case (0x9, key, velocity) if velocity:
                start = self._voices.strike if number == _DRUMS else self._voices.start
                start(number, channel, key & 127, velocity & 127)
            case (0x8 | 0x9, key, _):
                self._voices.release_key(number, channel, key & 127)
            case (0xB, controller, value):
                self._control(number, channel, controller, value & 127)
            case (0xC, program):
                channel.program = program & 127
            case (0xE, low, high):
                channel.bend = ((high & 127) << 7 | low & 127) / 8192 - 1
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
            wet = mix[2] * self._reverb_level
            self._reverb.add_to(mix[:2], wet)
            loud = np.abs(mix[:2])
            if loud.max() > _KNEE:
                rest = 1 - _KNEE
                mix[:2] = np.sign(mix[:2]) * np.where(loud > _KNEE, _KNEE + rest * np.tanh((loud - _KNEE) / rest), loud)
            block[:] = mix[:2].T
