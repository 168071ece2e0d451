"""An independent JACK client in a process of its own: it moves JACK's transport, and hears with its own stamps.

`python -m tests.realtime.jack_observer` takes commands as JSON lines and answers each: ["listen", NAME, PORT],
["heard"], ["stall"], ["tempo", BPM], ["roll"], ["halt"], ["locate", BEAT]; the last two wait until no beat is near. It
is JACK's timebase master, so `jack_midi_clock` takes tempo and place from it. Stamps are `time.perf_counter()` at the
start of the event's period, and its frame there: JACK's own frames stand still with the server.
"""

from __future__ import annotations

import gc
import json
import math
import subprocess
import sys
import time
from collections import deque
from typing import Any, Self

import jack

from tests.stage.fakes import end_process, until
from tests.tools.jack import JackServer

BAR = 4  # beats
STALL = 0.015  # seconds between two calls of the server, whose period is a fifth of that
TICKS = 1920.0  # to a beat, of JACK's transport: not MIDI's
BAR_BEAT_TICK = 0x10  # JackPositionBits (jack/types.h): these fields are filled in


class Observer:
    """The process, seen from the test; stamps in seconds."""

    def __init__(self, server: JackServer, last_try: bool = False) -> None:
        self._server, self._xruns, self._last_try = server, server.xruns(), last_try
        command = [sys.executable, "-m", "tests.realtime.jack_observer"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._read()
        self._kept: dict[str, list[tuple[float, bytes]]] = {"master": [], "slave": []}

    def listen(self, name: str, port: str) -> None:
        """Hear `port`, as `name`, from now on."""
        until(lambda: self._ask("listen", name, port) is None, f"port {port}")

    def heard(self, name: str) -> list[tuple[float, bytes]]:
        """Everything since it listens."""
        time.sleep(0.03)  # it is asked in a loop, and has something else to do
        for source, seconds, message in self._ask("heard"):
            self._kept[source].append((seconds, bytes.fromhex(message)))
        return self._kept[name]

    def stalled(self) -> bool:
        """Whether the server stood still since the observer is there, or the machine with everything on it."""
        return self._server.xruns() > self._xruns or self.stall() > STALL

    def excused(self) -> bool:
        """Whether it would be of no use to run this test again: the server has stood still in each of its tries."""
        return self._last_try and self.stalled()

    def stall(self) -> float:
        """Seconds that the server kept it waiting, at most."""
        return float(self._ask("stall"))

    def tempo(self, bpm: float) -> None:
        self._ask("tempo", bpm)

    def roll(self) -> None:
        self._ask("roll")

    def halt(self) -> None:
        self._ask("halt")

    def locate(self, beat: float) -> None:
        self._ask("locate", beat)

    def close(self) -> None:
        end_process(self._process)

    def __enter__(self) -> Self:
        """JACK's transport stands at its beginning."""
        self.halt()
        self.locate(0)
        return self

    def __exit__(self, *_: object) -> None:
        self.halt()
        self.close()

    def _ask(self, *command: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def main() -> None:
    sys.setswitchinterval(0.0001)  # seconds: a server whose client waits for its own interpreter loses time
    gc.disable()
    client = jack.Client("observer", no_start_server=True)
    inputs = {name: client.midi_inports.register(name) for name in ("master", "slave")}
    heard: deque[tuple[str, float, str]] = deque()
    rate = client.samplerate
    bpm, anchor = 120.0, (0, 0.0)  # a tempo holds from that frame on, which is that beat
    called, stall = math.inf, 0.0  # seconds: when the server last called, the longest that it took

    def beat_at(frame: int) -> float:
        return anchor[1] + (frame - anchor[0]) / rate * bpm / 60

    def process(_frames: int) -> None:
        nonlocal called, stall
        began = time.perf_counter()
        called, stall = began, max(stall, began - called)
        for name, port in inputs.items():
            for offset, message in port.incoming_midi_events():
                heard.append((name, began + offset / rate, bytes(message).hex()))

    def between_beats() -> None:
        """So that a beat and what ends it cannot be mistaken for each other's order."""
        while client.transport_state != jack.STOPPED and not 0.3 < beat_at(client.transport_frame) % 1 < 0.5:
            time.sleep(0.005)

    def timebase(_state: Any, _frames: int, position: Any, _new: bool) -> None:
        beats = beat_at(position.frame)
        bar = int(beats // BAR)
        position.valid = BAR_BEAT_TICK
        position.bar, position.beat, position.tick = bar + 1, int(beats % BAR) + 1, int(beats % 1 * TICKS)
        position.bar_start_tick = bar * BAR * TICKS
        position.beats_per_bar, position.beat_type = BAR, 4
        position.ticks_per_beat, position.beats_per_minute = TICKS, bpm

    client.set_process_callback(process)
    client.set_timebase_callback(timebase)
    client.activate()
    print("[]", flush=True)
    for line in sys.stdin:
        answer: Any = None
        match json.loads(line):
            case ["listen", name, port]:
                try:
                    client.connect(port, inputs[name])
                except jack.JackError as error:
                    answer = str(error)
            case ["heard"]:
                answer = [heard.popleft() for _ in range(len(heard))]
            case ["stall"]:
                answer = stall
            case ["tempo", new]:
                frame = client.transport_frame
                bpm, anchor = new, (frame, beat_at(frame))
            case ["roll"]:
                client.transport_start()
            case ["halt"]:
                between_beats()
                client.transport_stop()
            case ["locate", beat]:
                between_beats()
                anchor = 0, 0.0
                client.transport_locate(round(beat * 60 / bpm * rate))
        print(json.dumps(answer), flush=True)
    client.deactivate()
    client.close()


if __name__ == "__main__":
    main()
