"""`jamd run` on a private JACK server: what other clients hear after kills, hangs and reloads."""

import contextlib
import os
import queue
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import jack
import mido
import pytest

from daemon.music.events import is_note_off, is_note_on, note_off, note_on
from tests.desk.jamd import Jamd, band
from tests.stage.fakes import at_best
from tests.tools.jack import JackServer

KEY = 72  # an Echo answers an octave higher


class Peer:
    """An independent client that plays into `jamd keys` and records jamd's outputs."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, str, bytes]] = []  # perf_counter, input, message
        self._queue: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.client = jack.Client("peer", no_start_server=True)
        self.keys = self.client.midi_outports.register("keys")
        self.inputs: list[jack.OwnMidiPort] = []
        self.client.set_process_callback(self._process)
        self.client.activate()

    def listen(self, name: str) -> None:
        """Record jamd's output `name` from now on."""
        port = self.client.midi_inports.register(name.replace(" ", "_"))
        self.inputs.append(port)
        self._connect(self.output(name), port)

    def output(self, name: str) -> jack.MidiPort:
        (port,) = self.client.get_ports(f"^jamd {name}:", is_midi=True, is_output=True)
        return port

    def connect_keys(self) -> None:
        (port,) = self.client.get_ports("^jamd keys:", is_midi=True, is_input=True)
        self._connect(self.keys, port)

    def _connect(self, sender: object, receiver: object) -> None:
        with contextlib.suppress(jack.JackErrorCode):  # jamd may have restored the connection just before
            self.client.connect(sender, receiver)

    def play(self, message: bytes) -> float:
        self._queue.put(message)
        return time.perf_counter()

    def sounding(self, name: str) -> set[tuple[int, int]]:
        """(channel, pitch) of the notes sounding on an output."""
        notes = set()
        for _, port, message in list(self.heard):
            if port == name and is_note_on(message):
                notes.add((message[0] & 15, message[1]))
            elif port == name and is_note_off(message):
                notes.discard((message[0] & 15, message[1]))
        return notes

    def when(self, name: str, wanted: bytes, after: float, seconds: float) -> float:
        """Seconds from `after` until `wanted` was heard."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for stamp, port, message in list(self.heard):
                if port == name and message[:2] == wanted[:2] and stamp >= after:
                    return stamp - after
            time.sleep(0.005)
        raise AssertionError(f"{name}: no {wanted.hex()} within {seconds} s of {len(self.heard)} messages")

    def close(self) -> None:
        self.client.deactivate()
        self.client.close()

    def _process(self, frames: int) -> None:
        now = time.perf_counter()
        self.keys.clear_buffer()
        while not self._queue.empty():
            self.keys.write_midi_event(0, self._queue.get())
        for port in self.inputs:
            name = port.shortname.replace("_", " ")
            self.heard += [(now, name, bytes(data)) for _, data in port.incoming_midi_events()]


@pytest.fixture
def jamd(tmp_path: Path, echo_engine: Path, jack_server: JackServer) -> Iterator[Jamd]:
    config = band("ann", "bob").replace("[keys, tune]", "[keys]")
    config = config.replace("keys: {direction: in}", "keys: {direction: in, thru: [ann out]}")
    with Jamd(tmp_path, config) as jamd:
        yield jamd.ready()


@pytest.fixture
def peer(jamd: Jamd) -> Iterator[Peer]:
    peer = Peer()
    peer.connect_keys()
    peer.listen("ann out")
    peer.listen("bob out")
    yield peer
    peer.close()


def hold(peer: Peer) -> None:
    """Hold a key that both players echo."""
    struck = peer.play(note_on(3, KEY, 100))
    peer.when("ann out", note_on(3, KEY, 100), struck, 2)  # thru
    peer.when("ann out", note_on(1, KEY + 12, 100), struck, 2)
    peer.when("bob out", note_on(1, KEY + 12, 100), struck, 2)


def test_ports_and_answers(jamd: Jamd, peer: Peer) -> None:
    hold(peer)
    released = peer.play(note_off(3, KEY))
    for output, channel, pitch in [("ann out", 3, KEY), ("ann out", 1, KEY + 12), ("bob out", 1, KEY + 12)]:
        peer.when(output, note_off(channel, pitch), released, 2)


@pytest.mark.parametrize(("number", "released", "back"), [(signal.SIGKILL, 0.1, 3.0), (signal.SIGSTOP, 1.0, 5.0)])
def test_notes_of_a_lost_player_end(
    jamd: Jamd, peer: Peer, number: signal.Signals, released: float, back: float
) -> None:
    returns = []

    def lose() -> float:
        hold(peer)
        lost = time.perf_counter()
        os.kill(jamd.children()["ann"], number)
        took = peer.when("ann out", note_off(1, KEY + 12), lost, 6)
        assert (2, KEY) in peer.sounding("ann out")  # thru continues
        assert (0, KEY + 12) in peer.sounding("bob out")
        # The player is back: it plays a note on every beat.
        returns.append(took + peer.when("ann out", note_on(2, 48, 80), lost + took, 10))
        peer.play(note_off(3, KEY))
        return took

    at_best(lose, released)
    assert min(returns) < back


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_note_sounds_after_the_end_of_the_desk(jamd: Jamd, peer: Peer, number: signal.Signals) -> None:
    hold(peer)
    lost = time.perf_counter()
    jamd.process.send_signal(number)
    peer.when("bob out", note_off(1, KEY + 12), lost, 3)
    jamd.wait(lambda: not peer.client.get_ports("^jamd "), 3, "closed ports")
    assert peer.sounding("ann out") == peer.sounding("bob out") == set()


def test_a_new_stage_sends_missing_note_offs_and_restores_connections(jamd: Jamd, peer: Peer) -> None:
    def kill() -> float:
        time.sleep(0.5)  # the stage updates the connections five times a second
        hold(peer)
        lost = time.perf_counter()
        os.kill(jamd.children()["stage"], signal.SIGKILL)
        missing = [("ann out", 3, KEY), ("ann out", 1, KEY + 12), ("bob out", 1, KEY + 12)]
        took = max(peer.when(output, note_off(channel, pitch), lost, 10) for output, channel, pitch in missing)
        jamd.wait(lambda: peer.keys.is_connected_to("jamd keys:midi"), 5, "the connection of the keys")
        return max(took, time.perf_counter() - lost)

    at_best(kill, 3.0)
    time.sleep(0.5)
    hold(peer)


def test_reload_does_not_disturb_unchanged_players(jamd: Jamd, peer: Peer) -> None:
    hold(peer)
    text = (jamd.folder / "config.yaml").read_text()
    jamd.configure(text.replace("bob out, channels: {echo: 1", "bob out, channels: {echo: 4"))
    asked = time.perf_counter()
    jamd.reload()
    assert peer.when("bob out", note_off(1, KEY + 12), asked, 5) > 0
    assert {(2, KEY), (0, KEY + 12)} <= peer.sounding("ann out")
    assert not [
        message for stamp, name, message in peer.heard if name == "ann out" and stamp > asked and message[1] > 48
    ]
    struck = peer.play(note_on(3, KEY + 1, 100))
    peer.when("bob out", note_on(4, KEY + 13, 100), struck, 2)


def test_a_key_mutes_a_player_and_a_reload_moves_the_split_and_a_stage_that_follows_knows_the_mute(
    tmp_path: Path, echo_engine: Path, jack_server: JackServer
) -> None:
    def config(split: int) -> str:
        parts = (f"{{to: {split - 1}}}", f"{{from: {split}}}")
        text = band("ann", "bob") + "controls: {keys: {note 36: {mute: ann}}}\n"
        for part in parts:
            text = text.replace("listen: [keys, tune]", f"listen: [keys: {part}]", 1)
        return text

    with Jamd(tmp_path, config(KEY)) as jamd:
        jamd.ready()
        peer = Peer()
        try:
            peer.listen("ann out")
            peer.listen("bob out")
            peer.connect_keys()
            low, high = KEY - 1, KEY
            for key, heard, silent in ((low, "ann out", "bob out"), (high, "bob out", "ann out")):
                peer.when(heard, note_on(1, key + 12, 90), peer.play(note_on(1, key, 90)), 3)
                assert (0, key + 12) not in peer.sounding(silent)
            players = jamd.children()
            jamd.configure(config(low))
            jamd.reload()
            assert jamd.children() == players  # nobody starts anew
            assert (0, low + 12) in peer.sounding("ann out") and (0, high + 12) in peer.sounding("bob out")
            peer.when("ann out", note_off(1, low + 12), peer.play(note_off(1, low)), 3)  # where it was pressed
            peer.when("bob out", note_on(1, low + 12, 90), peer.play(note_on(1, low, 90)), 3)
            peer.when("ann out", note_on(1, low + 11, 90), peer.play(note_on(1, low - 1, 90)), 3)
            peer.when("ann out", note_off(1, low + 11), peer.play(note_on(1, 36, 90)), 3)
            assert (0, low + 12) in peer.sounding("bob out")
            time.sleep(0.5)  # the stage updates the connections five times a second
            os.kill(jamd.children()["stage"], signal.SIGKILL)
            jamd.wait(lambda: not peer.keys.is_connected_to("jamd keys:midi"), 5, "the end of the stage")
            jamd.wait(lambda: peer.keys.is_connected_to("jamd keys:midi"), 5, "the connection of the keys")
            time.sleep(0.5)
            for key in (low - 1, low - 2):
                peer.play(note_on(1, key, 90))
            peer.when("bob out", note_on(1, high + 13, 90), peer.play(note_on(1, high + 1, 90)), 3)
            assert not any(channel == 0 for channel, _ in peer.sounding("ann out"))
            peer.play(note_on(1, 36, 90))
            peer.when("ann out", note_on(1, low + 9, 90), peer.play(note_on(1, low - 3, 90)), 3)
        finally:
            peer.close()


def test_panic(jamd: Jamd, peer: Peer) -> None:
    hold(peer)
    asked = time.perf_counter()
    jamd.process.send_signal(signal.SIGUSR1)
    for output in ("ann out", "bob out"):
        peer.when(output, note_off(1, KEY + 12), asked, 1)
        for controller in (64, 120, 123):
            peer.when(output, bytes((0xBF, controller, 0)), asked, 1)
    hold(peer)


def test_the_jack_server_ends_and_comes_back(jamd: Jamd, jack_server: JackServer) -> None:
    def lines(text: str) -> int:
        return jamd.log[begin:].count(text)

    before = jamd.children()
    for _ in range(2):  # also the second time within a minute, the log tells what is lost, back and connected
        begin = len(jamd.log)
        jack_server.kill()
        jamd.wait(lambda: lines("the JACK server is gone") == 3, 5, "lost ports")
        jack_server.start()
        jamd.wait(lambda: lines("is back") == 3, 5, "ports that are back")
        peer = Peer()
        peer.connect_keys()
        peer.listen("ann out")
        peer.listen("bob out")
        hold(peer)
        assert jamd.children() == before
        jamd.wait(lambda: lines("peer:keys → keys\n") and lines("ann out → peer:ann_out\n"), 5, "connections")
        peer.close()


def test_a_second_jamd_with_the_same_names_refuses_to_start(jamd: Jamd, peer: Peer, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    with Jamd(tmp_path / "second", (jamd.folder / "config.yaml").read_text()) as second:
        assert second.wait_for_end() == 1
        assert second.log.count('"jamd keys:midi" exists already') == 1
        assert "READY" not in second.log
    hold(peer)


def test_after_a_long_silence_a_new_session_begins(tmp_path: Path, echo_engine: Path, jack_server: JackServer) -> None:
    # A module that Python imports at its start shortens the silence.
    (echo_engine / "sitecustomize.py").write_text(
        "from daemon.recording import rotation\nrotation.SESSION_SILENCE = rotation.REQUEST_TIMEOUT = 1.0\n"
    )
    config = band("ann").replace("[keys, tune]", "[keys]").replace("{echo: 1, beat: 2}", "{echo: 1}")
    config = config.replace("melodies: {tune: {file: tune.mid, loop: true}}\n", "")
    with Jamd(tmp_path, config) as jamd:
        jamd.ready()
        peer = Peer()
        peer.connect_keys()
        peer.listen("ann out")
        for pitch in (KEY, KEY + 1, KEY + 2):
            struck = peer.play(note_on(1, pitch, 100))
            peer.when("ann out", note_on(1, pitch + 12, 100), struck, 2)
            peer.play(note_off(1, pitch))
            time.sleep(3.5)
        peer.close()
        assert jamd.end() == 0
    sessions = [mido.MidiFile(path) for path in sorted((tmp_path / "sessions").glob("*.mid"))]
    heard = [[m.note for track in smf.tracks for m in track if m.type == "note_on" and m.velocity] for smf in sessions]
    assert heard == [[pitch, pitch + 12] for pitch in (KEY, KEY + 1, KEY + 2)]


def test_notes_of_a_stopped_stage_end(jamd: Jamd, peer: Peer) -> None:
    """The new stage sends the note-offs, and the receivers are connected to its ports."""

    def stop() -> float:
        hold(peer)
        stage = jamd.children()["stage"]
        lost = time.perf_counter()
        os.kill(stage, signal.SIGSTOP)
        took = max(peer.when(f"{name} out", note_off(1, KEY + 12), lost, 8) for name in ("ann", "bob"))
        jamd.wait(lambda: not peer.sounding("ann out") - {(2, 48)}, 3, "the end of thru")
        jamd.wait(lambda: peer.keys.is_connected_to(peer.client.get_port_by_name("jamd keys:midi")), 3, "the keyboard")
        return took

    at_best(stop, 2.0)


def test_a_pause_of_the_whole_machine_ends_no_process(jamd: Jamd, peer: Peer) -> None:
    """A suspend, or a pause of the virtual machine: the desk has not run either."""
    before = jamd.children()
    for pids in ([before["stage"], jamd.process.pid], [*before.values(), jamd.process.pid]):
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(2.5)
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)
        time.sleep(1.5)
        hold(peer)
        peer.play(note_off(3, KEY))
    assert jamd.children() == before
    assert "does not answer" not in jamd.log
