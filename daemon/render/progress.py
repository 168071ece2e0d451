"""The progress of long work, shown on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[float], None]  # takes the share of the work that is done, from 0 to 1


@contextmanager
def progress(work: str) -> Iterator[Report]:
    """Show a bar on standard error while `work` goes on, if that is a terminal. At the end the bar is removed."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda share: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(work, total=1.0)
        yield lambda share: bar.update(task, completed=share)
