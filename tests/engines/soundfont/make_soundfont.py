"""A soundfont of a few kilobytes: looped sines, in tune and at once loud."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from ctypes import byref, c_int
from pathlib import Path

import numpy as np

from daemon.engines.soundfont.fluid_synth import FluidSynth

RATE = 48_000
PERIOD = 48  # frames: the sample sounds at 1,000 Hz
PERIODS = 100
KEY, CENTS = 83, 21  # 1,000 Hz is B5 and 21.3 cents
SAMPLE_MODES, SAMPLE_ID, INSTRUMENT = 54, 53, 41  # generators


def preset(synth: FluidSynth, channel: int) -> tuple[int, int]:
    """The bank and the program, from 0, that a channel (1–16) has."""
    numbers = [c_int() for _ in range(3)]
    synth._fluid.fluid_synth_get_program(synth._synth, channel - 1, *map(byref, numbers))
    return numbers[1].value, numbers[2].value


def make_soundfont(path: Path, presets: Iterable[tuple[int, int]] = ((0, 0),), periods: int = PERIODS) -> Path:
    """Presets are banks and programs, from 0; all sound alike."""
    presets = sorted(presets, key=lambda preset: preset[::-1])
    frames = periods * PERIOD
    sine = np.tile(np.rint(16_000 * np.sin(2 * np.pi * np.arange(PERIOD) / PERIOD)).astype("<i2"), periods)
    headers = [struct.pack("<20sHHHIII", b"Sine", p, bank, n, 0, 0, 0) for n, (bank, p) in enumerate(presets)]
    end = len(presets)
    bags, generators = [struct.pack("<HH", n, 0) for n in range(end + 1)], struct.pack("<HH", INSTRUMENT, 0) * end
    sample = struct.pack("<20s5IBbHH", b"Sine", 0, frames, 0, frames - 1, RATE, KEY, -CENTS, 0, 1)
    parts = {
        b"phdr": b"".join(headers) + struct.pack("<20sHHHIII", b"EOP", 0, 0, end, 0, 0, 0),
        b"pbag": b"".join(bags),
        b"pmod": bytes(10),
        b"pgen": generators + bytes(4),
        b"inst": struct.pack("<20sH", b"Sine", 0) + struct.pack("<20sH", b"EOI", 1),
        b"ibag": struct.pack("<HHHH", 0, 0, 2, 0),
        b"imod": bytes(10),
        b"igen": struct.pack("<HHHH", SAMPLE_MODES, 1, SAMPLE_ID, 0) + bytes(4),
        b"shdr": sample + struct.pack("<20s5IBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0),
    }
    info = _chunk(b"ifil", struct.pack("<HH", 2, 1)) + _chunk(b"isng", b"EMU8000\0") + _chunk(b"INAM", b"Sine\0\0")
    samples = _chunk(b"smpl", sine.tobytes() + bytes(92))
    lists = {b"INFO": info, b"sdta": samples, b"pdta": b"".join(_chunk(tag, part) for tag, part in parts.items())}
    path.write_bytes(_chunk(b"RIFF", b"sfbk" + b"".join(_chunk(b"LIST", tag + part) for tag, part in lists.items())))
    return path


def _chunk(tag: bytes, content: bytes) -> bytes:
    return tag + struct.pack("<I", len(content)) + content
