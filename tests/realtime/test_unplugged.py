"""Keyboards and synthesisers that are unplugged while they play: peers on a private JACK server that are killed."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
from collections.abc import Iterator

import pytest

from daemon.music.events import note_off, note_on
from daemon.spec import PlayerSpec, PortSpec, StageSpec
from tests.realtime.band import BAND, CLOCK, OCTAVER, THRU, PlayerProcess, sounding
from tests.soak import rig
from tests.soak.observer import OutputMonitor
from tests.stage.fakes import Desk, Peer, at_best, until
from tests.tools.jack import JackServer


@pytest.fixture
def piano(desk: Desk) -> Iterator[Peer]:
    with Peer("piano") as piano:
        yield piano


def lost(desk: Desk) -> list[str]:
    """Inputs that the performance lost, in order."""
    return [entry[2] for message in desk.messages("journal") for entry in message[1] if entry[0] == "lost"]


def test_a_keyboard_is_killed_within_a_note_and_comes_back(desk: Desk, peer: Peer) -> None:
    """On a virtual input: the port is not lost, but the note-offs will not come."""
    desk.start_stage(BAND)
    with PlayerProcess(desk):
        desk.send(["start"])
        peer.connect(out="choir")

        def unplug() -> float:
            before = len(lost(desk))
            piano = Peer("piano")
            piano.connect("keys")
            began = piano.send(note_on(5, 40, 90), note_on(1, 72, 90))
            peer.stamp(note_on(2, 60, 80), after=began)
            until(
                lambda: any("piano out:midi" in connection for connection in desk.connections()),
                "the connection to be known",
            )
            killed = time.perf_counter()
            piano.kill()
            ends = (note_off(1, 72), note_off(5, 40), note_off(2, 60))
            took = max(peer.stamp(end, after=killed) for end in ends) - killed
            until(lambda: lost(desk)[before:], "the entry in the journal")
            with Peer("piano") as piano:
                until(lambda: "piano out:midi" in piano.connections("jamd keys:midi"), "its connection", 2.0)
                began = piano.send(note_on(1, 74, 90), note_off(1, 74))
                peer.stamp(note_off(1, 74), after=began)
                piano.disconnect("piano out:midi", "jamd keys:midi")
                until(
                    lambda: not any("piano out:midi" in connection for connection in desk.connections()),
                    "the cut to be known",
                )
            until(lambda: lost(desk)[before:] == ["keys", "keys"], "an entry for the death, and one for the cut")
            return took

        at_best(unplug, 0.5)
    assert not sounding(m for m in peer.messages() if m[0] & 15 != 2)  # 2 is the grid
    assert desk.metrics()["lost_ports"] == 0


def test_one_of_two_connections_is_cut(desk: Desk, peer: Peer, piano: Peer) -> None:
    desk.start_stage(BAND)
    peer.connect("keys", "choir")
    piano.connect("keys")
    piano.send(note_on(1, 72, 90))
    peer.send(note_on(1, 48, 90))
    peer.stamp(note_on(1, 48, 90))
    until(lambda: len(desk.connections()) == 3, "the connections to be known")
    piano.disconnect("piano out:midi", "jamd keys:midi")
    peer.stamp(note_off(1, 72))
    peer.stamp(note_off(1, 48))  # which input holds what is unknown
    peer.send(note_on(1, 50, 90))
    peer.stamp(note_on(1, 50, 90))


def test_a_synth_is_killed_within_a_note_and_comes_back(desk: Desk, piano: Peer) -> None:
    desk.start_stage(StageSpec(CLOCK, THRU))
    piano.connect("keys")
    with Peer("synth") as synth:
        synth.connect(out="choir")
        piano.send(note_on(1, 60, 90), note_on(1, 61, 90))
        synth.stamp(note_on(1, 61, 90))
        until(
            lambda: any("synth in:midi" in connection for connection in desk.connections()),
            "the connection to be known",
        )
        assert desk.metrics()["unsent"] == 0
        synth.kill()
    time.sleep(0.5)
    piano.send(note_off(1, 60), note_on(1, 62, 90))
    until(lambda: desk.metrics()["unsent"] == 2, "two messages that got nowhere")
    warnings = [m for m in desk.messages("log") if m[1] == "warning" and "ALSA" not in m[3]]
    assert warnings == []
    with Peer("synth") as synth:
        synth.stamp(note_off(1, 60), 2.0)
        assert "synth in:midi" in synth.connections("jamd choir:midi")
        assert note_off(1, 61) not in synth.messages()  # it is still held
        piano.send(note_off(1, 61), note_off(1, 62))
        synth.stamp(note_off(1, 61))
        synth.stamp(note_off(1, 62))


def test_a_keyboard_named_by_connect_is_killed_within_a_note_and_comes_back(desk: Desk, peer: Peer) -> None:
    keys = PortSpec("keys", "in", connect="piano OUT", thru=("choir",))
    assert desk.start_stage(StageSpec(CLOCK, (keys, THRU[1]))) == {"keys": None, "choir": "JACK"}
    peer.connect(out="choir")
    for number in (1, 2):
        with Peer("my piano") as piano:
            until(lambda: desk.metrics()["ports"]["keys"] == "JACK", "the piano to be connected", 2.0)
            began = piano.send(note_on(1, 60, 90))
            peer.stamp(note_on(1, 60, 90), after=began)
            piano.kill()
            peer.stamp(note_off(1, 60), after=began)
        until(lambda: desk.metrics()["ports"]["keys"] is None, "the piano to be lost")
        until(lambda number=number: lost(desk) == ["keys"] * number, "one entry in the journal")


def test_an_exclusive_message_that_never_ends(desk: Desk, peer: Peer, piano: Peer) -> None:
    """rtmidi takes all that follows for its continuation: the swallowed messages are recovered, and soon."""
    desk.start_stage(BAND)
    peer.connect("keys", "choir")
    piano.connect("keys")
    piano.send(note_on(1, 60, 90))
    peer.stamp(note_on(1, 60, 90))
    began = piano.send(b"\xf0\x7e\x01")
    piano.send(note_on(1, 62, 90))
    piano.send(note_off(1, 60))
    assert peer.stamp(note_off(1, 60)) - began < 5.0
    assert sounding(peer.messages()) == {(0, 62)}
    began = piano.send(note_on(1, 64, 90))
    assert peer.stamp(note_on(1, 64, 90)) - began < 0.5
    long = b"\xf0" + bytes(n % 128 for n in range(200)) + b"\xf7"
    for _ in range(3):  # what ends is left alone
        time.sleep(0.8)
        peer.send(long)
    until(lambda: peer.messages().count(long) == 3, "three messages, whole")


def test_a_keyboard_is_killed_within_an_exclusive_message(desk: Desk, peer: Peer, piano: Peer) -> None:
    desk.start_stage(BAND)
    peer.connect("keys", "choir")
    piano.connect("keys")
    until(lambda: len(desk.connections()) == 3, "the connections to be known")
    time.sleep(1.2)
    piano.send(b"\xf0\x7e\x01")
    piano.kill()
    time.sleep(0.5)
    began = peer.send(note_on(1, 64, 90))
    assert peer.stamp(note_on(1, 64, 90)) - began < 0.9


def test_real_time_messages_within_an_exclusive_message(desk: Desk, peer: Peer, piano: Peer) -> None:
    desk.start_stage(StageSpec(CLOCK, THRU))
    peer.connect("keys", "choir")
    piano.connect("keys")
    piano.send(note_on(1, 60, 90))
    peer.stamp(note_on(1, 60, 90))
    before = desk.metrics()["heard"]
    piano.send(b"\xfa", b"\xf8", b"\xf0\x01\xf8\x02\xf7", b"\xfc")
    peer.stamp(b"\xf0\x01\x02\xf7")
    until(lambda: desk.metrics()["heard"] == before + 5, "four real-time messages and an exclusive one")
    assert desk.metrics()["malformed"] == 0


def test_a_reload_rewires_thru_while_notes_sound(desk: Desk, peer: Peer) -> None:
    """The old output gets its note-offs, the new one what follows; unchanged players play on."""
    players = (OCTAVER, PlayerSpec("other", (), "organ", {"low": 4}, True, 0.03, 0.05))
    ports = (*THRU, PortSpec("pads", "in", thru=("choir",)), PortSpec("organ", "out"))
    desk.start_stage(StageSpec(CLOCK, ports, players=players))
    with PlayerProcess(desk), Peer("drummer") as drummer:
        desk.send(["start"])
        peer.connect("keys", "choir")
        peer.connect(out="organ")
        drummer.connect("pads")
        drummer.send(note_on(10, 36, 90))
        peer.stamp(note_on(10, 36, 90))
        peer.send(note_on(1, 72, 90))
        peer.stamp(note_on(1, 72, 90))
        until(lambda: len(desk.connections()) == 4, "the connections to be known")
        before = len(desk.received)
        rewired = (PortSpec("keys", "in", thru=("organ",)), *ports[1:])
        asked = time.perf_counter()
        desk.send(["spec", StageSpec(CLOCK, rewired, players=players).to_json()])
        assert desk.expect(lambda m: m[0] == "ready", "the new ports", before)[1] == dict.fromkeys(
            ("keys", "choir", "pads", "organ"), "JACK"
        )
        peer.stamp(note_off(1, 72), after=asked)
        assert (9, 36) in sounding(peer.messages())  # of an input that did not change
        peer.disconnect("jamd organ:midi", "peer in:midi")
        began = peer.send(note_on(1, 74, 90))
        peer.stamp(note_on(2, 62, 80), after=began)  # the player answers on the choir, as before
        assert not [m for s, m in peer.heard() if s >= began and m[:2] == note_on(1, 74, 90)[:2]]
        peer.stamp(note_on(3, 36, 50), after=began)
        assert desk.messages("player") == [["player", "octaver", "up"]]
        peer.send(note_off(1, 74))
        drummer.send(note_off(10, 36))
        peer.stamp(note_off(10, 36))


def test_ports_removed_by_a_reload_delay_no_others(desk: Desk, peer: Peer) -> None:
    """Each owes hundreds of note-offs; notes on the other ports stay in time."""
    organs = tuple(PortSpec(f"organ{n}", "out") for n in range(4))
    pads = PortSpec("pads", "in", thru=tuple(organ.name for organ in organs))
    desk.start_stage(StageSpec(CLOCK, (*THRU, pads, *organs)))
    with Peer("drummer") as drummer:
        drummer.connect("pads")
        for organ in organs:
            drummer.connect(out=organ.name)
        peer.connect("keys", "choir")
        notes = [note_on(channel, pitch, 1) for channel in (1, 2, 3) for pitch in range(128)]
        ends = [note_off(channel, pitch) for channel in (1, 2, 3) for pitch in range(128)]
        played = [m for pitch in range(40, 80) for m in (note_on(1, pitch, 90), note_off(1, pitch))]
        drummer.send(*notes, gap=0.0005)
        until(lambda: len(sounding(drummer.messages())) == len(notes), "all notes")
        before = len(desk.received)
        desk.send(["spec", StageSpec(CLOCK, THRU).to_json()])
        peer.send(*played, gap=0.005)
        desk.expect(lambda m: m[0] == "ready", "the ports", before)
        with contextlib.suppress(AssertionError):
            until(lambda: len(peer.heard()) >= len(played), "all that was played", 2.0)
        assert peer.messages() == played
        until(lambda: not sounding(drummer.messages()), "all note-offs")
        assert all(drummer.messages().count(end) >= 4 for end in ends)


def test_the_stage_stands_still_for_half_a_second(desk: Desk, peer: Peer) -> None:
    """JACK keeps nothing for it, so a key that was released meanwhile is not heard: what keys hold ends. Notes that are
    too late are dropped, note-offs never.
    """
    early = dataclasses.replace(OCTAVER, lead=0.3)  # so that notes wait for their time whenever it is stopped
    desk.start_stage(StageSpec(CLOCK, THRU, players=(early,)), clock=True)
    with PlayerProcess(desk):
        peer.connect("keys", "choir")
        peer.stamp(note_on(3, 36, 50))
        began = peer.send(note_on(1, 72, 90), note_on(5, 40, 90))
        peer.stamp(note_on(2, 60, 80), after=began)
        dropped = desk.metrics()["dropped"]
        assert desk.stage is not None
        for _ in range(3):
            os.kill(desk.stage.pid, signal.SIGSTOP)
            stopped = time.perf_counter()
            time.sleep(0.25)
            peer.send(note_off(1, 72), note_off(5, 40), note_on(1, 74, 90))
            time.sleep(0.4)
            os.kill(desk.stage.pid, signal.SIGCONT)
            peer.stamp(note_on(3, 36, 50), after=stopped + 0.65)  # the grid goes on
        for end in (note_off(1, 72), note_off(5, 40), note_off(2, 60)):
            peer.stamp(end)
        assert desk.metrics()["dropped"] > dropped
        assert desk.messages("player")[-1] == ["player", "octaver", "up"]
        began = peer.send(note_on(1, 76, 90), note_off(1, 76))
        peer.stamp(note_off(2, 64), after=began)
        desk.send(["stop"])
        desk.stage.wait(5)
    assert not sounding(peer.messages())


@pytest.mark.skipif(not rig.available(), reason="no jack_midi_dump: apt-get install jack-example-tools")
def test_a_synth_that_is_killed_and_back_at_once_is_connected_again(
    desk: Desk, piano: Peer, jack_server: JackServer
) -> None:
    """Under its name, as soon as that is free: between two looks at the connections. What somebody cuts is not."""
    desk.start_stage(StageSpec(CLOCK, THRU))
    piano.connect("keys")
    env, monitor = os.environ | jack_server.env, OutputMonitor("synth")
    with contextlib.ExitStack() as plugged:
        synth = plugged.enter_context(rig.Synth("quick", monitor, env))
        piano.connect_ports("jamd choir:midi", "quick synth:input")
        until(
            lambda: any("quick synth:input" in connection for connection in desk.connections()),
            "the connection to be known",
        )
        for number in range(8):
            time.sleep(0.25 + 0.03 * number)
            piano.send(note_on(1, 60, 90))
            until(lambda: monitor.left_sounding(), "a note")
            synth.unplug()
            piano.send(note_off(1, 60))
            until(lambda: not piano.has_port("quick synth:input"), "the port to be gone")
            synth = plugged.enter_context(rig.Synth("quick", monitor, env))
            until(lambda: not monitor.left_sounding(), "the note-off that was missed", 2.0)
            assert piano.connections("jamd choir:midi") == ["quick synth:input"]
        piano.disconnect("jamd choir:midi", "quick synth:input")
        until(
            lambda: not any("quick synth:input" in connection for connection in desk.connections()),
            "the cut to be known",
        )
        assert piano.connections("jamd choir:midi") == []
