"""The section `clock`."""

from __future__ import annotations

from daemon.clocks import ableton_link
from daemon.config.names import Names
from daemon.config.values import Clock
from daemon.config.yaml_file import Value
from daemon.performance.transport import FOLLOWS


def read_clock(value: Value, names: Names) -> Clock:
    clock, default = value.section(*Clock.__slots__), Clock()
    source = clock["source"].one_of([default.source, *names.melodies, *FOLLOWS], default.source, "a clock")
    if source == "link" and (lacking := ableton_link.lacking()):
        clock["source"].report(lacking)
    port = None
    if source == "midi":
        port = clock["port"].one_of(names.inputs, what="the input among the ports that receives the MIDI clock")
    elif clock["port"].given:
        clock["port"].report("only the source `midi` has a port: delete this, or make the source `midi`")
    start = clock["start"].one_of(("at once", "by hand"), default.start, "a way to start")
    if source == "midi" and start == "by hand":
        clock["start"].report("with the source `midi` it waits for that clock anyway: delete this")
    count_in = clock["count_in"].integer(0, 8, default.count_in)
    if source in FOLLOWS and count_in:
        clock["count_in"].report(f"with the source `{source}` there is no count-in: delete this")
        count_in = 0
    return Clock(
        source,
        port,
        clock["bpm"].number(20, 400, default.bpm),
        clock["beats_per_bar"].number(0.5, 32, default.beats_per_bar),
        start,
        count_in,
        _read_metronome(clock["metronome"], source, count_in, names),
        names.outputs_in(clock["send"]),
    )


def _read_metronome(value: Value, source: str, count_in: int, names: Names) -> tuple[str, int, str] | None:
    if not value.given:
        return None
    metronome = value.section("port", "channel", "when")
    when = metronome["when"].one_of(("always", "count-in"), "always", "a time to click")
    if when == "count-in" and not count_in:
        remedy = "write always" if source in FOLLOWS else "give clock.count_in some bars, or write always"
        metronome["when"].report(f"there is no count-in, so it would never click: {remedy}")
    return (
        metronome["port"].one_of(names.outputs, what="an output among the ports"),
        metronome["channel"].integer(1, 16, 10),
        when,
    )
