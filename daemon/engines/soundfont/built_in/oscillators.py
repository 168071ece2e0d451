"""The oscillators: each plays a table at its pitch, shaped by an envelope, at a place between left and right.

All are computed at once, a row each. Every curve in time is a function of the frames since it began, so the sound does
not depend on how many frames are rendered at once, except for rounding.
"""

from __future__ import annotations

import math
from enum import IntEnum, auto

import numpy as np
from numpy.typing import NDArray

from daemon.engines.soundfont.built_in.waves import Numbers, Samples

FRAMES = 256  # that are rendered at once, at most
SILENT = math.log(1e-5)  # −100 dB
_CONTROL_TIME = 0.006  # seconds: time constant with which volume, pan and bend move
_VIBRATO_TIME = 0.25  # and with which vibrato sets in


class State(IntEnum):
    """Of an oscillator; rates are per frame."""

    POSITION = 0  # in its table, in samples
    STEP = auto()  # samples per frame
    END = auto()  # position at which it ends; infinite for a table that is repeated
    AGE = auto()  # frames
    ATTACK = auto()
    FALL = auto()
    REST = auto()  # what the fall leaves
    LOUDNESS = auto()  # natural logarithm of the level
    FADE = auto()
    VIBRATO = auto()  # radians per frame
    VIBRATO_START = auto()
    TREMOLO = auto()


class Control(IntEnum):
    """What moves smoothly to where it is set."""

    LEFT = 0
    RIGHT = auto()
    SEND = auto()  # to the reverb
    BEND = auto()  # ratio of pitch
    DEPTH = auto()  # of the vibrato: 1 is an octave up and down


class Oscillators:
    """`pool`: the samples of all tables, one after the other."""

    def __init__(self, rate: int, count: int, pool: Samples) -> None:
        self._pool = pool
        self.state: Numbers = np.zeros((len(State), count))
        self.table: NDArray[np.intp] = np.zeros((2, count), np.intp)  # where it begins, and a mask that repeats it
        self.now: Numbers = np.zeros((len(Control), count))
        self.goal: Numbers = np.zeros((len(Control), count))
        self.on: NDArray[np.bool_] = np.zeros(count, bool)
        self._t: Numbers = np.arange(FRAMES + 1.0)
        self._t32: Samples = self._t.astype(np.float32)
        quick, slow = (math.exp(-1 / (seconds * rate)) for seconds in (_CONTROL_TIME, _VIBRATO_TIME))
        self._quick: Numbers = quick**self._t
        self._slow: Numbers = slow**self._t
        self._glide: Numbers = np.append(0.0, np.cumsum(self._quick)[:-1])  # of the frames before

    def render(self, frames: int) -> Samples:
        """Left, right and reverb, of shape (3, frames), of the oscillators that are `on`."""
        on = np.flatnonzero(self.on)
        if not len(on):
            return np.zeros((3, frames), np.float32)
        state, now, goal = self.state[:, on], self.now[:, on], self.goal[:, on]
        gap = now - goal
        position = self._positions(frames, state, goal, gap)
        index = position.astype(np.intp)
        fraction = (position - index).astype(np.float32)
        begin, mask = self.table[:, on]
        index &= mask[:, None]
        index += begin[:, None]
        samples = self._pool.take(index)
        index += 1
        following = self._pool.take(index)
        following -= samples
        following *= fraction
        samples += following
        samples *= self._envelopes(frames, state)
        gains, moving = goal[:3].astype(np.float32), gap[:3].astype(np.float32)
        mix: Samples = gains @ samples
        if moving.any():
            mix += (moving @ samples) * self._quick[:frames].astype(np.float32)
        self._advance(frames, on, state, goal, gap)
        return mix

    def _positions(self, frames: int, state: Numbers, goal: Numbers, gap: Numbers) -> Numbers:
        step, t = state[State.STEP], self._t[:frames]
        positions: Numbers = (step * goal[Control.BEND])[:, None] * t
        positions += state[State.POSITION][:, None]
        bends = step * gap[Control.BEND]
        if bends.any():
            positions += bends[:, None] * self._glide[:frames]
        waving = np.flatnonzero((goal[Control.DEPTH] != 0.0) | (gap[Control.DEPTH] != 0.0))
        if len(waving):  # a vibrato moves the position by the integral of its frequency
            w = state[:, waving]
            phase = np.fmod(w[State.VIBRATO_START] + w[State.VIBRATO] * w[State.AGE], 2 * np.pi)
            waves = np.sin((phase[:, None] + w[State.VIBRATO][:, None] * t).astype(np.float32))
            depth = goal[Control.DEPTH, waving][:, None] + gap[Control.DEPTH, waving][:, None] * self._slow[:frames]
            positions[waving] += depth * (math.log(2) * w[State.STEP] / w[State.VIBRATO])[:, None] * waves
        return positions

    def _envelopes(self, frames: int, state: Numbers) -> Samples:
        s, t = state.astype(np.float32)[:, :, None], self._t32[:frames]
        levels: Samples = np.exp(s[State.LOUDNESS] - s[State.FADE] * t)
        falling = np.flatnonzero(state[State.FALL])
        if len(falling):
            f = s[:, falling]
            levels[falling] *= f[State.REST] + (1 - f[State.REST]) * np.exp(-f[State.FALL] * (f[State.AGE] + t))
        rising = np.flatnonzero(state[State.ATTACK] * state[State.AGE] < 16.0)
        if len(rising):
            r = s[:, rising]
            levels[rising] *= 1 - np.exp(-r[State.ATTACK] * (r[State.AGE] + t))
        beating = np.flatnonzero(state[State.TREMOLO])
        if len(beating):
            b = state[:, beating, None]
            phases = np.fmod(b[State.VIBRATO] * b[State.AGE], 2 * np.pi) + b[State.VIBRATO] * t
            levels[beating] *= 1 - s[State.TREMOLO, beating] * (0.5 + 0.5 * np.sin(phases.astype(np.float32)))
        return levels

    def _advance(self, frames: int, on: NDArray[np.intp], state: Numbers, goal: Numbers, gap: Numbers) -> None:
        position = state[State.POSITION]
        position += state[State.STEP] * (goal[Control.BEND] * frames + gap[Control.BEND] * self._glide[frames])
        size = self.table[1, on] + 1
        repeated = np.flatnonzero(size)
        size = size[repeated]
        position[repeated] = size + np.fmod(position[repeated], size)  # never negative under a vibrato
        state[State.AGE] += frames
        state[State.LOUDNESS] -= state[State.FADE] * frames
        gap[: Control.DEPTH] *= self._quick[frames]
        gap[Control.DEPTH] *= self._slow[frames]
        gap[np.abs(gap) < 1e-7] = 0.0
        self.now[:, on] = goal + gap
        self.state[:, on] = state
        fallen = np.where(state[State.REST] == 0.0, state[State.FALL] * state[State.AGE], 0.0)
        self.on[on] = (state[State.LOUDNESS] - fallen > SILENT) & (position < state[State.END])
