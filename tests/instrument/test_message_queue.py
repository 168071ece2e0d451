"""The order in which messages are played."""

import time

import pytest

from daemon.instrument.message_queue import MessageQueue
from daemon.music.events import control_change, note_off, note_on, program_change

ON, OFF, OTHER = note_on(1, 60, 90), note_off(1, 60), note_on(1, 61, 90)


def order(*pushed: tuple[int, bytes]) -> list[tuple[int, bytes]]:
    queue = MessageQueue(100)
    for frame, message in pushed:
        queue.push(frame, message)
    played = []
    while (frame := queue.next_frame()) is not None:
        played.append((frame, queue.pop()))
    assert queue._keys == {}
    return played


def test_messages_of_one_frame_keep_their_order() -> None:
    pushed = [(5, program_change(1, 7)), (5, OFF), (5, ON), (5, OTHER)]
    assert order(*pushed) == pushed


def test_messages_are_played_by_frame() -> None:
    assert order((9, OTHER), (5, ON), (7, OFF)) == [(5, ON), (7, OFF), (9, OTHER)]


def test_a_note_off_that_overtakes_its_note_on_withdraws_the_note() -> None:
    assert order((9, ON), (5, OFF)) == [(5, OFF)]
    assert order((9, ON), (5, note_on(1, 60, 0))) == [(5, note_on(1, 60, 0))]
    assert order((3, ON), (4, OFF), (9, ON), (5, OFF)) == [(3, ON), (4, OFF), (5, OFF)]
    assert order((3, ON), (9, ON), (9, ON), (5, OFF)) == [(3, ON), (5, OFF)], "each note-on, and the one that sounds"
    assert order((9, ON), (5, note_off(2, 60))) == [(5, note_off(2, 60)), (9, ON)], "of another channel"


def test_a_note_on_that_overtakes_the_note_off_before_it_is_not_ended_by_that() -> None:
    assert order((3, ON), (9, OFF), (5, ON), (20, OFF)) == [(3, ON), (5, OFF), (5, ON), (20, OFF)]


@pytest.mark.parametrize("number", [120, 123, 127])
def test_a_control_change_that_ends_notes_withdraws_those_that_come_later(number: int) -> None:
    end = control_change(1, number, 0)
    later = [(9, program_change(1, 3)), (9, ON), (12, OFF), (9, note_on(2, 60, 9)), (4, OTHER)]
    assert order(*later, (5, end)) == [(4, OTHER), (5, end), (9, program_change(1, 3)), (9, note_on(2, 60, 9))]
    assert order((5, end), (9, ON)) == [(5, end), (9, ON)]


def test_what_is_over_is_played_without_notes_that_are_over_too() -> None:
    queue = MessageQueue(100)
    for frame, message in ((5, ON), (10, OFF), (20, program_change(1, 4)), (20, OTHER), (300, ON), (500, OFF)):
        queue.push(frame, message)
    assert queue.pop_before(100) == [program_change(1, 4), OTHER]
    assert (queue.late, queue.next_frame()) == (2, 300)


def test_a_note_on_that_is_too_late_is_left_out_and_its_note_off_does_no_harm() -> None:
    queue = MessageQueue(100)
    queue.push(5, ON)
    queue.push(900, OFF)
    assert queue.pop_before(106) == []
    assert (queue.next_frame(), queue.pop()) == (900, OFF)


@pytest.mark.parametrize("pitches", [1, 128])
def test_ten_thousand_notes_are_queued_and_played_in_a_moment(pitches: int) -> None:
    """Work that grows with the square of the number would take minutes."""
    queue, begun = MessageQueue(100), time.process_time()
    for number in range(10_000):
        frame = number * 7_919 % 10_007 if pitches > 1 else number
        queue.push(frame, note_on(1 + number % 16, 1 + number % pitches, 90))
        queue.push(frame + 1, note_off(1 + number % 16, 1 + number % pitches))
    while queue.next_frame() is not None:
        queue.pop()
    assert time.process_time() - begun < 5
