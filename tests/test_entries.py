"""Journal entries: every kind survives JSON; old spellings are read; unknown ones are refused."""

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.commands import ChangeSetting, Command, MutePlayer, Panic, RotateSession, SetTempo, TapBeat
from daemon.entries import (
    KINDS,
    Actions,
    Advanced,
    Answered,
    Commanded,
    Dropped,
    Entry,
    Followed,
    Gap,
    Heard,
    Located,
    MelodyPlayed,
    MembersChanged,
    Planned,
    PlansKept,
    PlayerDown,
    PlayerHung,
    PlayerUp,
    PortLost,
    Reconfigured,
    Sent,
    SessionBegan,
    SessionEnded,
    StageStarted,
    Started,
    StateSaved,
    Stopped,
    TempoChanged,
    decode_entry,
    encode_entry,
)
from daemon.errors import JamdError
from daemon.music.events import Play, Stop, note_on
from daemon.music.melody import Note
from daemon.music.plan import Plan, PlannedChord, Section
from daemon.music.tempo import Tempo, TempoMap
from daemon.spec import ClockSpec, ControlSpec, PlayerSpec, PortSpec, StageSpec

SPEC = StageSpec(
    TempoMap(((0.0, 120.0),), ((0.0, 4.0),)),
    ports=(PortSpec("keys", "in", None, (1, 2), ("out",)), PortSpec("out", "out", delay=0.01)),
    players=(PlayerSpec("choir", ("keys",), "out", {"soprano": 1}, True, 0.03, 0.1, {"temperature": 0.5}),),
    controls=(ControlSpec("keys", 1, "setting", "choir", "temperature", 0.0, 1.5),),
    clock=ClockSpec("midi", "keys", ("out",), False, 0, ("out", 10), "always"),
)
NOTE = note_on(1, 60, 90)
EVERY: list[Entry] = [
    Heard(1.5, "keys", 1.25, NOTE),
    Answered(1.5, "choir", 7, (Play(2.0, 60, 90, "alto", 0.5), Play(2.5, 61, 90, "alto"), Stop(3.0, "alto")), True),
    Planned(1.5, "band", 7, Plan(8.0, (PlannedChord(8.0, 4.0, "C"),))),
    Advanced(1.5),
    Started(1.5),
    Started(1.5, 4.0, 2.0),
    Stopped(1.5),
    Located(1.5, 4.25),
    Followed.make(1.5, Tempo(4.0, 1.25, 96.0)),
    Commanded(1.5, SetTempo(96.0), 1.25),
    PlayerUp(1.5, "choir"),
    PlayerDown(1.5, "choir"),
    PlayerHung(1.5, "choir"),
    PortLost(1.5, "keys"),
    PlansKept(1.5, {"lead": []}, 4.0),
    Reconfigured(1.5, SPEC),
    Sent(1.5, "choir", "alto", "out", NOTE),
    Dropped(1.5, "choir", "alto", "out", NOTE),
    MelodyPlayed(1.5, "tune", NOTE),
    TempoChanged(1.5, 4.0, 96.0),
    StateSaved(1.5, {"running": True, "tempo": [0.0, 1.0, 96.0]}),
    SessionBegan(1.5, {"jamd": "1", "members": {}}),
    SessionEnded(1.5),
    Gap(1.5),
    StageStarted(1.5, SPEC),
    MembersChanged(1.5, {"choir": {"engine": "harmoniser"}}),
]


def there_and_back(entry: Entry) -> Entry:
    return decode_entry(json.loads(json.dumps(encode_entry(entry))))


@pytest.mark.parametrize("entry", EVERY, ids=lambda entry: entry.kind)
def test_every_entry_survives_json(entry: Entry) -> None:
    assert there_and_back(entry) == entry


def test_every_kind_is_in_the_table_and_tested() -> None:
    assert {type(entry) for entry in EVERY} == set(KINDS.values())
    assert all(name == kind.kind for name, kind in KINDS.items())


@pytest.mark.parametrize(
    ("old", "entry"),
    [
        (["hand", 2.0, "tap", 1.5], Commanded(2.0, TapBeat(), 1.5)),
        (["panic", 2.0], Commanded(2.0, Panic(), 2.0)),
        (["rotate", 2.0], Commanded(2.0, RotateSession(), 2.0)),
    ],
)
def test_commands_of_older_journals_are_read(old: list[Any], entry: Entry) -> None:
    assert decode_entry(old) == entry


@pytest.mark.parametrize(
    "data",
    [
        *(
            [],
            7,
            ["dance", 1.0],
            ["heard", 1.0],
            ["advance"],
            ["advance", 1.0, 2.0],
            ["up", 1.0, 7],
            ["state", 1.0, []],
        ),
        *(["advance", "1"], ["advance", math.nan], ["advance", 10**400], ["advance", True]),
        *(["start", 1.0, 0.0, math.inf], ["command", 1.0, ["tempo", math.nan], 1.0]),
        *(["heard", 1.0, "keys", 1.0, "zz"], ["heard", 1.0, "keys", 1.0, ""], ["heard", 1.0, "keys", 1.0, 7]),
        *(
            ["answer", 1.0, "choir", "7", [], True],
            ["answer", 1.0, "choir", 7, [], 1],
            ["answer", 1.0, "x", 7, 7, True],
        ),
        *(["spec", 1.0, []], ["spec", 1.0, {}], ["stage", 1.0, None]),
    ],
)
def test_an_entry_that_this_version_does_not_know_is_refused(data: Any) -> None:
    with pytest.raises(JamdError, match="this version of jamd does not know"):
        decode_entry(data)


numbers = st.floats(-1e9, 1e9) | st.integers(-(10**9), 10**9)
beats = st.floats(-1e9, 1e9)
notes = st.builds(Note, beats, st.floats(0, 1e5), st.integers(0, 127), st.integers(1, 127), st.integers(0, 9))
actions = st.builds(Play, beats, st.integers(0, 127), st.integers(1, 127), st.text(), st.none() | beats) | st.builds(
    Stop, beats, st.text()
)
plans = st.builds(
    Plan,
    beats,
    st.lists(st.builds(PlannedChord, beats, beats, st.text()), max_size=3).map(tuple),
    st.lists(st.builds(Section, beats, beats, st.text()), max_size=3).map(tuple),
    st.lists(notes, max_size=3).map(tuple),
)
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(SetTempo, numbers),
    st.builds(ChangeSetting, st.text(), st.text(), numbers),
    st.builds(MutePlayer, st.text(), st.booleans()),
    st.sampled_from([Panic(), TapBeat(), RotateSession()]),
)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    float: numbers,
    float | None: st.none() | numbers,
    int: st.integers(-(2**63), 2**63),
    str: st.text(),
    bool: st.booleans(),
    bytes: st.binary(min_size=1),
    Actions: st.lists(actions, max_size=3).map(tuple),
    Plan: plans,
    Command: commands,
    StageSpec: st.just(SPEC),
    Mapping[str, Any]: st.dictionaries(st.text(), st.none() | numbers | st.text()),
}


def any_entry(kind: type[Entry]) -> st.SearchStrategy[Entry]:
    types = get_type_hints(kind)
    return st.builds(kind, *(VALUES[types[field.name]] for field in fields(kind)))


@given(st.one_of(*map(any_entry, KINDS.values())))
def test_whatever_an_entry_holds_survives_json(entry: Entry) -> None:
    assert there_and_back(entry) == entry


@pytest.mark.parametrize("wrong", [None, True, -1, 1.5, math.nan, math.inf, 10**400, "x", "", [], [[]], [1, 2], {}])
@pytest.mark.parametrize("entry", EVERY, ids=lambda entry: entry.kind)
def test_an_entry_with_a_wrong_value_is_refused_or_the_value_is_kept(entry: Entry, wrong: Any) -> None:
    data = json.loads(json.dumps(encode_entry(entry)))
    for place in range(len(data)):
        changed = [*data[:place], wrong, *data[place + 1 :]]
        try:
            decoded = decode_entry(changed)
        except JamdError as error:
            assert len(str(error)) < 300
        else:
            assert json.loads(json.dumps(encode_entry(decoded))) == changed


@pytest.mark.parametrize("entry", [each for each in EVERY if isinstance(each, Heard | Answered | Planned | Sent)])
def test_entries_that_come_often_leave_no_memory_behind(entry: Entry) -> None:
    """CPython keeps tuples of another size than they were made with, up to 2,000 of each."""
    data = encode_entry(entry)
    for _ in range(20):
        decode_entry(data)
    before = sys.getallocatedblocks()
    for _ in range(1000):
        decode_entry(data)
    assert sys.getallocatedblocks() - before < 200
