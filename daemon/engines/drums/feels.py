"""What the feel of a band means for the drummer: the groove, how full the playing is, and hi-hat or ride."""

from __future__ import annotations

from functools import cache
from statistics import median

from daemon.encodings.drums.hits import INSTRUMENTS, TICKS
from daemon.engines.drums.kit import OPEN_HAT
from daemon.engines.drums.primer import Primer, shipped_grooves

# The shipped groove of each feel, in bars of four quarters and of three; others are fitted from those of four.
GROOVES = {
    "swing": ("swing", "waltz"),
    "ballad": ("swing", "waltz"),
    "blues": ("shuffle", "waltz"),
    "bossa": ("bossa", "waltz"),
    "waltz": ("swing", "waltz"),
    "rock": ("rock", "three"),
    "folk": ("soul", "waltz"),
}
SOFTER = {"ballad": 0.2, "folk": 0.2}  # loudness below that of the groove, so that the melody leads
SOFTER_IN_BAND = 0.1  # the same in the other feels
FIVE = "five"  # the groove in bars of five quarters
COMPOUND = "six_eight"  # the groove in bars of beats of three eighths
FULLER = 0.07  # probability that the next 16th does not stay empty, which each variation adds
RIDE_FROM = 2  # the first variation that is played on the ride cymbal
CLOSED_HAT, RIDE, BELL = (INSTRUMENTS.index(note) for note in (42, 51, 53))
RIDES = frozenset((RIDE, BELL))
ON_RIDE = {CLOSED_HAT: RIDE, OPEN_HAT: BELL}
# Shares of a beat: hits between the first two are straight eighths, those between the last two swung ones, if there are
# SWUNG times as many, else 16ths.
EARLIEST, STRAIGHT, LATEST = 0.38, 0.58, 0.8
SWUNG = 3


def groove_of(feel: str, bar: int, is_compound: bool = False) -> Primer | None:
    """The groove of a feel in bars of `bar` ticks; None for an unknown feel."""
    if feel not in GROOVES:
        return None
    of_four, of_three = GROOVES[feel]
    name = COMPOUND if is_compound else {3 * TICKS: of_three, 5 * TICKS: FIVE}.get(bar, of_four)
    return shipped_grooves().get(name)


@cache
def own_swing(primer: Primer) -> float:
    """The share of a beat after which its second eighth falls in the groove, at the median; 0.5 if it is straight."""
    places = [note.tick % TICKS / TICKS for note in primer.notes]
    straight = sum(EARLIEST <= place < STRAIGHT for place in places)
    late = [place for place in places if STRAIGHT <= place < LATEST]
    return median(late) if late and len(late) >= SWUNG * straight else 0.5


def on_cymbal(instrument: int, variation: int) -> int:
    """The instrument that is struck instead, in variations that are played on the ride cymbal."""
    return ON_RIDE.get(instrument, instrument) if variation >= RIDE_FROM else instrument


def replaceable(instrument: int) -> int:
    """The instrument by whose hits one that was replaced is found; the same for all of the ride cymbal."""
    return min(RIDES) if instrument in RIDES else instrument
