"""Ports on fake devices: opened, lost, reopened, reconnected, closed."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from daemon.metrics import OTHER
from daemon.midi.connections import CONNECTION_INTERVAL
from daemon.midi.output import DETECTION_TIME
from daemon.midi.port_names import ALSA, JACK, Device, NotThere
from daemon.midi.ports import PORT_CHECK_INTERVAL, STALL, Ports
from daemon.midi.systems import Systems
from daemon.music.events import is_note_off, note_off, note_on
from daemon.spec import PortSpec
from tests.midi.fake_stage import FakeJack, Stage

CHOIR, ORGAN, KEYS = PortSpec("choir", "out"), PortSpec("organ", "out"), PortSpec("keys", "in")


@pytest.fixture
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    stage = Stage(getattr(request, "param", ALSA), monkeypatch)
    yield stage
    stage.waker.close()


@pytest.mark.parametrize("after", [(), (PortSpec("choir", "out", connect="synth"),)])
def test_a_port_that_is_closed_for_good_sends_all_note_offs(stage: Stage, after: tuple[PortSpec, ...]) -> None:
    stage.graph.others = ["synth"]
    stage.configure(CHOIR, ORGAN)
    choir = stage.handle("choir")
    for pitch in range(60):
        stage.ports.send("choir", note_on(1, pitch, 90), stage.clock[0], OTHER)
    stage.configure(ORGAN, *after)
    assert choir.open  # `configure` did not wait for it
    stage.ports.send("organ", note_on(1, 60, 90), stage.clock[0], OTHER)
    assert stage.handle("organ").got == [note_on(1, 60, 90)]
    assert stage.ports.apis().get("choir") is None
    stage.go_on(0.3)
    assert choir.got == [*(note_on(1, p, 90) for p in range(60)), *(note_off(1, p) for p in range(60))]
    assert not choir.open and not stage.ledger.sounding("choir")
    assert len(stage.opened["choir"]) == 1 + len(after)
    if after:
        stage.ports.send("choir", note_on(1, 61, 90), stage.clock[0], OTHER)
        stage.go_on(0.1)
        assert stage.handle("choir").got[-1] == note_on(1, 61, 90)


@pytest.mark.parametrize("stage", [ALSA, JACK], indirect=True)
def test_at_the_end_all_note_offs_are_sent_and_all_ports_closed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: stage.clock.__setitem__(0, stage.clock[0] + seconds))
    stage.configure(KEYS, CHOIR, ORGAN)
    for pitch in range(30):
        stage.ports.send("choir", note_on(1, pitch, 90), stage.clock[0], OTHER)
    began = stage.clock[0]
    stage.ports.close()
    assert [m for m in stage.handle("choir").got if is_note_off(m)] == [note_off(1, p) for p in range(30)]
    assert not any(stage.handle(name).open for name in ("keys", "choir", "organ"))
    assert stage.clock[0] - began < 0.1


@pytest.mark.parametrize("stage", [JACK], indirect=True)
def test_a_jack_port_is_closed_after_the_last_message_has_arrived(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.configure(CHOIR)
    stage.ports.send("choir", note_on(1, 60, 90), stage.clock[0], OTHER)
    began = stage.clock[0]
    stage.configure()
    stage.go_on(0.5)
    assert stage.handle("choir").got[-1] == note_off(1, 60)
    assert 0.003 <= stage.handle("choir").closed_at - began <= 0.05
    monkeypatch.setattr(FakeJack, "cycle", lambda _: 0)
    stage.configure(ORGAN)
    stage.go_on(0.1)
    began = stage.clock[0]
    stage.configure()
    stage.go_on(2.0)
    assert not stage.handle("organ").open  # a stalled server is waited for no longer than that
    assert stage.handle("organ").closed_at - began <= 1.1


@pytest.mark.parametrize("after", [(), (PortSpec("keys", "in", connect="piano"),)])
def test_messages_of_a_closed_input_are_dropped(stage: Stage, after: tuple[PortSpec, ...]) -> None:
    """Queued messages are dropped too: their note-offs would never come."""
    stage.graph.others = ["piano"]
    stage.configure(KEYS)
    keys = stage.handle("keys")
    keys.receive(note_on(1, 60, 90))
    stage.configure(*after)
    keys.receive(note_on(1, 61, 90))
    assert stage.heard() == []
    assert keys.open  # its thread may be in a callback
    stage.go_on(0.2)
    assert not keys.open
    if after:
        stage.handle("keys").receive(note_on(1, 62, 90))
        assert stage.heard() == [("keys", note_on(1, 62, 90))]


def test_an_unplugged_keyboard_is_reported_once_after_its_messages(stage: Stage) -> None:
    stage.graph.others = ["piano", "pads"]
    stage.configure(KEYS)
    stage.graph.connected["jamd keys:midi"] = {"piano", "pads"}
    stage.go_on(0.3)
    assert stage.heard() == []
    stage.handle("keys").receive(note_on(1, 60, 90))
    stage.graph.others.remove("piano")
    stage.go_on(1.0)
    assert stage.heard() == [("keys", note_on(1, 60, 90)), ("keys", None)]
    assert stage.ended == ["jamd keys:midi"]  # the sender may have been within an exclusive message
    assert stage.changes == []
    stage.graph.others.append("piano")
    stage.go_on(2 * CONNECTION_INTERVAL)
    assert stage.graph.connections("jamd keys:midi") == {"piano", "pads"}
    stage.graph.connected["jamd keys:midi"] = {"pads"}  # the connection is cut
    stage.go_on(1.0)
    assert stage.heard() == [("keys", None)]
    assert stage.graph.connections("jamd keys:midi") == {"pads"}


@pytest.mark.parametrize("stage", [JACK], indirect=True)
def test_a_sender_that_comes_plays_and_goes_between_two_updates(stage: Stage) -> None:
    stage.configure(KEYS)
    stage.go_on(1.0)
    stage.handle("keys").receive(note_on(1, 60, 90))
    stage.go_on(1.0)
    assert stage.heard() == [("keys", note_on(1, 60, 90)), ("keys", None)]


@pytest.mark.parametrize("stage", [ALSA], indirect=True)
def test_on_alsa_a_sender_need_not_be_connected_to_play(stage: Stage) -> None:
    stage.configure(KEYS)
    stage.go_on(1.0)
    stage.handle("keys").receive(note_on(1, 60, 90))
    stage.go_on(1.0)
    assert stage.heard() == [("keys", note_on(1, 60, 90))]


@pytest.mark.parametrize("stage", [JACK], indirect=True)
def test_the_death_of_the_jack_server_is_noticed_at_the_next_turn(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.configure(KEYS)
    stage.go_on(0.1)
    checks: list[float] = []
    monkeypatch.setattr(Ports, "_check", lambda _, now: checks.append(now))
    stage.go_on(0.01)
    assert checks == []
    stage.ports._systems.jack.client.alive = False
    stage.go_on()
    assert checks == [stage.clock[0]]


def test_when_all_ports_are_lost_the_note_offs_of_held_keys_are_owed_and_not_sent(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.configure(KEYS, CHOIR)
    stage.go_on(0.1)
    gone = stage.handle("choir")
    stage.ports.send("choir", note_on(1, 60, 90), stage.clock[0], OTHER)
    stage.go_on(0.1)
    sent = list(gone.got)
    release = lambda *_: stage.ports.send("choir", note_off(1, 60), stage.clock[0], OTHER)  # noqa: E731
    monkeypatch.setattr(stage, "port_changed", release)  # as a stage releases the keys of a lost input
    stage.ports.reopen(stage.clock[0])
    assert gone.got == sent and stage.ledger.owed("choir") == [(1, 60)]


@pytest.mark.parametrize(("visible", "owed"), [(True, []), (False, [(1, 60)])])
def test_a_note_off_is_confirmed_only_while_the_connections_can_be_seen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, visible: bool, owed: list[tuple[int, int]]
) -> None:
    stage.configure(CHOIR)
    stage.go_on(5.0)
    if not visible:  # a JACK server that stands still
        monkeypatch.setattr(Systems, "graphs", lambda _: {})
    for message in (note_on(1, 60, 90), note_off(1, 60)):
        stage.ports.send("choir", message, stage.clock[0], OTHER)
    stage.go_on(DETECTION_TIME + 0.5)
    stage.ports._outputs["choir"].close()
    assert stage.ledger.owed("choir") == owed


@pytest.mark.parametrize("stage", [JACK], indirect=True)
def test_notices_are_left_out_only_while_ports_are_opened_or_closed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any other time they tell of what a person does."""
    changes, entered = stage.ports._systems.changes, []
    ours = changes.ours
    monkeypatch.setattr(changes, "ours", lambda check: entered.append(stage.clock[0]) or ours(check))
    stage.configure(CHOIR)
    stage.go_on(0.5)
    before = len(entered)
    stage.go_on(0.5)
    assert len(entered) == before
    stage.configure()
    stage.go_on(0.5)
    assert len(entered) > before


@pytest.mark.parametrize("stage", [JACK], indirect=True)
@pytest.mark.parametrize("is_cut", [False, True])
def test_a_cut_that_outlasts_the_opening_of_a_port_is_noticed(stage: Stage, is_cut: bool) -> None:
    stage.graph.others = ["synth"]
    stage.configure(CHOIR)
    stage.graph.connected["jamd choir:midi"] = {"synth"}
    stage.go_on(5.0)
    stage.ports.send("choir", note_on(1, 60, 90), stage.clock[0], OTHER)
    changes, watch = stage.ports._systems.changes, stage.ports._connections
    with changes.ours(lambda: watch.are_connected(stage.ports._ports.values())):
        changes._jack.append(stage.clock[0])
        if is_cut:
            stage.graph.connected["jamd choir:midi"] = set()
    stage.ports.send("choir", note_off(1, 60), stage.clock[0], OTHER)  # the synth misses this note-off
    stage.graph.connected["jamd choir:midi"] = {"synth"}
    stage.clock[0] += 0.03
    changes._jack.append(stage.clock[0])
    changes.pending = True
    stage.go_on(0.01)
    assert stage.handle("choir").got.count(note_off(1, 60)) == 1 + is_cut


@pytest.mark.parametrize("lost", [False, True])
def test_after_lost_announcements_any_connection_may_have_been_cut(stage: Stage, lost: bool) -> None:
    stage.graph.others = ["synth", "piano"]
    stage.configure(CHOIR, KEYS)
    stage.graph.connected = {"jamd choir:midi": {"synth"}, "jamd keys:midi": {"piano"}}
    stage.go_on(5.0)
    stage.heard()
    stage.ports.send("choir", note_on(1, 60, 90), stage.clock[0], OTHER)
    stage.ports.send("choir", note_off(1, 60), stage.clock[0], OTHER)
    changes = stage.ports._systems.changes
    changes._alsa_lost, changes.pending = lost, True
    stage.go_on(0.01)
    assert stage.handle("choir").got.count(note_off(1, 60)) == 1 + lost
    assert stage.heard() == ([("keys", None)] if lost else [])
    stage.go_on(1.0)
    assert stage.handle("choir").got.count(note_off(1, 60)) == 1 + lost


def test_a_lost_peer_is_found_by_the_update_of_the_connections(stage: Stage) -> None:
    stage.graph.others = ["piano"]
    stage.configure(PortSpec("keys", "in", connect="piano"))
    stage.go_on(PORT_CHECK_INTERVAL + 0.01)
    stage.graph.others = []
    stage.go_on(CONNECTION_INTERVAL + 0.02)
    assert stage.changes == [("keys", False)]


@pytest.mark.parametrize("stage", [JACK], indirect=True)
def test_a_sender_that_connects_during_an_update_is_kept(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The update finds no connection; then a port connects, and plays, before the update is over."""
    stage.configure(KEYS)
    stage.go_on(1.0)
    connections_before = stage.graph.connections

    def connections(own: str) -> set[str]:
        found = connections_before(own)
        stage.clock[0] += 0.001
        stage.graph.others = ["drummer"]
        stage.graph.connected["jamd keys:midi"] = {"drummer"}
        stage.handle("keys").receive(note_on(1, 60, 90))
        monkeypatch.setattr(stage.graph, "connections", connections_before)
        return found

    monkeypatch.setattr(stage.graph, "connections", connections)
    stage.go_on(1.0)
    assert stage.heard() == [("keys", note_on(1, 60, 90))]


def test_a_keyboard_named_by_connect_is_lost_and_back(stage: Stage) -> None:
    stage.graph.others = ["piano 20:0"]
    stage.configure(PortSpec("keys", "in", connect="piano 20:0"))
    stage.go_on(0.5)
    stage.handle("keys").receive(note_on(1, 60, 90))
    stage.graph.others = []
    stage.go_on(0.5)
    assert stage.changes == [("keys", False)]
    assert stage.heard() == []  # at the loss of a port what it held is released; nothing may come after that
    stage.graph.others = ["piano 24:0"]
    stage.go_on(0.5)
    assert stage.changes == [("keys", False), ("keys", True)]


@pytest.mark.parametrize("stage", [JACK], indirect=True)
def test_a_silent_input_is_sent_an_end_of_exclusive(stage: Stage) -> None:
    stage.graph.others = ["piano"]
    stage.configure(KEYS, PortSpec("pads", "in"))
    stage.go_on(5.0)
    assert stage.ended == []  # no port is connected
    stage.graph.connected["jamd keys:midi"] = {"piano"}
    for _ in range(20):
        stage.handle("keys").receive(b"\xf8")
        stage.go_on(0.25)
    assert stage.ended == []
    stage.go_on(1.6)
    assert stage.ended == ["jamd keys:midi"]
    stage.go_on(10.0)
    assert 6 <= len(stage.ended) <= 11


@pytest.mark.parametrize("stage", [JACK, ALSA], indirect=True)
def test_jack_messages_are_lost_while_the_stage_stands_still(stage: Stage) -> None:
    stage.configure(KEYS, CHOIR)
    stage.graph.others, stage.graph.connected = ["piano"], {"jamd keys:midi": {"piano"}}
    stage.go_on(1.0)
    stage.handle("keys").receive(note_on(1, 60, 90))
    stage.clock[0] += STALL + 0.1
    stage.go_on(0.1)
    lost = [("keys", b"")] if stage.api == JACK else []
    assert stage.heard() == [("keys", note_on(1, 60, 90)), *lost]
    stage.go_on(1.0)
    assert stage.heard() == []


def test_a_receiver_that_is_back_gets_the_note_offs_it_missed(stage: Stage) -> None:
    stage.graph.others = ["synth"]
    stage.configure(CHOIR)
    stage.graph.connected["jamd choir:midi"] = {"synth"}
    stage.go_on(5.0)
    now = stage.clock
    for pitch in (60, 61, 62, 63):
        stage.ports.send("choir", note_on(1, pitch, 90), now[0], OTHER)
    stage.graph.others = []
    stage.ports.send("choir", note_off(1, 60), now[0], OTHER)  # its absence was not noticed yet
    stage.go_on(2 * CONNECTION_INTERVAL)
    assert stage.metrics.unsent == 0
    stage.ports.send("choir", note_off(1, 61), now[0], OTHER)
    stage.ports.send("choir", note_on(1, 64, 90), now[0], OTHER)
    stage.ports.send("choir", note_off(1, 63), now[0], OTHER)
    stage.ports.send("choir", note_on(1, 63, 90), now[0], OTHER)
    assert stage.metrics.unsent == 5  # another note-off before the second note-on, in case the synth is back
    stage.handle("choir").got.clear()
    stage.graph.others = ["synth"]
    stage.go_on(2 * CONNECTION_INTERVAL)
    assert stage.handle("choir").got == [note_off(1, 60), note_off(1, 61)]
    assert stage.ledger.sounding("choir") == [(1, 62), (1, 63), (1, 64)]
    sent = stage.metrics.sent
    stage.ports.send("choir", note_off(1, 62), now[0], OTHER)
    assert (stage.metrics.sent, stage.metrics.unsent) == (sent + 1, 5)


def test_note_offs_are_owed_until_all_remembered_receivers_are_connected(stage: Stage) -> None:
    stage.graph.others = ["synth", "recorder"]
    stage.configure(CHOIR)
    stage.graph.connected["jamd choir:midi"] = {"synth", "recorder"}
    stage.go_on(5.0)
    stage.ports.send("choir", note_on(1, 60, 90), stage.clock[0], OTHER)
    stage.graph.others = []
    stage.go_on(2 * CONNECTION_INTERVAL)
    stage.ports.send("choir", note_off(1, 60), stage.clock[0], OTHER)
    for there in (["synth"], ["synth", "recorder"]):
        assert stage.ledger.owed("choir") == [(1, 60)]
        stage.handle("choir").got.clear()
        stage.graph.others = there
        stage.go_on(2 * CONNECTION_INTERVAL)
        assert note_off(1, 60) in stage.handle("choir").got
    assert stage.ledger.owed("choir") == []
    stage.go_on(1.5)
    stage.graph.others = []
    stage.go_on(2 * CONNECTION_INTERVAL)
    assert stage.ledger.owed("choir") == []  # older note-offs have arrived


def test_an_output_that_never_had_a_receiver_sends(stage: Stage) -> None:
    stage.configure(CHOIR)
    stage.go_on(1.0)
    stage.ports.send("choir", note_on(1, 60, 90), stage.clock[0], OTHER)
    assert (stage.metrics.sent, stage.metrics.unsent) == (1, 0)
    assert stage.logged == []


def test_two_devices_of_one_name_for_two_ports(stage: Stage) -> None:
    one, other = "USB MIDI:MIDI 1 20:0", "USB MIDI:MIDI 1 24:0"
    stage.graph.others = [one, other]
    stage.configure(PortSpec("keys", "in", connect="usb"), PortSpec("pads", "in", connect="usb"))
    assert stage.graph.connected == {"jamd keys:midi": {one}, "jamd pads:midi": {other}}
    stage.go_on(1.0)
    stage.graph.others = [other]  # the device of keys is unplugged: keys does not share the device of pads
    stage.go_on(3.0)
    assert stage.ports.apis() == {"keys": None, "pads": ALSA}
    stage.graph.others = [other, "USB MIDI:MIDI 1 28:0"]
    stage.go_on(1.0)
    assert stage.ports.apis() == {"keys": ALSA, "pads": ALSA}
    assert "USB MIDI:MIDI 1 28:0" in stage.graph.connections("jamd keys:midi")
    assert stage.graph.connections("jamd pads:midi") == {other}


def test_two_ports_share_a_device_until_there_is_another(stage: Stage) -> None:
    stage.graph.others = ["synth 20:0"]
    stage.configure(PortSpec("choir", "out", connect="synth"), PortSpec("organ", "out", connect="synth"))
    stage.go_on(1.0)
    assert stage.graph.connected["jamd organ:midi"] == {"synth 20:0"}
    stage.ports.send("organ", note_on(1, 60, 90), stage.clock[0], OTHER)
    shared = stage.handle("organ")
    stage.graph.others.append("synth 24:0")
    stage.go_on(2.0)
    assert shared.got[-1] == note_off(1, 60) and not shared.open
    assert "synth 24:0" in stage.graph.connected["jamd organ:midi"]
    assert stage.changes == [("organ", False), ("organ", True)]
    stage.go_on(5.0)
    assert len(stage.opened["organ"]) == 2 and len(stage.opened["choir"]) == 1


def play_across_a_cut(stage: Stage, cut: set[str], after: float) -> None:
    """A note ends while `cut` receivers are disconnected by hand for so many seconds."""
    stage.ports.send("choir", note_on(1, 60, 90), stage.clock[0], OTHER)
    stage.graph.connected["jamd choir:midi"] -= cut
    stage.go_on(after / 2)
    stage.ports.send("choir", note_off(1, 60), stage.clock[0], OTHER)
    stage.go_on(after / 2)
    stage.handle("choir").got.clear()
    stage.graph.connected["jamd choir:midi"] |= cut
    stage.go_on(2 * CONNECTION_INTERVAL)


@pytest.mark.parametrize("after", [0.5, 5.0, 60.0])
@pytest.mark.parametrize("cut", [{"synth"}, {"synth", "recorder"}])
def test_a_receiver_that_is_cut_by_hand_and_connected_again_gets_the_note_offs(
    stage: Stage, cut: set[str], after: float
) -> None:
    stage.graph.others = ["synth", "recorder"]
    stage.configure(CHOIR)
    stage.graph.connected["jamd choir:midi"] = {"synth", "recorder"}
    stage.go_on(5.0)
    play_across_a_cut(stage, cut, after)
    assert note_off(1, 60) in stage.handle("choir").got
    assert stage.ledger.owed("choir") == []
    assert sum("was cut" in text for text in stage.logged) == len(cut)


def test_a_receiver_that_was_never_connected_gets_the_note_offs_owed_to_another(stage: Stage) -> None:
    stage.graph.others = ["synth", "recorder"]
    stage.configure(CHOIR)
    stage.graph.connected["jamd choir:midi"] = {"synth"}
    stage.go_on(5.0)
    stage.ports.send("choir", note_on(1, 60, 90), stage.clock[0], OTHER)
    stage.graph.connected["jamd choir:midi"] = set()
    stage.go_on(1.0)
    stage.ports.send("choir", note_off(1, 60), stage.clock[0], OTHER)
    stage.go_on(1.0)
    stage.handle("choir").got.clear()
    stage.graph.connected["jamd choir:midi"] = {"recorder"}
    stage.go_on(1.0)
    assert stage.handle("choir").got == [note_off(1, 60)]
    assert stage.ledger.owed("choir") == [(1, 60)]  # the synth may still be connected again


@pytest.mark.parametrize("stage", [JACK], indirect=True)
@pytest.mark.parametrize(("late", "repeated"), [(0.0, []), (0.1, [note_off(1, 60)])])
def test_after_a_late_update_recent_note_offs_are_repeated(stage: Stage, late: float, repeated: list[bytes]) -> None:
    """JACK does not tell which connection changed: one may have been cut and made again before the update."""
    stage.graph.others = ["synth"]
    stage.configure(CHOIR)
    stage.graph.connected["jamd choir:midi"] = {"synth"}
    stage.go_on(5.0)
    stage.ports.send("choir", note_on(1, 60, 90), stage.clock[0], OTHER)
    stage.ports.send("choir", note_off(1, 60), stage.clock[0], OTHER)
    stage.handle("choir").got.clear()
    changes = stage.ports._systems.changes
    changes._jack += [stage.clock[0], stage.clock[0] + 0.01]
    changes.pending = True
    stage.clock[0] += late
    stage.go_on()
    stage.go_on(0.01)
    assert stage.handle("choir").got == repeated


def test_connections_are_logged_when_they_are_made_and_when_they_are_gone(stage: Stage) -> None:
    stage.configure(KEYS, PortSpec("choir", "out", connect="synth"))
    assert len(stage.logged) == 1 and "nothing to connect to" in stage.logged[0]
    stage.graph.others = ["piano\x1b", "synth"]
    stage.graph.connected["jamd keys:midi"] = {"piano\x1b"}
    stage.go_on(2.0)
    assert sorted(stage.logged[1:]) == ["choir → synth", r"piano\x1b → keys"]
    for _ in range(2):  # also the second time within a minute
        stage.logged.clear()
        stage.graph.others = []
        stage.go_on(1.0)
        assert [text for text in stage.logged if r"piano\x1b is no longer connected" in text]
        assert [text for text in stage.logged if "port choir: synth is gone" in text]
        stage.logged.clear()
        stage.graph.others = ["piano\x1b", "synth"]
        stage.go_on(1.0)
        assert sorted(stage.logged) == ["choir → synth", r"piano\x1b → keys"]
        assert stage.changes[-2:] == [("choir", False), ("choir", True)]


def test_a_virtual_port_that_could_not_be_opened_is_logged_when_it_is_open(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Systems._open_on

    def refuse(*_: object) -> Device:
        raise NotThere("the server does not respond")

    monkeypatch.setattr(Systems, "_open_on", refuse)
    stage.configure(KEYS)
    monkeypatch.setattr(Systems, "_open_on", opened)
    stage.go_on(2.0)
    assert len(stage.logged) == 2 and "no MIDI system" in stage.logged[0]
    assert stage.logged[1] == f"port keys is open on {stage.api}"
