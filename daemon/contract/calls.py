"""Calls as the stage makes them: the sessions in which an engine is checked. Each is a function of its number."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from daemon.engines.base import Setting
from daemon.music.events import SUSTAIN, MidiEvent, Window, control_change, note_off, note_on
from daemon.music.feel import Feel
from daemon.music.melody import Melodies, Melody, Note
from daemon.music.plan import BREAK, ENDING, Plan, PlannedChord, Section
from daemon.music.tempo import SIXTEENTH, TempoMap
from daemon.wire import Anticipate, Call, Control, Generate, Learn, Listen, Reset

Settings = Sequence[tuple[Setting, float]]  # with their initial values

LISTEN = ("keys", "pads", "tune")  # what the engine hears: two inputs and a melody
TUNE = Melody(
    "tune",
    tuple(Note(beat * 0.75, 0.7, 40 + beat * 7 % 50, 80, beat % 2) for beat in range(20)),
    16.0,
    True,
    TempoMap(((0, 96),), ((0, 4),), 16.0),
)
SONG = Plan(  # swing, two sections, a break and an ending
    0.0,
    tuple(
        PlannedChord(4.0 * bar, 4.0, symbol)
        for bar, symbol in enumerate(
            ("Cmaj7", "Am7", "Dm7", "G13", "Em7b5", "A7b9", "F/G", "C69", "N.C.", "?", "C", "G/B")
        )
    ),
    (Section(0.0, 16.0, "A"), Section(16.0, 16.0, "B"), Section(32.0, 4.0, BREAK), Section(36.0, 12.0, ENDING)),
    TUNE.notes,
    Feel("swing", 64.0, 0.7, 2),
)
QUIET_BARS = 10  # after the last key, in which held notes have to end
PLANS = (
    Plan(0.0),
    Plan(4.0, (PlannedChord(4.0, 2.0, "Dm7"), PlannedChord(6.0, 2.0, "G7/B")), (Section(4.0, 32.0, "bridge"),)),
    Plan(1e6, (PlannedChord(-3.0, 0.0, "?"),), (), TUNE.notes[:3]),
)


@dataclass(frozen=True, slots=True)
class Session:
    """`known`: the melodies whose future the engine knows."""

    name: str
    calls: tuple[Call, ...]
    known: tuple[Melody, ...] = ()

    @property
    def melodies(self) -> Melodies:
        return {melody.name: melody for melody in self.known}


def seed_of(number: int) -> int:
    """A seed as large as the stage's."""
    return (1 + number << 32) + zlib.crc32(str(number).encode())


def beginning(settings: Settings, number: int, beat: float = 0.0) -> Iterator[Call]:
    """The stage repeats the settings after every reset."""
    yield Reset(beat, seed_of(number))
    for setting, value in settings:
        yield Control(setting.name, value, beat)


def noise(settings: Settings, number: int, known: tuple[Melody, ...] = (), windows: int = 48) -> Session:
    """Random keys over windows of which some are skipped, repeated or of odd length, at odd tempi and in odd meters.
    Now and then settings are turned, plans come in, the song jumps, and all keys are released for a while."""
    return Session(f"random calls {number}", tuple(_noise(settings, Random(number), number, windows)), known)


def _noise(settings: Settings, random: Random, number: int, windows: int) -> Iterator[Call]:
    yield from beginning(settings, number)
    start, held = 0.0, set[tuple[str, int, int]]()
    for count in range(windows):
        if random.random() < 0.1:
            start += random.choice([0.25, 1.0, 7.0, -0.25, -20.0, 0.1])
        if random.random() < 0.03:
            start = max(start, 0.0)
            yield from beginning(settings, number * windows + count, start)
        length = 0.25 if random.random() < 0.9 else random.choice([0.0, 0.01, 0.1, 0.5, 1.3])
        meter = random.choice([4.0, 3.0, 1.5, 7.0, 0.25]) if random.random() < 0.1 else 4.0
        yield Generate(
            Window(start, start + length, start // meter * meter, meter, random.choice([5.0, 60.0, 96.0, 2000.0]))
        )
        if settings and random.random() < 0.1:
            setting, _ = random.choice(settings)
            yield Control(setting.name, random.uniform(setting.low, setting.high), start)
        if random.random() < 0.03:
            yield Learn("pads", random.choice(PLANS))
        if count % 16 == 10:
            yield from _released(held, start)
        elif count % 16 < 10:
            for _ in range(random.choice([0, 1, 2, 5])):
                yield Listen(_key(random, start + random.uniform(-0.05, length + 1e-3), held))
        start += length


def _key(random: Random, beat: float, held: set[tuple[str, int, int]]) -> MidiEvent:
    """A note-on, a note-off, which may be a note-on with velocity 0, or the sustain pedal, of any source."""
    source = random.choices(LISTEN, [8, 1, 1])[0]
    kind, channel = random.randrange(8), random.randint(1, 16)
    pitch, value = _data_byte(random), _data_byte(random)
    if kind < 4 and value:
        held.add((source, channel, pitch))
        return MidiEvent(beat, source, note_on(channel, pitch, value))
    if kind == 7:
        return MidiEvent(beat, source, control_change(channel, SUSTAIN, value))
    if kind > 5 and held:
        source, channel, pitch = random.choice(sorted(held))
    held.discard((source, channel, pitch))
    off = note_on(channel, pitch, 0) if kind < 4 else note_off(channel, pitch)
    return MidiEvent(beat, source, off)


def _data_byte(random: Random) -> int:
    return random.randrange(128) if random.random() < 0.75 else random.choice([0, 1, 126, 127])


def _released(held: set[tuple[str, int, int]], beat: float) -> Iterator[Call]:
    """Every key and every pedal."""
    for source, channel, pitch in sorted(held):
        yield Listen(MidiEvent(beat, source, note_off(channel, pitch)))
    held.clear()
    for source in LISTEN:
        for channel in range(1, 17):
            yield Listen(MidiEvent(beat, source, control_change(channel, SUSTAIN, 0)))


def extremes(settings: Settings) -> Session:
    """All keys at the extreme velocities; both ends of each setting; odd windows, plans, jumps."""
    calls: list[Call] = [*beginning(settings, 0), Anticipate(Reset(0.0, seed_of(1)), _window(0.0))]
    calls += beginning(settings, 1)
    calls += [_let_go(-0.1, pitch) for pitch in range(128)]  # none was pressed
    calls.append(Generate(_window(0.0)))
    for velocity in (1, 127):
        calls += [Listen(MidiEvent(0.1, "keys", note_on(1, pitch, velocity))) for pitch in range(128)]
        for pedal in (0, 63, 64, 127, 0):
            calls.append(Listen(MidiEvent(0.15, "keys", control_change(1, SUSTAIN, pedal))))
    calls += [Listen(MidiEvent(0.2, "keys", note_on(1, pitch, 0))) for pitch in reversed(range(128))]
    for setting, value in settings:
        calls += [Control(setting.name, to, 0.25) for to in (setting.low, setting.high, setting.low, setting.high)]
        calls += [Generate(_window(0.25)), _strike(0.3, 60), _let_go(0.4, 60), Control(setting.name, value, 0.5)]
    for start, end, meter in (
        (0.5, 0.5, 4.0),
        (0.5, 8.0, 4.0),
        (8.0, 8.01, 1.5),
        (300.0, 300.25, 7.0),
        (0.25, 0.5, 0.25),
    ):
        calls += [Generate(Window(start, end, start // meter * meter, meter, tempo)) for tempo in (5.0, 2000.0)]
    calls += [Learn("pads", plan) for plan in PLANS]
    for beat in (0.0, 1000.5):
        calls += [Anticipate(Reset(beat, seed_of(2)), _window(beat)), *beginning(settings, 2, beat)]
        calls += [_strike(beat, 60), Generate(_window(beat + 0.25)), _let_go(beat + 0.1, 60)]
    return Session("extremes", tuple(calls))


def song(settings: Settings, number: int) -> Session:
    """The known tune, which is also heard as it sounds, and silence after it."""
    calls = list(beginning(settings, number))
    for frame in range(4 * 24):
        start = frame * SIXTEENTH
        calls.append(Generate(_window(start)))
        for note in TUNE.notes:
            if start <= note.onset < start + SIXTEENTH:
                calls.append(_strike(note.onset, note.pitch, "tune"))
            if start <= note.onset + SIXTEENTH < start + SIXTEENTH:
                calls.append(_let_go(note.onset + SIXTEENTH, note.pitch, "tune"))
    return Session("a melody", tuple(calls), (TUNE,))


def planned(settings: Settings, number: int) -> Session:
    """A song whose player tells its plan, another chord at once, and another feel; no keys."""
    calls = list(beginning(settings, number))
    for frame in range(4 * 52):
        start = frame * SIXTEENTH
        if frame in (0, 83):
            calls.append(
                Learn("pads", SONG if frame == 0 else replace(SONG, beat=start, feel=Feel("bossa", 50.0, 0.2, 0)))
            )
        if frame == 42:
            calls.append(Learn("pads", Plan(start, (PlannedChord(start, 1e6, "Ab7"),))))
        calls.append(Generate(_window(start)))
    return Session("a plan", tuple(calls))


def phrase(settings: Settings, pedal: bool = False) -> Session:
    """Twenty overlapping notes, with the pedal down or not, then silence for QUIET_BARS."""
    calls = list(beginning(settings, 3))
    for frame in range(28 + QUIET_BARS * 16):
        beat = frame * SIXTEENTH
        calls.append(Generate(_window(beat)))
        if pedal and frame in (4, 29):
            calls.append(Listen(MidiEvent(beat + 0.05, "keys", control_change(1, SUSTAIN, 127 if frame == 4 else 0))))
        if frame < 20:
            calls.append(_strike(beat + 0.1, 60 + frame % 12))
        if 8 <= frame < 28:
            calls.append(_let_go(beat + 0.2, 60 + (frame - 8) % 12))
    return Session(f"a phrase{' with the pedal' if pedal else ''}, then silence", tuple(calls))


def without_keys(session: Session) -> Session:
    """The same session in which nothing is heard."""
    return Session("silence", tuple(call for call in session.calls if not isinstance(call, Listen)), session.known)


def anticipated(session: Session) -> Session:
    """The same session, whose first window is computed ahead."""
    reset = next(call for call in session.calls if isinstance(call, Reset))
    window = next(call.window for call in session.calls if isinstance(call, Generate))
    return Session(session.name, (Anticipate(reset, window), *session.calls), session.known)


def as_code(call: Call) -> str:
    """The call of the engine's method, as Python."""
    match call:
        case Reset(beat, seed):
            return f"reset(known, {beat}, {seed})"
        case Listen(MidiEvent(beat, source, message)):
            return f"listen(MidiEvent({beat}, {source!r}, {_message(message)}))"
        case Generate(window):
            return f"generate({window})"
        case Control(name, value, beat):
            return f"control({name!r}, {value}, {beat})"
        case Learn(source, plan):
            return f"learn({source!r}, {plan})"
        case Anticipate(Reset(beat, seed), window):
            return f"anticipate(known, {beat}, {seed}, {window})"
    return "# ping"


def abridged(calls: Sequence[str], last: int) -> tuple[str, ...]:
    """The first call, a reset, and the `last` ones, with the number of calls that are left out."""
    left_out = len(calls) - 1 - last
    return (calls[0], f"# {left_out} more calls", *calls[-last:]) if left_out > 0 else tuple(calls)


def _message(message: bytes) -> str:
    status, number, value = message
    name = {0x80: "note_off", 0x90: "note_on"}.get(status & 0xF0, "control_change")
    return f"{name}({(status & 15) + 1}, {number}{'' if name == 'note_off' else f', {value}'})"


def _window(start: float) -> Window:
    return Window(start, start + SIXTEENTH, start // 4 * 4, 4.0, 96.0)


def _strike(beat: float, pitch: int, source: str = "keys") -> Call:
    return Listen(MidiEvent(beat, source, note_on(1, pitch, 90)))


def _let_go(beat: float, pitch: int, source: str = "keys") -> Call:
    return Listen(MidiEvent(beat, source, note_off(1, pitch)))
