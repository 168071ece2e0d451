"""Connections are remembered and restored; ALSA's list of connections."""

from __future__ import annotations

from daemon.midi.alsa import AlsaGraph
from daemon.midi.patch_bay import OwnPort, PatchBay, PortConnection

CHOIR = OwnPort("JACK", "jamd choir:midi", True, None)
OWN = CHOIR.name


class FakeGraph:
    def __init__(self) -> None:
        self.ports = {OWN, "synth:in", "recorder:in"}
        self.connected: set[str] = set()
        self.connects = True
        self.number: int | None = 0  # of the other ports; a port that comes back has another one

    def connections(self, own: str) -> set[str]:
        return self.connected if own in self.ports else set()

    def has_port(self, name: str) -> bool:
        return name in self.ports

    def identity(self, port: str) -> int | None:
        return self.number

    def connect(self, own: str, other: str, is_output: bool) -> bool:
        assert own == OWN and is_output
        if self.connects:
            self.connected.add(other)
        return self.connects

    def disconnect(self, own: str, is_output: bool) -> None:
        self.connected.clear()


def update(patch_bay: PatchBay, graph: FakeGraph) -> tuple[bool, list[str], list[str]]:
    """Whether the list of remembered connections changed; restored ports; lost ports."""
    changes = patch_bay.update({"JACK": graph}, [CHOIR])
    assert all(own == OWN for own, _ in [*changes.restored, *changes.lost])
    return changes.changed, [other for _, other in changes.restored], [other for _, other in changes.lost]


def connected(*others: str) -> tuple[FakeGraph, PatchBay]:
    """A patch bay that has seen our port connected to these."""
    graph, patch_bay = FakeGraph(), PatchBay()
    graph.connected = set(others)
    update(patch_bay, graph)
    return graph, patch_bay


def test_connections_are_remembered_and_restored_by_the_next_stage_process() -> None:
    graph, patch_bay = FakeGraph(), PatchBay()
    assert update(patch_bay, graph) == (False, [], [])
    graph.connected = {"synth:in", "recorder:in"}
    assert update(patch_bay, graph) == (True, [], [])
    assert update(patch_bay, graph) == (False, [], [])
    new = PatchBay()
    new.remember(*patch_bay.to_json())
    graph.connected = set()
    assert update(new, graph) == (False, ["recorder:in", "synth:in"], [])
    assert graph.connected == {"synth:in", "recorder:in"}


def test_a_port_that_comes_back_is_connected_again() -> None:
    graph, patch_bay = connected("synth:in")
    graph.connected = set()
    graph.ports.discard("synth:in")
    assert update(patch_bay, graph) == (False, [], ["synth:in"])
    assert update(patch_bay, graph) == (False, [], [])
    graph.ports.add("synth:in")
    assert update(patch_bay, graph) == (False, ["synth:in"], [])
    assert graph.connected == {"synth:in"}


def test_a_connection_that_was_cut_is_not_restored() -> None:
    graph, patch_bay = connected("synth:in")
    graph.connected = set()
    assert update(patch_bay, graph) == (False, [], ["synth:in"])
    assert update(patch_bay, graph) == (True, [], [])
    assert update(patch_bay, graph) == (False, [], [])
    assert graph.connected == set() and patch_bay.to_json() == [[], [["JACK", OWN, "synth:in"]]]


def test_a_client_that_died_keeps_its_ports_for_a_while_and_is_connected_again() -> None:
    graph, patch_bay = connected("synth:in")
    graph.connected = set()
    assert update(patch_bay, graph) == (False, [], ["synth:in"])
    assert not patch_bay.update({"JACK": graph}, [CHOIR], full_interval=False).changed
    graph.ports.discard("synth:in")
    assert update(patch_bay, graph) == (False, [], [])
    graph.ports.add("synth:in")
    assert update(patch_bay, graph) == (False, ["synth:in"], [])
    graph.connected = set()
    graph.number = None  # the client is gone, its port is not yet
    assert update(patch_bay, graph) == (False, [], ["synth:in"])
    graph.number = 2
    assert update(patch_bay, graph) == (False, ["synth:in"], [])
    assert graph.connected == {"synth:in"}


def test_a_client_that_went_and_came_back_between_two_updates_is_lost_and_restored() -> None:
    graph, patch_bay = connected("synth:in", "recorder:in")
    graph.connected, graph.number = {"recorder:in"}, 1
    assert update(patch_bay, graph) == (False, ["synth:in"], ["synth:in"])
    assert graph.connected == {"synth:in", "recorder:in"}
    graph.connected = {"recorder:in"}  # now it is cut
    assert update(patch_bay, graph) == (False, [], ["synth:in"])
    assert update(patch_bay, graph) == (True, [], [])
    assert graph.connected == {"recorder:in"}


def test_a_connection_missing_once_before_the_system_was_away_is_restored() -> None:
    graph, patch_bay = connected("synth:in")
    graph.connected = set()
    assert update(patch_bay, graph) == (False, [], ["synth:in"])
    patch_bay.reopened(OWN)  # the server died with the client
    assert update(patch_bay, graph) == (False, ["synth:in"], [])


def test_a_cut_just_after_the_return_counts_and_a_failure_to_connect_does_not() -> None:
    graph, patch_bay = FakeGraph(), PatchBay()
    patch_bay.remember([("JACK", OWN, "synth:in")])
    graph.connects = False
    assert update(patch_bay, graph) == (False, [], [])
    graph.connects = True
    assert update(patch_bay, graph) == (False, ["synth:in"], [])
    graph.connected.clear()
    assert update(patch_bay, graph) == (False, [], ["synth:in"])
    assert update(patch_bay, graph) == (True, [], [])


def test_reopening_our_port_cuts_no_connection() -> None:
    graph, patch_bay = connected("synth:in")
    graph.connected = set()
    patch_bay.reopened(OWN)
    assert update(patch_bay, graph) == (False, ["synth:in"], [])


def test_private_connections_and_ports_no_longer_configured_are_not_remembered() -> None:
    graph, patch_bay = FakeGraph(), PatchBay(private=["recorder:in"])
    graph.connected = {"synth:in", "recorder:in"}
    update(patch_bay, graph)
    assert patch_bay.to_json() == [[["JACK", OWN, "synth:in"]], []]
    patch_bay.keep_only(["jamd organ:midi"])
    assert patch_bay.to_json() == [[], []]


CLIENTS = """Client info
  cur  clients : 4
  peak clients : 4
  max  clients : 192

Client   0 : "System" [Kernel Legacy]
  Port   0 : "Timer" (Rwe-)
  Port   1 : "Announce" (R-e-)
Client  20 : "KeyStation 49" [Kernel Legacy]
  Port   0 : "KeyStation 49 MIDI 1" (RWeX)
    Connecting To: 128:0
Client 128 : "jamd keys" [User Legacy]
  Port   0 : "midi" (-We-)
    Connected From: 20:0
Client 129 : "jamd choir" [User Legacy]
  Port   0 : "midi" (R-e-)
    Connecting To: 130:0[r:0], 131:1
Client 130 : "FLUID Synth" [User Legacy]
  Port   0 : "Synth: input" (-We-)
    Connected From: 129:0
Client 131 : "DAW" [User Legacy]
  Port   1 : "in" (-We-)
    Connected From: 129:0
"""


def test_connections_from_alsas_list() -> None:
    graph = AlsaGraph(CLIENTS)
    assert graph.connections("jamd keys:midi") == {"KeyStation 49:KeyStation 49 MIDI 1"}
    assert graph.connections("jamd choir:midi") == {"FLUID Synth:Synth: input", "DAW:in"}
    assert graph.connections("jamd drums:midi") == set()
    assert graph.ports(is_output=True) == ["KeyStation 49:KeyStation 49 MIDI 1 20:0", "jamd choir:midi 129:0"]
    assert "DAW:in 131:1" in graph.ports(is_output=False)
    assert graph.has_port("DAW:in") and not graph.has_port("DAW:out")


def test_a_remembered_connection_that_another_program_made_is_restored() -> None:
    graph, patch_bay = FakeGraph(), PatchBay()
    patch_bay.remember([("JACK", OWN, "synth:in")])
    graph.connected = {"synth:in"}
    assert update(patch_bay, graph) == (False, ["synth:in"], [])
    graph.connected = {"synth:in", "recorder:in"}
    assert update(patch_bay, graph) == (True, [], [])


def test_unconnected_ports_and_ports_that_lost_all_connections() -> None:
    graph, patch_bay = FakeGraph(), PatchBay()
    update(patch_bay, graph)
    assert patch_bay.is_unconnected(OWN) and not patch_bay.has_lost_all(OWN)
    graph.connected = {"synth:in"}
    update(patch_bay, graph)
    assert not patch_bay.is_unconnected(OWN) and not patch_bay.has_lost_all(OWN)
    graph.connected = set()
    graph.ports.discard("synth:in")
    update(patch_bay, graph)
    assert patch_bay.is_unconnected(OWN) and patch_bay.has_lost_all(OWN)


def test_the_connection_to_a_peer_is_not_remembered() -> None:
    graph, patch_bay = FakeGraph(), PatchBay()
    patch_bay.remember([("JACK", OWN, "synth:in")])
    graph.ports.add("synth:in (2)")
    graph.connected = {"synth:in (2)", "recorder:in"}
    changes = patch_bay.update({"JACK": graph}, [CHOIR._replace(peer="synth:in")])
    assert graph.connected == {"synth:in (2)", "recorder:in"}  # not to the other port of that name
    assert patch_bay.to_json() == [[["JACK", OWN, "recorder:in"]], []] and changes.changed
    graph.connected = set()
    graph.ports -= {"synth:in (2)", "recorder:in"}
    assert patch_bay.update({"JACK": graph}, [CHOIR._replace(peer="synth:in")]).lost == [
        (OWN, "recorder:in"),
        (OWN, "synth:in"),
    ]


def test_of_two_ports_of_one_name_one_is_lost() -> None:
    graph, patch_bay = FakeGraph(), PatchBay()
    graph.ports.add("synth:in (2)")
    graph.connected = {"synth:in", "synth:in (2)"}
    update(patch_bay, graph)
    graph.connected = {"synth:in"}
    graph.ports.discard("synth:in (2)")
    assert update(patch_bay, graph) == (False, [], ["synth:in"])
    other = PatchBay()
    graph.ports.add("synth:in (2)")
    graph.connected = {"synth:in (2)"}
    update(other, graph)
    graph.ports.discard("synth:in (2)")
    graph.connected = {"synth:in"}  # the first one, which was not connected, is gone: the second takes its name
    assert update(other, graph)[2] == []


def test_a_system_that_cannot_be_seen_has_lost_no_connection() -> None:
    graph, patch_bay = connected("synth:in")
    assert patch_bay.update({}, []).lost == []
    assert update(patch_bay, graph) == (False, [], [])


def test_alsa_ports_of_one_name_are_distinguished() -> None:
    usb = 'Client {} : "USB" [Kernel Legacy]\n  Port   0 : "MIDI 1" (RWeX)\n    Connecting To: 128:0\n'
    own = 'Client 128 : "jamd keys" [User Legacy]\n  Port   0 : "midi" (-We-)\n    Connected From: 20:0, 24:0\n'
    both = AlsaGraph(usb.format(20) + usb.format(24) + own)
    assert both.connections("jamd keys:midi") == {"USB:MIDI 1", "USB:MIDI 1 (2)"}
    assert both.has_port("USB:MIDI 1 (2)")
    one = AlsaGraph(usb.format(24) + own.replace("20:0, ", ""))
    assert one.connections("jamd keys:midi") == {"USB:MIDI 1"}
    assert not one.has_port("USB:MIDI 1 (2)")


def test_without_alsa_the_graph_is_empty() -> None:
    assert AlsaGraph("").connections("jamd keys:midi") == set()


def cut(patch_bay: PatchBay, graph: FakeGraph, other: str = "synth:in", port: OwnPort = CHOIR) -> list[tuple[str, str]]:
    """A person cuts a connection; returns what two updates report as cut."""
    graph.connected.discard(other)
    return [c for _ in range(2) for c in patch_bay.update({"JACK": graph}, [port]).cut]


def test_what_a_person_cut_stays_cut_until_it_is_made_again_or_the_configuration_is_reloaded() -> None:
    graph, patch_bay = connected("synth:in", "recorder:in")
    assert patch_bay.is_complete("JACK", OWN)
    assert cut(patch_bay, graph) == [(OWN, "synth:in")]
    graph.ports.discard("synth:in")
    update(patch_bay, graph)
    graph.ports.add("synth:in")
    graph.number = 1
    assert update(patch_bay, graph) == (False, [], [])  # not even a device that comes back
    new = PatchBay()
    new.remember(*patch_bay.to_json())
    for _ in range(3):
        update(new, graph)
    assert graph.connected == {"recorder:in"} and not new.is_complete("JACK", OWN)
    graph.connected.add("synth:in")
    assert update(new, graph) == (True, ["synth:in"], [])  # by hand
    assert new.is_complete("JACK", OWN)
    assert cut(new, graph) == [(OWN, "synth:in")]
    new.forget_cuts()
    assert update(new, graph)[1] == ["synth:in"] and graph.connected == {"synth:in", "recorder:in"}


def test_an_output_without_a_connection_is_not_complete() -> None:
    graph, patch_bay = FakeGraph(), PatchBay()
    update(patch_bay, graph)
    assert not patch_bay.is_complete("JACK", OWN)


def test_a_new_connection_is_reported() -> None:
    graph, patch_bay = FakeGraph(), PatchBay()
    graph.connected = {"synth:in"}
    assert patch_bay.update({"JACK": graph}, [CHOIR]).added == [(OWN, "synth:in")]
    assert patch_bay.update({"JACK": graph}, [CHOIR]).added == []


def test_a_connection_that_was_interrupted_between_two_updates_is_lost_and_restored() -> None:
    graph, patch_bay = connected("synth:in", "recorder:in")
    gone = [PortConnection("JACK", OWN, other) for other in ("synth:in", "organ:in")]
    changes = patch_bay.update({"JACK": graph}, [CHOIR], True, gone)
    assert (changes.restored, changes.lost, changes.added) == ([(OWN, "synth:in")], [(OWN, "synth:in")], [])


def test_an_interrupted_connection_of_a_port_that_is_closed_now_is_no_change() -> None:
    graph, patch_bay = connected("synth:in")
    changes = patch_bay.update({"JACK": graph}, [], True, [PortConnection("JACK", OWN, "synth:in")])
    assert (changes.restored, changes.lost, changes.added, changes.cut) == ([], [], [], [])


def test_a_connection_that_is_refused_is_tried_again_after_a_full_interval_only() -> None:
    """On ALSA an attempt is announced, so that an update follows at once: it must not try again."""
    graph, patch_bay = FakeGraph(), PatchBay()
    attempts: list[str] = []
    graph.connect = lambda own, other, is_output: bool(attempts.append(other))  # type: ignore[method-assign]
    patch_bay.remember([("JACK", OWN, "synth:in")], [])
    for _ in range(3):
        patch_bay.update({"JACK": graph}, [CHOIR], False)
    assert attempts == ["synth:in"]
    patch_bay.update({"JACK": graph}, [CHOIR], True)
    assert attempts == ["synth:in"] * 2


def test_a_peer_that_a_person_cut_stays_cut_until_a_reload_or_until_the_port_is_lost() -> None:
    graph, patch_bay = FakeGraph(), PatchBay()
    port = CHOIR._replace(peer="synth:in")
    graph.connected = {"synth:in"}
    patch_bay.update({"JACK": graph}, [port])
    assert patch_bay.is_complete("JACK", OWN) and patch_bay.to_json() == [[], []]
    assert cut(patch_bay, graph, port=port) == [(OWN, "synth:in")]
    assert not patch_bay.is_complete("JACK", OWN)
    new = PatchBay()
    new.remember(*patch_bay.to_json())
    assert new.is_cut(port) and not new.is_cut(port._replace(peer="organ:in"))
    new.reopened(OWN)
    new.update({"JACK": graph}, [port])
    assert graph.connected == set() and new.is_cut(port)
    new.forget_cuts()
    new.update({"JACK": graph}, [port])
    assert graph.connected == {"synth:in"} and not new.is_cut(port)
    assert cut(new, graph, port=port) == [(OWN, "synth:in")]
    new.lost(OWN)  # the device was unplugged; what opens the port for the next one connects the port
    new.reopened(OWN)
    assert not new.is_cut(port) and new.to_json() == [[], []]
