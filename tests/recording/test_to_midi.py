"""Journals as MIDI files: tracks, ticks, tempi, bars, and the end of every note."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import struct
import sys
import time
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.entries import (
    Advanced,
    Entry,
    Gap,
    Heard,
    MelodyPlayed,
    MembersChanged,
    PortLost,
    Reconfigured,
    Sent,
    SessionBegan,
    SessionEnded,
    StageStarted,
    Started,
    StateSaved,
    TempoChanged,
)
from daemon.errors import JamdError
from daemon.music.events import control_change, note_off, note_on
from daemon.music.smf import FILE_TICKS
from daemon.music.tempo import Tempo, TempoMap
from daemon.recording import to_midi
from daemon.recording.journal_file import MAGIC, frame
from daemon.recording.replay import replay
from daemon.recording.to_midi import TickMap, midi_file, write_recording
from daemon.spec import StageSpec

STEADY = TempoMap(((0.0, 120.0),), ((0.0, 4.0),))  # a beat is 0.5 s


def session(tempo_map: TempoMap = STEADY, without: str = "") -> Entry:
    spec = json.loads(json.dumps(StageSpec(tempo_map).to_json()))
    spec.pop(without, None)
    return SessionBegan(99.0, {"jamd": "1", "members": {}, "spec": spec})


START = [Started(99.9, 0.0), TempoChanged(99.9, -0.2, 120.0)]  # beat 0 falls at 100 s


def heard(seconds: float, message: bytes, source: str = "keys") -> Entry:
    return Heard(seconds + 0.001, source, seconds, message)


def sent(seconds: float, message: bytes, player: str = "choir") -> Entry:
    return Sent(seconds, player, "alto", "out", message)


def melody(seconds: float, message: bytes) -> Entry:
    return MelodyPlayed(seconds, "twinkle", message)


def tracks(*entries: list[Any], tempo_map: TempoMap = STEADY) -> dict[str, list[tuple[int, Any]]]:
    """Name of the track → (tick, message), without names and ends of tracks."""
    file = mido.MidiFile(file=io.BytesIO(midi_file([session(tempo_map), *entries])))
    assert (file.type, file.ticks_per_beat) == (1, FILE_TICKS)
    found = {}
    for track in file.tracks:
        tick, events = 0, []
        for message in track:
            tick += message.time
            if message.type not in ("track_name", "end_of_track"):
                events.append((tick, message))
        found[track.name] = events
    return found


def notes(events: list[tuple[int, Any]]) -> list[tuple[int, str, int]]:
    return [(tick, message.type, message.note) for tick, message in events]


def tempi(events: list[tuple[int, Any]]) -> list[tuple[int, float]]:
    return [(tick, round(mido.tempo2bpm(m.tempo), 3)) for tick, m in events if m.type == "set_tempo"]


def signatures(events: list[tuple[int, Any]]) -> list[tuple[int, str]]:
    return [(tick, f"{m.numerator}/{m.denominator}") for tick, m in events if m.type == "time_signature"]


def test_every_source_and_every_player_has_a_track_of_its_name() -> None:
    found = tracks(
        *START,
        heard(100.0, note_on(1, 60, 90)),
        melody(100.5, note_on(7, 72, 80)),
        sent(101.0, note_on(2, 55, 70)),
        sent(101.0, note_on(3, 50, 70), "bass"),
        heard(101.5, note_off(1, 60)),
        melody(101.5, note_off(7, 72)),
        sent(102.0, note_off(2, 55)),
        sent(102.0, note_off(3, 50), "bass"),
    )
    assert list(found) == ["tempo", "keys", "twinkle", "choir", "bass"]
    assert notes(found["keys"]) == [(0, "note_on", 60), (2880, "note_off", 60)]
    assert notes(found["twinkle"]) == [(960, "note_on", 72), (2880, "note_off", 72)]
    assert notes(found["choir"]) == [(1920, "note_on", 55), (3840, "note_off", 55)]
    assert [message.channel for _, message in found["choir"]] == [1, 1]
    assert tempi(found["tempo"]) == [(0, 120.0)]
    assert signatures(found["tempo"]) == [(0, "4/4")]


def test_it_begins_with_the_bar_in_which_something_is_heard_first() -> None:
    found = tracks(*START, heard(105.25, note_on(1, 60, 90)), heard(105.5, note_off(1, 60)))  # beat 10.5
    assert notes(found["keys"]) == [(2400, "note_on", 60), (2880, "note_off", 60)]


def test_what_is_heard_before_the_clock_starts_is_kept_in_time_and_bars_too() -> None:
    found = tracks(heard(99.0, note_on(1, 60, 90)), *START, heard(100.0, note_off(1, 60)))
    assert notes(found["keys"]) == [(1920, "note_on", 60), (3840, "note_off", 60)]  # beat 0 is a bar line


def test_a_session_whose_clock_never_started_has_the_configurations_tempo() -> None:
    found = tracks(heard(99.0, note_on(1, 60, 90)), heard(100.0, note_off(1, 60)))
    assert notes(found["keys"]) == [(0, "note_on", 60), (1920, "note_off", 60)]
    assert tempi(found["tempo"]) == [(0, 120.0)]


def test_tempo_changes_keep_notes_on_their_beats() -> None:
    found = tracks(
        *START,
        heard(100.0, note_on(1, 60, 90)),
        TempoChanged(101.0, 2.0, 60.0),
        heard(102.0, note_off(1, 60)),
        TempoChanged(103.0, 4.0, 60.0),  # no change: not written
        TempoChanged(104.0, 5.0, 240.0),
        heard(104.25, note_on(1, 62, 90)),
        heard(104.5, note_off(1, 62)),
    )
    assert [tick for tick, *_ in notes(found["keys"])] == [0, 3 * 960, 6 * 960, 7 * 960]
    assert tempi(found["tempo"]) == [(0, 120.0), (1920, 60.0), (4800, 240.0)]


def test_a_jump_of_the_song_position_never_runs_backwards() -> None:
    found = tracks(
        *START,
        heard(100.0, note_on(1, 60, 90)),
        heard(101.0, note_off(1, 60)),
        Started(101.9, 0.0),
        TempoChanged(101.9, -0.2, 60.0),
        heard(102.0, note_on(1, 62, 90)),
        heard(103.0, note_off(1, 62)),
    )
    ticks = [tick for tick, *_ in notes(found["keys"])]
    assert ticks == sorted(ticks)
    assert ticks[3] - ticks[2] == 960


def test_meters_of_the_clocks_map_stand_at_their_bars() -> None:
    tempo_map = TempoMap(((0.0, 120.0),), ((0.0, 4.0), (8.0, 3.0), (14.0, 3.5)))
    found = tracks(*START, heard(100.0, note_on(1, 60, 90)), heard(112.0, note_off(1, 60)), tempo_map=tempo_map)
    assert signatures(found["tempo"]) == [(0, "4/4"), (8 * 960, "3/4"), (14 * 960, "7/8")]


def test_another_meter_comes_with_a_reload() -> None:
    other = StageSpec(TempoMap(((0.0, 120.0),), ((0.0, 3.0),))).to_json()
    found = tracks(
        *START,
        heard(100.0, note_on(1, 60, 90)),
        Reconfigured(102.0, StageSpec.from_json(other)),
        heard(103.0, note_off(1, 60)),
    )
    assert signatures(found["tempo"]) == [(0, "4/4"), (3840, "3/4")]


@pytest.mark.parametrize("end", [SessionEnded(104.0), Advanced(104.0)])
def test_notes_unfinished_at_a_cut_are_ended_there(end: list[Any]) -> None:
    found = tracks(*START, heard(100.0, note_on(1, 60, 90)), sent(101.0, note_on(2, 55, 70)), end)
    assert notes(found["keys"])[-1] == (4 * 1920, "note_off", 60)
    assert notes(found["choir"])[-1] == (4 * 1920, "note_off", 55)


def test_what_a_lost_port_and_a_dead_stage_held_ends_there() -> None:
    found = tracks(
        *START,
        heard(100.0, note_on(1, 60, 90)),
        sent(100.0, note_on(2, 55, 70)),
        PortLost(101.0, "keys"),
        StageStarted(102.0, StageSpec.from_json(StageSpec(STEADY).to_json())),
        heard(103.0, note_on(1, 60, 90)),
        heard(104.0, note_off(1, 60)),
    )
    assert notes(found["keys"])[1] == (1920, "note_off", 60)
    assert notes(found["choir"])[1] == (3840, "note_off", 55)
    assert len(found["keys"]) == 4


def test_a_pitch_that_a_player_strikes_while_it_sounds_is_let_go_first() -> None:
    found = tracks(
        *START,
        sent(100.0, note_on(2, 55, 70)),
        sent(101.0, note_on(2, 55, 70)),
        sent(101.01, note_off(2, 55)),
        sent(102.0, note_off(2, 55)),
    )
    assert [(tick, kind) for tick, kind, _ in notes(found["choir"])] == [
        (0, "note_on"),
        (1920, "note_off"),
        (1920, "note_on"),
        (3840, "note_off"),
    ]


def test_a_new_session_counts_from_the_state_that_it_begins_with() -> None:
    state = StateSaved(200.0, {"running": True, "tempo": [8.0, 104.0, 120.0]})
    found = tracks(state, heard(202.5, note_on(1, 60, 90)), heard(203.0, note_off(1, 60)))  # beat 205: bar line at 204
    assert [tick for tick, *_ in notes(found["keys"])] == [960, 1920]


def test_a_state_whose_tempo_begins_in_thirty_years_is_written_at_once() -> None:
    state = StateSaved(100.0, {"running": True, "tempo": [0.0, 1e9, 1e5]})
    found = tracks(*START, state, heard(100.0, note_on(1, 60, 90)))
    assert notes(found["keys"])[0] == (0, "note_on", 60)
    assert tempi(found["tempo"]) == [(0, 120.0)]


def test_notes_end_at_a_hole_but_not_at_an_entry_of_another_version(tmp_path: Path) -> None:
    known = [session(), *START, heard(100.0, note_on(1, 60, 90)), heard(101.0, note_on(1, 62, 90))]
    known += [heard(103.0, note_off(1, 62)), heard(104.0, note_off(1, 60))]
    records = [*map(frame, known)]
    unknown = resealed(frame(MembersChanged(99.9, {})).replace(b"members", b"balance"))
    for between, end in ((unknown, 4 * 1920), (b"??????????", 1920)):
        (tmp_path / "x.journal").write_bytes(MAGIC + b"".join([*records[:5], between, *records[5:]]))
        write_recording(tmp_path / "x.journal", tmp_path / "x.mid")
        track = mido.MidiFile(tmp_path / "x.mid").tracks[1]
        tick, ends = 0, []
        for message in track:
            tick += message.time
            if message.type == "note_off" and message.note == 60:
                ends.append(tick)
        assert abs(ends[0] - end) < 10


def test_controllers_and_exclusives_are_kept_and_system_messages_that_no_file_may_hold_are_not() -> None:
    found = tracks(
        *START,
        heard(100.0, b"\xb0\x40\x7f"),
        heard(100.0, b"\xf0\x7e\x01\xf7"),
        heard(100.0, b"\xf2\x01\x02"),
        heard(100.0, b"\xf6"),
        heard(100.5, b"\xe0\x01\x40"),
    )
    assert [message.type for _, message in found["keys"]] == ["control_change", "sysex", "pitchwheel"]


def test_names_of_any_alphabet() -> None:
    data = midi_file([session(), heard(100.0, note_on(1, 60, 90), "Flügel 鍵盤")])
    assert mido.MidiFile(file=io.BytesIO(data), charset="utf-8").tracks[1].name == "Flügel 鍵盤"


def test_a_session_in_which_nothing_is_heard_makes_no_file(tmp_path: Path) -> None:
    (tmp_path / "x.journal").write_bytes(MAGIC + frame(session()) + frame(START[0]))
    write_recording(tmp_path / "x.journal", tmp_path / "x.mid")
    assert not (tmp_path / "x.mid").exists()
    with pytest.raises(JamdError, match="not the journal of a session"):
        midi_file([])


def test_entries_of_another_version_are_left_out(tmp_path: Path) -> None:
    unknown = frame(MembersChanged(99.9, {})).replace(b"members", b"balance")
    known = [session(), *START, heard(100.0, note_on(1, 60, 90)), heard(100.5, note_off(1, 60))]
    payload = [frame(entry) for entry in known]
    (tmp_path / "x.journal").write_bytes(MAGIC + payload[0] + resealed(unknown) + b"".join(payload[1:]))
    write_recording(tmp_path / "x.journal", tmp_path / "x.mid")
    assert (tmp_path / "x.mid").read_bytes() == midi_file(known)


def resealed(record: bytes) -> bytes:
    """A record with the checksum of its changed contents."""
    return record[:4] + struct.pack("<I", zlib.crc32(record[8:])) + record[8:]


def test_what_is_around_damage_is_kept_and_the_damage_is_said(tmp_path: Path) -> None:
    """Also if the header or the first bytes are damaged, and by the process that converts large journals."""
    notes = [heard(100.0 + n, note_on(1, pitch, 90)) for n in range(9) for pitch in (60, 64)]
    frames = [MAGIC, *map(frame, [session(), *START, *notes, heard(110.0, note_off(1, 60)), SessionEnded(111.0)])]
    said: list[str] = []
    for damaged in range(len(frames) - 2):
        content = b"".join(frames)
        at = sum(map(len, frames[:damaged])) + len(frames[damaged]) // 2
        (tmp_path / "x.journal").write_bytes(content[:at] + b"?" + content[at + 1 :])
        said.clear()
        to_midi.recover(tmp_path, said.append)
        told = r".*x.journal: \d+ bytes are missing in its MIDI file, the first at byte \d+: bytes that are no entry"
        assert re.fullmatch(told, said[0])
        found = [message for message in mido.MidiFile(tmp_path / "x.mid") if message.type == "note_on"]
        assert len(found) == len(notes) - (damaged > len(START) + 1)
        (tmp_path / "x.mid").unlink()
    to_midi.convert([tmp_path / "x.journal"], said.append, at_once=0)
    until = time.monotonic() + 20
    while len(said) < 2:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert said[0] == said[1]


@pytest.mark.parametrize("content", [b"", MAGIC[:5], MAGIC])
def test_an_empty_journal_is_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.journal").write_bytes(content)
    said: list[str] = []
    to_midi.recover(tmp_path, said.append)
    assert said == [] and not (tmp_path / "x.mid").exists()


@pytest.mark.parametrize(
    ("content", "problem", "replayed"),
    [
        (b"junk", "not the journal of a session", "name a file that `jamd run` wrote"),
        (MAGIC + b"junk", "not the journal of a session", "name a file that `jamd run` wrote"),
        (
            b"jamd journal 2\n" + frame(session()) + frame(heard(100.0, note_on(1, 60, 90))),
            "written by another version of jamd",
            "replay the session with that version",
        ),
    ],
)
def test_what_is_no_journal_of_this_jamd_is_said_by_start_and_replay_alike(
    tmp_path: Path, content: bytes, problem: str, replayed: str
) -> None:
    path = tmp_path / "x.journal"
    path.write_bytes(content)
    said: list[str] = []
    to_midi.recover(tmp_path, said.append)
    assert said == [f"{path}: {problem}, so there is no MIDI file of it: move the file to another folder"]
    with pytest.raises(JamdError, match=re.escape(f"{path}: {problem}: {replayed}")):
        replay(path)
    assert not path.with_suffix(".mid").exists()


def test_a_journal_without_its_first_entries_gives_a_midi_file_and_a_warning_in_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "x.journal"
    notes = [heard(100.0, note_on(1, 60, 90)), heard(101.0, note_off(1, 60))]
    path.write_bytes(MAGIC + b"".join(map(frame, [*START, *notes, SessionEnded(102.0)])))
    said: list[str] = []
    to_midi.recover(tmp_path, said.append)
    lost = f"the first at byte {len(MAGIC)}: the first entries are missing"
    assert said == [f"{path}: entries are missing in its MIDI file, {lost}"]
    replayed = replay(path)
    assert replayed.ends_early.startswith(
        f"the journal is damaged (the first entries are missing) at byte {len(MAGIC)}"
    )
    assert replayed.data == path.with_suffix(".mid").read_bytes()


def test_a_midi_file_that_cannot_be_written_is_said_without_a_class_name(tmp_path: Path) -> None:
    path = tmp_path / "x.journal"
    path.write_bytes(MAGIC + b"".join(map(frame, [session(), heard(100.0, note_on(1, 60, 90))])))

    def refuse(target: Path, _data: bytes) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(target))

    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(to_midi, "replace_file", refuse)
        to_midi.recover(tmp_path, said.append)
    problem = f"its MIDI file could not be written ({path.with_suffix('.mid')}: Permission denied)"
    assert said == [f"{path}: {problem}: correct that; the next start tries again"]


@pytest.mark.skipif(sys.platform == "win32", reason="no such pipe")
def test_a_journal_that_is_a_pipe_or_a_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "folder.journal").mkdir()
    os.mkfifo(tmp_path / "pipe.journal")
    said: list[str] = []
    to_midi.recover(tmp_path, said.append)
    assert said == []


moments = st.floats(0.0, 50.0).map(lambda s: 100.0 + s)
entries = st.one_of(
    st.builds(lambda s, p: heard(s, note_on(1, p, 90)), moments, st.integers(58, 63)),
    st.builds(lambda s, p: heard(s, note_off(1, p)), moments, st.integers(58, 63)),
    st.builds(lambda s, p: sent(s, note_on(2, p, 90)), moments, st.integers(58, 63)),
    st.builds(lambda s, p: sent(s, note_off(2, p)), moments, st.integers(58, 63)),
    st.builds(lambda s, b: TempoChanged(s, 0.0, b), moments, st.floats(20.0, 400.0)),
    st.builds(lambda s: PortLost(s, "keys"), moments),
    st.builds(lambda s: Gap(s), moments),
)


@given(st.lists(entries, max_size=40))
def test_every_note_ends_and_time_never_runs_backwards(happened: list[Entry]) -> None:
    happened.sort(key=lambda entry: entry.seconds)
    data = midi_file([session(), *START, *happened])
    if not data:
        return
    for track in mido.MidiFile(file=io.BytesIO(data)).tracks:
        sounding: Counter[tuple[int, int]] = Counter()
        for message in track:
            assert message.time >= 0
            if message.type == "note_on":
                sounding[message.channel, message.note] = 1
            elif message.type == "note_off":
                sounding[message.channel, message.note] = 0
        assert not +sounding


@given(st.lists(st.tuples(moments, st.floats(20.0, 400.0)), max_size=10), st.lists(moments, min_size=2, max_size=20))
def test_a_ruler_is_monotonic_and_as_long_as_its_tempi_say(changes: list[tuple[float, float]], at: list[float]) -> None:
    at.sort()
    ruler = TickMap([Tempo(0.0, 100.0, 120.0), *(Tempo(0.0, s, bpm) for s, bpm in changes)], STEADY, at[0])
    ticks = [ruler.tick(seconds) for seconds in at]
    assert ticks == sorted(ticks)
    elapsed, last, tempo = 0.0, 0, 0
    for tick, microseconds in [*ruler.tempi, (ticks[-1], 0)]:
        if tick > ticks[-1]:
            break
        elapsed += max(tick - max(last, ticks[0]), 0) / FILE_TICKS * tempo / 1e6
        last, tempo = tick, microseconds
    if last < ticks[-1]:
        elapsed += (ticks[-1] - max(last, ticks[0])) / FILE_TICKS * tempo / 1e6
    assert elapsed == pytest.approx(at[-1] - at[0], abs=0.01)


def test_small_journals_are_converted_at_once_and_large_ones_by_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = MAGIC + b"".join(map(frame, [session(), *START, heard(100.0, note_on(1, 60, 90))]))
    small, large = tmp_path / "small.journal", tmp_path / "very large.journal"
    small.write_bytes(content)
    large.write_bytes(content + bytes(10_000))
    monkeypatch.setattr(to_midi, "AT_ONCE", 5_000)
    said: list[str] = []
    to_midi.recover(tmp_path, said.append)
    assert small.with_suffix(".mid").exists()
    assert not large.with_suffix(".mid").exists()
    until = time.monotonic() + 20
    while not large.with_suffix(".mid").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    assert large.with_suffix(".mid").read_bytes() == small.with_suffix(".mid").read_bytes()
    assert said == []


@pytest.mark.parametrize("number", [120, 123, 124, 125, 126, 127])
def test_notes_that_a_channel_mode_message_ends_are_ended_there(number: int) -> None:
    """Not every program that reads the file ends notes by itself."""
    happened = [
        heard(100.0, note_on(1, 60, 90)),
        heard(100.0, note_on(2, 64, 90)),
        heard(100.5, control_change(1, number, 0)),
        heard(101.0, control_change(2, 121, 0)),
        heard(102.0, note_off(2, 64)),
    ]
    found = tracks(*START, *happened)["keys"]
    assert [(tick, m.type, m.note) for tick, m in found if m.type.startswith("note")] == [
        (0, "note_on", 60), (0, "note_on", 64), (FILE_TICKS, "note_off", 60), (4 * FILE_TICKS, "note_off", 64),
    ]  # fmt: skip
    assert [(tick, m.control) for tick, m in found if m.type == "control_change"] == [
        (FILE_TICKS, number), (2 * FILE_TICKS, 121),
    ]  # fmt: skip


def test_the_file_of_an_older_journal_stays_as_it_was() -> None:
    happened = [
        heard(100.0, note_on(1, 60, 90)),
        heard(100.5, control_change(1, 123, 0)),
        heard(101.0, note_off(1, 60)),
    ]
    for without, ends in (("", 2), ("gesture", 1)):
        file = mido.MidiFile(file=io.BytesIO(midi_file([session(without=without), *START, *happened])))
        assert sum(message.type == "note_off" for track in file.tracks for message in track) == ends
