"""The form of a chorale that is composed: where its phrases end and where it rests; or where planned chords sound."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.encodings.chorale import FERMATA, NO_FERMATA, STEPS_PER_BEAT, Hints, distance_class, no_hints
from daemon.engines.shared.followed_plan import FollowedPlan
from daemon.engines.shared.line import STEP

# Without a plan: 16ths of a phrase, number of phrases, and 16ths of rest after the last one.
PHRASE_STEPS, PHRASES, FINAL_REST = 32, 6, 16
FERMATA_AT = 24  # 16ths from the beginning of a phrase
LAST_CHORD = 8  # 16ths of the last chord, which is held
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
        return ComposedStep(place == 0, place <= PHRASE_STEPS * PHRASES - LAST_CHORD, _hints(place))


def planned_step(plan: FollowedPlan, frame: int) -> ComposedStep | None:
    """16th number `frame` as it is planned: as loud as the feel has it, the last chord held. None: a rest."""
    beat = frame * STEP
    harmony, feel = plan.harmony(beat), plan.feel(beat)
    if harmony is None or plan.rests(beat):
        return None
    moves = not plan.in_ending(beat) or harmony.onset > beat - STEP
    energy = 0.5 if feel is None else feel.energy
    return ComposedStep(False, moves, no_hints(1), round(VELOCITY * (0.75 + energy / 2)))


def _hints(place: int) -> Hints:
    """`place`: 16ths since the beginning of the chorale."""
    in_phrase, last = place % PHRASE_STEPS, PHRASE_STEPS * PHRASES - LAST_CHORD
    arrives = in_phrase in range(FERMATA_AT, FERMATA_AT + STEPS_PER_BEAT)
    hints = no_hints(1)
    hints.fermata[0] = FERMATA if arrives else NO_FERMATA
    distances = 0 if arrives else (FERMATA_AT - place) % PHRASE_STEPS, max(last - place, 0)
    hints.ends[0] = [distance_class(distance) for distance in distances]
    return hints
