"""Configurations for the fault sequences: the same outputs and instruments, everything else in random ways."""

from __future__ import annotations

from functools import cache
from random import Random

COUNT = 24
INPUTS, OUTPUTS = ("keys", "sync"), ("choir", "organ")
KEYBOARD, MASTER = "keyboard", "sequencer"  # who plays into the inputs
START, STOP, CONTINUE, TAP, PANIC = 102, 103, 104, 105, 120  # controllers
CHANNELS = (1, 2, 3)  # few, so that players, melody and keys hold the same notes
BPM = (70, 120, 180, 240)

# Nothing is played and nothing passed on: what sounds after a reload to it sounds for ever.
SILENT = f"""\
clock: {{source: internal, start: by hand}}
ports:
  keys: {{direction: in, connect: {KEYBOARD}}}
  sync: {{direction: in}}
  choir: {{direction: out}}
  organ: {{direction: out}}
recording: {{directory: sessions}}
"""


@cache
def band(number: int) -> str:
    """config.yaml; the numbers from 0 on, COUNT of them."""
    rng = Random(f"band {number}")

    def outputs(likely: float) -> str:
        return f"[{', '.join(name for name in OUTPUTS if rng.random() < likely)}]"

    def delay() -> int:
        return rng.choice((0, 0, 0, -40, 40))

    source = ("internal", "midi", "tune", "internal", "midi", "midi")[number % 6]
    by_hand, bars = ("at once", 0) if source == "midi" else ("by hand", 1)  # a MIDI clock starts it, without a count-in
    metronome = rng.choice(("null", "null", f"{{port: {rng.choice(OUTPUTS)}, channel: {rng.choice((1, 10))}}}"))
    keys = "keys: {to: 61}" if number % 4 == 3 else "keys"  # half of the PITCHES of a sequence
    solo = ", note 65: {solo: ann, while: held}" if number % 8 == 5 else ""
    lines = [
        f"clock: {{source: {source}, port: {'sync' if source == 'midi' else 'null'}, bpm: {rng.choice(BPM)},"
        f" beats_per_bar: {rng.choice((3, 4))}, start: {rng.choice(('at once', 'at once', by_hand))},"
        f" count_in: {rng.choice((0, 0, bars))}, metronome: {metronome}, send: {outputs(0.3)}}}",
        "ports:",
        f"  keys: {{direction: in, connect: {rng.choice(('null', 'null', KEYBOARD))},"
        f" channels: {rng.choice(([], [], [1], [2, 3]))}, thru: {outputs(0.6)}}}",
        f"  sync: {{direction: in, thru: {rng.choice(('[]', '[]', outputs(0.5)))}}}",
        *(f"  {name}: {{direction: out, delay_ms: {delay()}}}" for name in OUTPUTS),
        "melodies:",
        f"  tune: {{file: tune.mid, loop: true, thru: {outputs(0.6)}, channel: {rng.choice(CHANNELS)}}}",
        "band:",
        *(
            f"  {name}: {{engine: dice, listen: [{listen}], options: {{mirror: {str(rng.random() < 0.3).lower()}}},"
            f" play: {{port: {rng.choice(OUTPUTS)}, channels: {{high: {rng.choice(CHANNELS)}, low: 4}}}}}}"
            for name, listen in (("ann", rng.choice((keys, "tune", f"{keys}, tune"))), ("bob", "ann"))
            if name == "ann" or rng.random() < 0.5
        ),
        f"controls: {{keys: {{cc 64: sustain, cc {PANIC}: panic, cc {START}: start, cc {STOP}: stop,"
        f" cc {CONTINUE}: continue, cc {TAP}: tap, cc 20: clock.bpm, cc 21: ann.often{solo}}}}}",
        "recording: {directory: sessions}",
        f"seed: {rng.randrange(1000)}",
    ]
    return "\n".join(lines) + "\n"
