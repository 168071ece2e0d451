"""The stage's own client of JACK, with a library whose cycles are counted."""

from __future__ import annotations

import itertools
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.midi import jack


@pytest.mark.skipif(sys.platform != "linux", reason="libjack is asked on Linux only")
def test_of_requests_in_a_row_only_the_first_waits_for_a_cycle() -> None:
    cycles = itertools.count()
    looks: list[int] = []

    def last_frame_time(_client: int) -> int:
        looks.append(next(cycles))
        return looks[-1]

    library: Any = SimpleNamespace(
        jack_on_shutdown=lambda *_: None,
        jack_last_frame_time=last_frame_time,
        jack_get_uuid_for_client_name=lambda *_: None,
    )
    client = jack.JackClient(library, 0)
    client.identity("synth:in")
    waited = len(looks)
    for number in range(50):
        client.identity(f"synth:in {number}")
    assert waited >= 2 and len(looks) == waited
