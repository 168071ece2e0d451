"""`jamd bench`: latency, lateness, memory and losses, measured from outside.

The measures run on a private JACK server with the dummy driver. Each figure is printed with its target and with the
XRuns of the server during the measure: hundreds of XRuns mean that the machine, not jamd, determined the figure, which
the first measure (`machine`) shows as well. All measures take about twenty minutes; nothing else should run on the
machine meanwhile.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from daemon.bench.child_end import orderly_end
from daemon.bench.chord_measures import chords
from daemon.bench.clock_measures import CLOCK_MEASURES
from daemon.bench.clock_peer_measures import CLOCK_PEER_MEASURES
from daemon.bench.engine_measures import ENGINE_MEASURES
from daemon.bench.figure import Figure
from daemon.bench.jack_server import JackServer, available
from daemon.bench.leadsheet_measures import leadsheet
from daemon.bench.measures import MEASURES
from daemon.bench.sound_measures import sound
from daemon.errors import JamdError, UsageError
from daemon.suggestions import suggestion

ALL_MEASURES = {
    measure.__name__: measure
    for measure in (*MEASURES, *CLOCK_MEASURES, *CLOCK_PEER_MEASURES, *ENGINE_MEASURES, leadsheet, chords, sound)
}


def run(names: Sequence[str], as_json: bool, seconds: float | None = None) -> int:
    """Run the named measures, or all, and print the figures. Returns 1 if a target is missed, else 0. `seconds`: that
    each band plays in the measure `sound`.

    Raises UsageError for an unknown name, JamdError without a JACK server or JACK-Client, and, after the figures were
    printed, for measures that failed.
    """
    if unknown := [name for name in names if name not in ALL_MEASURES]:
        raise UsageError("\n".join(f"bench has no measure {n!r}{suggestion(n, ALL_MEASURES)}" for n in unknown))
    if not available():
        raise JamdError("jamd bench needs a JACK server: install jackd2 (Debian: apt-get install jackd2)")
    if find_spec("jack") is None:
        raise JamdError("jamd bench needs the package JACK-Client: pip install JACK-Client")
    if not Path("/proc/self").exists():
        raise JamdError("jamd bench measures on Linux only, with /proc: mount -t proc proc /proc")
    figures: list[tuple[Figure, int]] = []  # each with the XRuns during its measure
    failures: list[str] = []
    console = Console(stderr=True)
    with orderly_end(), JackServer(period=64) as server, tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **server.env}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as in normal use: bytecode is compiled once
        for name in track(names or ALL_MEASURES, "Measuring", console=console, disable=not console.is_terminal):
            before = server.xruns()
            measure = ALL_MEASURES[name]
            measure = partial(sound, seconds=max(seconds, 1)) if measure is sound and seconds else measure
            try:
                for figure in measure(Path(folder), environment):
                    figures.append((figure, server.xruns() - before))
                    if not as_json:
                        console.print(f"{figure.what}: {figure.value:.2f} {figure.unit}")
            except JamdError as error:
                failures.append(f"the measure {name} failed: {error}")
    if as_json:
        print(json.dumps([{**asdict(f), "good": f.good, "xruns": xruns} for f, xruns in figures], indent=1))
    else:
        Console().print(_table(figures))
    if failures:
        raise JamdError("\n".join(failures))
    return 0 if all(figure.good for figure, _ in figures) else 1


def _table(figures: Sequence[tuple[Figure, int]]) -> Table:
    table = Table("what", "measured", "target", "XRuns")
    for figure, xruns in figures:
        colour = "green" if figure.good else "red"
        measured = f"[{colour}]{figure.value:.2f} {figure.unit}[/]"
        table.add_row(figure.what, measured, f"≤ {figure.target:g} {figure.unit}", str(xruns))
    return table
