"""A MIDI client in a process of its own, connected to jamd's ports: `python -m tests.stage.jack_peer NAME`.

Reads commands as JSON lines and answers each: ["connect", FROM, TO], ["disconnect", FROM, TO],
["connections", PORT] (none if there is no such port), ["send", [HEX, …], GAP], ["heard"].
"""

import contextlib
import json
import os
import sys
import time
from typing import Any

import jack
import rtmidi


def main(name: str) -> None:
    with contextlib.suppress(OSError):  # without real-time priority, its callbacks may wait for a processor
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(20))
    heard: list[tuple[float, str]] = []
    cable = jack.Client(f"{name} cable", no_start_server=True)
    out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, f"{name} out")
    into = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, f"{name} in")
    into.ignore_types(sysex=False, timing=False, active_sense=False)
    into.set_callback(lambda event, _: heard.append((time.perf_counter(), bytes(event[0]).hex())))
    out.open_virtual_port("midi")
    into.open_virtual_port("midi")
    print("[]", flush=True)
    for line in sys.stdin:
        answer: Any = None
        match json.loads(line):
            case ["connect", source, target]:
                try:
                    cable.connect(source, target)
                except jack.JackError as error:
                    answer = str(error)
            case ["disconnect", source, target]:
                cable.disconnect(source, target)
            case ["connections", port]:
                with contextlib.suppress(jack.JackError):  # there is no such port
                    answer = [other.name for other in cable.get_all_connections(port)]
            case ["send", messages, gap]:
                start = time.perf_counter()
                for number, message in enumerate(messages):
                    while gap and time.perf_counter() < start + number * gap:
                        time.sleep(0)
                    out.send_message(bytes.fromhex(message))
                answer = start
            case ["heard"]:
                answer, heard[:] = list(heard), []
        print(json.dumps(answer), flush=True)
    into.cancel_callback()
    for port in (out, into):
        port.close_port()
        port.delete()
    cable.close()


if __name__ == "__main__":
    main(sys.argv[1])
