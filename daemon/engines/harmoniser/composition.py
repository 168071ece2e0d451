"""The form of a chorale that is composed: where its phrases end and where it rests, by itself or as a plan has it."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.encodings.chorale import FERMATA, NO_FERMATA, STEPS_PER_BEAT, Hints, distance_class, no_hints
from daemon.engines.shared.followed_plan import FollowedPlan
from daemon.engines.shared.line import STEP

# Without a plan: 16ths of a phrase, number of phrases, and 16ths of rest after the last one.
PHRASE_STEPS, PHRASES, FINAL_REST = 32, 6, 16
FERMATA_AT = 24  # 16ths from the beginning of a phrase
LAST_CHORD = 7  # 16ths for which the last chord is held
VELOCITY = 72


@dataclass(frozen=True, slots=True)
class ComposedStep:
    """A 16th of a chorale. `begins`: with it a piece begins; `moves`: the voices may move, else they hold the chord."""

    begins: bool
    moves: bool
    hints: Hints
    velocity: int = VELOCITY


class Composition:
    """A chorale of its own after the other, each from a bar line on."""

    def __init__(self) -> None:
        self._composed = 0  # 16ths of the present chorale

    def next_step(self, position: int) -> ComposedStep | None:
        """`position`: 16ths since the bar line. None: a rest."""
        if (place := self._composed) == 0 and position != 0:
            return None
        self._composed = (place + 1) % (PHRASE_STEPS * PHRASES + FINAL_REST)
        if place >= PHRASE_STEPS * PHRASES:
            return None
        hints = _hints(place, PHRASE_STEPS, FERMATA_AT, PHRASE_STEPS * PHRASES - LAST_CHORD - place)
        return ComposedStep(place == 0, place < PHRASE_STEPS * PHRASES - LAST_CHORD, hints)


def planned_step(plan: FollowedPlan, frame: int, bar: float) -> ComposedStep | None:
    """16th number `frame` as it is planned: phrases of two bars from the beginning of each section on, as loud as the
    feel has it, the last chord held. `bar` in beats. None: a rest."""
    beat = frame * STEP
    harmony, section, feel = plan.harmony(beat), plan.section(beat), plan.feel(beat)
    if harmony is None or plan.rests(beat):
        return None
    moves = not plan.in_ending(beat) or harmony.onset > beat - STEP
    phrase = max(round(2 * bar / STEP), STEPS_PER_BEAT)
    place = round((beat - (section.onset if section is not None else harmony.onset)) / STEP)
    energy = 0.5 if feel is None else feel.energy
    hints = _hints(place, phrase, phrase * 3 // 4)
    return ComposedStep(False, moves, hints, round(VELOCITY * (0.75 + energy / 2)))


def _hints(place: int, phrase: int, at: int, remaining: int | None = None) -> Hints:
    """`phrase`: length of a phrase, whose last chord begins `at`; `remaining`: 16ths to the piece's last chord, if
    known."""
    hints = no_hints(1)
    hints.fermata[0] = FERMATA if place % phrase in range(at, at + STEPS_PER_BEAT) else NO_FERMATA
    hints.ends[0, 0] = distance_class(0 if hints.fermata[0] == FERMATA else (at - place) % phrase)
    if remaining is not None:
        hints.ends[0, 1] = distance_class(max(remaining, 0))
    return hints
