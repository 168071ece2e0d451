"""The values that stage and players exchange, and MIDI messages.

Beats are quarter notes since the clock started; pitches are MIDI numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from daemon.json_decoding import Limits

Channel = Annotated[int, Limits(1, 16)]
Pitch = Annotated[int, Limits(0, 127)]
Controller = Annotated[int, Limits(0, 127)]  # or the key that is one
Velocity = Annotated[int, Limits(1, 127)]


@dataclass(frozen=True, slots=True)
class MidiEvent:
    """A message from `source` (a port, a melody or a player) at `beat`."""

    beat: float
    source: str
    message: bytes


@dataclass(frozen=True, slots=True)
class Play:
    """Play `pitch` (0–127) at `onset` with `velocity` (1–127).

    `duration` in beats; None: until the voice's next Play or Stop.
    In a monophonic voice a new Play ends the sounding note and cancels the notes queued from its onset on. `tied`: a
    sounding note of that pitch is not struck again, but goes on, whatever end it had.
    """

    onset: float
    pitch: int
    velocity: int
    voice: str
    duration: float | None = None
    tied: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """End the sounding notes of `voice` at `onset`, and cancel the notes queued from there on."""

    onset: float
    voice: str


Action = Play | Stop


def is_beat(value: object) -> bool:
    """Whether `value` is a number of beats that a clock can have: finite, from -1e9 to 1e9."""
    return isinstance(value, int | float) and -1e9 <= value <= 1e9


@dataclass(frozen=True, slots=True)
class Window:
    """The half-open interval [start, end) that a player is to fill, in beats.

    `bar_start` is the beat of the last bar line at or before `start`, `meter` the bar's length in beats, `tempo` in
    beats per minute.
    """

    start: float
    end: float
    bar_start: float
    meter: float
    tempo: float


NOTE_OFF, NOTE_ON, CONTROL_CHANGE, PROGRAM_CHANGE = 0x80, 0x90, 0xB0, 0xC0
SONG_POSITION, CLOCK_TICK, CLOCK_START, CLOCK_CONTINUE, CLOCK_STOP = 0xF2, 0xF8, 0xFA, 0xFB, 0xFC
TICKS_PER_BEAT = 24  # of MIDI clock
SYSTEM_RESET = 0xFF
BANK_MSB, VOLUME, PAN, BANK_LSB = 0, 7, 10, 32  # control changes
SUSTAIN, ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 64, 120, 121, 123  # control changes
# Control changes of any value that end the notes of their channel, 124 to 127 being omni, mono and poly (MIDI 1.0
# specification, channel mode messages); and those that lift its pedals (RP-015).
ENDING_NOTES = frozenset((ALL_SOUND_OFF, *range(ALL_NOTES_OFF, 128)))
LIFTING_PEDALS = frozenset((ALL_SOUND_OFF, RESET_CONTROLLERS))


def note_on(channel: int, pitch: int, velocity: int) -> bytes:
    """Channel 1–16."""
    return bytes((NOTE_ON | channel - 1, pitch, velocity))


def note_off(channel: int, pitch: int) -> bytes:
    """Channel 1–16. Status 8n, because some synthesisers play a note-on with velocity 0 as a note."""
    return bytes((NOTE_OFF | channel - 1, pitch, 0))


def control_change(channel: int, number: int, value: int) -> bytes:
    """Channel 1–16."""
    return bytes((CONTROL_CHANGE | channel - 1, number, value))


def program_change(channel: int, program: int) -> bytes:
    """Channel 1–16, program 1–128."""
    return bytes((PROGRAM_CHANGE | channel - 1, program - 1))


def song_position(beat: float) -> bytes:
    """Song Position Pointer to the 16th at or before `beat`: 14 bits, low byte first; clamped to that range."""
    sixteenth = min(max(int(beat * 4 + 1e-6), 0), (1 << 14) - 1)
    return bytes((SONG_POSITION, sixteenth & 127, sixteenth >> 7))


def is_note_on(message: bytes) -> bool:
    return len(message) == 3 and message[0] & 0xF0 == NOTE_ON and message[2] > 0


def is_note_off(message: bytes) -> bool:
    """Whether `message` is a note-off, or a note-on with velocity 0, which means the same."""
    return len(message) == 3 and (message[0] & 0xF0 == NOTE_OFF or (message[0] & 0xF0 == NOTE_ON and message[2] == 0))


def ends_notes(message: bytes) -> bool:
    """Whether `message` ends all notes of its channel."""
    return len(message) == 3 and message[0] & 0xF0 == CONTROL_CHANGE and message[1] in ENDING_NOTES


def lifts_pedals(message: bytes) -> bool:
    """Whether `message` lifts all pedals of its channel."""
    return len(message) == 3 and message[0] & 0xF0 == CONTROL_CHANGE and message[1] in LIFTING_PEDALS


def channel_of(message: bytes) -> int | None:
    """The channel, 1–16; None for a system message or no message."""
    return (message[0] & 0x0F) + 1 if message and 0x80 <= message[0] < 0xF0 else None


_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_SYSTEM_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0, 0xFF: 0}


def is_well_formed(message: bytes) -> bool:
    """Whether `message` is exactly one MIDI 1.0 message (MIDI 1.0 specification, table 1)."""
    if not message or message[0] < 0x80:
        return False
    if message[0] == 0xF0:
        return len(message) >= 2 and message[-1] == 0xF7 and max(message[1:-1], default=0) < 0x80
    count = _SYSTEM_DATA_BYTES.get(message[0]) if message[0] > 0xF0 else _DATA_BYTES[message[0] & 0xF0]
    return count is not None and len(message) == count + 1 and max(message[1:], default=0) < 0x80
