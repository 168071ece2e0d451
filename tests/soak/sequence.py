"""Random sequences of what can happen on a stage, drawn from a seed: played on the offline clock, and over JACK."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tests.soak import bands

PITCHES = range(58, 66)  # those of the tune among them
PLUGS = ("keyboard", "master", *bands.OUTPUTS)  # an output stands for the synthesiser behind it
NEEDS_JACK = ("press", "release", "pedal", "control", "play", "halt", "continue", "locate", "tempo", "lose", "plug")

HANDS = 0.5  # seconds until what was unplugged is plugged in again, at least

# What can happen, and how often.
WEIGHTS = {
    "press": 26,
    "release": 16,
    "pedal": 2,
    "control": 10,  # a controller: start, stop, continue, tap, tempo, panic
    "play": 4,
    "halt": 3,
    "continue": 3,
    "locate": 4,
    "tempo": 3,
    "lose": 3,  # so many ticks of the clock
    "unplug": 5,
    "plug": 10,
    "kill engine": 3,
    "stop engine": 1,
    "kill stage": 1,
    "freeze stage": 1,  # for so many seconds
    "reload": 5,
    "panic": 2,
    "kill jack": 1,
    "start jack": 4,
}
ONCE = ("kill stage", "kill jack", "stop engine", "freeze stage")  # in a sequence: what takes seconds


@dataclass(frozen=True, slots=True)
class Step:
    """`after` so many seconds, `what` of WEIGHTS happens, to `whom` (of PLUGS, or a player's number), with `values`."""

    after: float
    what: str
    whom: str = ""
    values: tuple[int, ...] = ()

    def __str__(self) -> str:
        return " ".join([f"+{self.after:.3f} s:", self.what, self.whom, *map(str, self.values)]).replace("  ", " ")


class Sequence:
    """`band` to begin with, then `steps`. What is pressed at the end is still held."""

    def __init__(self, seed: int, length: int) -> None:
        self._rng = Random(f"sequence {seed}")
        self._held: list[tuple[int, int]] = []  # channel, pitch
        self._plugged = dict.fromkeys(PLUGS, True)
        self._has_jack = True
        self._left = set(ONCE)
        self.band = self._rng.randrange(bands.COUNT)
        self.steps = list(self._draw(length))

    def _draw(self, length: int) -> Iterator[Step]:
        count, now = 0, 0.0
        unplugged: dict[str, float] = {}
        while count < length:
            what = self._rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            for whom, values in self._details(what):
                after = self._rng.choice((0.0, 0.001, 0.01, 0.05, 0.1, 0.3))
                if what == "plug":
                    after = max(after, unplugged[whom] + HANDS - now)
                now += after
                if what == "unplug":
                    unplugged[whom] = now
                yield Step(after, what, whom, values)
                count += 1

    def _details(self, what: str) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Whom it happens to, and how; nothing where it cannot happen now."""
        rng = self._rng
        if not self._has_jack and what in NEEDS_JACK:
            return
        if what in ONCE:
            if what not in self._left:
                return
            self._left.remove(what)
        whom, values = "", tuple[int, ...]()
        match what:
            case "press" if self._plugged["keyboard"]:
                values = rng.choice(bands.CHANNELS), rng.choice(PITCHES), rng.randrange(1, 128)
                self._held.append(values[:2])
            case "release" if self._held:
                values = self._held.pop(rng.randrange(len(self._held)))
            case "pedal" if self._plugged["keyboard"]:
                values = rng.choice(bands.CHANNELS), rng.choice((0, 127))
            case "control" if self._plugged["keyboard"]:
                number = rng.choice((bands.START, bands.STOP, bands.CONTINUE, *3 * (bands.TAP,), bands.PANIC, 20, 21))
                values = rng.choice(bands.CHANNELS), number, 0 if number == bands.PANIC else rng.randrange(64, 128)
            case "play" | "halt" | "continue" if self._plugged["master"]:
                pass
            case "locate" if self._plugged["master"]:
                values = (rng.choice((0, 1, 7, 16, 33, 1000)),)
            case "tempo" if self._plugged["master"]:
                values = (rng.choice((*bands.BPM, 10, 600)),)
            case "lose" if self._plugged["master"]:
                values = (rng.choice((1, 2, 12, 48)),)
            case "unplug" | "plug":
                whom = rng.choice([name for name in PLUGS if self._plugged[name] == (what == "unplug")] or [""])
                if not whom:
                    return
                self._plugged[whom] = what == "plug"
                if whom == "keyboard":
                    self._held.clear()
            case "kill engine" | "stop engine":
                values = (rng.randrange(2),)
            case "freeze stage":
                values = (rng.choice((100, 400, 800)),)  # milliseconds
            case "reload":
                values = (rng.randrange(bands.COUNT),)
            case "kill jack" | "start jack":
                if self._has_jack == (what == "start jack"):
                    return
                self._has_jack = what == "start jack"
                if not self._has_jack:  # all who were connected go with it, and come back with it
                    self._held.clear()
            case "kill stage" | "panic":
                pass
            case _:
                return
        yield whom, values
