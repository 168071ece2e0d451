"""A Link clock in a process of its own: `python -m tests.realtime.link_peer BPM QUANTUM`.

It takes commands as JSON lines and answers each with what it knows: ["look"], ["start"], ["stop"], ["bpm", BPM];
["press", PLAYS] starts or stops the session at this very moment, as the button of another program does.
"""

import json
import select
import sys
import time
from typing import Any

from daemon.clocks.ableton_link import AbletonLink
from daemon.clocks.source import SourceSetup, TransportChange
from daemon.commands import SetTempo, StartTransport, StopTransport
from daemon.spec import ClockSpec


def main(bpm: float, quantum: float) -> None:
    spec = ClockSpec("link", by_hand=True)
    clock = AbletonLink.create(SourceSetup(spec, bpm, quantum, lambda: 0.0, lambda *_: None, time.perf_counter))
    clock.begin(time.perf_counter())
    starts: list[list[float]] = []
    print("{}", flush=True)
    while True:
        now = time.perf_counter()
        starts += [
            [change.tempo.beat, change.tempo.seconds, now]
            for change in clock.advance(now)
            if isinstance(change, TransportChange) and change.kind == "start"
        ]
        if not select.select([sys.stdin], [], [], max(clock.next_look - now, 0.0))[0]:
            continue
        line = sys.stdin.readline()
        if not line:
            break
        match json.loads(line):
            case ["start"]:
                clock.propose(time.perf_counter(), StartTransport(), 0.0)
            case ["stop"]:
                clock.propose(time.perf_counter(), StopTransport(), 0.0)
            case ["bpm", value]:
                clock.propose(time.perf_counter(), SetTempo(value), 0.0)
            case ["press", plays]:
                press(clock, plays)
        tempo = clock.tempo
        answer: dict[str, Any] = {"line": [tempo.beat, tempo.seconds, tempo.bpm], "starts": starts}
        print(json.dumps(answer | clock.status()), flush=True)
    clock.close()


def press(clock: AbletonLink, plays: bool) -> None:
    link = clock._session._link
    state = link.captureAppSessionState()
    state.setIsPlaying(plays, link.clock().micros())
    link.commitAppSessionState(state)


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]))
