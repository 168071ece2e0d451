"""The first difference between a journal and its replay, as a line for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from daemon.entries import Answered, Entry, MelodyPlayed, Planned, Sent, encode_entry
from daemon.music.plan import Plan

LONGEST = 100  # characters of an entry without words of its own


def difference(seconds: float, was: Entry | Sequence[Any] | None, now: Entry | Sequence[Any] | None) -> str:
    """`was`: in the journal; `now`: in the replay; encoded or not, None: nothing."""
    place = f"first difference at {seconds:.3f} s: "
    if isinstance(was, Planned) and isinstance(now, Planned) and was.player == now.player:
        part, old, new = next(_parts(was.plan, now.plan), ("plan", "at another moment", "at this one"))
        return place + f"{part} of {was.player}: recorded {old}, replayed {new}"
    return place + f"recorded {_words(was)}, replayed {_words(now)}"


def _parts(was: Plan, now: Plan) -> Iterator[tuple[str, str, str]]:
    """Each part in which the plans differ: its name, and what it was and is."""
    chords = ([f"{each.symbol} at beat {each.onset:g}" for each in plan.chords] for plan in (was, now))
    sections = ([f"{each.name} at beat {each.onset:g}" for each in plan.sections] for plan in (was, now))
    notes = ([f"pitch {each.pitch} at beat {each.onset:g}" for each in plan.melody] for plan in (was, now))
    for name, pair in (("section", sections), ("chord", chords), ("note", notes)):
        for old, new in zip_longest(*pair, fillvalue="none"):
            if old != new:
                yield name, old, new
    if was != now:
        yield "plan", "one", "another (feel, durations or velocities)"


def _words(entry: Entry | Sequence[Any] | None) -> str:
    match entry:
        case None:
            return "nothing"
        case Planned(_, player, _, plan):
            return f"a plan of {player} from beat {plan.beat:g} on"
        case Answered(_, player, number, actions):
            return f"an answer of {player} to call {number} ({len(actions)} actions)"
        case Sent(_, player, voice, port, message):
            return f"{message.hex(' ')} of {player} ({voice}) to {port}"
        case MelodyPlayed(_, source, message):
            return f"{message.hex(' ')} of {source}"
    text = str(encode_entry(entry) if isinstance(entry, Entry) else entry)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
