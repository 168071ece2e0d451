"""The voices: which notes sound, and the oscillators that play them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from daemon.engines.soundfont.built_in.channels import Channel
from daemon.engines.soundfont.built_in.drums import KIT
from daemon.engines.soundfont.built_in.oscillators import Control, Oscillators, State
from daemon.engines.soundfont.built_in.tables import Table, Tables
from daemon.engines.soundfont.built_in.timbres import PROGRAMS, Layer, Timbre
from daemon.engines.soundfont.built_in.waves import Numbers, Samples, Spectrum, cycle

LIMIT = 32  # voices that sound; one more cuts the least important one
_VOICES = 2 * LIMIT  # as many may be fading out
_LAYERS = 8  # of a timbre, at most
# Seconds in which a voice fades by 60 dB:
_CUT = 0.02  # at All Sound Off, or when too many voices sound
_CHOKED = 0.05  # a drum, when another one of its group is struck
_REPEATED = 0.15  # a note, when its key is struck again
_DAMPED = 0.4  # a drum, at All Notes Off
_SOFT = 10 ** (-3 / 40)  # factor of the velocity with the soft pedal: 3 dB softer
_HALL = 0.6  # gain of the send to the reverb, whose output is louder than its input
_MODULATION = 50.0  # cents of vibrato with the wheel full up
_GOLDEN = 0.618034  # golden section: successive multiples spread phases evenly
_AT_ONCE = 100.0  # rate of attack
_INAUDIBLE = 1e-4  # amplitude
_ONE_SHOT = Timbre((), release=_DAMPED)


@dataclass
class Voice:
    oscillators: slice
    is_sounding: bool = False
    timbre: Timbre = _ONE_SHOT
    key: int = -1
    channel: int = 0
    group: str = ""  # of drums that end each other
    born: int = 0  # frame
    is_held: bool = False  # by its key
    is_caught: bool = False  # by the sostenuto pedal
    is_released: bool = False
    is_cut: bool = False


class Voices:
    """Channels are counted from 0. `reverb`: 0 … 1, how much of all is sent to the reverb."""

    def __init__(self, rate: int) -> None:
        self.reverb = 0.2
        self._rate = rate
        self._tables = Tables(rate, _VOICES * _LAYERS)
        self._oscillators = Oscillators(rate, _VOICES * _LAYERS, self._tables.samples)
        self._pan: Numbers = np.zeros(_VOICES * _LAYERS)
        self._voices = [Voice(slice(n * _LAYERS, (n + 1) * _LAYERS)) for n in range(_VOICES)]
        self._now = 0  # frame
        self._notes = 0

    def render(self, frames: int) -> Samples:
        """Left, right and what goes to the reverb, of shape (3, frames)."""
        self._now += frames
        mix = self._oscillators.render(frames)
        on: list[bool] = np.logical_or.reduce(self._oscillators.on.reshape(-1, _LAYERS), axis=1).tolist()
        for voice, is_sounding in zip(self._voices, on, strict=True):
            voice.is_sounding = is_sounding
        return mix

    def start(self, number: int, channel: Channel, key: int, velocity: int) -> None:
        """A note on channel `number`."""
        timbre = PROGRAMS[channel.program]
        for voice in self._on(number):
            if voice.key == key:
                self._fade(voice, _REPEATED)
        voice = self._begin(number, timbre, key)
        voice.is_held = True
        self._notes += 1
        force = velocity / 127 * (_SOFT if channel.is_soft else 1.0)
        for n, layer in enumerate(timbre.layers, voice.oscillators.start):
            self._play_layer(n, timbre, layer, key, force)
        self._set_controls(voice, channel)

    def _play_layer(self, n: int, timbre: Timbre, layer: Layer, key: int, force: float) -> None:
        """On oscillator `n`; `force`: 0 … 1."""
        chance = self._notes * _GOLDEN
        start, step = layer.start, layer.ratio * 2 ** (layer.cents / 1200)
        if isinstance(layer.wave, Spectrum):
            levels = layer.wave.levels(_hz(key) * layer.ratio, self._rate)
            levels[: layer.low - 1] = levels[layer.high :] = 0.0
            if levels.max() < _INAUDIBLE:
                return
            table = self._tables.cycle(n, cycle(levels))
            step *= _hz(key) / table.pitch
        elif layer.wave == "noise":
            table, start = self._tables.noise, start + chance
            step *= 2 ** ((key - 60) / 24)
        else:
            table, start = self._tables.ensemble(layer.wave, key), start + chance
            step *= _hz(key) / table.pitch
        octaves = 2 ** ((60 - key) / 12 / layer.halving)
        s = self._play(n, table, step, start % 1)
        s[State.LOUDNESS] = _natural(timbre.level + layer.level) + math.log(force) * (2 + layer.touch / 6.02)
        s[State.ATTACK] = 3 / (layer.attack * self._rate)
        s[State.FALL] = self._per_frame(layer.fall * octaves)
        s[State.REST] = layer.rest
        s[State.FADE] = self._per_frame(layer.ring * octaves)
        s[State.VIBRATO] = 2 * math.pi * timbre.beat * (1 + 0.06 * (chance % 1 - 0.5)) / self._rate
        s[State.VIBRATO_START] = 2 * math.pi * (layer.start + chance) % (2 * math.pi)
        s[State.TREMOLO] = timbre.tremolo
        self._pan[n] = layer.pan

    def strike(self, number: int, channel: Channel, key: int, velocity: int) -> None:
        """A drum, which rings until it is silent."""
        drum = KIT.get(key)
        if drum is None:
            return
        for voice in self._on(number):
            if drum.group and voice.group == drum.group:
                self._fade(voice, _CHOKED)
        voice = self._begin(number, _ONE_SHOT, key, drum.group)
        force = math.log(velocity / 127)
        parts = zip(self._tables.drums[key], (2.0, 2.8), strict=True)  # a soft stroke is darker
        for n, (table, touch) in enumerate(parts, voice.oscillators.start):
            s = self._play(n, table, 1.0, 0.0)
            s[State.LOUDNESS] = _natural(drum.level) + touch * force
            s[State.ATTACK] = _AT_ONCE
            self._pan[n] = drum.pan
        self._set_controls(voice, channel)

    def release_key(self, number: int, channel: Channel, key: int) -> None:
        for voice in self._on(number):
            if voice.key == key and voice.is_held:
                voice.is_held = False
                self._release(voice, channel)

    def release_all(self, number: int, channel: Channel) -> None:
        """All Notes Off, which respects the pedals; a drum is damped."""
        for voice in self._on(number):
            voice.is_held = False
            self._release(voice, channel)

    def cut(self, number: int) -> None:
        """All Sound Off."""
        for voice in self._on(number):
            self._fade(voice, _CUT)

    def catch(self, number: int) -> None:
        """What is held when the sostenuto pedal goes down sounds until it goes up."""
        for voice in self._on(number):
            voice.is_caught = voice.is_held

    def follow(self, number: int, channel: Channel) -> None:
        """Controllers or the bend have changed."""
        for voice in self._on(number):
            self._set_controls(voice, channel)
            if voice.timbre is not _ONE_SHOT:
                self._release(voice, channel)

    def _on(self, number: int) -> list[Voice]:
        return [voice for voice in self._voices if voice.is_sounding and voice.channel == number and not voice.is_cut]

    def _begin(self, number: int, timbre: Timbre, key: int, group: str = "") -> Voice:
        """A voice without any oscillator; where too many sound, the least important one is cut."""
        sounding = [voice for voice in self._voices if voice.is_sounding and not voice.is_cut]
        if len(sounding) >= LIMIT:
            self._fade(min(sounding, key=self._importance), _CUT)
        voice = next((v for v in self._voices if not v.is_sounding), None) or min(self._voices, key=self._importance)
        self._oscillators.on[voice.oscillators] = False
        self._oscillators.state[State.LOUDNESS, voice.oscillators] = -math.inf  # until one is played
        voice.is_sounding, voice.timbre, voice.key, voice.group = True, timbre, key, group
        voice.channel, voice.born = number, self._now
        voice.is_held = voice.is_caught = voice.is_released = voice.is_cut = False
        return voice

    def _importance(self, voice: Voice) -> tuple[bool, bool, float]:
        level = float(self._oscillators.state[State.LOUDNESS, voice.oscillators].max())
        return not voice.is_cut, voice.is_held, level - (self._now - voice.born) / self._rate

    def _release(self, voice: Voice, channel: Channel) -> None:
        """Unless the key or a pedal holds the voice."""
        pedal = channel.has_sustain or (voice.is_caught and channel.has_sostenuto)
        if not (voice.is_held or voice.is_released or (pedal and voice.timbre is not _ONE_SHOT)):
            voice.is_released = True
            self._fade(voice, voice.timbre.release, is_cut=False)

    def _fade(self, voice: Voice, seconds: float, is_cut: bool = True) -> None:
        rates = self._oscillators.state[State.FADE, voice.oscillators]
        self._oscillators.state[State.FADE, voice.oscillators] = np.maximum(rates, self._per_frame(seconds))
        voice.is_cut = is_cut

    def _per_frame(self, seconds: float) -> float:
        """The rate of a decay of 60 dB in that time."""
        return math.log(1000) / (max(seconds, 0.005) * self._rate)

    def _play(self, n: int, table: Table, step: float, start: float) -> Numbers:
        """Start oscillator `n`, and return its state."""
        oscillators, size = self._oscillators, table.size
        oscillators.on[n] = True
        oscillators.table[:, n] = table.begin, size - 1
        state = oscillators.state[:, n]
        state[:] = 0.0
        state[State.POSITION] = size * (1 + start)
        state[State.STEP] = step
        state[State.END] = table.end if not size else math.inf
        return state

    def _set_controls(self, voice: Voice, channel: Channel) -> None:
        on = voice.oscillators
        pan = (channel.pan - 64) / 63 + self._pan[on]
        angle = (np.clip(pan, -1, 1) + 1) * (math.pi / 4)
        goal, gain = self._oscillators.goal, channel.gain
        goal[Control.LEFT, on] = np.cos(angle) * gain
        goal[Control.RIGHT, on] = np.sin(angle) * gain
        goal[Control.SEND, on] = gain * channel.reverb / 127 * self.reverb * _HALL
        goal[Control.BEND, on] = 1.0 if voice.timbre is _ONE_SHOT else channel.pitch
        depth = voice.timbre.vibrato + channel.modulation / 127 * _MODULATION
        goal[Control.DEPTH, on] = 0.0 if voice.timbre is _ONE_SHOT else depth / 1200
        if voice.born == self._now:
            self._oscillators.now[:, on] = goal[:, on]
            self._oscillators.now[Control.DEPTH, on] = 0.0


def _hz(key: int) -> float:
    return float(440 * 2 ** ((key - 69) / 12))


def _natural(decibels: float) -> float:
    return decibels * math.log(10) / 20
