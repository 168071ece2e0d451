"""What audio engines are checked with: messages, and the frames rendered between them. Each is a function of its
arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from daemon.contract.calls import Settings
from daemon.music.events import (
    ALL_NOTES_OFF,
    ALL_SOUND_OFF,
    RESET_CONTROLLERS,
    SUSTAIN,
    control_change,
    note_off,
    note_on,
    program_change,
)
from daemon.wire import Control

Step = bytes | int | Control  # a message to play, a number of frames to render, a setting to turn
BLOCK, LONGEST_BLOCK = 256, 8192  # frames
TAIL = 10.0  # seconds that sound may last after all notes have ended
SYSTEM_MESSAGES = (b"\xf1\x07", b"\xf2\x01\x02", b"\xf3\x05", b"\xf6", b"\xf8", b"\xfe", b"\xff")
CHORD = (36, 43, 48, 52, 55, 60, 64, 67)


@dataclass(frozen=True, slots=True)
class Session:
    """`is_music`: whether at most a chord of eight notes sounds."""

    name: str
    steps: tuple[Step, ...]
    is_music: bool = False


def beginning() -> Session:
    """Nothing is played."""
    return Session("before the first message", (1, 2, 3, 64, BLOCK, LONGEST_BLOCK, 1_000), is_music=True)


def chord(blocks: int = 200) -> Session:
    """Eight notes on two channels, one of which has drums, struck again and again."""
    steps: list[Step] = []
    for block in range(blocks):
        if block % 40 == 0:
            steps += [message for pitch in CHORD for message in (note_off(1, pitch), note_on(1, pitch, 100))]
        if block % 40 == 20:
            steps += [note_off(10, 38), note_on(10, 38, 100)]
        steps.append(BLOCK)
    return Session("a chord", (*steps, *_everything_off()), is_music=True)


def phrase(rate: int, pedal: bool = False) -> Session:
    """Notes on every channel, then their note-offs; with the sustain pedal down or not."""
    steps: list[Step] = []
    for channel in range(1, 17):
        steps += [program_change(channel, channel * 5)]
        steps += [control_change(channel, SUSTAIN, 127)] if pedal else []
        steps += [note_on(channel, 40 + channel, 90), BLOCK, note_on(channel, 52 + channel, 127), BLOCK]
    for channel in range(1, 17):
        steps += [note_off(channel, 40 + channel), BLOCK, note_on(channel, 52 + channel, 0)]
    steps += [control_change(channel, SUSTAIN, 0) for channel in range(1, 17)] if pedal else []
    return Session(f"notes{' with the pedal' if pedal else ''}, then silence", (*steps, *_tail(rate)))


def ended(rate: int, controller: int) -> Session:
    """Notes on every channel that only a control change ends."""
    steps: list[Step] = []
    for channel in range(1, 17):
        steps += [note_on(channel, pitch, 100) for pitch in CHORD]
    steps += [BLOCK] * 20
    steps += [control_change(channel, controller, 0) for channel in range(1, 17)]
    return Session(f"notes, then control change {controller}", (*steps, *_tail(rate)))


def noise(settings: Settings, number: int, rate: int, steps: int = 300) -> Session:
    """Random messages of every kind between blocks of random sizes; then everything ends."""
    made = tuple(_noise(settings, Random(number), steps))
    return Session(f"random messages {number}", (*made, *_everything_off(), *_tail(rate)))


def _noise(settings: Settings, random: Random, steps: int) -> Iterator[Step]:
    for _ in range(steps):
        kind, channel = random.randrange(12), random.randrange(16)
        if kind < 5:
            yield bytes((0x90 | channel, random.randrange(128), random.choice((0, 1, 64, 127))))
        elif kind < 6:
            yield bytes((0x80 | channel, random.randrange(128), random.randrange(128)))
        elif kind < 8:
            yield _other_message(random, channel)
        elif kind < 9 and settings:
            setting, _ = random.choice(settings)
            yield Control(setting.name, random.uniform(setting.low, setting.high), 0.0)
        else:
            yield random.choice((1, 2, 7, 63, 64, 65, random.randrange(1, 1_000), random.randrange(1, LONGEST_BLOCK)))


def _other_message(random: Random, channel: int) -> bytes:
    one, other = random.randrange(128), random.randrange(128)
    status = random.choice((0xA0, 0xB0, 0xB0, 0xC0, 0xD0, 0xE0, 0xF0))
    if status == 0xF0:
        data = bytes(random.randrange(128) for _ in range(random.randrange(20)))
        return random.choice((b"\xf0" + data + b"\xf7", *SYSTEM_MESSAGES))
    return bytes((status | channel, one) if status in (0xC0, 0xD0) else (status | channel, one, other))


def extremes(settings: Settings, rate: int) -> Session:
    """Every key at both ends of the velocity, every controller and program, both ends of each setting, odd blocks."""
    steps: list[Step] = [note_off(1, pitch) for pitch in range(128)]  # none was pressed
    for velocity in (1, 127):
        steps += [*(note_on(1, pitch, velocity) for pitch in range(128)), BLOCK]
    steps += [note_on(channel, 60, 127) for channel in range(1, 17)]
    for number in range(128):
        steps += [control_change(1, number, value) for value in (0, 127, 64)]
        steps += [program_change(1, number + 1), note_on(1, number, 90), 16]
    for bank in (0, 1, 127):
        for program in (1, 128):
            steps += [control_change(2, 0, bank), control_change(2, 32, bank), program_change(2, program)]
            steps += [note_on(2, 60, 90), 64, note_off(2, 60)]
    steps += [b"\xe0\x00\x00", BLOCK, b"\xe0\x7f\x7f", BLOCK, b"\xd0\x7f", b"\xa0\x3c\x7f", 1]
    for setting, value in settings:
        for turned in (setting.low, setting.high, value):
            steps += [Control(setting.name, turned, 0.0), note_on(3, 60, 90), BLOCK]
    steps += [*range(1, 9), *(1 << power for power in range(14)), LONGEST_BLOCK - 1]
    return Session("extremes", (*steps, *_everything_off(), *_tail(rate)))


def as_code(step: Step) -> str:
    """The call of the engine's method, as Python."""
    match step:
        case bytes():
            return f'play(bytes.fromhex("{step.hex(" ")}"))'
        case int():
            return f"render(out[:{step}])"
        case Control(name, value, beat):
            return f"control({name!r}, {value}, {beat})"


def _everything_off() -> Iterator[Step]:
    for channel in range(1, 17):
        for controller in (SUSTAIN, RESET_CONTROLLERS, ALL_NOTES_OFF, ALL_SOUND_OFF):
            yield control_change(channel, controller, 0)


def _tail(rate: int) -> Iterator[Step]:
    blocks, rest = divmod(round(TAIL * rate), LONGEST_BLOCK)
    yield from (LONGEST_BLOCK,) * blocks
    yield rest + round(0.1 * rate)  # the last tenth of a second is looked at
