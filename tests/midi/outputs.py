"""An open output whose messages are collected."""

from __future__ import annotations

from collections.abc import Callable

from daemon.metrics import Metrics
from daemon.midi.ledger import Ledger
from daemon.midi.output import Output
from daemon.midi.pace import Pace, Unlimited


def open_output(
    sent: list[bytes],
    ledger: Ledger | None = None,
    pace: Pace | None = None,
    port_works: Callable[[], bool] = lambda: True,
) -> Output:
    """Opened at 0 s; each message that it sends is appended to `sent`."""
    output = Output("choir", ledger or Ledger(), Metrics())
    output.open(sent.append, pace or Unlimited(), port_works, 0.0)
    output.pump(0.0)
    return output
