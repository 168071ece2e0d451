"""Programs, volumes and pans over a private JACK server: synthesisers that come late, die and return hear them."""

from __future__ import annotations

import time

from daemon.commands import Panic, encode_command
from daemon.midi.ledger import panic_messages
from daemon.music.events import note_off, note_on
from daemon.music.sound import Sound
from daemon.spec import PortSpec, StageSpec
from tests.realtime.band import CLOCK
from tests.stage.fakes import Desk, Peer, until

SOUNDS = (Sound(1, 53, (0, 1), 100, -20), Sound(2, 74, volume=90), Sound(10, 33))
FIRST, SECOND, DRUMS = (sound.messages() for sound in SOUNDS)
PORTS = (PortSpec("keys", "in", thru=("choir",)), PortSpec("choir", "out", sounds=SOUNDS))


def heard(synth: Peer, count: int) -> list[bytes]:
    """The first `count` messages but for panics, and whatever else comes within 0.1 s."""
    until(lambda: len(without_panics(synth)) >= count, f"{count} messages")
    time.sleep(0.1)
    return without_panics(synth)


def without_panics(synth: Peer) -> list[bytes]:
    return [message for message in synth.messages() if message not in panic_messages()]


def test_a_synthesiser_that_is_connected_late_or_comes_back_hears_the_sounds(desk: Desk, peer: Peer) -> None:
    desk.start_stage(StageSpec(CLOCK, PORTS))
    peer.connect("keys")
    peer.send(note_on(1, 60, 90))
    until(lambda: desk.metrics()["heard"] == 1, "the note")
    with Peer("synth") as synth:
        synth.connect(out="choir")
        assert heard(synth, 3) == [*SECOND, *DRUMS]  # a note sounds on channel 1
        peer.send(note_off(1, 60), note_on(1, 62, 90), note_off(1, 62))
        assert heard(synth, 11)[3:] == [note_off(1, 60), *FIRST, note_on(1, 62, 90), note_off(1, 62)]
        until(lambda: any("synth in:midi" in connection for connection in desk.connections()), "its connection")
        synth.kill()
    with Peer("synth") as synth:
        returned = heard(synth, 8)
        assert [message for message in returned if message not in (note_off(1, 60), note_off(1, 62))] == [
            *FIRST,
            *SECOND,
            *DRUMS,
        ]
        desk.send(["command", encode_command(Panic()), time.perf_counter()])
        assert heard(synth, len(returned) + 8)[len(returned) :] == [*FIRST, *SECOND, *DRUMS]
        before = len(without_panics(synth))
        changed = (PORTS[0], PortSpec("choir", "out", sounds=(SOUNDS[0], Sound(2, 74, volume=80), SOUNDS[2])))
        desk.send(["spec", StageSpec(CLOCK, changed).to_json()])
        assert heard(synth, before + 1)[before:] == [b"\xb1\x07\x50"]
