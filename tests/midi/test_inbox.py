"""Messages from rtmidi's callbacks to the stage's thread: split, queued, stamped."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.midi import inbox as inbox_module
from daemon.midi.inbox import Inbox, Splitter, Waker
from daemon.music.events import is_well_formed, note_off, note_on


def test_messages_within_an_unterminated_exclusive_message_are_recovered() -> None:
    blob = b"\xf0\x01\x02" + note_on(1, 60, 90) + b"\xf8" + note_off(1, 60) + b"\x05\xf7"
    assert Splitter().feed(blob) == [b"\xf8", b"\xf0\x01\x02", note_on(1, 60, 90), note_off(1, 60) + b"\x05"]
    assert [m for m in Splitter().feed(b"\xf0\x01" + note_off(1, 60) + b"\xf7") if is_well_formed(m)] == [
        note_off(1, 60)
    ]


def test_whole_messages_are_passed_on_unchanged() -> None:
    for message in (note_on(3, 60, 90), b"\xf0\x7e\x01\xf7", b"\xf8", b"\xf0\xf7", b"\x05", b"\xf0\x01"):
        assert Splitter().feed(message) == [message]


def test_real_time_messages_within_an_exclusive_message() -> None:
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
    assert splitter.feed(b"\xf0\x01\xf8") == [b"\xf8"]  # the rest never comes
    assert splitter.feed(note_on(1, 60, 90)) == [b"\xf0\x01", note_on(1, 60, 90)]
    assert splitter.feed(note_off(1, 60)) == [note_off(1, 60)]


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=6))
def test_any_bytes_can_be_split(pieces: list[bytes]) -> None:
    splitter = Splitter()
    assert all(message for piece in pieces for message in splitter.feed(piece))
    assert splitter.feed(note_on(1, 60, 90))[-1] == note_on(1, 60, 90)


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
    port = inbox.listen(handle, "keys")
    before = port.last_data_at, port.last_message_at
    handle.receive(([0xF7], 0.0), None)  # a lone end of exclusive is no message
    assert (port.last_data_at > before[0], port.last_message_at) == (True, before[1]) and not inbox
    for n in range(40):
        handle.receive(([0x90, n, 1], 0.0), None)
    handle.fail(0, "queue overflow")
    first = list(inbox.take())
    assert [m for _, _, m in first] == [bytes((0x90, n, 1)) for n in range(32)]
    assert [m for _, _, m in inbox.take()] == [*(bytes((0x90, n, 1)) for n in range(32, 40)), b""]
    handle.receive(([0x90, 60, 1], 0.0), None)
    port.is_open = False
    handle.receive(([0x90, 61, 1], 0.0), None)
    assert list(inbox.take()) == []
    waker.clear()
    waker.close()


class QueueHandle:
    """rtmidi's input: a message goes to the callback, or into rtmidi's queue where there is none."""

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
        assert self.callback is None  # else rtmidi raises an error
        return self.queue.pop(0) if self.queue else None

    def receive(self, message: bytes, gap: float = 0.0) -> None:
        if self.callback is None:
            self.queue.append((list(message), gap))
        else:
            self.callback((list(message), gap), None)


def test_messages_that_come_in_while_the_interpreter_is_locked_are_taken_afterwards(
    now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_module.time, "sleep", lambda seconds: None)
    waker, keys, pads = Waker(), QueueHandle(), QueueHandle()
    inbox = Inbox(waker)
    inbox.listen(keys, "keys")
    closed = inbox.listen(pads, "pads")
    closed.is_open = False
    now[0] = 10.0
    keys.receive(note_on(1, 60, 90))
    with pytest.raises(OSError, match="no port"), inbox.buffered_by_rtmidi():
        keys.receive(note_on(1, 61, 90), 0.01)
        keys.receive(note_off(1, 60), 0.02)
        pads.receive(note_on(1, 62, 90))
        now[0] = 10.045
        raise OSError("no port")
    keys.receive(note_off(1, 61))
    assert [(round(stamp, 6), source, message) for stamp, source, message in inbox.take()] == [
        (10.0, "keys", note_on(1, 60, 90)),
        (10.01, "keys", note_on(1, 61, 90)),
        (10.03, "keys", note_off(1, 60)),
        (10.045, "keys", note_off(1, 61)),
    ]
    waker.close()


def test_an_overflow_is_reported_after_the_rest_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "INBOX_LIMIT", 4)
    waker, keys, pads = Waker(), QueueHandle(), QueueHandle()
    inbox = Inbox(waker)
    for name, handle in (("keys", keys), ("pads", pads)):
        inbox.listen(handle, name)
    pads.receive(note_on(2, 60, 90))
    for pitch in (60, 61, 62):
        keys.receive(note_on(1, pitch, 90))
    keys.receive(note_off(1, 60))
    keys.receive(note_off(1, 61))
    assert inbox.lost == 2
    assert len(list(inbox.take(4))) == 4
    assert inbox  # else the stage would not call `take` again
    keys.receive(note_on(1, 63, 90))
    assert [(source, message) for _, source, message in inbox.take()] == [("keys", note_on(1, 63, 90)), ("keys", b"")]
    assert not inbox and not list(inbox.take())
    waker.close()


def test_messages_left_in_rtmidis_queue_count_as_lost() -> None:
    waker, keys = Waker(), QueueHandle()
    inbox = Inbox(waker)
    port = inbox.listen(keys, "keys")
    inbox.discard_leftovers(port)
    with inbox.buffered_by_rtmidi():
        pass
    keys.queue.append((list(note_off(1, 60)), 0.0))
    inbox.discard_leftovers(port)
    assert [message for _, _, message in inbox.take()] == [b""]
    inbox.discard_leftovers(port)
    keys.receive(note_on(1, 60, 90))
    assert [message for _, _, message in inbox.take()] == [note_on(1, 60, 90)]
    waker.close()
