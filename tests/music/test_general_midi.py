"""The names of programs, beside those that the sounds of another project have at the same numbers."""

from __future__ import annotations

import re

import pytest

from daemon.music.general_midi import DRUM_KITS, PROGRAMS, containing, find_program, name_of

# Bank 0 of FluidR3_GM.sf2 (Frank Wen, 2008), in order.
FLUID = """
Yamaha Grand Piano; Bright Yamaha Grand; Electric Piano; Honky Tonk; Rhodes EP; Legend EP 2; Harpsichord; Clavinet;
Celesta; Glockenspiel; Music Box; Vibraphone; Marimba; Xylophone; Tubular Bells; Dulcimer; DrawbarOrgan;
Percussive Organ; Rock Organ; Church Organ; Reed Organ; Accordian; Harmonica; Bandoneon; Nylon String Guitar;
Steel String Guitar; Jazz Guitar; Clean Guitar; Palm Muted Guitar; Overdrive Guitar; Distortion Guitar;
Guitar Harmonics; Acoustic Bass; Fingered Bass; Picked Bass; Fretless Bass; Slap Bass; Pop Bass; Synth Bass 1;
Synth Bass 2; Violin; Viola; Cello; Contrabass; Tremolo; Pizzicato Section; Harp; Timpani; Strings; Slow Strings;
Synth Strings 1; Synth Strings 2; Ahh Choir; Ohh Voices; Synth Voice; Orchestra Hit; Trumpet; Trombone; Tuba;
Muted Trumpet; French Horns; Brass Section; Synth Brass 1; Synth Brass 2; Soprano Sax; Alto Sax; Tenor Sax;
Baritone Sax; Oboe; English Horn; Bassoon; Clarinet; Piccolo; Flute; Recorder; Pan Flute; Bottle Chiff; Shakuhachi;
Whistle; Ocarina; Square Lead; Saw Wave; Calliope Lead; Chiffer Lead; Charang; Solo Vox; Fifth Sawtooth Wave;
Bass & Lead; Fantasia; Warm Pad; Polysynth; Space Voice; Bowed Glass; Metal Pad; Halo Pad; Sweep Pad; Ice Rain;
Soundtrack; Crystal; Atmosphere; Brightness; Goblin; Echo Drops; Star Theme; Sitar; Banjo; Shamisen; Koto; Kalimba;
BagPipe; Fiddle; Shenai; Tinker Bell; Agogo; Steel Drums; Woodblock; Taiko Drum; Melodic Tom; Synth Drum;
Reverse Cymbal; Fret Noise; Breath Noise; Sea Shore; Bird Tweet; Telephone; Helicopter; Applause; Gun Shot
"""
# Names that share no four letters with ours.
OTHERWISE = {
    5: "Rhodes EP",
    6: "Legend EP 2",
    24: "Bandoneon",
    82: "Saw Wave",
    86: "Solo Vox",
    89: "Fantasia",
    92: "Space Voice",
    104: "Star Theme",
    112: "Shenai",
}


def fragments(name: str) -> set[str]:
    """All sequences of four letters, across spaces."""
    letters = re.sub("[^a-z]", "", name.lower())
    return {letters[at : at + 4] for at in range(max(len(letters) - 3, 1))}


def test_the_programs_are_those_of_another_projects_sounds() -> None:
    theirs = [name.strip() for name in FLUID.split(";")]
    assert list(PROGRAMS.values()) == list(range(1, 129)) and len(theirs) == 128
    pairs = zip(PROGRAMS, theirs, strict=True)
    assert {n: other for n, (ours, other) in enumerate(pairs, 1) if not fragments(ours) & fragments(other)} == OTHERWISE


def test_the_drum_kits_are_those_of_another_projects_sounds() -> None:
    """Bank 128 of TimGM6mb.sf2 (Tim Brechbill, 2004), without the kit of effects, which the file lacks."""
    others = {"standard": 1, "room": 9, "power": 17, "electronic": 25, "jazz": 33, "brush": 41, "orchestra": 49}
    assert {f"{name} kit": n for name, n in others.items()} | {"analog kit": 26, "sfx kit": 57} == DRUM_KITS


@pytest.mark.parametrize(
    ("name", "channel", "program"),
    [
        ("Choir  AAHS", 1, 53),
        ("lead 8 bass+lead", 16, 88),
        ("Honky tonk piano", 2, 4),
        ("choir", 1, None),
        ("", 1, None),
        ("…", 10, None),
        ("Standard Kit", 10, 1),
        ("standard kit", 9, None),
        ("flute", 10, None),
    ],
)
def test_names_are_found_in_any_case_and_punctuation(name: str, channel: int, program: int | None) -> None:
    assert find_program(name, channel) == program


def test_words_find_the_names_that_contain_them() -> None:
    assert containing("Choir", 1) == ["choir aahs", "pad 4 (choir)"]
    assert containing("organ ch", 1) == ["church organ"]
    assert containing(" - ", 1) == []
    assert (name_of(53, 1), name_of(1, 10), name_of(2, 10)) == ("choir aahs", "standard kit", None)
