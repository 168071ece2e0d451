"""Write the melodies that ship with jamd, from the notes below: `python melodies/make.py` in a checkout.

All are in the public domain: "Ah! vous dirai-je, maman" (French, 18th century; "Twinkle, twinkle, little star"),
Old Hundredth (Louis Bourgeois, Genevan Psalter, 1551), Beethoven's "Ode to Joy" (1824).
"""

from pathlib import Path

from mido import Message, MetaMessage, MidiFile, MidiTrack, bpm2tempo

TICKS = 480  # per quarter note
BEATS_PER_BAR = 4
BPM = 96
VELOCITY = 80

# Bars are parted by |. A note is its name, octave (c4 is middle C) and length in quarters, 1 unless given; r is a rest.
TWINKLE = """
    g4 g4 d5 d5 | e5 e5 d5:2 | c5 c5 b4 b4 | a4 a4 g4:2 |
    d5 d5 c5 c5 | b4 b4 a4:2 | d5 d5 c5 c5 | b4 b4 a4:2 |
    g4 g4 d5 d5 | e5 e5 d5:2 | c5 c5 b4 b4 | a4 a4 g4:2"""
OLD_HUNDREDTH = """
    r:3 g4 | g4 f#4 e4 d4 | g4 a4 b4 b4 | b4 b4 a4 g4 | c5 b4 a4 g4 |
    a4 b4 a4 g4 | e4 f#4 g4 d5 | b4 g4 a4 c5 | b4 a4 g4:2"""
ODE_TO_JOY = """
    b4 b4 c5 d5 | d5 c5 b4 a4 | g4 g4 a4 b4 | b4:1.5 a4:0.5 a4:2 |
    b4 b4 c5 d5 | d5 c5 b4 a4 | g4 g4 a4 b4 | a4:1.5 g4:0.5 g4:2 |
    a4 a4 b4 g4 | a4 b4:0.5 c5:0.5 b4 g4 | a4 b4:0.5 c5:0.5 b4 a4 | g4 a4 d4:2 |
    b4 b4 c5 d5 | d5 c5 b4 a4 | g4 g4 a4 b4 | a4:1.5 g4:0.5 g4:2"""

# The same in calls of two bars, each with a beat to breathe at its end, and two bars for an answer; the first two,
# before it begins, are for the answer to the last call, when it is played round and round.
ODE_IN_CALLS = """
    r:4 | r:4 | b4 b4 c5 d5 | d5 c5 b4 r | r:4 | r:4 | g4 g4 a4 b4 | b4:1.5 a4:0.5 a4 r |
    r:4 | r:4 | b4 b4 c5 d5 | d5 c5 b4 r | r:4 | r:4 | g4 g4 a4 b4 | a4:1.5 g4:0.5 g4 r"""


def pitch(name: str) -> int:
    """The MIDI number of a name such as f#4."""
    return "c d ef g a b".index(name[0]) + ("#" in name) + 12 * (int(name[-1]) + 1)


def melody(title: str, bars: str) -> MidiFile:
    conductor = MidiTrack(
        [
            MetaMessage("track_name", name=title),
            MetaMessage("set_tempo", tempo=bpm2tempo(BPM)),
            MetaMessage("time_signature", numerator=BEATS_PER_BAR, denominator=4),
            MetaMessage("key_signature", key="G"),
        ]
    )
    notes = MidiTrack([MetaMessage("track_name", name="melody")])
    rest = 0  # ticks since the last message
    for bar in bars.split("|"):
        length = 0.0
        for name, _, beats in (word.partition(":") for word in bar.split()):
            ticks = round(float(beats or 1) * TICKS)
            length += ticks / TICKS
            if name == "r":
                rest += ticks
                continue
            notes.append(Message("note_on", note=pitch(name), velocity=VELOCITY, time=rest))
            notes.append(Message("note_off", note=pitch(name), velocity=0, time=ticks))
            rest = 0
        if length != BEATS_PER_BAR:
            raise ValueError(f"{title}: a bar of {length} beats: {bar.strip()}")
    notes.append(MetaMessage("end_of_track", time=rest))  # on a bar line, so that the melody loops in time
    return MidiFile(type=1, ticks_per_beat=TICKS, tracks=[conductor, notes])


def main(folder: Path) -> None:
    melody("Twinkle, twinkle, little star", TWINKLE).save(folder / "twinkle.mid")
    melody("Old Hundredth", OLD_HUNDREDTH).save(folder / "old_hundredth.mid")
    melody("Ode to Joy", ODE_TO_JOY).save(folder / "ode_to_joy.mid")
    melody("Ode to Joy, in calls", ODE_IN_CALLS).save(folder / "ode_in_calls.mid")


if __name__ == "__main__":
    main(Path(__file__).parent)
