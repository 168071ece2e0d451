"""The configuration of a rendering: with instruments for an audio file, and without any for a MIDI file."""

from __future__ import annotations

from dataclasses import replace

from daemon.config import Config
from daemon.config.values import DEFAULT, Member
from daemon.engines.audio import DEFAULT_ENGINE
from daemon.engines.base import engine_class


def for_rendering(config: Config, has_sound: bool) -> Config:
    """With sound also where the configuration names no device; where there is no instrument, with one that plays all
    outputs."""
    device = (config.audio.device or DEFAULT) if has_sound else None
    config = replace(config, audio=replace(config.audio, device=device))
    is_lacking = has_sound and not config.instruments
    return replace(config, band=(*config.band, _instrument(config))) if is_lacking else config


def _instrument(config: Config) -> Member:
    names = {member.name for member in config.band} | {port.name for port in config.ports}
    names |= {melody.spec.melody.name for melody in config.melodies}
    name = next(name for name in ("synth", *map(str, range(len(names) + 1))) if name not in names)
    sounds = {sound.channel: sound for port in reversed(config.ports) for sound in reversed(port.sounds)}
    options = engine_class(DEFAULT_ENGINE).Options()
    return Member(
        name, DEFAULT_ENGINE, None, (), "", {}, options, {}, is_instrument=True, heard_sounds=tuple(sounds.values())
    )
