"""The rules for audio engines, in the order of docs/engines.md. Each function says how a record breaks its rule, or
None.

Rule 3 compares two records; a part of rule 1 measures memory.
"""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable, Mapping
from statistics import median

import numpy as np

from daemon.audio.clock import RENDERING_TIME
from daemon.audio.ring import Frames
from daemon.contract.audio.record import Record, play
from daemon.contract.audio.sessions import BLOCK, TAIL, Session, chord
from daemon.contract.rules import first_difference, raises_model_errors_in_prepare_only
from daemon.engines.audio import AudioEngine
from daemon.errors import ModelError
from daemon.instrument.sources import LOUDEST
from daemon.music.events import CONTROL_CHANGE, SUSTAIN, is_note_off, is_note_on, lifts_pedals
from daemon.music.events import ends_notes as ends_notes_of_channel
from daemon.performance.players import ANSWER_TIMEOUT

LOUDEST_CHORD = 2.0  # of eight notes: the limiter of the mix has little to do
SILENCE = 1e-3  # −60 dB: before the first message
END = 1e-2  # −40 dB: after the last note, as some sounds of a soundfont fade for a long time
PEDALS = (SUSTAIN, 66)  # 66: sostenuto
MANY_BLOCKS = 64  # whose median time counts
MEMORY = 100_000  # bytes that may be gathered while MEMORY_BLOCKS blocks are rendered
MEMORY_BLOCKS = 400


def in_time(record: Record) -> str | None:
    """256 frames are rendered within 3 ms, no call takes longer than 0.7 s, and no memory is gathered."""
    if record.too_long:
        return f"this call took {record.seconds[-1]:.2f} s: the instrument counts as hung after {ANSWER_TIMEOUT} s"
    blocks = block_seconds(record)
    if record.session.is_music and len(blocks) >= MANY_BLOCKS and (typical := median(blocks)) > RENDERING_TIME:
        return (
            f"{BLOCK} frames of {record.session.name} take {typical * 1000:.1f} ms at the median, not "
            f"{RENDERING_TIME * 1000:g} ms: compute less"
        )
    return None


def block_seconds(record: Record) -> list[float]:
    """The times that blocks of 256 frames took."""
    return [time for step, time in zip(record.steps, record.seconds, strict=True) if step == BLOCK]


def well_formed(record: Record) -> str | None:
    """All frames are filled with finite numbers, of a chord within ±2; there is silence before the first message."""
    for block in record.blocks[: -1 if record.error else None]:
        if (wrong := int((~np.isfinite(block)).any(axis=1).sum())) > 0:
            return f"{wrong} of {len(block)} frames are no finite numbers: fill every frame of `out`"
    if (loudest := _peak(record.frames)) > LOUDEST:
        return f"a frame of {loudest:g}: fill `out` with numbers from −1 to 1"
    if record.session.is_music and loudest > LOUDEST_CHORD:
        return f"{record.session.name} reaches {loudest:.3g}: stay within ±{LOUDEST_CHORD:g}, best ±1"
    if not any(isinstance(step, bytes) for step in record.steps) and loudest > SILENCE:
        return f"there is sound before the first message, of {loudest:.3g}: begin with silence"
    return None


def repeatable(first: Record, second: Record) -> str | None:
    """The same messages at the same frames give the same frames, in every process."""
    at = first_difference(first.answers(), second.answers())
    if at is None:
        return None
    return f"the same calls gave {first.answers()[at][1]} once and {second.answers()[at][1]} another time"


def ends_notes(record: Record) -> str | None:
    """Within 10 s of the note-offs, or of control change 120 or 123, there is silence."""
    held: set[tuple[int, int]] = set()  # channel and pitch, or a pedal
    after = 0  # frames after the last message
    for step in record.steps:
        after = after + step if isinstance(step, int) else 0
        if isinstance(step, bytes):
            _follow(step, held)
    if held or not record.complete or after <= TAIL * record.rate:
        return None
    if (loudness := _peak(record.frames[-round(0.1 * record.rate) :])) <= END:
        return None
    return f"{TAIL:g} s after every note was ended there is still sound, of {loudness:.3g}"


def _follow(message: bytes, held: set[tuple[int, int]]) -> None:
    """Keep the notes and pedals that are `held` up to date."""
    channel = message[0] & 0x0F
    if is_note_on(message):
        held.add((channel, message[1]))
    elif is_note_off(message):
        held.discard((channel, message[1]))
    elif ends_notes_of_channel(message):
        held.difference_update({(channel, pitch) for pitch in range(128)})
    elif message[0] & 0xF0 == CONTROL_CHANGE and message[1] in PEDALS:
        (held.add if message[2] >= 64 else held.discard)((channel, -message[1]))
    if lifts_pedals(message):
        held.difference_update({(channel, -pedal) for pedal in PEDALS})


def takes_anything(record: Record) -> str | None:
    """No MIDI message, no setting in its range and no number of frames from 1 to 8192 is an error."""
    error = record.error
    if error is None or isinstance(error, SystemExit) or isinstance(error.__cause__, ModelError):
        return None
    return str(error)


def gathers_memory(engine: AudioEngine) -> str | None:
    """A part of rule 1."""
    session = Session("a chord again and again", chord(MEMORY_BLOCKS).steps)
    was_tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        sizes = []
        for _ in range(3):
            play(engine, session, session.steps)
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        if not was_tracing:
            tracemalloc.stop()
    grown = min(later - earlier for earlier, later in itertools.pairwise(sizes))
    if grown <= MEMORY:
        return None
    return f"while {MEMORY_BLOCKS} blocks are rendered, {grown:,} bytes are gathered: keep nothing that grows"


RULES: Mapping[int, Callable[..., str | None]] = {
    1: in_time,
    2: well_formed,
    3: repeatable,
    4: ends_notes,
    5: takes_anything,
    6: raises_model_errors_in_prepare_only,
}
OF_ONE_RECORD = {number: rule for number, rule in RULES.items() if rule is not repeatable}


def _peak(frames: Frames) -> float:
    """Of the numbers among the frames."""
    return float(np.abs(np.nan_to_num(frames)).max(initial=0.0))
