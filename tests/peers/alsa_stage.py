"""What test_alsa.py runs beside ALSA's sequencer: a real stage; Debian's own programs play and listen."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mido

from daemon.music.events import Play, is_note_on, note_off, note_on
from daemon.music.tempo import TempoMap
from daemon.stage.spec import PlayerSpec, PortSpec, StageSpec
from daemon.wire import Call, Listen
from tests.stage import fakes
from tests.stage.fakes import Desk, until

CLOCK = TempoMap(((0.0, 120.0),), ((0.0, 4.0),))
PORTS = (PortSpec("keys", "in", thru=("choir",)), PortSpec("choir", "out"))
BURST = PlayerSpec("burst", ("keys",), "choir", {"all": 2}, False, lead=0.03, tolerance=9.0)
SPEC = StageSpec(CLOCK, PORTS, players=(BURST,))


def five_hundred(call: Call) -> Iterator[Any]:
    """Answers the key C4 with 250 notes that end at once: 500 messages."""
    if isinstance(call, Listen) and call.event.message == note_on(1, 60, 90):
        for n in range(250):
            yield Play(call.event.beat, n % 125, 1 + n // 125, "all", 0.0)


class Recording:
    """arecordmidi, listening to one of our ports."""

    def __init__(self, folder: Path, port: str) -> None:
        self._path = folder / "recorded.mid"
        self._process = subprocess.Popen(["arecordmidi", "-t", "960", "-p", port, str(self._path)])
        until(lambda: "arecordmidi" in aconnect("-l"), "arecordmidi")
        time.sleep(1)

    def stop(self) -> list[tuple[float, bytes]]:
        """(seconds, message); seconds count from the first message."""
        time.sleep(2)
        self._process.send_signal(signal.SIGINT)
        self._process.wait()
        smf = mido.MidiFile(self._path)
        heard, seconds = [], 0.0
        for message in mido.merge_tracks(smf.tracks):
            seconds += message.time * 0.5 / smf.ticks_per_beat
            if not message.is_meta:
                heard.append((seconds, bytes(message.bytes())))
        return [(stamp - heard[0][0], message) for stamp, message in heard]


def aconnect(*arguments: str) -> str:
    return subprocess.run(["aconnect", *arguments], capture_output=True, text=True, check=True).stdout


def play(folder: Path, *pitches: int) -> None:
    smf, track = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack()
    smf.tracks.append(track)
    for pitch in pitches:
        track.append(mido.Message("note_on", note=pitch, velocity=90, time=100))
        track.append(mido.Message("note_off", note=pitch, velocity=0, time=100))
    smf.save(folder / "play.mid")
    subprocess.run(["aplaymidi", "-p", "jamd keys:0", str(folder / "play.mid")], check=True)


def links() -> list[str]:
    """Lines of `aconnect -l` that tell of connections of ours, numbers left out."""
    found, names, name = [], {}, ""
    lines = aconnect("-l").splitlines()
    for line in lines:
        if line.startswith("client"):
            names[line.split()[1].rstrip(":")] = line.split("'")[1]
    for line in lines:
        if line.startswith("client"):
            name = line.split("'")[1]
        elif "Connecting To" in line:
            found += [f"{name} > {names[end.split(':')[0].strip()]}" for end in line.split(": ")[1].split(",")]
    return sorted(link for link in found if "jamd" in link)


def main(folder: Path) -> None:
    with Desk() as desk:
        assert desk.start_stage(SPEC, clock=True) == {"keys": "ALSA", "choir": "ALSA"}
        print(aconnect("-l"))

        recording = Recording(folder, "jamd choir:0")
        play(folder, 62, 64, 65)
        heard = [message for _, message in recording.stop()]
        assert heard == [m for pitch in (62, 64, 65) for m in (note_on(1, pitch, 90), note_off(1, pitch))], heard
        print("played through")

        desk.player("burst", five_hundred)
        recording = Recording(folder, "jamd choir:0")
        play(folder, 60)
        burst = [(stamp, message) for stamp, message in recording.stop() if message[0] & 15 == 1]
        ons = [message for _, message in burst if is_note_on(message)]
        assert ons == [note_on(2, n % 125, 1 + n // 125) for n in range(250)], len(ons)
        assert len(burst) >= 500, len(burst)
        print(f"burst: {len(burst)} messages in {burst[-1][0] - burst[0][0]:.3f} s")

        aconnect("Virtual Raw MIDI 0-0:0", "jamd keys:0")
        aconnect("jamd choir:0", "Virtual Raw MIDI 0-1:0")
        before = until(links, "connections")
        assert before == ["Virtual Raw MIDI 0-0 > jamd keys", "jamd choir > Virtual Raw MIDI 0-1"], before
        until(lambda: sum("Virtual Raw MIDI" in wish[2] for wish in desk.connections()) == 2, "the stage to see them")
        desk.kill_stage()
        assert links() == []
        desk.start_stage(SPEC, clock=True)
        until(lambda: links() == before, "the connections")
        print("connections restored")

        with Desk() as second:
            second.start_stage()
            second.send(["spec", SPEC.to_json()])
            print(second.expect(lambda m: m[0] == "failed", "a refusal"))

        hardware = PortSpec("pads", "in", connect="virmidi 0-2", thru=("choir",))
        before_reload = len(desk.said)
        absent = PortSpec("absent", "out", connect="no such port")
        desk.send(["spec", StageSpec(CLOCK, (*PORTS, hardware, absent)).to_json()])
        _, ports = desk.expect(lambda m: m[0] == "ready", "the ports", before_reload)
        assert ports == {"keys": "ALSA", "choir": "ALSA", "pads": "ALSA", "absent": None}, ports
        assert "Virtual Raw MIDI 0-2 > jamd pads" in links(), links()
        print("joined by name")


if __name__ == "__main__":
    fakes.PATIENCE = 60  # an emulated processor
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
    print("all well")
