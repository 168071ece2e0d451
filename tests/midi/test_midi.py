"""What goes between rtmidi and the performance: splitting, pacing, paying, measuring."""

from __future__ import annotations

import random
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.metrics import GRID, Histogram, Metrics
from daemon.midi import inbox as inbox_module
from daemon.midi import output as output_module
from daemon.midi.inbox import Inbox, Splitter, Waker
from daemon.midi.ledger import Ledger
from daemon.midi.output import Output
from daemon.midi.pace import Groups, PerCycle, Unlimited
from daemon.music.events import is_note_off, is_well_formed, note_off, note_on
from daemon.stage.connection import Connection


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of midi_out: set now[0]."""
    moment = [0.0]
    monkeypatch.setattr(output_module.time, "perf_counter", lambda: moment[0])
    return moment


def an_output(sent: list[bytes], ledger: Ledger | None = None, **options: Any) -> Output:
    output = Output("choir", ledger or Ledger(), Metrics())
    output.open(sent.append, options.get("pace", Unlimited()), options.get("look", lambda: True), 0.0)
    output.pump(0.0)
    return output


def test_what_an_endless_exclusive_message_swallowed_is_found_again() -> None:
    blob = b"\xf0\x01\x02" + note_on(1, 60, 90) + b"\xf8" + note_off(1, 60) + b"\x05\xf7"
    assert Splitter().feed(blob) == [b"\xf8", b"\xf0\x01\x02", note_on(1, 60, 90), note_off(1, 60) + b"\x05"]
    assert [m for m in Splitter().feed(b"\xf0\x01" + note_off(1, 60) + b"\xf7") if is_well_formed(m)] == [
        note_off(1, 60)
    ]


def test_whole_messages_are_left_alone() -> None:
    for message in (note_on(3, 60, 90), b"\xf0\x7e\x01\xf7", b"\xf8", b"\xf0\xf7", b"\x05", b"\xf0\x01"):
        assert Splitter().feed(message) == [message]


def test_real_time_messages_in_the_midst_of_an_exclusive_one() -> None:
    assert Splitter().feed(b"\xf0\x01\xf8\x02\xfa\xf7") == [b"\xf8", b"\xfa", b"\xf0\x01\x02\xf7"]
    splitter = Splitter()  # as rtmidi hands them over on ALSA
    pieces = (b"\xf0\x01\xf8", b"\xf8", b"\x02\xfc", b"\x03\xf7", note_on(1, 60, 90))
    assert [splitter.feed(piece) for piece in pieces] == [
        [b"\xf8"],
        [b"\xf8"],
        [b"\xfc"],
        [b"\xf0\x01\x02\x03\xf7"],
        [note_on(1, 60, 90)],
    ]
    assert splitter.feed(b"\xf0\x01\xf8") == [b"\xf8"]  # its rest never comes
    assert splitter.feed(note_on(1, 60, 90)) == [b"\xf0\x01", note_on(1, 60, 90)]
    assert splitter.feed(note_off(1, 60)) == [note_off(1, 60)]


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=6))
def test_any_bytes_can_be_split(pieces: list[bytes]) -> None:
    splitter = Splitter()
    assert all(message for piece in pieces for message in splitter.feed(piece))
    assert splitter.feed(note_on(1, 60, 90))[-1] == note_on(1, 60, 90)


def test_a_burst_goes_out_in_groups_and_in_order(now: list[float]) -> None:
    sent: list[bytes] = []
    output = an_output(sent, pace=Groups(20, 0.004))
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


def test_jack_gets_no_more_than_a_cycle_can_take(now: list[float]) -> None:
    sent: list[bytes] = []
    cycle = [0]
    output = an_output(sent, pace=PerCycle(500, lambda: cycle[0]))
    for n in range(1200):
        output.send(bytes((0xA0, n // 128, n % 128)), 0.0, GRID)
    output.pump(1.0)
    assert len(sent) == 500  # the server stands still
    for expected in (1000, 1200, 1200):
        cycle[0] += 64
        output.pump(1.0)
        assert len(sent) == expected


def test_every_500_messages_it_looks_whether_the_port_is_there(now: list[float]) -> None:
    sent: list[bytes] = []
    looks = []
    output = an_output(sent, look=lambda: bool(looks.append(len(sent))))  # it is gone
    for n in range(1200):
        output.send(bytes((0xA0, n // 128, n % 128)), 0.0, GRID)
    assert looks[0] == 500 and len(sent) == 500


def test_a_lost_port_owes_and_pays_first(now: list[float]) -> None:
    sent: list[bytes] = []
    ledger = Ledger()
    output = an_output(sent, ledger)
    output.send(note_on(2, 60, 90), 0.0, GRID)
    output.shut()
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


def test_debts_are_paid_again_but_not_to_new_notes(now: list[float]) -> None:
    sent: list[bytes] = []
    ledger = Ledger()
    for pitch in (60, 64):
        ledger.transmit("choir", note_on(1, pitch, 90), sent.append)
    output = an_output(sent, ledger)
    output.send(note_on(1, 64, 80), 0.0, GRID)
    sent.clear()
    now[0] = output.next_deadline()
    assert now[0] == output_module.AGAIN[0]
    output.pump(now[0])
    assert [m for m in sent if is_note_off(m)] == [note_off(1, 60)]


def test_panic_forgets_what_waits(now: list[float]) -> None:
    sent: list[bytes] = []
    output = an_output(sent, pace=Groups(2, 0.004))
    for pitch in (60, 61, 62, 63):
        output.send(note_on(1, pitch, 90), 0.0, GRID)
    output.silence()
    for now[0] in (t * 0.004 for t in range(1, 60)):
        output.pump(now[0])
    assert sent[:4] == [note_on(1, 60, 90), note_on(1, 61, 90), note_off(1, 60), note_off(1, 61)]
    assert len(sent) == 4 + 48 and output.idle


def test_lateness_is_measured_when_it_is_sent(now: list[float]) -> None:
    metrics = Metrics()
    output = Output("choir", Ledger(), metrics)
    output.open(lambda message: None, Groups(1, 0.004), lambda: True, 0.0)
    now[0] = 10.0
    output.send(note_on(1, 60, 90), 9.999, GRID)
    output.send(note_on(1, 61, 90), 9.999, GRID)
    now[0] = 10.004
    output.pump(now[0])
    assert metrics.lateness.count == 2
    assert metrics.lateness.maximum == pytest.approx(0.005)


def test_percentiles_are_as_fine_as_they_say() -> None:
    rng = random.Random(1)
    values = [rng.expovariate(2000) for _ in range(5000)]
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    values.sort()
    for share in (0.5, 0.9, 0.99, 1.0):
        assert histogram.percentile(share) == pytest.approx(
            values[max(round(share * 5000) - 1, 0)], rel=0.011, abs=2e-6
        )
    assert histogram.maximum == values[-1]
    assert Histogram().to_json() == {"count": 0, "p50": 0.0, "p99": 0.0, "max": 0.0}


def test_a_link_that_nobody_reads_is_full_at_its_limit() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        link = Connection(ours, 1 << 16)
        for _ in range(10_000):
            link.send([["x" * 100]])
        assert link.broken and link.is_full and not link.is_waiting
        link.close()


def test_a_link_gives_whole_messages_until_its_end() -> None:
    ours, theirs = socket.socketpair()
    link = Connection(ours, 1 << 16)
    theirs.sendall(b"[1]\n[2")
    assert link.receive() == [[1]]
    theirs.sendall(b"]\n")
    theirs.close()
    assert link.receive() == [[2]] and not link.broken
    assert link.receive() == [] and link.broken and not link.is_full
    link.close()


def test_callbacks_stamp_queue_and_wake() -> None:
    class Handle:
        def ignore_types(self, **options: bool) -> None:
            assert options == {"sysex": False, "timing": False, "active_sense": True}

        def set_callback(self, callback: Any) -> None:
            self.receive = callback

        def set_error_callback(self, callback: Any) -> None:
            self.fail = callback

    waker, handle = Waker(), Handle()
    inbox = Inbox(waker)
    ear = inbox.listen(handle, "keys")
    before = ear.came_at, ear.heard_at
    handle.receive(([0xF7], 0.0), None)  # a lone end of exclusive means nothing
    assert (ear.came_at > before[0], ear.heard_at) == (True, before[1]) and not inbox
    for n in range(40):
        handle.receive(([0x90, n, 1], 0.0), None)
    handle.fail(0, "queue overflow")
    first = list(inbox.take())
    assert [m for _, _, m in first] == [bytes((0x90, n, 1)) for n in range(32)]
    assert [m for _, _, m in inbox.take()] == [*(bytes((0x90, n, 1)) for n in range(32, 40)), b""]
    handle.receive(([0x90, 60, 1], 0.0), None)
    ear.is_open = False
    handle.receive(([0x90, 61, 1], 0.0), None)
    assert list(inbox.take()) == []
    waker.rest()
    waker.close()


class QueueHandle:
    """rtmidi's input: what JACK brings goes to the callback, or into rtmidi's queue where there is none."""

    def __init__(self) -> None:
        self.callback: Any = None
        self.queue: list[tuple[list[int], float]] = []

    def ignore_types(self, **_: bool) -> None: ...

    def set_error_callback(self, callback: Any) -> None: ...

    def set_callback(self, callback: Any) -> None:
        self.callback = callback

    def cancel_callback(self) -> None:
        self.callback = None

    def get_message(self) -> tuple[list[int], float] | None:
        assert self.callback is None  # else rtmidi refuses
        return self.queue.pop(0) if self.queue else None

    def bring(self, message: bytes, gap: float = 0.0) -> None:
        if self.callback is None:
            self.queue.append((list(message), gap))
        else:
            self.callback((list(message), gap), None)


def test_what_comes_in_while_the_interpreter_is_locked_is_heard_afterwards(
    now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_module.time, "sleep", lambda seconds: None)
    waker, keys, pads = Waker(), QueueHandle(), QueueHandle()
    inbox = Inbox(waker)
    inbox.listen(keys, "keys")
    closed = inbox.listen(pads, "pads")
    closed.is_open = False
    now[0] = 10.0
    keys.bring(note_on(1, 60, 90))
    with pytest.raises(OSError, match="no port"), inbox.by_queue():
        keys.bring(note_on(1, 61, 90), 0.01)
        keys.bring(note_off(1, 60), 0.02)
        pads.bring(note_on(1, 62, 90))
        now[0] = 10.045
        raise OSError("no port")
    keys.bring(note_off(1, 61))
    assert [(round(stamp, 6), source, message) for stamp, source, message in inbox.take()] == [
        (10.0, "keys", note_on(1, 60, 90)),
        (10.01, "keys", note_on(1, 61, 90)),
        (10.03, "keys", note_off(1, 60)),
        (10.045, "keys", note_off(1, 61)),
    ]
    waker.close()


def test_of_whom_too_much_came_in_is_told_once_the_rest_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "LIMIT", 4)
    waker, keys, pads = Waker(), QueueHandle(), QueueHandle()
    inbox = Inbox(waker)
    for name, handle in (("keys", keys), ("pads", pads)):
        inbox.listen(handle, name)
    pads.bring(note_on(2, 60, 90))
    for pitch in (60, 61, 62):
        keys.bring(note_on(1, pitch, 90))
    keys.bring(note_off(1, 60))
    keys.bring(note_off(1, 61))
    assert inbox.lost == 2
    assert len(list(inbox.take(4))) == 4
    assert inbox  # or nobody would ask again
    keys.bring(note_on(1, 63, 90))
    assert [(source, message) for _, source, message in inbox.take()] == [
        ("keys", note_on(1, 63, 90)),
        ("keys", b""),
    ]
    assert not inbox and not list(inbox.take())
    waker.close()


def test_what_was_left_in_rtmidis_queue_is_out_of_order_and_so_it_is_lost() -> None:
    waker, keys = Waker(), QueueHandle()
    inbox = Inbox(waker)
    ear = inbox.listen(keys, "keys")
    inbox.sweep(ear)
    with inbox.by_queue():
        pass
    keys.queue.append((list(note_off(1, 60)), 0.0))
    inbox.sweep(ear)
    assert [message for _, _, message in inbox.take()] == [b""]
    inbox.sweep(ear)
    keys.bring(note_on(1, 60, 90))
    assert [message for _, _, message in inbox.take()] == [note_on(1, 60, 90)]
    waker.close()


def test_clock_and_transport_overtake_a_burst(now: list[float]) -> None:
    """On ALSA, where 500 notes take 100 ms."""
    sent: list[tuple[float, bytes]] = []
    metrics = Metrics()
    output = Output("choir", Ledger(), metrics)
    output.open(lambda message: sent.append((now[0], message)), Groups(20, 0.004), lambda: True, 0.0)
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
    assert output.idle


def test_ticks_do_not_fill_the_ring_of_a_server_that_stands_still(now: list[float]) -> None:
    sent: list[bytes] = []
    cycle = [0]
    output = an_output(sent, pace=PerCycle(500, lambda: cycle[0]))
    for n in range(600):
        output.send(bytes((0xA0, n // 128, n % 128)), 0.0, GRID)
    for n in range(1000):
        now[0] = n * 0.02
        output.send(b"\xf8", now[0], GRID)
        output.pump(now[0])
    assert len(sent) == 500 + output_module.URGENT
    assert now[0] < output.next_deadline() < now[0] + 0.01
    for cycle[0] in range(1, 5):
        now[0] += 1.0
        output.pump(now[0])
    assert sent.count(b"\xf8") == 1000 and len(sent) == 1600 and output.idle


def test_panic_leaves_the_clock_alone_and_a_lost_port_does_not(now: list[float]) -> None:
    sent: list[bytes] = []
    output = an_output(sent)
    output.send(b"\xf8", 0.5, GRID)
    output.silence()
    now[0] = 0.5
    output.pump(now[0])
    assert sent.count(b"\xf8") == 1
    output.send(b"\xf8", 1.0, GRID)
    output.shut()
    output.open(sent.append, Unlimited(), lambda: True, 0.6)
    now[0] = 1.0
    output.pump(now[0])
    assert sent.count(b"\xf8") == 1


def test_every_500_ticks_it_looks_whether_the_port_is_there(now: list[float]) -> None:
    sent: list[bytes] = []
    output = an_output(sent, look=lambda: False)
    for _ in range(600):
        output.send(b"\xf8", now[0], GRID)
    assert len(sent) == 500


def test_a_debt_is_owed_until_its_note_off_is_sent(now: list[float]) -> None:
    ledger = Ledger()
    sent: list[bytes] = []
    output = an_output(sent, ledger, pace=Groups(20, 0.004))
    for pitch in range(30):
        now[0] += 1.0
        output.send(note_on(1, pitch, 90), now[0], GRID)
    sent.clear()
    now[0] += 1.0
    output.release()
    output.pump(now[0])
    assert sent == [note_off(1, pitch) for pitch in range(20)]
    assert ledger.sounding("choir") == [(1, pitch) for pitch in range(20, 30)]
    output.shut()
    again: list[bytes] = []
    output.open(again.append, Unlimited(), lambda: True, now[0])
    output.pump(now[0])
    assert again[:30] == [note_off(1, pitch) for pitch in range(30)]  # the first may not have arrived
    assert ledger.sounding("choir") == []


def ends(messages: list[bytes]) -> list[bytes]:
    return [message for message in messages if is_note_off(message)]


class Listener:
    """Who is connected to an output, or is away."""

    def __init__(self) -> None:
        self.is_there = True
        self.got: list[bytes] = []

    def open(self, output: Output, at: float) -> None:
        output.open(self.hear, Unlimited(), lambda: True, at, lambda: self.is_there)
        output.pump(at)

    def hear(self, message: bytes) -> None:
        if self.is_there:
            self.got.append(message)


def test_a_synth_was_unplugged_in_mid_note_when_the_port_was_lost(now: list[float]) -> None:
    """Both come back, the port first."""
    synth, output = Listener(), Output("choir", Ledger(), Metrics())
    synth.open(output, 0.0)
    output.send(note_on(1, 60, 90), 0.0, GRID)
    synth.is_there = False
    output.lost_a_receiver()
    output.send(note_off(1, 60), 0.0, GRID)
    now[0] = 5.0
    output.nobody_missed(now[0])
    output.shut()
    synth.open(output, now[0])
    now[0] = 10.0
    output.pump(now[0])  # it is paid again and again, and nobody hears it
    synth.is_there = True
    synth.got.clear()
    output.pay_again()
    output.pump(now[0])
    assert ends(synth.got) == [note_off(1, 60)]


def test_what_was_sent_right_before_the_port_was_lost_is_sent_again(now: list[float]) -> None:
    synth, output = Listener(), Output("choir", Ledger(), Metrics())
    synth.open(output, 0.0)
    output.send(note_on(1, 60, 90), 0.0, GRID)
    output.send(note_on(1, 61, 90), 0.0, GRID)
    output.send(note_off(1, 61), 0.0, GRID)
    now[0] = 5.0
    output.nobody_missed(now[0])
    synth.is_there = False
    output.send(note_off(1, 60), 0.0, GRID)  # nobody knows that it is away
    output.shut()
    synth.is_there = True
    synth.open(output, now[0])
    assert ends(synth.got) == [note_off(1, 61), note_off(1, 60)]


def test_debts_outlive_one_stage_after_the_other_until_everyone_has_heard_them(now: list[float]) -> None:
    ledger, synth = Ledger(), Listener()
    first = Output("choir", ledger, Metrics())
    synth.open(first, 0.0)
    first.send(note_on(1, 60, 90), 0.0, GRID)
    first.send(note_on(1, 61, 90), 0.0, GRID)
    now[0] = 5.0
    first.send(note_off(1, 61), 0.0, GRID)  # it may not have arrived
    synth.is_there = False
    synth.open(Output("choir", ledger, Metrics()), now[0])
    assert ledger.sounding("choir") == []  # a debt is no holder
    third = Output("choir", ledger, Metrics())
    synth.open(third, now[0])
    now[0] = 10.0
    third.pump(now[0])
    third.nobody_missed(now[0])
    assert ledger.owed("choir") == [(1, 60), (1, 61)]
    synth.is_there = True
    synth.got.clear()
    third.pay_again()
    third.send(note_on(1, 62, 90), 0.0, GRID)
    third.pump(now[0])
    assert ends(synth.got) == [note_off(1, 60), note_off(1, 61)]
    assert ledger.owed("choir") == []
    third.lost_a_receiver()  # it was gone already when that was sent
    assert ledger.owed("choir") == [(1, 60), (1, 61), (1, 62)]
    third.pay_again()
    third.pump(now[0])
    now[0] += 2 * output_module.UNNOTICED
    third.nobody_missed(now[0])
    third.lost_a_receiver()
    assert ledger.owed("choir") == [(1, 62)]  # which still sounds


def test_a_debt_to_one_who_was_forgotten_ends(now: list[float]) -> None:
    ledger, sent = Ledger(), list[bytes]()
    output = an_output(sent, ledger)
    output.send(note_on(1, 60, 90), 0.0, GRID)
    output.lost_a_receiver()
    output.send(note_off(1, 60), 0.0, GRID)
    sent.clear()
    output.send(note_on(1, 60, 90), 0.0, GRID)
    output.send(note_off(1, 60), 0.0, GRID)
    assert sent == [note_off(1, 60), note_on(1, 60, 90), note_off(1, 60)]  # it may sound where that was missed
    sent.clear()
    output.nobody_missed(now[0])
    output.pump(now[0])
    assert sent == [note_off(1, 60)] and ledger.owed("choir") == []


def test_a_panic_while_nothing_can_be_sent_is_no_payment(now: list[float]) -> None:
    ledger = Ledger()
    cycle = [0]
    output = an_output([], ledger, pace=PerCycle(1, lambda: cycle[0]))
    output.send(note_on(1, 60, 90), 0.0, GRID)
    output.silence()
    output.silence()
    for _ in range(output_module.LIMIT + 1):
        output.send(b"\xb0\x01\x01", 0.0, GRID)
    assert ledger.sounding("choir") == [(1, 60)]
    cycle[0] = 1
    output.pump(0.0)
    assert ledger.sounding("choir") == []


def test_what_waits_is_released_after_it_was_sent(now: list[float]) -> None:
    sent: list[bytes] = []
    output = an_output(sent, pace=Groups(1, 0.004))
    for pitch in (60, 61, 62):
        output.send(note_on(1, pitch, 90), 0.0, GRID)
    output.release()
    for now[0] in (t * 0.004 for t in range(1, 9)):
        output.pump(now[0])
    assert sent[3:] == [note_off(1, pitch) for pitch in (60, 61, 62)] and output.idle


def test_after_a_standstill_old_notes_are_dropped_and_nothing_else(now: list[float]) -> None:
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
    assert ledger.sounding("choir") == [(1, 60), (1, 67)]  # one of two holders let go of 60


def test_a_long_burst_at_a_slow_pace_is_not_late(now: list[float]) -> None:
    sent: list[bytes] = []
    output = an_output(sent, pace=Groups(20, 0.004))
    for n in range(2000):
        output.send(note_on(1 + n // 128, n % 128, 1), 0.0, GRID)
    while output.next_deadline() < 2.0:
        now[0] = output.next_deadline()
        output.pump(now[0])
    assert now[0] > 1.9 * output_module.LATE
    assert len(sent) == 2000


def test_a_server_that_stands_still_is_looked_at_seldom(now: list[float]) -> None:
    output = an_output([], pace=PerCycle(1, lambda: 0))
    output.send(b"\xb0\x01\x01", 0.0, GRID)
    output.send(b"\xb0\x01\x01", 0.0, GRID)
    looks = 0
    while now[0] < 1.0:
        now[0] = output.next_deadline()
        output.pump(now[0])
        looks += 1
    assert looks < 300


def test_nothing_goes_out_before_it_is_due_nor_out_of_order(now: list[float]) -> None:
    sent: list[bytes] = []
    output = an_output(sent)
    now[0] = 1.0
    output.send(note_on(1, 60, 90), 1.001, GRID)
    output.send(note_off(1, 60), 1.0, GRID)  # its player has died meanwhile
    output.pump(1.0)
    assert sent == []
    assert output.next_deadline() == 1.001
    now[0] = 1.001
    output.pump(1.001)
    assert sent == [note_on(1, 60, 90), note_off(1, 60)]
    assert output.next_deadline() == float("inf")
