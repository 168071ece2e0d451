"""Messages between processes: there and back, in whatever pieces they come."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.music.events import MidiEvent, Play, Stop, Window
from daemon.music.melody import Note
from daemon.music.plan import Plan, PlannedChord, Section
from daemon.wire import (
    Anticipate,
    Control,
    Generate,
    Learn,
    Listen,
    Ping,
    Reset,
    Unpacker,
    decode_action,
    decode_answer,
    decode_call,
    encode_action,
    encode_answer,
    encode_call,
    pack,
)

numbers = st.floats(-1e9, 1e9)
names = st.text(max_size=8)
windows = st.builds(Window, numbers, numbers, numbers, numbers, numbers)
resets = st.builds(Reset, numbers, st.integers(0, 2**63))
calls = st.one_of(
    st.builds(Listen, st.builds(MidiEvent, numbers, names, st.binary(max_size=8))),
    st.builds(Generate, windows),
    st.builds(Anticipate, resets, windows),
    st.builds(Control, names, numbers, numbers),
    resets,
    st.builds(Learn, names, st.builds(Plan, numbers)),
    st.builds(Ping),
)
actions = st.one_of(
    st.builds(Play, numbers, st.integers(0, 127), st.integers(1, 127), names, st.none() | numbers, st.booleans()),
    st.builds(Stop, numbers, names),
)


@given(calls)
def test_a_call_comes_back_as_it_went(call: Any) -> None:
    assert decode_call(json.loads(json.dumps(encode_call(call)))) == call


@given(actions)
def test_an_action_comes_back_as_it_went(action: Any) -> None:
    assert decode_action(json.loads(json.dumps(encode_action(action)))) == action


@pytest.mark.parametrize("junk", [[], ["dance"], ["listen"], ["reset", 1.0], ["ping", 1], ["control", "x"]])
def test_what_is_no_call_is_refused(junk: list[Any]) -> None:
    with pytest.raises(ValueError, match="not a call"):
        decode_call(junk)


messages = st.lists(st.recursive(st.none() | st.booleans() | numbers | names, lambda x: st.lists(x, max_size=3)))


@given(messages, st.lists(st.integers(1, 40), min_size=1, max_size=10))
def test_messages_arrive_in_order_however_the_bytes_are_cut(sent: list[Any], sizes: list[int]) -> None:
    data, unpacker, found = pack(sent), Unpacker(), []
    while data:
        for size in sizes:
            found += unpacker.feed(data[:size])
            data = data[size:]
    assert found == sent


def test_a_message_without_an_end_is_refused() -> None:
    unpacker = Unpacker(limit=10)
    assert unpacker.feed(b"[1234567]\n[1") == [[1234567]]
    with pytest.raises(ValueError, match="more than 10 bytes"):
        unpacker.feed(b"2345678901")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 10**400, "1", None])
@pytest.mark.parametrize("place", [1, 4])
def test_an_answer_with_a_moment_that_no_clock_has_is_refused(number: Any, place: int) -> None:
    action = encode_action(Play(0.0, 60, 90, "alto", 1.0))
    action[place] = number
    if (number, place) == (None, 4):
        return  # a note without an end
    with pytest.raises(ValueError, match="not an action"):
        decode_answer(action)


PLAN = Plan(8.0, (PlannedChord(8.0, 4.0, "Dm7"),), (Section(8.0, 32.0, "A"),), (Note(8.0, 1.0, 62, 80),))


def test_a_plan_travels_as_an_answer_and_as_a_call() -> None:
    assert decode_answer(json.loads(json.dumps(encode_answer(PLAN)))) == PLAN
    call = Learn("band", PLAN)
    assert decode_call(json.loads(json.dumps(encode_call(call)))) == call


@pytest.mark.parametrize(
    "wrong",
    [{}, {"beat": 0.0, "chords": [1]}]
    + [{**encode_answer(PLAN), "beat": beat} for beat in ("8", None, math.nan, math.inf, 10**400)]
    + [
        {**encode_answer(PLAN), part: [{**encode_answer(PLAN)[part][0], name: value}]}
        for part, name, values in (
            ("chords", "onset", ("8", None, math.nan)),
            ("chords", "duration", (math.inf, [])),
            ("chords", "symbol", (7, None)),
            ("sections", "onset", (10**400,)),
            ("sections", "name", (None,)),
            ("melody", "duration", (math.nan,)),
            ("melody", "pitch", (-1, 128, 60.5, "60")),
            ("melody", "velocity", (0, 128, None)),
            ("melody", "part", (-1, 0.5)),
            ("melody", "colour", (1,)),
        )
        for value in values
    ],
)
def test_what_is_no_plan_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="not a plan"):
        decode_answer(wrong)
