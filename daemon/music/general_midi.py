"""The names of General MIDI: programs 1–128 (GM 1, RP-003), and the drum kits of channel 10 (GM 2, RP-024; also GS)."""

from __future__ import annotations

import re
from collections.abc import Mapping

DRUM_CHANNEL = 10

_PROGRAMS = """
acoustic grand piano, bright acoustic piano, electric grand piano, honky-tonk piano,
electric piano 1, electric piano 2, harpsichord, clavi,
celesta, glockenspiel, music box, vibraphone, marimba, xylophone, tubular bells, dulcimer,
drawbar organ, percussive organ, rock organ, church organ, reed organ, accordion, harmonica, tango accordion,
acoustic guitar (nylon), acoustic guitar (steel), electric guitar (jazz), electric guitar (clean),
electric guitar (muted), overdriven guitar, distortion guitar, guitar harmonics,
acoustic bass, electric bass (finger), electric bass (pick), fretless bass,
slap bass 1, slap bass 2, synth bass 1, synth bass 2,
violin, viola, cello, contrabass, tremolo strings, pizzicato strings, orchestral harp, timpani,
string ensemble 1, string ensemble 2, synth strings 1, synth strings 2,
choir aahs, voice oohs, synth voice, orchestra hit,
trumpet, trombone, tuba, muted trumpet, french horn, brass section, synth brass 1, synth brass 2,
soprano sax, alto sax, tenor sax, baritone sax, oboe, english horn, bassoon, clarinet,
piccolo, flute, recorder, pan flute, blown bottle, shakuhachi, whistle, ocarina,
lead 1 (square), lead 2 (sawtooth), lead 3 (calliope), lead 4 (chiff),
lead 5 (charang), lead 6 (voice), lead 7 (fifths), lead 8 (bass + lead),
pad 1 (new age), pad 2 (warm), pad 3 (polysynth), pad 4 (choir),
pad 5 (bowed), pad 6 (metallic), pad 7 (halo), pad 8 (sweep),
fx 1 (rain), fx 2 (soundtrack), fx 3 (crystal), fx 4 (atmosphere),
fx 5 (brightness), fx 6 (goblins), fx 7 (echoes), fx 8 (sci-fi),
sitar, banjo, shamisen, koto, kalimba, bag pipe, fiddle, shanai,
tinkle bell, agogo, steel drums, woodblock, taiko drum, melodic tom, synth drum, reverse cymbal,
guitar fret noise, breath noise, seashore, bird tweet, telephone ring, helicopter, applause, gunshot
"""
PROGRAMS: Mapping[str, int] = {name: n for n, name in enumerate(re.split(r",\s+", _PROGRAMS.strip()), 1)}
DRUM_KITS: Mapping[str, int] = {
    "standard kit": 1,
    "room kit": 9,
    "power kit": 17,
    "electronic kit": 25,
    "analog kit": 26,
    "jazz kit": 33,
    "brush kit": 41,
    "orchestra kit": 49,
    "sfx kit": 57,
}

DRUMS: Mapping[int, str] = {  # by note of channel 10, in drummers' words
    35: "kick", 36: "kick", 37: "side stick", 38: "snare", 39: "clap", 40: "snare", 41: "low tom", 42: "closed hat",
    43: "low tom", 44: "pedal hat", 45: "mid tom", 46: "open hat", 47: "mid tom", 48: "high tom", 49: "crash",
    50: "high tom", 51: "ride", 52: "china", 53: "bell", 54: "tambourine", 55: "splash", 56: "cowbell", 57: "crash",
    58: "vibraslap", 59: "ride", 60: "high bongo", 61: "low bongo", 62: "mute conga", 63: "open conga",
    64: "low conga", 65: "high timbale", 66: "low timbale", 67: "high agogo", 68: "low agogo", 69: "cabasa",
    70: "maracas", 71: "short whistle", 72: "long whistle", 73: "short guiro", 74: "long guiro", 75: "claves",
    76: "high woodblock", 77: "low woodblock", 78: "mute cuica", 79: "open cuica", 80: "mute triangle",
    81: "open triangle",
}  # fmt: skip


def names_on(channel: int) -> Mapping[str, int]:
    """The names of programs on `channel` (1–16), and the programs (1–128)."""
    return DRUM_KITS if channel == DRUM_CHANNEL else PROGRAMS


def find_program(name: str, channel: int) -> int | None:
    """The program of that name, in any case and punctuation."""
    words = _words(name)
    return next((program for known, program in names_on(channel).items() if _words(known) == words), None)


def containing(words: str, channel: int) -> list[str]:
    """The names that contain all of these words, or the beginnings of words."""
    wanted = _words(words)
    if not wanted:
        return []
    return [name for name in names_on(channel) if all(any(n.startswith(w) for n in _words(name)) for w in wanted)]


def name_of(program: int, channel: int) -> str | None:
    return next((name for name, number in names_on(channel).items() if number == program), None)


def _words(name: str) -> list[str]:
    return re.findall(r"\w+", name.casefold())
