"""What is remembered of connections, and ALSA's list of them."""

from __future__ import annotations

from daemon.midi.alsa import AlsaGraph
from daemon.midi.patch_bay import PatchBay

CHOIR = ("JACK", "jamd choir:midi", True, None)
OWN = CHOIR[1]


class FakeBoard:
    def __init__(self) -> None:
        self.ports = {OWN, "synth:in", "recorder:in"}
        self.links: set[str] = set()
        self.works = True
        self.times: int | None = 0  # that the others were plugged in

    def connections(self, own: str) -> set[str]:
        return self.links if own in self.ports else set()

    def exists(self, port: str) -> bool:
        return port in self.ports

    def identity(self, port: str) -> int | None:
        return self.times

    def connect(self, own: str, other: str, is_output: bool) -> bool:
        assert own == OWN and is_output
        if self.works:
            self.links.add(other)
        return self.works

    def disconnect(self, own: str) -> None:
        self.links.clear()


def look(patchbay: PatchBay, board: FakeBoard) -> tuple[bool, list[str], list[str]]:
    """Whether what is remembered changed; who is back; who is lost."""
    news = patchbay.look({"JACK": board}, [CHOIR])
    assert all(own == OWN for own, _ in [*news.back, *news.lost])
    return news.changed, [other for _, other in news.back], [other for _, other in news.lost]


def test_what_is_connected_is_remembered_and_told_to_the_next() -> None:
    board, patchbay = FakeBoard(), PatchBay()
    assert look(patchbay, board) == (False, [], [])
    board.links = {"synth:in", "recorder:in"}
    assert look(patchbay, board) == (True, [], [])
    assert look(patchbay, board) == (False, [], [])
    new = PatchBay()
    new.wish(patchbay.to_json())
    board.links = set()
    assert look(new, board) == (False, ["recorder:in", "synth:in"], [])
    assert board.links == {"synth:in", "recorder:in"}


def test_a_peer_that_comes_back_is_connected_again() -> None:
    board, patchbay = FakeBoard(), PatchBay()
    board.links = {"synth:in"}
    look(patchbay, board)
    board.links = set()
    board.ports.discard("synth:in")
    assert look(patchbay, board) == (False, [], ["synth:in"])
    assert look(patchbay, board) == (False, [], [])
    board.ports.add("synth:in")
    assert look(patchbay, board) == (False, ["synth:in"], [])
    assert board.links == {"synth:in"}


def test_what_somebody_cut_is_forgotten() -> None:
    board, patchbay = FakeBoard(), PatchBay()
    board.links = {"synth:in"}
    look(patchbay, board)
    board.links = set()
    assert look(patchbay, board) == (False, [], ["synth:in"])
    assert look(patchbay, board) == (True, [], [])
    assert look(patchbay, board) == (False, [], [])
    assert board.links == set() and patchbay.to_json() == []


def test_a_client_that_died_has_ports_for_a_while_and_is_connected_again() -> None:
    board, patchbay = FakeBoard(), PatchBay()
    board.links = {"synth:in"}
    look(patchbay, board)
    board.links = set()
    assert look(patchbay, board) == (False, [], ["synth:in"])
    assert not patchbay.look({"JACK": board}, [CHOIR], in_time=False).changed
    board.ports.discard("synth:in")
    assert look(patchbay, board) == (False, [], [])
    board.ports.add("synth:in")
    assert look(patchbay, board) == (False, ["synth:in"], [])
    board.links = set()
    board.times = None  # its client is gone, its port is not
    assert look(patchbay, board) == (False, [], ["synth:in"])
    board.times = 2
    assert look(patchbay, board) == (False, ["synth:in"], [])
    assert board.links == {"synth:in"}


def test_a_client_that_went_and_came_back_between_two_looks_is_lost_and_back() -> None:
    board, patchbay = FakeBoard(), PatchBay()
    board.links = {"synth:in", "recorder:in"}
    look(patchbay, board)
    board.links, board.times = {"recorder:in"}, 1
    assert look(patchbay, board) == (False, ["synth:in"], ["synth:in"])
    assert board.links == {"synth:in", "recorder:in"}
    board.links = {"recorder:in"}  # now somebody cuts it
    assert look(patchbay, board) == (False, [], ["synth:in"])
    assert look(patchbay, board) == (True, [], [])
    assert board.links == {"recorder:in"}


def test_a_system_that_cannot_be_seen_for_a_while_does_not_make_two_looks_of_one() -> None:
    board, patchbay = FakeBoard(), PatchBay()
    board.links = {"synth:in"}
    look(patchbay, board)
    board.links = set()
    assert look(patchbay, board) == (False, [], ["synth:in"])
    patchbay.closed(OWN)  # the server died with the client
    assert look(patchbay, board) == (False, ["synth:in"], [])


def test_a_cut_right_after_the_return_counts_and_a_failure_to_connect_does_not() -> None:
    board, patchbay = FakeBoard(), PatchBay()
    patchbay.wish([("JACK", OWN, "synth:in")])
    board.works = False
    assert look(patchbay, board) == (False, [], [])
    board.works = True
    assert look(patchbay, board) == (False, ["synth:in"], [])
    board.links.clear()
    assert look(patchbay, board) == (False, [], ["synth:in"])
    assert look(patchbay, board) == (True, [], [])


def test_our_own_return_is_nobodys_cut() -> None:
    board, patchbay = FakeBoard(), PatchBay()
    board.links = {"synth:in"}
    look(patchbay, board)
    board.links = set()
    patchbay.closed(OWN)
    assert look(patchbay, board) == (False, ["synth:in"], [])


def test_private_connections_and_ports_that_are_gone_for_good_are_not_kept() -> None:
    board, patchbay = FakeBoard(), PatchBay(private=["recorder:in"])
    board.links = {"synth:in", "recorder:in"}
    look(patchbay, board)
    assert patchbay.to_json() == [["JACK", OWN, "synth:in"]]
    patchbay.keep(["jamd organ:midi"])
    assert patchbay.to_json() == []


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


def test_alsa_tells_its_connections() -> None:
    board = AlsaGraph(CLIENTS)
    assert board.connections("jamd keys:midi") == {"KeyStation 49:KeyStation 49 MIDI 1"}
    assert board.connections("jamd choir:midi") == {"FLUID Synth:Synth: input", "DAW:in"}
    assert board.connections("jamd drums:midi") == set()
    assert board.ports(is_output=True) == ["KeyStation 49:KeyStation 49 MIDI 1 20:0", "jamd choir:midi 129:0"]
    assert "DAW:in 131:1" in board.ports(is_output=False)
    assert board.exists("DAW:in") and not board.exists("DAW:out")


def test_a_port_that_is_back_by_itself_is_back() -> None:
    board, patchbay = FakeBoard(), PatchBay()
    patchbay.wish([("JACK", OWN, "synth:in")])
    board.links = {"synth:in"}
    assert look(patchbay, board) == (False, ["synth:in"], [])
    board.links = {"synth:in", "recorder:in"}
    assert look(patchbay, board) == (True, [], [])


def test_who_is_connected_and_who_was() -> None:
    board, patchbay = FakeBoard(), PatchBay()
    look(patchbay, board)
    assert patchbay.is_lonely(OWN) and not patchbay.is_deserted(OWN)
    board.links = {"synth:in"}
    look(patchbay, board)
    assert not patchbay.is_lonely(OWN) and not patchbay.is_deserted(OWN)
    board.links = set()
    board.ports.discard("synth:in")
    look(patchbay, board)
    assert patchbay.is_lonely(OWN) and patchbay.is_deserted(OWN)


def test_what_a_port_is_joined_to_is_not_remembered() -> None:
    board, patchbay = FakeBoard(), PatchBay()
    patchbay.wish([("JACK", OWN, "synth:in")])
    board.ports.add("synth:in (2)")
    board.links = {"synth:in (2)", "recorder:in"}
    news = patchbay.look({"JACK": board}, [(*CHOIR[:3], "synth:in")])
    assert board.links == {"synth:in (2)", "recorder:in"}  # not to the other one of that name
    assert patchbay.to_json() == [["JACK", OWN, "recorder:in"]] and news.changed
    board.links = set()
    board.ports -= {"synth:in (2)", "recorder:in"}
    assert patchbay.look({"JACK": board}, [(*CHOIR[:3], "synth:in")]).lost == [
        (OWN, "recorder:in"),
        (OWN, "synth:in"),
    ]


def test_of_two_named_alike_one_is_lost() -> None:
    board, patchbay = FakeBoard(), PatchBay()
    board.ports.add("synth:in (2)")
    board.links = {"synth:in", "synth:in (2)"}
    look(patchbay, board)
    board.links = {"synth:in"}
    board.ports.discard("synth:in (2)")
    assert look(patchbay, board) == (False, [], ["synth:in"])
    other = PatchBay()
    board.ports.add("synth:in (2)")
    board.links = {"synth:in (2)"}
    look(other, board)
    board.ports.discard("synth:in (2)")
    board.links = {"synth:in"}  # the first one, to which we were not connected, is gone: ours is the first now
    assert look(other, board)[2] == []


def test_a_system_that_cannot_be_seen_has_lost_nothing() -> None:
    board, patchbay = FakeBoard(), PatchBay()
    board.links = {"synth:in"}
    look(patchbay, board)
    assert patchbay.look({}, []).lost == []
    assert look(patchbay, board) == (False, [], [])


def test_alsa_ports_that_are_named_alike_are_told_apart() -> None:
    usb = 'Client {} : "USB" [Kernel Legacy]\n  Port   0 : "MIDI 1" (RWeX)\n    Connecting To: 128:0\n'
    own = 'Client 128 : "jamd keys" [User Legacy]\n  Port   0 : "midi" (-We-)\n    Connected From: 20:0, 24:0\n'
    both = AlsaGraph(usb.format(20) + usb.format(24) + own)
    assert both.connections("jamd keys:midi") == {"USB:MIDI 1", "USB:MIDI 1 (2)"}
    assert both.exists("USB:MIDI 1 (2)")
    one = AlsaGraph(usb.format(24) + own.replace("20:0, ", ""))
    assert one.connections("jamd keys:midi") == {"USB:MIDI 1"}
    assert not one.exists("USB:MIDI 1 (2)")


def test_no_alsa_is_an_empty_board() -> None:
    assert AlsaGraph("").connections("jamd keys:midi") == set()
