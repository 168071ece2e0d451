"""An output's queue: order, panic, a port that is lost, what is dropped after a standstill."""

from __future__ import annotations

import pytest

from daemon.metrics import GRID, OTHER, WITHDRAWAL, Metrics
from daemon.midi import output as output_module
from daemon.midi.ledger import Ledger
from daemon.midi.output import Output
from daemon.midi.pace import Bursts, PerCycle, Unlimited
from daemon.music.events import is_note_off, note_off, note_on
from tests.midi.outputs import open_output


def test_the_port_is_checked_every_500_messages(now: list[float]) -> None:
    sent: list[bytes] = []
    checks = []
    output = open_output(sent, port_works=lambda: bool(checks.append(len(sent))))  # the port is gone
    for n in range(1200):
        output.send(bytes((0xA0, n // 128, n % 128)), 0.0, GRID)
    assert checks[0] == 500 and len(sent) == 500


def test_a_reopened_port_sends_owed_note_offs_first(now: list[float]) -> None:
    sent: list[bytes] = []
    ledger = Ledger()
    output = open_output(sent, ledger)
    output.send(note_on(2, 60, 90), 0.0, GRID)
    output.close()
    output.send(note_off(2, 60), 0.0, GRID)
    output.send(note_on(2, 62, 90), 0.0, GRID)
    assert sent == [note_on(2, 60, 90)]
    assert ledger.sounding("choir") == [(2, 60)]
    again: list[bytes] = []
    output.open(again.append, Unlimited(), lambda: True, 0.0)
    output.send(note_on(2, 64, 90), 0.0, GRID)
    assert again[0] == note_off(2, 60)
    assert again[-1] == note_on(2, 64, 90)
    assert ledger.sounding("choir") == [(2, 64)]


def test_owed_note_offs_are_repeated_but_not_those_of_new_notes(now: list[float]) -> None:
    sent: list[bytes] = []
    ledger = Ledger()
    for pitch in (60, 64):
        ledger.transmit("choir", note_on(1, pitch, 90), sent.append)
    output = open_output(sent, ledger)
    output.send(note_on(1, 64, 80), 0.0, GRID)
    sent.clear()
    now[0] = output.next_deadline()
    assert now[0] == output_module.REPEAT_AFTER[0]
    output.pump(now[0])
    assert [m for m in sent if is_note_off(m)] == [note_off(1, 60)]


def test_panic_drops_the_queue(now: list[float]) -> None:
    sent: list[bytes] = []
    output = open_output(sent, pace=Bursts(2, 0.004))
    for pitch in (60, 61, 62, 63):
        output.send(note_on(1, pitch, 90), 0.0, GRID)
    output.silence()
    for now[0] in (t * 0.004 for t in range(1, 60)):
        output.pump(now[0])
    assert sent[:4] == [note_on(1, 60, 90), note_on(1, 61, 90), note_off(1, 60), note_off(1, 61)]
    assert len(sent) == 4 + 48 and output.is_idle


def test_lateness_is_measured_at_sending(now: list[float]) -> None:
    metrics = Metrics()
    output = Output("choir", Ledger(), metrics)
    output.open(lambda message: None, Bursts(1, 0.004), lambda: True, 0.0)
    now[0] = 10.0
    output.send(note_on(1, 60, 90), 9.999, GRID)
    output.send(note_on(1, 61, 90), 9.999, GRID)
    now[0] = 10.004
    output.pump(now[0])
    assert metrics.lateness.count == 2
    assert metrics.lateness.maximum == pytest.approx(0.005)


def test_clock_and_transport_overtake_a_burst(now: list[float]) -> None:
    """On ALSA, where 500 notes take 100 ms."""
    sent: list[tuple[float, bytes]] = []
    metrics = Metrics()
    output = Output("choir", Ledger(), metrics)
    output.open(lambda message: sent.append((now[0], message)), Bursts(20, 0.004), lambda: True, 0.0)
    now[0] = 1.0
    notes = [bytes((0xA0, n // 128, n % 128)) for n in range(500)]
    for note in notes:
        output.send(note, 1.0, GRID)
    output.send(b"\xf2\x10\x00", 1.0, GRID)
    output.send(b"\xfb", 1.0, GRID)
    ticks = [1.001 + n * 0.02 for n in range(5)]
    for tick in ticks:
        output.send(b"\xf8", tick, GRID)
    while output.next_deadline() < 2.0:
        now[0] = output.next_deadline()
        output.pump(now[0])
    urgent = [(stamp, message) for stamp, message in sent if message[0] >= 0xF0]
    assert urgent == [(1.0, b"\xf2\x10\x00"), (1.0, b"\xfb"), *((pytest.approx(tick), b"\xf8") for tick in ticks)]
    assert [message for _, message in sent if message[0] < 0xF0] == notes
    assert now[0] < 1.15
    assert metrics.ticks.count == 5 and metrics.ticks.maximum < 1e-6
    assert output.is_idle


def test_panic_keeps_queued_ticks_and_a_lost_port_drops_them(now: list[float]) -> None:
    sent: list[bytes] = []
    output = open_output(sent)
    output.send(b"\xf8", 0.5, GRID)
    output.silence()
    now[0] = 0.5
    output.pump(now[0])
    assert sent.count(b"\xf8") == 1
    output.send(b"\xf8", 1.0, GRID)
    output.close()
    output.open(sent.append, Unlimited(), lambda: True, 0.6)
    now[0] = 1.0
    output.pump(now[0])
    assert sent.count(b"\xf8") == 1


def test_the_port_is_checked_every_500_ticks(now: list[float]) -> None:
    sent: list[bytes] = []
    output = open_output(sent, port_works=lambda: False)
    for _ in range(600):
        output.send(b"\xf8", now[0], GRID)
    assert len(sent) == 500


def test_a_note_off_is_owed_until_it_is_sent(now: list[float]) -> None:
    ledger = Ledger()
    sent: list[bytes] = []
    output = open_output(sent, ledger, pace=Bursts(20, 0.004))
    for pitch in range(30):
        now[0] += 1.0
        output.send(note_on(1, pitch, 90), now[0], GRID)
    sent.clear()
    now[0] += 1.0
    output.release()
    output.pump(now[0])
    assert sent == [note_off(1, pitch) for pitch in range(20)]
    assert ledger.sounding("choir") == [(1, pitch) for pitch in range(20, 30)]
    output.close()
    again: list[bytes] = []
    output.open(again.append, Unlimited(), lambda: True, now[0])
    output.pump(now[0])
    assert again[:30] == [note_off(1, pitch) for pitch in range(30)]  # the first may not have arrived
    assert ledger.sounding("choir") == []


def test_a_panic_that_cannot_be_sent_settles_nothing(now: list[float]) -> None:
    ledger = Ledger()
    cycle = [0]
    output = open_output([], ledger, pace=PerCycle(1, lambda: cycle[0]))
    output.send(note_on(1, 60, 90), 0.0, GRID)
    output.silence()
    output.silence()
    for _ in range(output_module.QUEUE_LIMIT + 1):
        output.send(b"\xb0\x01\x01", 0.0, GRID)
    assert ledger.sounding("choir") == [(1, 60)]
    cycle[0] = 1
    output.pump(0.0)
    assert ledger.sounding("choir") == []


def test_queued_notes_are_released_after_they_were_sent(now: list[float]) -> None:
    sent: list[bytes] = []
    output = open_output(sent, pace=Bursts(1, 0.004))
    for pitch in (60, 61, 62):
        output.send(note_on(1, pitch, 90), 0.0, GRID)
    output.release()
    for now[0] in (t * 0.004 for t in range(1, 9)):
        output.pump(now[0])
    assert sent[3:] == [note_off(1, pitch) for pitch in (60, 61, 62)] and output.is_idle


def test_after_a_standstill_only_old_note_ons_are_dropped(now: list[float]) -> None:
    cycle, sent, ledger, metrics = [0], list[bytes](), Ledger(), Metrics()
    output = Output("choir", ledger, metrics)
    output.open(sent.append, PerCycle(500, lambda: cycle[0]), lambda: True, 0.0)
    now[0] = 1.0
    output.send(note_on(1, 60, 90), now[0], GRID)
    for n in range(499):
        output.send(bytes((0xA0, n // 128, n % 128)), now[0], GRID)
    sent.clear()
    now[0] = 1.1
    old = [note_on(1, 60, 80), note_on(1, 64, 80), b"\xb0\x40\x7f", note_off(1, 64), note_off(1, 60)]
    for message in old:
        output.send(message, now[0], GRID)
    now[0] = 3.0
    output.send(note_on(1, 67, 80), now[0], GRID)
    assert sent == []
    cycle[0] = 1
    output.pump(now[0])
    assert sent == [b"\xb0\x40\x7f", note_off(1, 64), note_on(1, 67, 80)]
    assert metrics.late == 2
    assert ledger.sounding("choir") == [(1, 60), (1, 67)]  # one of two holders released 60


def test_nothing_is_sent_before_it_is_due_or_out_of_order(now: list[float]) -> None:
    sent: list[bytes] = []
    output = open_output(sent)
    now[0] = 1.0
    output.send(note_on(1, 60, 90), 1.001, GRID)
    output.send(note_off(1, 60), 1.0, GRID)  # from a player that died meanwhile
    output.pump(1.0)
    assert sent == []
    assert output.next_deadline() == 1.001
    now[0] = 1.001
    output.pump(1.001)
    assert sent == [note_on(1, 60, 90), note_off(1, 60)]
    assert output.next_deadline() == float("inf")


def test_a_note_that_is_released_before_it_is_due_is_not_sent(now: list[float]) -> None:
    sent: list[tuple[float, bytes]] = []
    output = Output("choir", Ledger(), Metrics())
    output.open(lambda message: sent.append((now[0], message)), Unlimited(), lambda: True, 0.0)
    now[0] = 1.0
    output.send(note_on(1, 60, 90), 1.0, GRID)
    now[0] = 2.0
    for pitch in (62, 64, 64):
        output.send(note_on(2, pitch, 90), 2.001, GRID)
    output.send(note_off(1, 60), 2.0, OTHER)
    output.send(note_off(2, 64), 2.0, WITHDRAWAL)  # one of two holders
    output.send(note_off(2, 62), 2.0, WITHDRAWAL)
    output.pump(2.0)
    now[0] = 2.001
    output.pump(2.001)
    output.send(note_off(2, 64), 2.001, WITHDRAWAL)  # too late: it was sent
    assert [moment for moment in sent if moment[0] >= 1.0] == [
        (1.0, note_on(1, 60, 90)),
        (2.001, note_on(2, 64, 90)),
        (2.001, note_off(1, 60)),
        (2.001, note_off(2, 64)),
    ]
    now[0] = 3.0
    output.send(note_on(1, 60, 90), 3.0, GRID)
    for pitch in (62, 64):
        output.send(note_on(2, pitch, 90), 3.001, GRID)
    output.send(note_off(1, 60), 3.0, OTHER)
    for pitch in (64, 62):
        output.send(note_off(2, pitch), 3.0, WITHDRAWAL)
    output.pump(3.0)
    assert sent[-1] == (3.0, note_off(1, 60))  # at once
    assert output.is_idle
