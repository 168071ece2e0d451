"""A keyboard or a sequencer, an independent JACK client: `python -m tests.soak.instrument NAME`.

Its port is `NAME:midi`. A line is a message to send (hex), `clock BPM` (ticks from now on) or `lose N` (that many of
them are not sent). It ends with its input.
"""

from __future__ import annotations

import select
import sys
import time

import rtmidi


def main(name: str) -> None:
    port = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name)
    port.open_virtual_port("midi")
    interval, due, lost, rest = 0.0, 0.0, 0, b""
    while True:
        readable, _, _ = select.select([0], [], [], max(due - time.perf_counter(), 0.0) if interval else None)
        if interval and time.perf_counter() >= due:
            due = max(due + interval, time.perf_counter() - 0.1)
            if lost:
                lost -= 1
            else:
                port.send_message(b"\xf8")
        if not readable:
            continue
        data = sys.stdin.buffer.raw.read(1 << 16)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            match line.decode().split():
                case ["clock", bpm]:
                    interval, due = 60 / float(bpm) / 24, time.perf_counter()
                case ["lose", count]:
                    lost += int(count)
                case [message]:
                    port.send_message(bytes.fromhex(message))


if __name__ == "__main__":
    main(sys.argv[1])
