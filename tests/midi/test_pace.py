"""Outputs at the pace of ALSA's sequencer and of JACK's cycles."""

from __future__ import annotations

from daemon.metrics import GRID
from daemon.midi import output as output_module
from daemon.midi.pace import Bursts, PerCycle
from daemon.music.events import note_on
from tests.midi.outputs import open_output


def test_alsa_gets_bursts_of_20_in_order(now: list[float]) -> None:
    sent: list[bytes] = []
    output = open_output(sent, pace=Bursts(20, 0.004))
    messages = [bytes((0xA0, n // 128, n % 128)) for n in range(500)]
    for message in messages:
        output.send(message, 0.0, GRID)
    assert len(sent) == 20
    while output.next_deadline() < 1.0:
        before = len(sent)
        now[0] = output.next_deadline()
        output.pump(now[0])
        assert 0 < len(sent) - before <= 20
    assert sent == messages
    assert now[0] <= 0.15


def test_jack_gets_at_most_500_messages_per_cycle(now: list[float]) -> None:
    sent: list[bytes] = []
    cycle = [0]
    output = open_output(sent, pace=PerCycle(500, lambda: cycle[0]))
    for n in range(1200):
        output.send(bytes((0xA0, n // 128, n % 128)), 0.0, GRID)
    output.pump(1.0)
    assert len(sent) == 500  # the server stands still
    for expected in (1000, 1200, 1200):
        cycle[0] += 64
        output.pump(1.0)
        assert len(sent) == expected


def test_ticks_do_not_fill_the_ring_of_a_stalled_server(now: list[float]) -> None:
    sent: list[bytes] = []
    cycle = [0]
    output = open_output(sent, pace=PerCycle(500, lambda: cycle[0]))
    for n in range(600):
        output.send(bytes((0xA0, n // 128, n % 128)), 0.0, GRID)
    for n in range(1000):
        now[0] = n * 0.02
        output.send(b"\xf8", now[0], GRID)
        output.pump(now[0])
    assert len(sent) == 500 + output_module.URGENT_ROOM
    assert now[0] < output.next_deadline() < now[0] + 0.01
    for cycle[0] in range(1, 5):
        now[0] += 1.0
        output.pump(now[0])
    assert sent.count(b"\xf8") == 1000 and len(sent) == 1600 and output.is_idle


def test_a_long_burst_at_a_slow_pace_is_not_dropped(now: list[float]) -> None:
    sent: list[bytes] = []
    output = open_output(sent, pace=Bursts(20, 0.004))
    for n in range(2000):
        output.send(note_on(1 + n // 128, n % 128, 1), 0.0, GRID)
    while output.next_deadline() < 2.0:
        now[0] = output.next_deadline()
        output.pump(now[0])
    assert now[0] > 1.9 * output_module.MAX_STANDSTILL
    assert len(sent) == 2000


def test_a_stalled_server_is_checked_rarely(now: list[float]) -> None:
    output = open_output([], pace=PerCycle(1, lambda: 0))
    output.send(b"\xb0\x01\x01", 0.0, GRID)
    output.send(b"\xb0\x01\x01", 0.0, GRID)
    looks = 0
    while now[0] < 1.0:
        now[0] = output.next_deadline()
        output.pump(now[0])
        looks += 1
    assert looks < 300
