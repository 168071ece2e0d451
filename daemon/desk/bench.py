"""`jamd bench`: how late, how large, how lossy.

Measured from outside, through a private JACK server with its dummy driver. Each figure stands beside its target.
It takes about fourteen minutes; nobody else should use the machine meanwhile.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from daemon.desk.clock_measures import CLOCK_MEASURES
from daemon.desk.clock_peer_measures import CLOCK_PEER_MEASURES
from daemon.desk.jack_server import JackServer, available
from daemon.desk.measures import MEASURES, Figure
from daemon.errors import JamdError

EVERYTHING = (*MEASURES, *CLOCK_MEASURES, *CLOCK_PEER_MEASURES)


def run(as_json: bool) -> int:
    """Measure everything and print it; 1 if a target is missed."""
    if not available():
        raise JamdError("jamd bench needs a JACK server: install jackd2 (Debian: apt-get install jackd2)")
    if find_spec("jack") is None:
        raise JamdError("jamd bench measures with the package JACK-Client: pip install JACK-Client")
    figures: list[Figure] = []
    console = Console(stderr=True)
    with JackServer(period=64) as server, tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **server.env}
        for measure in track(EVERYTHING, "Measuring", console=console, disable=not console.is_terminal):
            figures += measure(Path(folder), environment)
            for figure in figures[-1:] if not as_json else []:
                console.print(f"{figure.what}: {figure.value:.2f} {figure.unit}")
    if as_json:
        print(json.dumps([{**asdict(figure), "good": figure.good} for figure in figures], indent=1))
    else:
        Console().print(_table(figures))
    return 0 if all(figure.good for figure in figures) else 1


def _table(figures: Sequence[Figure]) -> Table:
    table = Table("what", "measured", "target")
    for figure in figures:
        colour = "green" if figure.good else "red"
        table.add_row(
            figure.what, f"[{colour}]{figure.value:.2f} {figure.unit}[/]", f"≤ {figure.target:g} {figure.unit}"
        )
    return table
