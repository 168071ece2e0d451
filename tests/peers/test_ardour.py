"""jamd follows Ardour: start, stop, continue, locate, loop; and what Ardour recorded of it. About 15 s."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mido
import pytest

from daemon.music.events import is_note_off, is_note_on
from daemon.spec import ClockSpec
from tests.peers.ardour import CLOCK_PORT, PROGRAM, Ardour, available
from tests.realtime.band import sounding
from tests.realtime.jack_observer import Observer
from tests.realtime.test_clock import CONTINUE, LOWEST, SLAVE, START, STOP, TICK
from tests.stage.fakes import Desk, Peer, until

LOOP = (8, 12)  # beats
FOLLOWS = replace(SLAVE, clock=ClockSpec("midi", "sync", metronome=("choir", 10), song_position="clocks"))
Heard = list[tuple[float, bytes]]


@pytest.fixture
def ardour(jack_server: object, tmp_path: Path) -> Iterator[Ardour]:
    if not available():
        pytest.skip(f"no {PROGRAM} on this machine; to enable, on Debian 12: apt-get install ardour")
    with Ardour(tmp_path, LOOP) as ardour:
        yield ardour


def beats(heard: Heard) -> list[tuple[float, int]]:
    """(seconds, beat) of the melody's notes; not the clicks."""
    return [(seconds, m[1] - LOWEST) for seconds, m in heard if is_note_on(m) and m[0] & 15 == 0]


def master_beats(heard: Heard) -> list[tuple[float, int]]:
    """(seconds, beat) of what Ardour sent; its positions count clocks, and it sends no ticks while it stands."""
    found, number = [], 0
    for seconds, message in heard:
        if message == START:
            number = 0
        elif message[0] == 0xF2:
            number = message[1] + 128 * message[2]
        elif message == TICK:
            if number % 24 == 0:
                found.append((seconds, number // 24))
            number += 1
    return found


def test_ardour_leads_and_records(desk: Desk, observer: Observer, peer: Peer, ardour: Ardour) -> None:
    desk.start_stage(FOLLOWS, clock=True)
    peer.connect_ports(CLOCK_PORT, "jamd sync:midi")
    observer.listen("master", CLOCK_PORT)
    observer.listen("slave", "jamd choir:midi")
    ardour.record("jamd choir:midi")

    def count() -> int:
        return len(beats(observer.heard("slave")))

    def stop() -> None:
        ardour.stop()
        until(lambda: observer.heard("master")[-1][1] == STOP, "Stop")
        time.sleep(0.5)
        assert not sounding(message for _, message in observer.heard("slave"))

    ardour.roll()
    until(lambda: count() >= 4, "four beats from 1.1")
    stop()
    recorded = beats(observer.heard("slave"))
    ardour.roll()
    until(lambda: count() >= len(recorded) + 2, "two beats more")
    stop()
    continued = count()
    ardour.locate_and_roll(64)
    until(lambda: count() >= continued + 2, "two beats from bar 17")
    stop()
    located = count()
    ardour.loop()
    until(lambda: count() >= located + 3 * (LOOP[1] - LOOP[0]) + 1, "three turns of the loop")
    stop()
    ardour.save()

    master, slave = observer.heard("master"), observer.heard("slave")
    played = [beat for _, beat in beats(slave)]
    assert played[:4] == [0, 1, 2, 3] and played[continued] == 64
    assert played[len(recorded)] in (len(recorded), len(recorded) + 1), "it goes on with its next whole beat"
    assert played[located : located + 9] == [8, 9, 10, 11, 8, 9, 10, 11, 8]
    assert played == [beat for _, beat in master_beats(master)]
    _nothing_of_the_old_place(master, slave)
    assert sum(is_note_on(m) for _, m in slave) == sum(is_note_off(m) for _, m in slave)
    assert not [message for message in desk.messages("log") if message[1] != "info"]

    # Of the first recording. Ardour drops what it receives in the first two periods, hence perhaps beat 0.
    files = [mido.MidiFile(file) for file in ardour.recordings()]
    takes = [[m.note - LOWEST for m in file.tracks[0] if m.type == "note_on" and m.channel == 0] for file in files]
    whole = [beat for _, beat in recorded]
    assert whole in takes or whole[1:] in takes, takes


def _nothing_of_the_old_place(master: Heard, slave: Heard) -> None:
    """Between a Stop and the next Start or Continue nothing is struck. What jamd sends is heard a period later."""
    late = 128 / 48_000
    begins = [seconds for seconds, message in master if message in (START, CONTINUE)]
    for stopped in (seconds for seconds, message in master if message == STOP):
        begun = min((seconds for seconds in begins if seconds > stopped), default=math.inf)
        assert not [m for seconds, m in slave if stopped + 1.5 * late < seconds < begun and is_note_on(m)]
