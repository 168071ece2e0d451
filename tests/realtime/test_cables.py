"""Cables that a person cuts and connects again while notes sound: none is left sounding at any receiver."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from daemon.commands import Panic, encode_command
from daemon.music.events import note_off, note_on
from daemon.spec import PortSpec, StageSpec
from tests.realtime.band import CLOCK, THRU, sounding
from tests.realtime.jack_observer import Observer
from tests.stage.fakes import Desk, Peer, until

SPEC = StageSpec(CLOCK, THRU)
PIANO = ("piano out:midi", "jamd keys:midi")
RECEIVERS = {name: ("jamd choir:midi", f"observer:{name}") for name in ("master", "slave")}


@pytest.fixture
def piano(jack_server: object) -> Iterator[Peer]:
    with Peer("piano") as piano:
        yield piano


def left_sounding(observer: Observer) -> set[tuple[str, int, int]]:
    """(receiver, channel, pitch)."""
    return {(name, *note) for name in RECEIVERS for note in sounding(m for _, m in observer.heard(name))}


def listen(observer: Observer, desk: Desk, piano: Peer) -> None:
    piano.connect("keys")
    for name in RECEIVERS:
        observer.listen(name, "jamd choir:midi")
    until(lambda: len(desk.connections()) == 3, "the connections to be known")


def test_no_note_hangs_when_cables_are_cut_for_any_time(desk: Desk, piano: Peer, observer: Observer) -> None:
    dice = random.Random(3)
    desk.start_stage(SPEC)
    listen(observer, desk, piano)
    lengths = [0.03, 0.03, 0.05, 0.05, 0.08, 0.12, 0.18, 0.25, 0.35, 0.45, 0.6, 1.5]
    dice.shuffle(lengths)
    for number, length in enumerate(lengths):
        cables = [cable for cable in RECEIVERS.values() if dice.random() < 0.6] or [PIANO]
        pitches = range(4 * number, 4 * number + 4)
        piano.send(*(note_on(1, pitch, 90) for pitch in pitches))
        time.sleep(0.1)
        for cable in cables:
            piano.disconnect(*cable)
        end = time.perf_counter() + length
        for pitch in pitches:
            time.sleep(dice.uniform(0, length / 6))
            piano.send(note_off(1, pitch))
        time.sleep(max(end - time.perf_counter(), 0))
        for cable in cables:
            piano.connect_ports(*cable)
        time.sleep(0.05)
    until(lambda: not left_sounding(observer), "the end of all notes", 2.0)
    began = piano.send(note_on(1, 100, 90), note_off(1, 100))
    for name in RECEIVERS:
        until(lambda name=name: [s for s, m in observer.heard(name) if s > began and m == note_off(1, 100)], "a note")


@pytest.mark.parametrize("fault", ["panic", "reload", "restart"])
@pytest.mark.parametrize("length", [0.05, 0.7])
def test_cables_are_cut_while_the_stage_is_busy(
    desk: Desk, piano: Peer, observer: Observer, fault: str, length: float
) -> None:
    desk.start_stage(SPEC)
    listen(observer, desk, piano)
    piano.send(*(note_on(1, pitch, 90) for pitch in range(60, 64)))
    until(lambda: len(left_sounding(observer)) == 8, "the notes")
    source, target = RECEIVERS["master"]
    piano.disconnect(source, target)
    time.sleep(length / 2)
    piano.send(note_off(1, 60))
    match fault:
        case "panic":
            desk.send(["command", encode_command(Panic()), time.perf_counter()])
        case "reload":
            ports = (*THRU, PortSpec("organ", "out"))
            desk.send(["spec", StageSpec(CLOCK, ports).to_json()])
        case "restart":
            desk.kill_stage()
            desk.start_stage(SPEC)
    piano.send(note_off(1, 61))
    time.sleep(length / 2)
    if target not in piano.connections(source):
        piano.connect_ports(source, target)
    piano.send(note_off(1, 62), note_off(1, 63))
    until(lambda: not left_sounding(observer), "the end of all notes", 5.0)


@pytest.mark.parametrize("connect", [None, "observer:master"])
def test_what_is_cut_stays_cut_until_a_reload(desk: Desk, piano: Peer, observer: Observer, connect: str | None) -> None:
    spec = StageSpec(CLOCK, (THRU[0], PortSpec("choir", "out", connect=connect)))
    desk.start_stage(spec)
    piano.connect("keys")
    source, target = RECEIVERS["master"]
    if connect is None:
        observer.listen("master", source)
    until(lambda: target in piano.connections(source), "the connection")
    for ports in (spec.ports, None):
        time.sleep(0.3)
        piano.send(note_on(1, 60, 90))
        until(lambda: sounding(m for _, m in observer.heard("master")), "a note")
        piano.disconnect(source, target)
        piano.send(note_off(1, 60))
        time.sleep(1.0)
        if ports is None:  # a stage process that replaces another does not connect it either
            desk.kill_stage()
            desk.start_stage(spec)
            time.sleep(0.5)
        assert piano.connections(source) == []
        desk.send(["spec", spec.to_json()])
        until(lambda: not sounding(m for _, m in observer.heard("master")), "its end")
        assert piano.connections(source) == [target]
    texts = [text for _, _, _, text, _ in desk.messages("log") if "was cut" in text]
    assert len(texts) == 2 and all("port choir" in text and target in text for text in texts)
