"""Cut the grooves that ship with jamd from the Groove MIDI Dataset: `python grooves/make.py DATASET` in a checkout.

Each is two bars that are typical of one performance of the training split, with their velocities and their timing;
notes of the electronic kit are moved to those of General MIDI. The dataset: Gillick, Roberts, Engel, Eck and Bamman,
"Learning to Groove with Inverse Sequence Transformations", ICML 2019; Google LLC, CC BY 4.0.
"""

import sys
from pathlib import Path

from mido import Message, MetaMessage, MidiFile, MidiTrack

CREDIT = "Two bars of {0} from the Groove MIDI Dataset (Google LLC), CC BY 4.0; notes moved to General MIDI"
TICKS = 480  # per quarter note
EARLY = 48  # ticks: what is struck so little before a bar line belongs to the bar
DURATION = 60  # ticks
CHANNEL = 9  # MIDI channel 10

# Name: performance, first of the two bars (counted from 0).
GROOVES = {
    "ballad": ("drummer7/session3/39_rock-indie_63_beat_4-4.mid", 8),
    "bossa": ("drummer5/session1/1_latin-brazilian-bossa_127_beat_4-4.mid", 108),
    "disco": ("drummer1/session3/7_dance-disco_120_beat_4-4.mid", 2),
    "five": ("drummer1/session2/111_rock-prog_110_beat_5-4.mid", 12),
    "funk": ("drummer7/session3/49_funk_112_beat_4-4.mid", 4),
    "hiphop": ("drummer8/session1/14_hiphop_94_beat_4-4.mid", 56),
    "reggae": ("drummer1/session1/201_reggae-slow_64_beat_4-4.mid", 16),
    "rock": ("drummer7/session2/1_rock_120_beat_4-4.mid", 4),
    "shuffle": ("drummer1/session1/51_rock-shuffle_125_beat_4-4.mid", 10),
    "six_eight": ("drummer6/session1/5_rock_60_beat_6-8.mid", 14),
    "soul": ("drummer5/session2/11_soul_96_beat_4-4.mid", 10),
    "swing": ("drummer1/session1/48_jazz_93_beat_4-4.mid", 28),
    "three": ("drummer1/session2/6_rock_102_beat_3-4.mid", 78),
    "waltz": ("drummer1/session2/4_jazz_120_beat_3-4.mid", 4),
}
# The zones of the Roland kit that General MIDI has elsewhere or not at all: heads and rims, bows and edges.
MOVED = {22: 42, 26: 46, 40: 38, 47: 45, 50: 48, 52: 49, 55: 49, 57: 49, 58: 43, 59: 51}


def cut(source: MidiFile, first_bar: int) -> MidiFile:
    """Two bars from `first_bar` on, without control changes; what is early on the first is put at the end."""
    metas = {message.type: message for track in source.tracks for message in track if message.is_meta}
    signature = metas["time_signature"]
    bar = TICKS * 4 * signature.numerator // signature.denominator
    hits: dict[tuple[int, int], int] = {}  # (tick, note) → velocity
    for track in source.tracks:
        tick = 0
        for message in track:
            tick += message.time
            at = round(tick * TICKS / source.ticks_per_beat) - first_bar * bar
            if message.type == "note_on" and message.velocity and -EARLY <= at < 2 * bar - EARLY:
                hits[at % (2 * bar), MOVED.get(message.note, message.note)] = message.velocity
    events = [(tick, Message("note_on", channel=CHANNEL, note=n, velocity=v)) for (tick, n), v in hits.items()]
    ends = [(min(tick + DURATION, 2 * bar), note) for tick, note in hits]
    events += [(tick, Message("note_off", channel=CHANNEL, note=note, velocity=0)) for tick, note in ends]
    events.sort(key=lambda event: (event[0], event[1].type == "note_on", event[1].note))
    track, last = MidiTrack([metas["set_tempo"].copy(time=0), signature.copy(time=0)]), 0
    for tick, message in events:
        track.append(message.copy(time=tick - last))
        last = tick
    track.append(MetaMessage("end_of_track", time=2 * bar - last))
    return MidiFile(type=0, ticks_per_beat=TICKS, tracks=[track])


def main(dataset: Path, folder: Path) -> None:
    for name, (path, first_bar) in GROOVES.items():
        groove = cut(MidiFile(dataset / path), first_bar)
        groove.tracks[0][:0] = [
            MetaMessage("track_name", name=name),
            MetaMessage("copyright", text=CREDIT.format(path)),
        ]
        groove.save(folder / f"{name}.mid")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent)
