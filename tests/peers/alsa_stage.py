"""What test_alsa.py runs beside ALSA's sequencer: a real stage; Debian's own programs play and listen."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mido
import rtmidi

from daemon.music.events import Play, is_note_off, is_note_on, note_off, note_on
from daemon.music.tempo import TempoMap
from daemon.spec import PlayerSpec, PortSpec, StageSpec
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


class Monitor:
    """Every message that one of our ports sends, with its time."""

    def __init__(self, port: str, name: str) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self._input = rtmidi.MidiIn(rtmidi.API_LINUX_ALSA, name)
        self._input.ignore_types(sysex=False, timing=False)
        self._input.set_callback(lambda event, _: self.heard.append((time.perf_counter(), bytes(event[0]))))
        self._input.open_virtual_port("in")
        aconnect(port, f"{name}:0")

    def stamp(self, message: bytes) -> float:
        """When it first heard it, and forgets that."""
        until(lambda: message in [m for _, m in self.heard], f"{message.hex(' ')} among {self.heard}")
        return self.heard.pop([m for _, m in self.heard].index(message))[0]

    def close(self) -> None:
        self._input.cancel_callback()
        self._input.close_port()
        self._input.delete()


class Plugged:
    """tests.peers.alsa_peer."""

    def __init__(self, name: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.peers.alsa_peer", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None and self._process.stdout.readline() == "ready\n"

    def play(self, message: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(message.hex() + "\n")
        self._process.stdin.flush()

    def unplug(self) -> float:
        self._process.kill()
        self._process.wait()
        return time.perf_counter()


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


def connected() -> list[str]:
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
            ends = [end.split(":")[0].strip() for end in line.split(": ")[1].split(",")]
            found += [f"{name} > {names[end]}" for end in ends if end in names]  # not ports that are not exported
    return sorted(pair for pair in found if "jamd" in pair)


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
        before = until(connected, "connections")
        assert before == ["Virtual Raw MIDI 0-0 > jamd keys", "jamd choir > Virtual Raw MIDI 0-1"], before
        until(
            lambda: sum("Virtual Raw MIDI" in connection[2] for connection in desk.connections()) == 2,
            "the stage to see them",
        )
        desk.kill_stage()
        assert connected() == []
        desk.start_stage(SPEC, clock=True)
        until(lambda: connected() == before, "the connections")
        print("connections restored")

        with Desk() as second:
            second.start_stage()
            second.send(["spec", SPEC.to_json()])
            print(second.expect(lambda m: m[0] == "failed", "a refusal"))

        hardware = PortSpec("pads", "in", connect="virmidi 0-2", thru=("choir",))
        before_reload = len(desk.received)
        absent = PortSpec("absent", "out", connect="no such port")
        desk.send(["spec", StageSpec(CLOCK, (*PORTS, hardware, absent)).to_json()])
        _, ports = desk.expect(lambda m: m[0] == "ready", "the ports", before_reload)
        assert ports == {"keys": "ALSA", "choir": "ALSA", "pads": "ALSA", "absent": None}, ports
        assert "Virtual Raw MIDI 0-2 > jamd pads" in connected(), connected()
        print("joined by name")

        unplugged(folder, desk)
        real_time(desk)


def unplugged(folder: Path, desk: Desk) -> None:
    monitor = Monitor("jamd choir:0", "observer")
    smf, track = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack()
    smf.tracks.append(track)
    track.append(mido.Message("note_on", note=67, velocity=90, time=0))
    track.append(mido.Message("note_off", note=67, velocity=0, time=480 * 200))
    smf.save(folder / "held.mid")
    player = subprocess.Popen(["aplaymidi", "-p", "jamd keys:0", str(folder / "held.mid")])
    monitor.stamp(note_on(1, 67, 90))
    time.sleep(2)  # the stage looks five times a second who is connected
    player.kill()
    killed = time.perf_counter()
    player.wait()
    print(f"aplaymidi is killed: released after {monitor.stamp(note_off(1, 67)) - killed:.2f} s")

    before = len(desk.received)
    pair = [PortSpec(name, "in", connect="USB:MIDI 1", thru=("choir",)) for name in ("left", "right")]
    desk.send(["spec", StageSpec(CLOCK, (*PORTS, *pair)).to_json()])
    desk.expect(lambda m: m[0] == "ready", "the ports", before)
    left = Plugged("USB")
    until(lambda: "ALSA" in [desk.metrics()["ports"][name] for name in ("left", "right")], "the first one")
    right = Plugged("USB")
    both = {"left": "ALSA", "right": "ALSA"}

    def joined() -> bool:
        return {name: desk.metrics()["ports"][name] for name in both} == both

    # With one there, both are joined to it; as soon as there is another, one has it for itself.
    until(
        lambda: joined() and len(usb_connections()) == 2 and len(set(usb_connections())) == 2,
        "each to be joined to one",
    )
    for number, peer in enumerate((left, right)):
        peer.play(note_on(1, 70 + number, 90))
        monitor.stamp(note_on(1, 70 + number, 90))
    gone = left.unplug()
    print(f"a device is unplugged: released after {monitor.stamp(note_off(1, 70)) - gone:.2f} s")
    until(lambda: not joined(), "a port to be lost")
    filler = Plugged("filler")  # takes the number
    left = Plugged("USB")
    until(lambda: joined() and len(set(usb_connections())) == 2, "it to be joined again")
    assert note_off(1, 71) not in [m for _, m in monitor.heard], (monitor.heard, desk.received[before:])
    for number, peer in enumerate((left, right)):
        peer.play(note_on(1, 74 + number, 90))
        monitor.stamp(note_on(1, 74 + number, 90))
    for peer in (left, right, filler):
        peer.unplug()
    for pitch in (71, 74, 75):
        until(lambda pitch=pitch: note_off(1, pitch) in [m for _, m in monitor.heard], "the note-offs")
    monitor.close()
    print("two of the same name")


def usb_connections() -> list[str]:
    """From which client each of our ports is played by a device called USB."""
    found, client = [], ""
    for line in aconnect("-l").splitlines():
        if line.startswith("client"):
            client = line
        elif "'USB'" in client and "Connecting To" in line:
            found += [client.split()[1]] * len(line.split(","))
    return found


def real_time(desk: Desk) -> None:
    """The kernel cuts long exclusive messages into pieces; what comes between them keeps its time."""
    monitor = Monitor("jamd choir:0", "clock observer")
    assert "Virtual Raw MIDI 0-0 > jamd keys" in connected()  # still
    first, rest = b"\xf0" + bytes(n % 128 for n in range(600)), bytes(n % 100 for n in range(600)) + b"\xf7"
    heard = desk.metrics()["heard"]
    with open("/dev/snd/midiC0D0", "wb", buffering=0) as device:
        device.write(first)
        time.sleep(1)
        device.write(b"\xf8")
        until(lambda: desk.metrics()["heard"] == heard + 1, "a tick, before the end of the exclusive message")
        assert all(is_note_off(m) for _, m in monitor.heard)  # owed since the last monitor was closed
        device.write(rest)
        monitor.stamp(first + rest)
        device.write(b"\xfa\xf8" + note_on(1, 5, 90) + note_off(1, 5))
        monitor.stamp(note_off(1, 5))
    assert desk.metrics()["heard"] == heard + 6
    assert desk.metrics()["malformed"] == 0
    monitor.close()
    print("real-time messages within an exclusive one")


if __name__ == "__main__":
    fakes.PATIENCE = 60  # an emulated processor
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
    print("all well")
