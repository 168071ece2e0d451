"""Options of the engine `drums`."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.engines.options import option

RANDOM = "random"  # as `groove`
OF_GROOVE = "of the groove"  # as `style`
SILENT = -1.0  # as the MIDI note of a piece of the kit


def _note(default: float, piece: str) -> float:
    return option(default, f"MIDI note of the {piece}; -1: not played")


@dataclass(frozen=True)
class DrumsOptions:
    """The fields from `kick` on are the pieces of the kit (kit.py); their defaults are those of General MIDI."""

    groove: str = option(RANDOM, "groove to start from: the name of a shipped one, a MIDI file, or random", file=True)
    style: str = option(OF_GROOVE, "a style that the model knows, in place of the groove's own")
    swing_of: str = option("eighths", "the notes that the setting swing delays", choices=("eighths", "sixteenths"))
    kick: float = _note(36.0, "kick")
    snare: float = _note(38.0, "snare")
    side_stick: float = _note(37.0, "side stick")
    closed_hat: float = _note(42.0, "closed hi-hat")
    pedal_hat: float = _note(44.0, "hi-hat closed by the pedal")
    open_hat: float = _note(46.0, "open hi-hat")
    low_tom: float = _note(43.0, "low tom")
    mid_tom: float = _note(45.0, "mid tom")
    high_tom: float = _note(48.0, "high tom")
    crash: float = _note(49.0, "crash cymbal")
    ride: float = _note(51.0, "ride cymbal")
    bell: float = _note(53.0, "bell of the ride cymbal")
