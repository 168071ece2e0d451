"""The section `clock`."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.clocks.table import CLOCK_SOURCES, external_sources
from daemon.config.names import Names, together
from daemon.config.values import Clock
from daemon.music.tempo import MAX_BPM, MIN_BPM
from daemon.song.timing import Timing
from daemon.spec import INTERNAL
from daemon.yaml_file import Value


def read_clock(value: Value, names: Names, timings: Mapping[str, Timing | None]) -> Clock:
    """`timings`: of the players that bring their own; None where an option is wrong, which is reported."""
    clock, default = value.section(*Clock.__slots__), Clock()
    external = external_sources()
    sources = together((INTERNAL,), names.melodies, tuple(timings), tuple(external))
    source = clock["source"].one_of(sources, default.source, "a clock")
    if (timing := timings.get(source)) is not None:
        bpm = min(max(timing.bpm, MIN_BPM), MAX_BPM)
        default = Clock(bpm=bpm, beats_per_bar=timing.bar, count_in=timing.count_in or default.count_in)
    kind = CLOCK_SOURCES.get(source, CLOCK_SOURCES[INTERNAL])  # a melody's tempo map is for the internal clock
    if missing := kind.missing():
        clock["source"].report(missing)
    if clock["bpm"].is_option and source in names.melodies:
        clock["bpm"].report(f"the clock's source is the melody {source!r}, which has its own tempo: set clock.source")
    port = None
    if kind.needs_port:
        port = clock["port"].one_of(names.inputs, what="an input among the ports, which receives the clock")
    elif clock["port"].given and not clock["source"].is_wrong:
        having = _with_ports()
        clock["port"].report(f"only the source {having} has a port: delete this line, or set the source to {having}")
    start = clock["start"].one_of(("at once", "by hand"), default.start, "a way to start")
    if kind.always_waits and start == "by hand":
        clock["start"].report(f"with the source `{source}`, jamd always waits for that clock: delete this line")
    count_in = clock["count_in"].integer(0, 8, default.count_in)
    if source in external and count_in:
        clock["count_in"].report(f"with the source `{source}` there is no count-in: delete this line")
        count_in = 0
    has_count_in = count_in > 0 or (clock["count_in"].is_wrong and source not in external) or source in timings
    units = ("sixteenths", "clocks")
    unit = clock["song_position"].one_of(units, default.song_position, "a unit of song positions")
    if unit != default.song_position and not (kind.needs_port or clock["source"].is_wrong):
        clock["song_position"].report(f"only the source {_with_ports()} receives song positions: delete this line")
    bar = clock["beats_per_bar"].number(0.5, 32, default.beats_per_bar)
    _check_bars(clock["beats_per_bar"], bar, source, names, timings)
    return Clock(
        source,
        port,
        clock["bpm"].number(MIN_BPM, MAX_BPM, default.bpm),
        bar,
        start,
        count_in,
        _read_metronome(clock["metronome"], source in external, has_count_in, names),
        names.outputs_in(clock["send"]),
        clock["ticks"].one_of(("with count-in", "while running"), default.ticks, "a time to send ticks"),
        unit,
        clock["first_key"].one_of(("sets the beat", "plays along"), default.first_key, "an effect of the first key"),
    )


def _check_bars(value: Value, bar: float, source: str, names: Names, timings: Mapping[str, Timing | None]) -> None:
    """The bars of the clock are those of every player that brings its own."""
    for player, timing in timings.items():
        if timing is None or bar == timing.bar or source in names.melodies:
            continue
        remedy = "delete this line" if source == player else f"write {timing.bar:g}"
        value.report(f"the bars of {player} are {timing.bar:g} beats long: {remedy}")


def _with_ports() -> str:
    return " or ".join(f"`{name}`" for name in external_sources() if CLOCK_SOURCES[name].needs_port)


def _read_metronome(value: Value, is_external: bool, has_count_in: bool, names: Names) -> tuple[str, int, str] | None:
    if not value.given:
        return None
    metronome = value.section("port", "channel", "when")
    when = metronome["when"].one_of(("always", "count-in"), "always", "a choice for the metronome")
    if when == "count-in" and not has_count_in:
        remedy = "choose always" if is_external else "set clock.count_in to 1 or more, or choose always"
        metronome["when"].report(f"there is no count-in, so the metronome would never click: {remedy}")
    return (
        metronome["port"].one_of(names.outputs, what="an output among the ports"),
        metronome["channel"].integer(1, 16, 10),
        when,
    )
