"""An independent JACK client for measurements of sound: plays MIDI at exact frames, and records audio and MIDI.

    python -m daemon.bench.audio_peer FILE <SCORE.json     # prints what was sent and heard as JSON, the audio to FILE

The client is `bench recorder`, with the ports `midi_in`, `midi_out`, and `audio_1` … for the `sources` of the score
`{"sources": [PORT, …], "connect": [[FROM, TO], …], "events": [[SECONDS, HEX], …], "seconds": SECONDS}`. Frames count
from the beginning of the recording. FILE is a numpy array of shape (sources, frames), float32.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import deque
from typing import Any

import jack
import numpy as np

from daemon.bench.peer import connect

NAME = "bench recorder"


class Recorder:
    def __init__(self, client: Any, score: dict[str, Any]) -> None:
        self._client = client
        self._sources = [client.inports.register(f"audio_{number + 1}") for number in range(len(score["sources"]))]
        self._midi_in, self._midi_out = (
            client.midi_inports.register("midi_in"),
            client.midi_outports.register("midi_out"),
        )
        self.audio = np.zeros((len(self._sources), round(score["seconds"] * client.samplerate)), np.float32)
        self._events = deque((round(at * client.samplerate), bytes.fromhex(text)) for at, text in score["events"])
        self.sent: list[tuple[int, str]] = []
        self.heard: list[tuple[int, str]] = []
        self._frame = -1  # not recording yet
        self.ended = threading.Event()
        client.set_process_callback(self._process)

    def start(self) -> None:
        self._frame = 0

    def _process(self, frames: int) -> None:
        self._midi_out.clear_buffer()
        first, end = self._frame, self._frame + frames
        if first < 0 or self.ended.is_set():
            return
        for offset, message in self._midi_in.incoming_midi_events():
            self.heard.append((first + offset, bytes(message).hex()))
        while self._events and self._events[0][0] < end:
            at, message = self._events.popleft()
            self._midi_out.write_midi_event(max(at - first, 0), message)
            self.sent.append((max(at, first), message.hex()))
        part = self.audio[:, first:end]
        for port, into in zip(self._sources, part, strict=True):
            into[:] = port.get_array()[: part.shape[1]]
        self._frame = end
        if end >= self.audio.shape[1]:
            self.ended.set()


def main(file: str) -> None:
    score = json.load(sys.stdin)
    client = jack.Client(NAME, no_start_server=True, use_exact_name=True)
    rate, period = client.samplerate, client.blocksize
    recorder = Recorder(client, score)
    with client:
        sources = [[source, f"{NAME}:audio_{number + 1}"] for number, source in enumerate(score["sources"])]
        connect([*sources, *score["connect"]])
        recorder.start()
        recorder.ended.wait(score["seconds"] + 30)
    if not recorder.ended.is_set():
        sys.exit("JACK stood still")
    np.save(file, recorder.audio)
    result = {"sent": recorder.sent, "heard": recorder.heard, "rate": rate, "period": period}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
