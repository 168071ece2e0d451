"""A real stage process on a private JACK server; players and listeners are processes of their own."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time

import pytest

from daemon.music.events import control_change, is_note_on, note_off, note_on
from daemon.spec import PlayerSpec, PortSpec, StageSpec
from daemon.wire import Reset, pack
from tests.realtime.band import BAND, CLOCK, THRU, PlayerProcess, numbered, sounding
from tests.stage.fakes import Desk, Peer, at_best, until
from tests.stage.player_process import octave_and_grid
from tests.tools.jack import JackServer


def test_thru_and_a_player_that_answers(desk: Desk, peer: Peer) -> None:
    assert desk.start_stage(BAND, clock=True) == {"keys": "JACK", "choir": "JACK"}
    desk.player("octaver", octave_and_grid)
    peer.connect("keys", "choir")
    peer.send(note_on(1, 72, 90))
    peer.stamp(note_on(1, 72, 90))
    peer.stamp(note_on(2, 60, 80))
    peer.send(note_off(1, 72))
    peer.stamp(note_off(1, 72))
    peer.stamp(note_off(2, 60))
    peer.stamp(note_on(3, 36, 50))
    kinds = {entry[0] for message in until(lambda: desk.messages("journal"), "the journal") for entry in message[1]}
    assert {"up", "start", "heard"} <= kinds
    metrics = desk.metrics()
    assert metrics["latency_ms"]["octaver"]["count"] == 1
    assert metrics["lateness_ms"]["count"] >= 1
    assert metrics["thru_ms"]["count"] == 2
    assert metrics["ports"] == {"keys": "JACK", "choir": "JACK"}


def test_the_stage_has_real_time_priority_where_that_is_allowed(desk: Desk) -> None:
    desk.start_stage(BAND)
    assert desk.stage is not None
    fifo = os.sched_getscheduler(desk.stage.pid) == os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
    assert desk.metrics()["fifo"] == fifo
    if os.geteuid() == 0:
        assert fifo


def test_a_burst_and_a_flood_arrive_whole_and_in_order(desk: Desk, peer: Peer) -> None:
    desk.start_stage(StageSpec(CLOCK, THRU))
    peer.connect("keys", "choir")
    for messages, gap in ((numbered(500), 0.0), (numbered(8000), 0.0005)):
        before = len(peer.messages())
        peer.send(*messages, gap=gap)
        end = time.perf_counter() + 5
        while (came := peer.messages()[before:]) != messages and time.perf_counter() < end:
            time.sleep(0.05)
        assert came == messages


def test_more_messages_at_once_than_the_ring_holds(desk: Desk, peer: Peer) -> None:
    """A player answers with 3,000 notes: rtmidi's ring holds 2,340 messages."""
    burst = PlayerSpec("octaver", (), "choir", {"low": 2}, False, 0.03, 9.0)
    desk.start_stage(StageSpec(CLOCK, THRU, players=(burst,)))
    player = desk.player("octaver")
    desk.send(["start"])
    until(lambda: any(isinstance(call, Reset) for call in player.calls), "the start to be known")
    peer.connect(out="choir")
    notes = [note_on(2, n % 128, 1 + n // 128) for n in range(3000)]
    beat = desk.metrics()["beat"]
    actions = [["low", beat, message[1], message[2], 0.001] for message in notes]
    player.send(pack([[player.number, actions, False]]))
    with contextlib.suppress(AssertionError):
        until(lambda: sum(is_note_on(m) for _, m in peer.heard()) >= len(notes), "all", 5.0)
    assert [m for _, m in peer.heard() if is_note_on(m)] == notes
    until(lambda: not sounding(peer.messages()), "their ends")


def test_a_channel_filter_and_two_inputs(desk: Desk, peer: Peer) -> None:
    ports = (
        PortSpec("keys", "in", channels=(2,), thru=("choir",)),
        PortSpec("pads", "in", thru=("choir", "drums")),
        PortSpec("choir", "out"),
        PortSpec("drums", "out"),
    )
    desk.start_stage(StageSpec(CLOCK, ports))
    peer.connect("keys", "choir")
    peer.send(note_on(1, 60, 1), note_on(2, 61, 2), b"\xf2\x00\x01")
    peer.stamp(b"\xf2\x00\x01")
    with Peer("drummer") as drummer:
        drummer.connect("pads", "drums")
        drummer.send(note_on(1, 62, 3))
        drummer.stamp(note_on(1, 62, 3))
        assert drummer.messages() == [note_on(1, 62, 3)]
    peer.stamp(note_on(1, 62, 3))
    assert peer.messages()[:3] == [note_on(2, 61, 2), b"\xf2\x00\x01", note_on(1, 62, 3)]


def test_random_bytes_leave_no_trace(desk: Desk, peer: Peer) -> None:
    desk.start_stage(StageSpec(CLOCK, THRU))
    peer.connect("keys", "choir")
    rng = random.Random(1)
    garbage = [bytes(rng.randrange(256) for _ in range(rng.randint(1, 3))) for _ in range(1500)]
    garbage += [bytes((0xF0, *(rng.randrange(256) for _ in range(rng.randrange(40))))) for _ in range(500)]
    rng.shuffle(garbage)
    peer.send(*garbage, b"\xf0\x01\x02", gap=0.0005)  # at last, a system exclusive message that never ends
    ends = [note_off(channel, pitch) for channel in range(1, 17) for pitch in range(128)]
    peer.send(*ends, gap=0.0005)
    good = note_on(1, 61, 99)
    until(lambda: peer.send(good) and good in peer.messages(), "a good note to pass")
    peer.send(note_off(1, 61))
    until(lambda: not sounding(peer.messages()), "every note to end")
    assert desk.stage is not None and desk.stage.poll() is None
    assert len([m for m in desk.messages("log") if m[1] != "info"]) <= 1
    assert desk.metrics()["malformed"] > 0


def test_a_player_is_killed(desk: Desk, peer: Peer) -> None:
    """Its notes end within 100 ms; thru is unharmed."""
    desk.start_stage(BAND, clock=True)
    peer.connect("keys", "choir")

    def kill() -> float:
        with PlayerProcess(desk) as player:
            began = peer.send(note_on(1, 72, 90))
            peer.stamp(note_on(2, 60, 80), after=began)
            before = len(desk.received)
            killed = player.signal(signal.SIGKILL)
            released = peer.stamp(note_off(2, 60), after=killed)
            desk.expect(lambda m: m == ["player", "octaver", "down"], "the message", before)
            assert (0, 72) in sounding(peer.messages())
            peer.send(note_off(1, 72))
            peer.stamp(note_off(1, 72), after=killed)
        return released - killed

    at_best(kill, 0.1)
    with PlayerProcess(desk):
        peer.send(note_on(1, 74, 90))
        peer.stamp(note_on(2, 62, 80))


def test_a_player_is_stopped(desk: Desk, peer: Peer) -> None:
    """Its notes end within a second."""
    desk.start_stage(BAND, clock=True)
    peer.connect("keys", "choir")

    def stop() -> float:
        with PlayerProcess(desk) as player:
            began = peer.send(note_on(1, 72, 90))
            peer.stamp(note_on(2, 60, 80), after=began)
            before = len(desk.received)
            stopped = player.signal(signal.SIGSTOP)
            released = peer.stamp(note_off(2, 60), after=stopped)
            desk.expect(lambda m: m == ["player", "octaver", "hung"], "the message", before)
            peer.send(note_off(1, 72))
            peer.stamp(note_off(1, 72), after=stopped)
        desk.expect(lambda m: m == ["player", "octaver", "down"], "its end", before)
        return released - stopped

    at_best(stop, 1.0)


def test_a_player_that_reads_nothing_under_a_flood(desk: Desk, peer: Peer) -> None:
    """Its backlog is bounded: it counts as hung, and thru goes on."""
    desk.start_stage(BAND)
    with PlayerProcess(desk) as player:
        desk.send(["start"])
        peer.connect("keys", "choir")
        player.signal(signal.SIGSTOP)
        notes = [note for n in range(1000) for note in (note_on(1, n % 128, 1), note_off(1, n % 128))]
        peer.send(*notes, gap=0.0005)
        desk.expect(lambda m: m == ["player", "octaver", "hung"], "the message")

        def thru() -> list[bytes]:
            """Without the controllers that a new receiver is sent, which may come as late as the first note."""
            return [m for m in peer.messages() if m[0] in (0x80, 0x90)]

        with contextlib.suppress(AssertionError):
            until(lambda: len(thru()) >= len(notes), "all of thru")
        assert thru() == notes


@pytest.mark.parametrize(
    "nonsense", [b"not json\n", b"[1]\n", b'[1,[["low"]],true]\n', b'{"a":1}\n', b'[1,[["low",0,300,80,null]],true]\n']
)
def test_a_player_that_sends_nonsense_is_dropped(desk: Desk, peer: Peer, nonsense: bytes) -> None:
    desk.start_stage(BAND, clock=True)
    player = desk.player("octaver")
    until(lambda: player.calls, "a call")
    player.send(nonsense)
    desk.expect(lambda m: m == ["player", "octaver", "down"], "the message")
    peer.connect("keys", "choir")
    peer.send(note_on(1, 60, 60))
    peer.stamp(note_on(1, 60, 60))


def test_the_desk_is_killed(desk: Desk, peer: Peer) -> None:
    desk.start_stage(BAND)
    with PlayerProcess(desk):
        desk.send(["start"])
        peer.connect("keys", "choir")
        peer.send(note_on(1, 72, 90))
        peer.stamp(note_on(2, 60, 80))
        desk.disconnect()
        assert desk.stage is not None
        assert desk.stage.wait(3) == 0
        messages = peer.messages()
    assert not sounding(messages)
    assert {control_change(c, n, 0) for c in range(1, 17) for n in (64, 120, 123)} <= set(messages)


def test_the_stage_is_killed_and_the_next_one_sends_owed_note_offs(desk: Desk, peer: Peer) -> None:
    """Within three seconds the next one has the same ports and connections, and has sent the note-offs owed."""
    desk.start_stage(BAND)
    peer.connect("keys", "choir")

    def kill() -> float:
        began = peer.send(note_on(1, 72, 90), note_on(5, 40, 90))
        peer.stamp(note_on(5, 40, 90), after=began)
        until(lambda: len(desk.connections()) == 2, "the connections to be known")
        desk.kill_stage()
        killed = time.perf_counter()
        assert desk.start_stage(BAND) == {"keys": "JACK", "choir": "JACK"}
        released = max(peer.stamp(note_off(channel, pitch), after=killed) for channel, pitch in ((1, 72), (5, 40)))
        until(lambda: "peer out:midi" in peer.connections("jamd keys:midi"), "the connections")
        took = time.perf_counter() - killed
        assert released - killed <= took
        peer.send(note_on(1, 74, 90), note_off(1, 74))
        peer.stamp(note_off(1, 74), after=killed + took)
        return took

    at_best(kill, 3.0)


def test_stop_ends_every_note(desk: Desk, peer: Peer) -> None:
    desk.start_stage(BAND)
    peer.connect("keys", "choir")
    peer.send(note_on(1, 72, 90))
    peer.stamp(note_on(1, 72, 90))
    desk.send(["stop"])
    assert desk.stage is not None
    assert desk.stage.wait(3) == 0
    assert not sounding(peer.messages())


def test_another_jamd_with_the_same_names_is_refused(desk: Desk, peer: Peer) -> None:
    desk.start_stage(StageSpec(CLOCK, THRU))
    with Desk() as second:
        second.start_stage()
        second.send(["spec", StageSpec(CLOCK, THRU).to_json()])
        _, text = second.expect(lambda m: m[0] == "failed", "a refusal")
        assert '"jamd keys:midi"' in text and '"jamd choir:midi"' in text and "config.yaml" in text
        assert second.stage is not None and second.stage.wait(3) == 0
    peer.connect("keys", "choir")
    peer.send(note_on(1, 60, 60))
    peer.stamp(note_on(1, 60, 60))


def test_a_reload_leaves_unchanged_ports_alone(desk: Desk, peer: Peer) -> None:
    desk.start_stage(BAND, clock=True)
    peer.connect("keys", "choir")
    peer.send(note_on(1, 60, 60))
    peer.stamp(note_on(1, 60, 60))
    before = len(desk.received)
    more = (PortSpec("keys", "in", thru=("choir", "organ")), PortSpec("choir", "out"), PortSpec("organ", "out"))
    desk.send(["spec", StageSpec(CLOCK, more).to_json()])
    _, ports = desk.expect(lambda m: m[0] == "ready", "the new ports", before)
    assert ports == {"keys": "JACK", "choir": "JACK", "organ": "JACK"}
    peer.connect(out="organ")
    peer.send(note_on(2, 61, 60))
    until(lambda: peer.messages().count(note_on(2, 61, 60)) == 2, "both outputs")
    before = len(desk.received)
    desk.send(["spec", StageSpec(CLOCK, (PortSpec("keys", "in"),)).to_json()])
    _, ports = desk.expect(lambda m: m[0] == "ready", "the new ports", before)
    assert ports == {"keys": "JACK"}
    until(lambda: not sounding(peer.messages()), "what sounded on the ports that are gone")


def test_connect_by_name_comes_and_goes(desk: Desk, jack_server: JackServer) -> None:
    ports = (PortSpec("keys", "in", connect="piano OUT", thru=("choir",)), PortSpec("choir", "out", connect="piano in"))
    assert desk.start_stage(StageSpec(CLOCK, ports)) == {"keys": None, "choir": None}
    with Peer("my piano") as piano:
        until(lambda: desk.metrics()["ports"] == {"keys": "JACK", "choir": "JACK"}, "the piano to be connected", 3.0)
        piano.send(note_on(1, 60, 60))
        piano.stamp(note_on(1, 60, 60))
        piano.kill()
    desk.expect(lambda m: m == ["port", "keys", "lost"], "the message")
    desk.expect(lambda m: m == ["port", "choir", "lost"], "the message")
    with Peer("my piano") as piano:
        desk.expect(lambda m: m == ["port", "choir", "back"], "the piano to be connected again")
        desk.expect(lambda m: m == ["port", "keys", "back"], "the piano to be connected again")
        piano.stamp(note_off(1, 60))  # owed since it was lost
        piano.send(note_on(1, 62, 60))
        piano.stamp(note_on(1, 62, 60))


def test_jack_is_killed_while_playing_and_returns(desk: Desk, jack_server: JackServer) -> None:
    desk.start_stage(BAND)
    with PlayerProcess(desk), Peer() as peer:
        desk.send(["start"])
        peer.connect("keys", "choir")
        peer.send(note_on(1, 72, 90), note_on(5, 40, 90))
        peer.stamp(note_on(3, 36, 50))
        flooding = Peer("flood")
        flooding.connect("keys")
        flooding.post(["send", [m.hex() for m in numbered(6000)], 0.0005])
        time.sleep(0.5)
        jack_server.kill()
        flooding.kill()
        peer.kill()
        end = time.perf_counter() + 2.0
        while time.perf_counter() < end:
            asked = time.perf_counter()
            desk.metrics()
            assert time.perf_counter() - asked < 0.7, "the stage waited for a server that is dead"
            time.sleep(0.05)
        assert ["port", "choir", "lost"] in desk.messages("port")
        assert desk.metrics()["ports"] == {"keys": None, "choir": None}
        assert desk.stage is not None and desk.stage.poll() is None
        jack_server.start()
        returned = time.perf_counter()
        with Peer() as peer:
            peer.connect("keys", "choir")
            peer.stamp(note_on(3, 36, 50))
            assert time.perf_counter() - returned < 2.0
            peer.stamp(note_off(1, 72))
            peer.stamp(note_off(5, 40))
            peer.send(note_on(1, 73, 90))
            peer.stamp(note_on(1, 73, 90))
            peer.stamp(note_on(2, 61, 80))
        os.kill(desk.stage.pid, 0)


def test_no_midi_system_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The music goes on, into the recording."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "jamd-none")
    with Desk() as desk:
        assert desk.start_stage(BAND) == {"keys": None, "choir": None}
        with PlayerProcess(desk):
            desk.send(["start"])
            until(lambda: [e for m in desk.messages("journal") for e in m[1] if e[0] == "sent"], "notes in the journal")
        warnings = [text for _, level, _, text, _ in desk.messages("log") if level == "warning"]
        assert any("ALSA" in text and "JACK" in text and "until then jamd plays" in text for text in warnings), warnings


def test_ports_appear_when_jack_starts_later(jack_server: JackServer) -> None:
    jack_server.kill()
    with Desk() as desk:
        assert desk.start_stage(StageSpec(CLOCK, THRU)) == {"keys": None, "choir": None}
        jack_server.start()
        with Peer() as peer:
            peer.connect("keys", "choir")
            peer.send(note_on(1, 73, 90))
            peer.stamp(note_on(1, 73, 90))


def test_connections_outlive_stage_peer_and_server(desk: Desk, jack_server: JackServer) -> None:
    desk.start_stage(StageSpec(CLOCK, THRU))
    with Peer() as peer:
        peer.connect("keys", "choir")
        until(lambda: len(desk.connections()) == 2, "the message")
        desk.kill_stage()
        desk.start_stage(StageSpec(CLOCK, THRU))
        until(lambda: peer.send(note_on(1, 60, 90)) and note_on(1, 60, 90) in peer.messages(), "the way through")
        peer.kill()
        time.sleep(0.5)  # one that is back at once, between two looks, is as if somebody had cut the connection
    with Peer() as peer:
        until(lambda: peer.send(note_on(1, 61, 90)) and note_on(1, 61, 90) in peer.messages(), "a peer that is back")
        jack_server.kill()
        peer.kill()
        jack_server.start()
    with Peer() as peer:
        until(lambda: peer.send(note_on(1, 62, 90)) and note_on(1, 62, 90) in peer.messages(), "a server that is back")
        peer.disconnect("jamd choir:midi", "peer in:midi")
        until(lambda: len(desk.connections()) == 1, "the cut to be noticed")
        time.sleep(0.5)
        assert peer.connections("jamd choir:midi") == []


def test_a_jack_server_that_stands_still_blocks_nothing(desk: Desk, peer: Peer, jack_server: JackServer) -> None:
    """Not even with more to send than rtmidi's ring would hold."""
    desk.start_stage(BAND)
    player = desk.player("octaver")
    desk.send(["start"])
    peer.connect("keys", "choir")
    peer.send(note_on(1, 60, 90))
    peer.stamp(note_on(1, 60, 90))
    assert jack_server._process is not None
    jack_server._process.send_signal(signal.SIGSTOP)
    try:
        for first in range(0, 3000, 100):
            beat = desk.metrics()["beat"]
            notes = [["low", beat, n % 128, 1 + n // 128, 0.01] for n in range(first, first + 100)]
            player.send(pack([[player.number, notes, False]]))
    finally:
        jack_server._process.send_signal(signal.SIGCONT)
    peer.send(note_off(1, 60))
    peer.stamp(note_off(1, 60))
    until(lambda: not sounding(peer.messages()), "every note to end")
