"""An independent MIDI client for measurements: plays a score or echoes, and stamps received messages.

    python -m daemon.bench.peer echo                 # copies its input to its output until standard input is closed
    python -m daemon.bench.peer play <SCORE.json     # prints the sent and heard messages as JSON

The JACK clients are `NAME in` and `NAME out`, each with the port `midi`. A score is `{"connect": [[FROM, TO], …],
"events": [[SECONDS, HEX], …], "tail": SECONDS}`, times counted from the start; stamps are `time.perf_counter()`.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import jack
import rtmidi


def open_ports(name: str, heard: Any) -> tuple[rtmidi.MidiOut, rtmidi.MidiIn]:
    """Two virtual ports, each of a JACK client of its own; `heard(stamp, message)` is called from rtmidi's thread."""
    out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, f"{name} out")
    into = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, f"{name} in", queue_size_limit=65536)
    into.ignore_types(sysex=False, timing=False, active_sense=False)
    into.set_callback(lambda event, _: heard(time.perf_counter(), event[0]))
    out.open_virtual_port("midi")
    into.open_virtual_port("midi")
    return out, into


def close_ports(out: rtmidi.MidiOut, into: rtmidi.MidiIn) -> None:
    into.cancel_callback()
    for port in (out, into):
        port.close_port()
        port.delete()


def connect(pairs: list[list[str]], seconds: float = 10.0) -> None:
    """Connect JACK ports by name as soon as they exist. Raises TimeoutError."""
    client = jack.Client("jamd bench cable", no_start_server=True)
    try:
        end = time.perf_counter() + seconds
        for source, target in pairs:
            while True:
                try:
                    client.connect(source, target)
                    break
                except jack.JackError as error:
                    if time.perf_counter() > end:
                        raise TimeoutError(f"{source} → {target}: {error}") from None
                    time.sleep(0.02)
    finally:
        client.close()


def sleep_until(moment: float) -> None:
    """Sleep until `moment`, but spin for the last 0.3 ms: a late message of this client would distort the figure."""
    if (left := moment - time.perf_counter()) > 0.0003:
        time.sleep(left - 0.0003)
    while time.perf_counter() < moment:
        pass


def play(name: str, score: dict[str, Any]) -> dict[str, Any]:
    """Play a score; returns the sent and heard messages."""
    sent: list[tuple[float, str]] = []
    heard: list[tuple[float, str]] = []
    out, into = open_ports(name, lambda stamp, message: heard.append((stamp, bytes(message).hex())))
    connect(score["connect"])
    time.sleep(0.2)
    start = time.perf_counter()
    for moment, message in score["events"]:
        sleep_until(start + moment)
        sent.append((time.perf_counter(), message))
        out.send_message(bytes.fromhex(message))
    time.sleep(score["tail"])
    close_ports(out, into)
    return {"sent": sent, "heard": heard}


def echo(name: str) -> None:
    """Send every received message back until standard input is closed."""
    ports: list[rtmidi.MidiOut] = []
    out, into = open_ports(name, lambda _, message: ports[0].send_message(message))
    ports.append(out)
    print("ready", flush=True)
    sys.stdin.read()
    close_ports(out, into)


if __name__ == "__main__":
    if sys.argv[1] == "echo":
        echo("bench echo")
    else:
        json.dump(play("bench peer", json.load(sys.stdin)), sys.stdout)
