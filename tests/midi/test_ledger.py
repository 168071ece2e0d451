"""The ledger: every sounding note has a holder; note-offs that a dead stage process owed are sent by the next."""

from pathlib import Path

import pytest

from daemon.midi.ledger import SIZE, SLOTS, Ledger, Send, open_ledger, panic_messages
from daemon.music.events import is_note_off, is_note_on, note_off, note_on


def release(ledger: Ledger, port: str, send: Send) -> int:
    """Send the note-off of every note that sounds on `port`, as an output does; how many."""
    sounding = ledger.sounding(port)
    for channel, pitch in sounding:
        ledger.end(port, note_off(channel, pitch), send)
    return len(sounding)


def test_only_the_last_holder_sends_a_note_off() -> None:
    sent: list[bytes] = []
    ledger = Ledger()
    ledger.transmit("choir", note_on(1, 60, 90), sent.append)
    ledger.transmit("choir", note_on(1, 60, 80), sent.append)  # off, then on
    ledger.transmit("choir", note_off(1, 60), sent.append)  # the first holder's note-off is not sent
    assert sent == [note_on(1, 60, 90), note_off(1, 60), note_on(1, 60, 80)]
    ledger.transmit("choir", note_off(1, 60), sent.append)
    assert sent[3:] == [note_off(1, 60)]
    assert ledger.sounding("choir") == []


def test_channels_and_ports_do_not_mix() -> None:
    sent: list[bytes] = []
    ledger = Ledger()
    ledger.transmit("choir", note_on(1, 60, 90), sent.append)
    ledger.transmit("choir", note_on(2, 60, 90), sent.append)
    ledger.transmit("drums", note_on(1, 60, 90), sent.append)
    ledger.transmit("choir", note_off(1, 60), sent.append)
    assert ledger.sounding("choir") == [(2, 60)]
    assert ledger.sounding("drums") == [(1, 60)]


def test_note_off_without_note_on_passes() -> None:
    sent: list[bytes] = []
    Ledger().transmit("choir", note_off(1, 60), sent.append)
    assert sent == [note_off(1, 60)]


def test_a_note_is_entered_before_its_note_on_and_until_its_note_off_is_sent() -> None:
    ledger = Ledger()
    entered: list[list[tuple[int, int]]] = []
    ledger.transmit("choir", note_on(1, 60, 90), lambda _: entered.append(ledger.sounding("choir")))
    ledger.transmit("choir", note_off(1, 60), lambda _: entered.append(ledger.sounding("choir")))
    assert entered == [[(1, 60)], [(1, 60)]]


def test_a_new_stage_process_sends_the_note_offs_of_a_dead_one(tmp_path: Path) -> None:
    memory = open_ledger(tmp_path / "ledger", create=True)
    first = Ledger(memory)
    for port, channel, pitch in [("choir", 1, 60), ("choir", 16, 127), ("drums", 10, 0)]:
        first.transmit(port, note_on(channel, pitch, 64), lambda _: None)
    second = Ledger(open_ledger(tmp_path / "ledger"))
    assert second.knows("choir") and second.knows("drums") and not second.knows("organ")
    sent: list[bytes] = []
    assert release(second, "choir", sent.append) == 2
    assert sent == [note_off(1, 60), note_off(16, 127)]
    assert release(second, "choir", sent.append) == 0
    assert second.sounding("drums") == [(10, 0)]
    assert len(memory) == SIZE


def test_a_note_whose_note_off_could_not_be_sent_keeps_sounding() -> None:
    ledger = Ledger()
    ledger.transmit("choir", note_on(1, 60, 90), lambda _: True)
    ledger.transmit("choir", note_off(1, 60), lambda _: False)
    assert ledger.sounding("choir") == [(1, 60)]
    release(ledger, "choir", lambda _: False)
    assert ledger.sounding("choir") == [(1, 60)]
    release(ledger, "choir", lambda _: True)
    assert ledger.sounding("choir") == []


def test_a_note_on_that_was_not_sent_does_not_end_another_holders_note() -> None:
    sent: list[bytes] = []
    ledger = Ledger()
    ledger.hold("choir", note_on(1, 60, 90))
    ledger.transmit("choir", note_on(1, 60, 80), sent.append)
    sent.clear()
    ledger.transmit("choir", note_off(1, 60), sent.append)
    assert sent == []
    ledger.transmit("choir", note_off(1, 60), sent.append)
    assert sent == [note_off(1, 60)] and ledger.sounding("choir") == []


def test_slots_without_sounding_notes_are_used_again() -> None:
    memory = bytearray(SIZE)
    ledger = Ledger(memory)
    ledger.transmit("choir", note_on(1, 60, 90), lambda _: None)
    for number in range(3 * SLOTS):
        ledger.transmit(f"port {number}", note_on(1, 61, 90), lambda _: None)
        ledger.transmit(f"port {number}", note_off(1, 61), lambda _: None)
    ledger.transmit("port 1", note_on(1, 62, 90), lambda _: None)
    again = Ledger(memory)
    assert again.sounding("choir") == [(1, 60)] and again.sounding("port 1") == [(1, 62)]


def test_slots_with_owed_note_offs_are_used_again_rather_than_none() -> None:
    memory = bytearray(SIZE)
    ledger = Ledger(memory)
    for number in range(SLOTS):
        ledger.transmit(f"port {number}", note_on(1, 60, 90), lambda _: None)
    ledger.end_holders("port 7")
    assert ledger.owed("port 7") == [(1, 60)] and ledger.sounding("port 7") == []
    ledger.transmit("choir", note_on(1, 61, 90), lambda _: None)
    again = Ledger(memory)
    assert again.sounding("choir") == [(1, 61)] and again.owed("choir") == []
    assert not again.knows("port 7") and again.sounding("port 8") == [(1, 60)]


def test_more_outputs_than_slots() -> None:
    sent: list[bytes] = []
    ledger = Ledger()
    for number in range(SLOTS + 3):
        ledger.transmit(f"port {number}", note_on(1, 60, 90), lambda _: None)
    for number in range(SLOTS + 3):
        assert release(ledger, f"port {number}", sent.append) == 1
    assert sent == [note_off(1, 60)] * (SLOTS + 3)


@pytest.mark.parametrize(
    "name", ["Клавиатура в большой комнате наверху", "é" * 32 + "a", "é" * 32 + "b", "\ud800" * 40]
)
def test_long_names_are_found_again(name: str) -> None:
    memory = bytearray(SIZE)
    first = Ledger(memory)
    first.transmit("é" * 32 + "c", note_on(1, 59, 90), lambda _: None)
    first.transmit(name, note_on(1, 60, 90), lambda _: None)
    assert Ledger(memory).sounding(name) == [(1, 60)]


def test_panic_messages_for_every_channel() -> None:
    messages = panic_messages()
    assert len(messages) == 48
    assert not any(is_note_on(m) or is_note_off(m) for m in messages)
    assert {m[0] & 15 for m in messages} == set(range(16))
