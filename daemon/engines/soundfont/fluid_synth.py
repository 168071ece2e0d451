"""A synthesiser that plays a soundfont: FluidSynth."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from daemon.engines.soundfont import library
from daemon.engines.soundfont.sf2_file import DRUM_BANK, REMEDY, SoundfontFile
from daemon.errors import ModelError
from daemon.music.events import (
    ALL_SOUND_OFF,
    BANK_LSB,
    BANK_MSB,
    CONTROL_CHANGE,
    NOTE_OFF,
    NOTE_ON,
    PROGRAM_CHANGE,
    is_well_formed,
)
from daemon.music.general_midi import DRUM_CHANNEL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATES = (8_000, 96_000)  # frames per second that FluidSynth can render
VOICES = 128  # sounding at once; a note has one to four
LOADED_WHOLE = 32 << 20  # bytes; of larger files, and of compressed ones, only the programs in use are loaded
READ_AHEAD = 256 << 20  # bytes of such a file that the system is asked to keep at hand
GAIN = 0.75  # the shipped bands peak between −12 and −1 dBFS; FluidSynth's own gain, 0.2, is very soft
ROOM_SIZE, DAMPING, WIDTH = 0.6, 0.4, 0.8  # of the reverb
KEY_PRESSURE, CHANNEL_PRESSURE, PITCH_BEND, SYSTEM = 0xA0, 0xD0, 0xE0, 0xF0
REVERB_SEND, GM2_REVERB_SEND = 91, 40  # control change, and its value until one is sent
SOFT_PEDAL, SOFTER = 67, 30.0  # control change; centibels
_BY_SWITCHED_CONTROLLER, _TO_ATTENUATION = 0x1C, 48  # FLUID_MOD_CC | FLUID_MOD_SWITCH; GEN_ATTENUATION
_GM2_DRUMS, _GM2_MELODIC = 120, 121  # bank MSBs of General MIDI 2: drums; instruments, whose variations are LSBs
_BLOCK = 64  # frames that FluidSynth renders at once
_FLOAT = 4  # bytes


class FluidSynth:
    """Plays a soundfont. `program`, 1–128: that of channels which are given none.

    A message takes effect at the next multiple of _BLOCK frames since the beginning.
    """

    def __init__(self, soundfont: SoundfontFile, rate: int, program: int = 1) -> None:
        """Loads the soundfont. Raises ModelError, and LibraryMissing."""
        from daemon.engines.soundfont.cut import Cut  # with numpy

        if not RATES[0] <= rate <= RATES[1]:
            limits = f"FluidSynth renders {RATES[0]} to {RATES[1]} frames per second"
            raise ModelError(f"{limits}, not {rate}: set audio.rate to one of these, or the soundfont to built-in")
        self._fluid: Any = library.load()
        self._soundfont = soundfont
        self._banks = [[0, 0] for _ in range(16)]  # MSB and LSB by channel
        self._cut, self._rendered = Cut(rate), 0
        self._settings = self._fluid.new_fluid_settings()
        is_part = soundfont.is_compressed or soundfont.size > LOADED_WHOLE
        for name, value in (
            (b"synth.dynamic-sample-loading", int(is_part)),
            (b"synth.polyphony", VOICES),
            (b"synth.threadsafe-api", 0),  # all calls come from one thread
            (b"synth.chorus.active", 0),
        ):
            self._fluid.fluid_settings_setint(self._settings, name, value)
        self._fluid.fluid_settings_setnum(self._settings, b"synth.sample-rate", float(rate))
        self._fluid.fluid_settings_setnum(self._settings, b"synth.gain", GAIN)
        self._synth = self._fluid.new_fluid_synth(self._settings)
        self._add_soft_pedal()
        library.take_errors()
        with library.silence():
            self._font = self._fluid.fluid_synth_sfload(self._synth, os.fsencode(soundfont.path), 0)
        if self._font < 0:
            (reason, *_) = library.take_errors() or ["FluidSynth does not say why"]
            raise ModelError(f"{soundfont.path}: cannot be played ({reason}): {REMEDY}")
        if is_part and sys.platform == "linux":
            with open(soundfont.path, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, READ_AHEAD, os.POSIX_FADV_WILLNEED)
        for channel in range(16):
            self._choose(channel, 0 if channel == DRUM_CHANNEL - 1 else program - 1)
            self._fluid.fluid_synth_cc(self._synth, channel, REVERB_SEND, GM2_REVERB_SEND)
        self.set_reverb(0.0)

    def __del__(self) -> None:
        if synth := getattr(self, "_synth", None):
            self._fluid.delete_fluid_synth(synth)
        if settings := getattr(self, "_settings", None):
            self._fluid.delete_fluid_settings(settings)

    def set_reverb(self, level: float) -> None:
        """From 0 to 1."""
        self._fluid.fluid_synth_set_reverb(self._synth, ROOM_SIZE, DAMPING, WIDTH, level)

    def play(self, message: bytes) -> None:
        """Take a message of a channel; others are ignored, and those that are not well-formed."""
        if not is_well_formed(message) or message[0] >= SYSTEM:
            return
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        first, second = (*message[1:], 0)[:2]
        fluid, synth = self._fluid, self._synth
        if kind == PROGRAM_CHANGE:
            self._choose(channel, first)
        elif kind == CHANNEL_PRESSURE:
            fluid.fluid_synth_channel_pressure(synth, channel, first)
        elif kind == NOTE_ON:  # also with velocity 0
            fluid.fluid_synth_noteon(synth, channel, first, second)
        elif kind == NOTE_OFF:
            fluid.fluid_synth_noteoff(synth, channel, first)
        elif kind == CONTROL_CHANGE and first in (BANK_MSB, BANK_LSB):
            self._banks[channel][first == BANK_LSB] = second
        elif kind == CONTROL_CHANGE:
            fluid.fluid_synth_cc(synth, channel, first, second)
            if first == ALL_SOUND_OFF:
                self._cut.begin(-self._rendered % _BLOCK)
        elif kind == PITCH_BEND:
            fluid.fluid_synth_pitch_bend(synth, channel, first | second << 7)
        elif kind == KEY_PRESSURE:
            fluid.fluid_synth_key_pressure(synth, channel, first, second)

    def render(self, out: NDArray[np.float32]) -> None:
        """Fill `out`, of shape (frames, 2)."""
        step, side = (stride // _FLOAT for stride in out.strides)
        start = out.ctypes.data
        self._fluid.fluid_synth_write_float(self._synth, len(out), start, 0, step, start, side, step)
        self._rendered += len(out)
        self._cut.soften(out)

    def _add_soft_pedal(self) -> None:
        """Let the pedal attenuate its channel, which soundfonts leave to the player."""
        modulator = self._fluid.new_fluid_mod()
        self._fluid.fluid_mod_set_source1(modulator, SOFT_PEDAL, _BY_SWITCHED_CONTROLLER)
        self._fluid.fluid_mod_set_source2(modulator, 0, 0)
        self._fluid.fluid_mod_set_dest(modulator, _TO_ATTENUATION)
        self._fluid.fluid_mod_set_amount(modulator, SOFTER)
        self._fluid.fluid_synth_add_default_mod(self._synth, modulator, 0)  # which is copied
        self._fluid.delete_fluid_mod(modulator)

    def _choose(self, channel: int, program: int) -> None:
        """Give the channel the program, from 0, of its bank, or the nearest one that the soundfont has."""
        msb, lsb = self._banks[channel]
        presets = self._soundfont.presets
        if channel == DRUM_CHANNEL - 1 or msb == _GM2_DRUMS:
            wanted = [(DRUM_BANK, program), (DRUM_BANK, 0)]
        else:
            bank = lsb if msb in (0, _GM2_MELODIC) else msb
            wanted = [(bank, program), (0, program), (0, 0), *sorted(p for p in presets if p[0] != DRUM_BANK)[:1]]
        for preset in wanted:
            if preset in presets:
                self._fluid.fluid_synth_pin_preset(self._synth, self._font, *preset)  # kept in memory from now on
                self._fluid.fluid_synth_program_select(self._synth, channel, self._font, *preset)
                return
        self._fluid.fluid_synth_unset_program(self._synth, channel)
