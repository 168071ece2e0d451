"""The ledger: nothing sounds without an owner, and what a dead stage owed is paid by the next."""

from pathlib import Path

from daemon.music.events import is_note_off, is_note_on, note_off, note_on
from daemon.stage.ledger import SIZE, Ledger, open_ledger, silence


def test_last_holder_sends_the_only_note_off() -> None:
    sent: list[bytes] = []
    ledger = Ledger()
    ledger.transmit("choir", note_on(1, 60, 90), sent.append)
    ledger.transmit("choir", note_on(1, 60, 80), sent.append)  # struck again: off, then on
    ledger.transmit("choir", note_off(1, 60), sent.append)  # the first holder's off says nothing
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


def test_a_note_on_is_owed_before_it_is_sent_and_a_note_off_until_it_is() -> None:
    ledger = Ledger()
    owed: list[list[tuple[int, int]]] = []
    ledger.transmit("choir", note_on(1, 60, 90), lambda _: owed.append(ledger.sounding("choir")))
    ledger.transmit("choir", note_off(1, 60), lambda _: owed.append(ledger.sounding("choir")))
    assert owed == [[(1, 60)], [(1, 60)]]


def test_a_new_stage_pays_what_a_dead_one_owed(tmp_path: Path) -> None:
    memory = open_ledger(tmp_path / "ledger", create=True)
    first = Ledger(memory)
    for port, channel, pitch in [("choir", 1, 60), ("choir", 16, 127), ("drums", 10, 0)]:
        first.transmit(port, note_on(channel, pitch, 64), lambda _: None)
    second = Ledger(open_ledger(tmp_path / "ledger"))
    assert sorted(second.ports()) == ["choir", "drums"]
    sent: list[bytes] = []
    assert second.release("choir", sent.append) == 2
    assert sent == [note_off(1, 60), note_off(16, 127)]
    assert second.release("choir", sent.append) == 0
    assert second.sounding("drums") == [(10, 0)]
    assert len(memory) == SIZE


def test_silence_covers_every_channel() -> None:
    messages = silence()
    assert len(messages) == 48
    assert not any(is_note_on(m) or is_note_off(m) for m in messages)
    assert {m[0] & 15 for m in messages} == set(range(16))
