"""Probes that may hang, crash or change their process: each runs in a process of its own, which can be killed.

`python -m daemon.doctor.probe KIND` prints a JSON value per line, each as soon as it is known.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from daemon.subprocesses import run_module

TIMEOUT = 10.0  # seconds; a JACK server that stands still never answers


def run(kind: str, seconds: float = TIMEOUT) -> tuple[list[Any], str]:
    """The values that the process printed, and why there are no more, or ""."""
    ended = run_module("daemon.doctor.probe", kind, seconds=seconds, environment={"JACK_NO_START_SERVER": "1"})
    lines = ended.output.split(b"\n")[:-1]  # whole lines
    values = [json.loads(line) for line in lines]
    if ended.status is None:
        return values, f"no answer within {seconds:g} s"
    return values, f"the probe has crashed ({ended.reason})" if ended.status else ""


def _midi() -> None:
    """The names of all MIDI systems, then each of them (desk/port_list.py: System)."""
    from daemon.desk.port_list import systems
    from daemon.midi.systems import Systems

    _print([name for name, _ in Systems.compiled()])
    for system in systems():
        _print(asdict(system))


def _real_time() -> None:
    """What the stage would be granted."""
    from daemon.realtime import request_real_time

    _print(request_real_time())


def _soundfonts() -> None:
    """Why FluidSynth cannot be used, or ""; then each soundfont that the engine finds."""
    from daemon.engines.soundfont import library
    from daemon.engines.soundfont.finding import general_midi

    try:
        library.load()
        _print("")
    except library.LibraryMissing as error:
        _print(str(error))
    for soundfont in general_midi():
        _print(soundfont.path.resolve().stem)


def _print(value: object) -> None:
    print(json.dumps(value), flush=True)


KINDS = {"midi": _midi, "real-time": _real_time, "soundfonts": _soundfonts}

if __name__ == "__main__":
    KINDS[sys.argv[1]]()
