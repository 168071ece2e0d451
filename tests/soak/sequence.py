"""Random sequences of faults and playing on a stage, drawn from a seed: run on the offline clock, and over JACK."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tests.soak import bands

PITCHES = range(58, 66)  # those of the tune among them
PLUGGABLE = ("keyboard", "master", *bands.OUTPUTS)  # an output stands for the synthesiser behind it
NEEDS_JACK = ("press", "release", "pedal", "control", "play", "halt", "continue", "locate", "tempo", "lose", "plug")

REPLUG_AFTER = 0.5  # seconds at least until something unplugged is plugged in again

# Kinds of steps, and how often they occur.
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
    "lose": 3,  # a number of ticks of the clock
    "unplug": 5,
    "plug": 10,
    "kill engine": 3,
    "stop engine": 1,
    "kill stage": 1,
    "freeze stage": 1,  # for a fraction of a second
    "reload": 5,
    "panic": 2,
    "kill jack": 1,
    "start jack": 4,
}
ONCE = ("kill stage", "kill jack", "stop engine", "freeze stage")  # in a sequence, because these take seconds


@dataclass(frozen=True, slots=True)
class Step:
    """After `after` seconds, `kind` of WEIGHTS happens to `target` (of PLUGGABLE, or none), with `values`."""

    after: float
    kind: str
    target: str = ""
    values: tuple[int, ...] = ()

    def __str__(self) -> str:
        return " ".join([f"+{self.after:.3f} s:", self.kind, self.target, *map(str, self.values)]).replace("  ", " ")


class Sequence:
    """`band` to begin with, then `steps`. Keys may still be held at the end."""

    def __init__(self, seed: int, length: int) -> None:
        self._rng = Random(f"sequence {seed}")
        self._held: list[tuple[int, int]] = []  # channel, pitch
        self._plugged = dict.fromkeys(PLUGGABLE, True)
        self._has_jack = True
        self._left = set(ONCE)
        self.band = self._rng.randrange(bands.COUNT)
        self.steps = list(self._draw(length))

    def _draw(self, length: int) -> Iterator[Step]:
        count, now = 0, 0.0
        unplugged: dict[str, float] = {}
        while count < length:
            kind = self._rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            for target, values in self._details(kind):
                after = self._rng.choice((0.0, 0.001, 0.01, 0.05, 0.1, 0.3))
                if kind == "plug":
                    after = max(after, unplugged[target] + REPLUG_AFTER - now)
                now += after
                if kind == "unplug":
                    unplugged[target] = now
                yield Step(after, kind, target, values)
                count += 1

    def _details(self, kind: str) -> Iterator[tuple[str, tuple[int, ...]]]:
        """(target, values) of a step of that kind; nothing where it cannot happen now."""
        rng = self._rng
        if not self._has_jack and kind in NEEDS_JACK:
            return
        if kind in ONCE:
            if kind not in self._left:
                return
            self._left.remove(kind)
        target, values = "", tuple[int, ...]()
        match kind:
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
                target = rng.choice([name for name in PLUGGABLE if self._plugged[name] == (kind == "unplug")] or [""])
                if not target:
                    return
                self._plugged[target] = kind == "plug"
                if target == "keyboard":
                    self._held.clear()
            case "kill engine" | "stop engine":
                values = (rng.randrange(2),)
            case "freeze stage":
                values = (rng.choice((100, 400, 800)),)  # milliseconds
            case "reload":
                values = (rng.randrange(bands.COUNT),)
            case "kill jack" | "start jack":
                if self._has_jack == (kind == "start jack"):
                    return
                self._has_jack = kind == "start jack"
                if not self._has_jack:  # all clients go with the server, and come back with it
                    self._held.clear()
            case "kill stage" | "panic":
                pass
            case _:
                return
        yield target, values
