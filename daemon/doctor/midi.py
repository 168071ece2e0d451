"""MIDI systems and ports."""

from __future__ import annotations

import shlex

from daemon.doctor.finding import Finding, attention, ok, problem
from daemon.doctor.subject import Subject
from daemon.suggestions import listed

MANY = 12  # names of ports in a line


def systems(subject: Subject) -> Finding:
    from daemon.midi.port_names import remedy

    found = subject.systems()
    usable = [
        f"{system.name} answers; sources of others: {listed(system.sources, MANY) or 'none'}; "
        f"destinations: {listed(system.destinations, MANY) or 'none'}"
        for system in found
        if not system.problem
    ]
    if usable:
        return ok("\n".join([*usable, *(f"{s.name} is not used: {s.problem}" for s in found if s.problem)]))
    text = "\n".join(f"{system.name}: {system.problem}" for system in found)
    text = text or "python-rtmidi was built without any MIDI system"
    if any(system.name == "rtmidi" for system in found):
        return problem(text, "install what the message names: libasound2, else python-rtmidi; see docs/operations.md")
    if "no answer" in text:
        return problem(text, f"end the JACK server that stands still (killall -9 jackd), or {remedy()}")
    return problem(text, remedy())


def ports(subject: Subject) -> Finding:
    """Where jamd would open the configured ports."""
    from daemon.desk.port_list import NOT_CONNECTED, where
    from daemon.midi.port_names import client_name

    if (config := subject.config) is None:
        return attention("not examined without a configuration", "correct the configuration first")
    usable = [system for system in subject.systems() if not system.problem]
    places = {port: where(port, usable) for port in config.ports}
    text = "\n".join(f"{client_name(port.name)} ({port.direction}): {place}" for port, place in places.items())
    if not usable:
        return attention(text or "none", "see MIDI above")
    if any(place.startswith("not open") for place in places.values()):
        remedy = "start the other program or plug in the device; `jamd ports` lists the names that connect: may have"
        return attention(text, remedy)
    if silent := [port.name for port, place in places.items() if place.endswith(NOT_CONNECTED)]:
        options = " ".join(f"--connect {shlex.quote(name)}=NAME" for name in silent)
        return attention(text, f"connect a synthesiser, or start jamd with {options}; `jamd ports` lists the names")
    return ok(text or "none")
