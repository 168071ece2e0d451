"""Which outputs are connected, as far as that can be seen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from daemon.midi.alsa import AlsaGraph
from daemon.midi.connections import ConnectionWatch, Port
from daemon.midi.port_names import Device
from daemon.spec import PortSpec

CLIENTS = (
    'Client 128 : "jamd choir" [User Legacy]\n  Port   0 : "midi" (R-e-)\n{connection}'
    'Client 129 : "synth" [User Legacy]\n  Port   0 : "in" (-We-)\n'
)


def connected(clients: str, api: str = "ALSA") -> dict[str, bool]:
    changes = SimpleNamespace(pending=False, take=lambda: SimpleNamespace(alsa_cut=[], alsa_lost=False, jack=[]))
    systems = SimpleNamespace(changes=changes, graphs=lambda: {"ALSA": AlsaGraph(clients)})
    observer = SimpleNamespace(connections_changed=lambda _: None, log=lambda *_, **__: None)
    nothing: Any = lambda *_: None  # noqa: E731
    output = SimpleNamespace(repeat_owed=nothing, repeat_sounds=nothing, confirm_note_offs=nothing, repeat_sent=nothing)
    device = Device(api, None, "jamd choir:midi", None, False)
    watch = ConnectionWatch(cast(Any, systems), cast(Any, None), cast(Any, observer))
    watch.reconfigured(0.0)
    watch.update(1.0, [Port(PortSpec("choir", "out"), cast(Any, output), device)])
    return watch.connected


def test_the_outputs_that_others_are_connected_to() -> None:
    assert connected(CLIENTS.format(connection="")) == {"choir": False}
    assert connected(CLIENTS.format(connection="    Connecting To: 129:0\n")) == {"choir": True}


def test_nothing_is_known_where_connections_cannot_be_seen() -> None:
    assert connected("") == {}  # ALSA's list is hidden from this process
    assert connected(CLIENTS.format(connection=""), "CoreMIDI") == {}
