"""Programs, banks, volumes and pans of players and melodies."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from daemon.config.instruments import Routes
from daemon.music.general_midi import DRUM_CHANNEL, DRUM_KITS, PROGRAMS, containing, find_program, name_of
from daemon.music.sound import Sound
from daemon.yaml_file import Value

SOUND_KEYS = ("program", "bank", "volume", "pan")
MAX_SUGGESTED = 10  # names in a message


class _Given(NamedTuple):
    """The sound of a channel of an output, and the voice that asks for it."""

    sound: Sound
    voice: str


class SoundReader:
    """Reads sounds, and reports voices that share a channel of an output or instrument and ask for different sounds
    there. `routes`: to the instruments."""

    def __init__(self, routes: Routes) -> None:
        self.routes = routes
        self._given: dict[tuple[str, int], list[_Given]] = {}  # by output and channel

    def read(
        self,
        section: Mapping[str, Value],
        owner: str,
        outputs: Iterable[str],
        channels: Mapping[str, int],
        unknown: Collection[str] = (),
    ) -> dict[str, Sound]:
        """The sound of each voice in `channels` that is given any; "" is a melody's only voice. `unknown`: voices whose
        channel is wrong, and reported."""
        values = {key: _by_voice(section[key], channels) for key in SOUND_KEYS}
        outputs, sounds = list(outputs), {}
        outputs += self.routes.instruments(owner, outputs)
        for voice, channel in channels.items():
            if voice in unknown:
                continue
            program = _program(values["program"][voice], channel)
            bank = _bank(values["bank"][voice])
            if bank and not values["program"][voice].given:
                section["bank"].report("a bank is chosen by the program that follows: give `program` as well")
            numbers = [_number(values["volume"][voice], 0, 127), _number(values["pan"][voice], -64, 63)]
            sound = Sound(channel, program, bank, *numbers)
            if sound == Sound(channel):
                continue
            sounds[voice] = sound
            for output in outputs:
                self._check(section, output, _Given(sound, f"{owner}.{voice}" if voice else owner))
        return sounds

    def of(self, output: str) -> tuple[Sound, ...]:
        """The sounds of the channels of an output or instrument."""
        merged: dict[int, Sound] = {}
        for (name, channel), given in self._given.items():
            for sound, _ in given if name == output else ():
                merged[channel] = merged[channel].or_else(sound) if channel in merged else sound
        return tuple(merged[channel] for channel in sorted(merged))

    def _check(self, section: Mapping[str, Value], output: str, new: _Given) -> None:
        """Report what others gave the channel otherwise, a line for each key."""
        others = self._given.setdefault((output, new.sound.channel), [])
        for key in SOUND_KEYS:
            for other in others:
                is_given = _is_given(other.sound, key) and _is_given(new.sound, key)
                if is_given and getattr(other.sound, key) != getattr(new.sound, key):
                    section[key].report(
                        f"{other.voice} and {new.voice} are both on channel {new.sound.channel} of {output!r}, "
                        f"with {_shown(other.sound, key)} and {_shown(new.sound, key)}: "
                        "give them the same, or different channels"
                    )
                    break
        others.append(new)


def sounds_as_yaml(sounds: Mapping[str, Sound], voices: Iterable[str]) -> dict[str, Any]:
    """What `SoundReader.read` reads: one value where all voices have the same."""
    found: dict[str, Any] = {}
    for key in SOUND_KEYS:
        shown = {voice: _shown(sound, key) for voice, sound in sounds.items() if getattr(sound, key) not in (None, ())}
        values = list(shown.values())
        if values:
            is_one = shown.keys() == set(voices) and all(value == values[0] for value in values)
            found[key] = values[0] if is_one else shown
    return found


def _by_voice(value: Value, voices: Mapping[str, int]) -> dict[str, Value]:
    return value.section(*voices) if value.is_mapping else dict.fromkeys(voices, value)


def _program(value: Value, channel: int) -> int | None:
    if not value.given:
        return None
    text = value.text()
    if not value.is_text:
        return None
    if text.lstrip("-+").replace(".", "", 1).isdigit():
        return _number(value, 1, 128)
    program = find_program(text, channel)
    if program is None:
        value.report(_unknown(text, channel))
    return program


def _number(value: Value, low: int, high: int) -> int | None:
    """None if there is none, or a wrong one, which is reported."""
    number = value.integer(low, high, low)
    return number if value.given and not value.is_wrong else None


def _unknown(text: str, channel: int) -> str:
    """The message about a name that is no program on `channel`."""
    if channel == DRUM_CHANNEL:
        return f"{text!r} is not a drum kit, as channel 10 needs: choose from {', '.join(DRUM_KITS)}, or a number"
    if find_program(text, DRUM_CHANNEL) is not None:
        return f"{text!r} is a drum kit, for channel 10 only: give the voice channel 10, or choose an instrument"
    near = containing(text, channel)[:MAX_SUGGESTED] or get_close_matches(text.casefold(), PROGRAMS, 1)
    remedy = f"did you mean {' or '.join(map(repr, near))}?" if near else "docs/daw.md lists the names"
    return f"{text!r} is not an instrument of General MIDI: {remedy}"


def _bank(value: Value) -> tuple[int, ...]:
    if not value.given:
        return ()
    items = value.items()
    if len(items) not in (1, 2):
        value.report("give the bank's MSB, or both: [MSB, LSB]")
        return ()
    numbers = [_number(item, 0, 127) for item in items]
    return tuple(number for number in numbers if number is not None)


def _is_given(sound: Sound, key: str) -> bool:
    """A program without a bank is that of no bank."""
    return getattr(sound, "program" if key == "bank" else key) is not None


def _shown(sound: Sound, key: str) -> Any:
    """The value of a key, as it is written in a configuration."""
    value = getattr(sound, key)
    if key == "bank":
        return (list(value) if len(value) > 1 else value[0]) if value else "none"
    return (name_of(value, sound.channel) or value) if key == "program" and not sound.bank else value
