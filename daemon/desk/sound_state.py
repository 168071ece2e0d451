"""The state of the sound: what the speaker was told and what speaker and instruments report, as values and in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

DELAY = 0.03  # seconds from a note to its sound, before the speaker has reported them
TOLERANCE = 0.001  # seconds by which a delay may differ from the one that the stage was told
NEWS = 0.005  # … from the one that was logged
ATTEMPTS = 3  # speakers that end while they open the device, after which the next one opens none
SHORT = 24  # characters of a device's name in the terminal's view
SILENCE = -99  # dB, and less, are shown as no level at all


@dataclass(eq=False)
class SoundState:
    """`settings`: the speaker's, or None: no sound. `device`: of the present speaker; None: it has none, or not yet."""

    settings: Mapping[str, Any] | None = None
    device: str | None = None
    known: bool = False  # the present speaker has said which device it has
    failures: int = 0  # speakers in a row that ended before they had a device, or knew that there is none
    logged: float = DELAY
    delay: float = DELAY  # seconds from a note to its sound, as the stage was told
    figures: Mapping[str, Any] = field(default_factory=dict)  # of the speaker
    instruments: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # figures, by name

    @property
    def is_heard(self) -> bool:
        return self.settings is not None and self.device is not None

    def take(self, settings: Mapping[str, Any] | None) -> None:
        """Take the settings of another configuration, without the figures of instruments that are gone."""
        self.settings, names = settings, settings["instruments"] if settings is not None else ()
        self.failures = 0
        self.instruments = {name: figures for name, figures in self.instruments.items() if name in names}
        if settings is None:
            self.device, self.known, self.figures = None, False, {}

    @property
    def has_given_up(self) -> bool:
        """Whether the device is not opened any more, because native code ended each speaker that tried."""
        return self.failures >= ATTEMPTS

    @property
    def greeting(self) -> dict[str, Any]:
        """The settings for a new speaker."""
        return {**(self.settings or {}), **({"device": None} if self.has_given_up else {})}

    def ended(self) -> None:
        """The speaker has ended."""
        self.failures = 0 if self.known else self.failures + 1
        self.device, self.known, self.figures = None, False, {}

    def report(self, device: str | None, delay: float) -> tuple[bool, bool]:
        """The speaker has opened `device`, with `delay` seconds from a note to its sound; None: there is none. Returns
        whether that is news, and whether the stage is to be told another delay, in whole milliseconds."""
        if not (isinstance(device, str | None) and math.isfinite(delay) and 0 <= delay < 10):
            raise ValueError(f"not a device and its delay: {device!r}, {delay!r}")
        is_other = abs(delay - self.delay) > TOLERANCE
        if is_other:
            self.delay = math.ceil(round(delay * 1000, 6)) / 1000
        is_news = not self.known or device != self.device or abs(self.delay - self.logged) > NEWS
        self.device, self.known = device, True
        self.logged = self.delay if is_news else self.logged
        return is_news, is_other

    @property
    def text(self) -> str:
        """The device, the time from a note to its sound, the level and what went wrong; "" without sound."""
        return self._text(self.device)

    @property
    def short_text(self) -> str:
        """The same with the beginning of a long name: the rest of the line is what changes."""
        device = self.device
        return self._text(device if device is None or len(device) <= SHORT else f"{device[: SHORT - 1]}…")

    def _text(self, device: str | None) -> str:
        if self.settings is None:
            return ""
        if not self.known:
            return "starting"
        if device is None:
            return "no device"
        return ", ".join((device, f"{self.delay * 1000:.0f} ms from note to sound", *self._figures()))

    def _figures(self) -> Iterator[str]:
        peak = self.figures.get("peak_db")
        if isinstance(peak, int | float) and peak > SILENCE:
            yield f"peak {peak:.0f} dB".replace("-", "−")
        if under_runs := self.figures.get("under_runs"):
            yield f"{under_runs} under-run{'s' if under_runs > 1 else ''}"
        missing = self.figures.get("missing", {})
        for name in sorted(missing.keys() | self.instruments.keys()):
            own = self.instruments.get(name, {})
            counts = {"late": own.get("late"), "skipped": own.get("skipped"), "missing": missing.get(name)}
            if found := [f"{count} {what}" for what, count in counts.items() if count]:
                yield f"{name}: {' '.join(found)}"

    def to_json(self) -> dict[str, Any]:
        """All figures, for `--metrics`; empty without sound."""
        if self.settings is None:
            return {}
        sound = {"device": self.device, "delay_ms": round(self.delay * 1000, 3), **self.figures}
        return {"sound": sound | {"instruments": dict(self.instruments)}}
