"""Chord progressions by name, as charts in C or C minor."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.suggestions import suggestion


@dataclass(frozen=True, slots=True)
class Progression:
    """`aliases`: other names."""

    chart: str
    aliases: tuple[str, ...] = ()
    mode: str = "major"


_RHYTHM = "| C6 A7 | Dm7 G7 | Em7 A7 | Dm7 G7 | Gm7 C7 | F6 Fm6 |"
_RHYTHM_A = f"{_RHYTHM} Em7 A7 | Dm7 G7 |"
_RHYTHM_END = f"{_RHYTHM} C6 G7 | C6 |"
_BRIDGE = "| E7 | % | A7 | % | D7 | % | G7 | % |"

PROGRESSIONS = {
    "blues": Progression("| C7 | % | % | % | F7 | % | C7 | % | G7 | F7 | C7 | G7 |", ("12-bar blues",)),
    "quick-change blues": Progression("| C7 | F7 | C7 | % | F7 | % | C7 | % | G7 | F7 | C7 | G7 |"),
    "jazz blues": Progression(
        "| C7 | F7 | C7 | Gm7 C7 | F7 | F#dim7 | C7 | Em7b5 A7 | Dm7 | G7 | C7 A7 | Dm7 G7 |",
    ),
    "bebop blues": Progression(
        "| Cmaj7 | Bm7b5 E7 | Am7 D7 | Gm7 C7 | F7 | Fm7 Bb7 | Em7 A7 | Ebm7 Ab7 | Dm7 | G7 | Em7 A7 | Dm7 G7 |",
    ),
    "eight-bar blues": Progression("| C7 | G7 | F7 | % | C7 | G7 | C7 F7 | C7 G7 |", ("8-bar blues",)),
    "minor blues": Progression("| Cm7 | % | % | % | Fm7 | % | Cm7 | % | Ab7 | G7 | Cm7 | Dm7b5 G7 |", mode="minor"),
    "rhythm changes": Progression(_RHYTHM_A + _RHYTHM_END + _BRIDGE + _RHYTHM_END),
    "rhythm changes A": Progression(_RHYTHM_A),
    "rhythm changes last A": Progression(_RHYTHM_END),
    "rhythm changes bridge": Progression(_BRIDGE),
    "ii-V-I": Progression("| Dm7 | G7 | Cmaj7 | % |", ("2-5-1",)),
    "minor ii-V-i": Progression("| Dm7b5 | G7 | Cm6 | % |", ("minor 2-5-1",), "minor"),
    "turnaround": Progression("| Cmaj7 A7 | Dm7 G7 |", ("I-VI-ii-V",)),
    "Pachelbel": Progression("| C | G | Am | Em | F | C | F | G |", ("canon", "Pachelbel's canon")),
    "50s": Progression("| C | Am | F | G |", ("doo-wop", "fifties", "I-vi-IV-V")),
    "pop": Progression("| C | G | Am | F |", ("axis", "I-V-vi-IV")),
    "circle of fifths": Progression("| Cmaj7 | Fmaj7 | Bm7b5 | Em7 | Am7 | Dm7 | G7 | Cmaj7 |", ("circle",)),
    "minor circle of fifths": Progression(
        "| Cm7 | Fm7 | Bb7 | Ebmaj7 | Abmaj7 | Dm7b5 | G7 | Cm |", ("minor circle",), "minor"
    ),
    "Andalusian": Progression("| Cm | Bb | Ab | G |", ("Andalusian cadence", "flamenco"), "minor"),
    "passamezzo": Progression("| Cm | Bb | Cm | G | Cm | Bb | Cm G | Cm |", ("passamezzo antico",), "minor"),
    "folia": Progression(
        "| Cm | G | Cm | Bb | Eb | Bb | Cm | G | Cm | G | Cm | Bb | Eb | Bb | Cm G | Cm |", ("la folia",), "minor"
    ),
}


def progression_named(name: str) -> Progression:
    """Raises ValueError, with the remedy. Capitals, dashes and spaces make no difference."""
    wanted = _plain(name)
    for known, progression in PROGRESSIONS.items():
        if wanted in (_plain(known), *map(_plain, progression.aliases)):
            return progression
    near = suggestion(name, PROGRESSIONS)
    raise ValueError(f"{name!r} is neither a chart, as in | Dm7 | G7 | C |, nor a known progression{near}")


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())
