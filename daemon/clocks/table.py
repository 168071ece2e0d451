"""Every clock source by its name in config.yaml. A new source is a file of this folder and a line here."""

from __future__ import annotations

from daemon.clocks.ableton_link import AbletonLink
from daemon.clocks.internal import InternalClock
from daemon.clocks.midi_clock_in import MidiClockIn
from daemon.clocks.source import ClockSource
from daemon.spec import INTERNAL

CLOCK_SOURCES: dict[str, type[ClockSource]] = {INTERNAL: InternalClock, "midi": MidiClockIn, "link": AbletonLink}


def external_sources() -> list[str]:
    """Sources whose tempo, start and stop come from outside: they have no count-in. See `ClockSpec.is_external`."""
    return [name for name in CLOCK_SOURCES if name != INTERNAL]
