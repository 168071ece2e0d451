"""A Link clock in a process of its own: `python -m tests.realtime.link_peer BPM QUANTUM`.

It takes commands as JSON lines and answers each with what it knows: ["look"], ["start"], ["stop"], ["bpm", BPM];
["press", PLAYS] starts or stops the session at this very moment, as the button of another program does.
"""

import json
import select
import sys
import time
from typing import Any

from daemon.clocks import ableton_link
from daemon.clocks.midi_clock_in import TransportChange


def main(bpm: float, quantum: float) -> None:
    clock = ableton_link.join(bpm, quantum)
    starts: list[list[float]] = []
    print("{}", flush=True)
    while True:
        now = time.perf_counter()
        starts += [
            [change.tempo.beat, change.tempo.seconds, now]
            for change in clock.advance(now)
            if isinstance(change, TransportChange) and change.kind == "start"
        ]
        if not select.select([sys.stdin], [], [], clock.next_look(now) - now)[0]:
            continue
        line = sys.stdin.readline()
        if not line:
            break
        match json.loads(line):
            case ["start"]:
                clock.start(time.perf_counter())
            case ["stop"]:
                clock.stop(time.perf_counter())
            case ["bpm", value]:
                clock.set_bpm(time.perf_counter(), value)
            case ["press", plays]:
                press(clock, plays)
        tempo = clock.tempo
        answer: dict[str, Any] = {"line": [tempo.beat, tempo.seconds, tempo.bpm], "starts": starts}
        print(json.dumps(answer | clock.status()), flush=True)
    clock.close()


def press(clock: ableton_link.AbletonLink, plays: bool) -> None:
    link = clock._link
    state = link.captureAppSessionState()
    state.setIsPlaying(plays, link.clock().micros())
    link.commitAppSessionState(state)


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]))
