"""The section `ports`."""

from __future__ import annotations

from daemon.config.names import PORT_KEYS, Names
from daemon.spec import PortSpec
from daemon.yaml_file import Value

CLIENT_PREFIX = "jamd "  # of the names of jamd's own ports


def read_port(name: str, value: Value, names: Names) -> PortSpec:
    port = value.section(*PORT_KEYS)
    direction = port["direction"].one_of(("in", "out"), what="a direction")
    if direction == "out" and not port["direction"].is_wrong:
        for key in ("channels", "thru", "longest_note"):
            if port[key].given:
                port[key].report(f"only an input has `{key}`: delete this line, or set the direction to `in`")
    elif not port["direction"].is_wrong and port["delay_ms"].given:
        port["delay_ms"].report("only an output can be delayed: delete this line, or set the direction to `out`")
    channels = tuple(item.integer(1, 16, 1) for item in port["channels"].items())
    delay = port["delay_ms"].number(-1000, 1000, 0.0) / 1000
    connect = port["connect"].text("") or None
    if connect is not None and connect.startswith(CLIENT_PREFIX):
        port["connect"].report(
            f"jamd does not connect to ports whose names begin with {CLIENT_PREFIX!r}, as its own do: "
            "rename the other port, and write its new name here"
        )
    longest_note = port["longest_note"].number(0.1, 3600, 0.0) or None
    return PortSpec(name, direction, connect, channels, names.outputs_in(port["thru"]), delay, longest_note)
