"""Melodies: notes between two beats, files as written, and broken files."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.errors import MelodyError
from daemon.music import smf
from daemon.music.events import note_off, note_on
from daemon.music.melody import Melody, Note, load_melody, melody_from_json, melody_to_json
from daemon.music.tempo import TempoMap
from daemon.paths import resources

STEADY = TempoMap(((0.0, 120.0),), ((0.0, 4.0),))
quiet = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
notes = st.builds(
    Note,
    st.integers(0, 32 * 480 - 1).map(lambda tick: tick / 480),
    st.integers(1, 4000).map(lambda tick: tick / 480),
    st.integers(0, 127),
    st.integers(1, 127),
    st.integers(0, 3),
)


@st.composite
def melodies(draw: st.DrawFn) -> Melody:
    found = sorted(draw(st.lists(notes, min_size=1, max_size=20)), key=lambda n: n.onset)
    return Melody("m", tuple(found), 32.0, draw(st.booleans()), STEADY)


def unrolled(melody: Melody, end: float) -> list[Note]:
    found: list[Note] = []
    turn = 0.0
    while turn < end:
        shifted = (replace(n, onset=turn + n.onset) for n in melody.notes)
        found += [n for n in shifted if n.onset < end]
        if not melody.loop:
            break
        turn += melody.length
    return found


@given(melodies(), st.lists(st.floats(0.0, 200.0), max_size=20))
def test_every_note_occurs_once_in_any_division_of_time_into_windows(melody: Melody, cuts: list[float]) -> None:
    edges = [0.0, *sorted(cuts), 200.0]
    found = [n for start, end in pairwise(edges) for n in melody.between(start, end)]
    assert found == unrolled(melody, 200.0)


@given(melodies(), st.floats(-10.0, 100.0), st.floats(0.0, 50.0))
def test_between_is_half_open_and_in_order(melody: Melody, start: float, length: float) -> None:
    found = list(melody.between(start, start + length))
    assert all(start <= n.onset < start + length for n in found)
    assert [n.onset for n in found] == sorted(n.onset for n in found)
    assert found == [n for n in unrolled(melody, max(start + length, 0.0)) if n.onset >= start]


@given(melodies())
def test_json_and_back(melody: Melody) -> None:
    assert melody_from_json(json.loads(json.dumps(melody_to_json(melody)))) == melody


def write(path: Path, *tracks: list[tuple[int, bytes]], **signatures: Any) -> Path:
    named = [smf.Track(f"track {n}", events) for n, events in enumerate(tracks)]
    path.write_bytes(smf.to_bytes(named, signatures.get("tempi", []), signatures.get("meters", [])))
    return path


@quiet
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 127), st.integers(0, 20), st.integers(1, 20), st.integers(1, 127)),
        min_size=1,
        max_size=30,
        unique_by=lambda n: n[:3],
    )
)
def test_a_written_file_is_read_back_unchanged(tmp_path: Path, written: list[tuple[int, int, int, int, int]]) -> None:
    """Notes of one pitch in one track, which begin at multiples of 21 ticks and end before the next."""
    tracks: list[list[tuple[int, bytes]]] = [[], [], [], []]
    for part, pitch, start, length, velocity in written:
        tracks[part] += [(21 * start, note_on(1, pitch, velocity)), (21 * start + length, note_off(1, pitch))]
    melody = load_melody(write(tmp_path / "x.mid", *tracks), "m")
    present = sorted({part for part, *_ in written})
    expected = [
        Note(21 * start / 960, length / 960, pitch, velocity, present.index(part))
        for part, pitch, start, length, velocity in written
    ]
    order = lambda n: (n.onset, n.part, -n.pitch)  # noqa: E731
    assert list(melody.notes) == sorted(expected, key=order)
    assert melody.length % 4 == 0
    assert melody.length >= max(n.onset + n.duration for n in melody.notes) > melody.length - 4
    assert melody.parts == len(present)


def test_tempi_and_meters_of_a_file(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.mid",
        [(0, note_on(1, 60, 80)), (960 * 7, note_off(1, 60))],
        tempi=[(0, 600_000), (960, 500_000)],
        meters=[(0, (3, 4)), (2880, (7, 8))],
    )
    melody = load_melody(path, "m")
    assert melody.tempo_map == TempoMap(((0.0, 100.0), (1.0, 120.0)), ((0.0, 3.0), (3.0, 3.5)))
    assert melody.length == 10.0
    assert load_melody(path, "m", loop=True).tempo_map.period == 10.0


def test_a_loop_leaves_out_changes_of_tempo_and_meter_after_its_end(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.mid",
        [(0, note_on(1, 60, 80)), (960, note_off(1, 60))],
        tempi=[(0, 500_000), (3840, 600_000)],
        meters=[(0, (4, 4)), (3840, (3, 4))],
    )
    assert load_melody(path, "m", loop=True).tempo_map == TempoMap(((0.0, 120.0),), ((0.0, 4.0),), 4.0)
    assert len(load_melody(path, "m").tempo_map.tempi) == 2


def test_a_file_of_one_track_has_a_part_for_every_channel(tmp_path: Path) -> None:
    events = [(0, note_on(channel, 60, 80)) for channel in (3, 1, 7)]
    events += [(960, note_off(channel, 60)) for channel in (3, 1, 7)]
    assert [n.part for n in load_melody(write(tmp_path / "x.mid", events), "m").notes] == [0, 1, 2]
    assert load_melody(write(tmp_path / "x.mid", events, events), "m").parts == 2


def test_notes_of_one_pitch_end_in_the_order_in_which_they_began(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.mid",
        [(0, note_on(1, 60, 80)), (480, note_on(1, 60, 70)), (960, note_off(1, 60)), (1920, note_on(1, 60, 0))],
    )
    assert [(n.onset, n.duration, n.velocity) for n in load_melody(path, "m").notes] == [(0.0, 1.0, 80), (0.5, 1.5, 70)]


def test_a_note_that_never_ends_lasts_to_the_end_of_its_track_and_a_note_without_length_one_tick(
    tmp_path: Path,
) -> None:
    events = [(0, note_on(1, 60, 80)), (480, note_on(1, 62, 80)), (480, note_off(1, 62)), (3840, b"\xb0\x07\x40")]
    found = load_melody(write(tmp_path / "x.mid", events), "m").notes
    assert [(n.pitch, n.duration) for n in found] == [(60, 4.0), (62, 1 / 960)]


def header(kind: int, tracks: int, division: int) -> bytes:
    return b"MThd" + bytes((0, 0, 0, 6, 0, kind, 0, tracks, division >> 8, division & 255))


def track(content: bytes) -> bytes:
    return b"MTrk" + len(content).to_bytes(4, "big") + content


NOTE, END = b"\x00\x90\x3c\x40\x60\x80\x3c\x40", b"\x00\xff\x2f\x00"


@pytest.mark.parametrize(
    "data, expected",
    [
        (b"", r"not a Standard MIDI File \(no header\): export the file again"),
        (b"hello, this is no MIDI file", r"not a Standard MIDI File"),
        (header(0, 1, 0) + track(NOTE + END), "the time division is 0"),
        (header(0, 1, 0xE700) + track(NOTE + END), "the time division is 0"),
        (header(0, 1, 96) + track(END), "no notes: choose a file with at least one note of a melody"),
        (header(1, 0, 96), "no notes: choose"),
        (
            header(1, 1, 96) + track(b"\0"),
            r"^\S+: no notes: choose a file .* of a melody; passed over or corrected: the rest of a track",
        ),
        (
            header(0, 1, 1) + track(b"\xff\xff\xff\x7f\x90\x3c\x40\x60\x80\x3c\x40" + END),
            "268,435,552 quarter notes long: choose a file of at most 100,000, or split the file",
        ),
        (
            header(0, 1, 96) + track(NOTE * 100_001 + END),
            "100,001 notes: choose a file of at most 100,000, or split the file",
        ),
        (
            header(1, 1, 96) + track(b"\x00\x99\x3c\x40\x60\x89\x3c\x40" + END),
            r"all notes are drums \(channel 10\), which are no melody: choose a file",
        ),
    ],
)
def test_errors_name_the_file_and_the_remedy(tmp_path: Path, data: bytes, expected: str) -> None:
    path = tmp_path / "x.mid"
    path.write_bytes(data)
    with pytest.raises(MelodyError, match=expected) as caught:
        load_melody(path, "m")
    assert str(caught.value).startswith(f"{path}: ")


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(MelodyError, match="there is no such file: name a Standard MIDI File"):
        load_melody(tmp_path / "x.mid", "m")
    with pytest.raises(MelodyError, match=r"cannot be read \(a folder, not a file\)"):
        load_melody(tmp_path, "m")


def assert_valid(melody: Melody) -> None:
    assert melody.notes
    assert 0 < melody.length < float("inf")
    for n in melody.notes:
        assert 0 <= n.onset < melody.length
        assert n.duration > 0
        assert 0 <= n.pitch <= 127
        assert 1 <= n.velocity <= 127
    assert list(melody.between(0.0, melody.length)) == list(melody.notes)
    json.dumps(melody_to_json(melody))


def test_a_file_cut_at_any_byte_is_read_up_to_the_cut(tmp_path: Path) -> None:
    data = (resources() / "melodies" / "twinkle.mid").read_bytes()
    whole = load_melody(resources() / "melodies" / "twinkle.mid", "m").notes
    path, count = tmp_path / "x.mid", 0
    for length in range(len(data)):
        path.write_bytes(data[:length])
        try:
            melody = load_melody(path, "m", loop=length % 2 == 0)
        except MelodyError as error:
            assert str(path) in str(error)
            assert not count
            continue
        assert_valid(melody)
        assert melody.notes[:-1] == whole[: len(melody.notes) - 1]  # the last one may lack its note-off
        assert len(melody.notes) >= count
        count = len(melody.notes)
    assert count == len(whole)


@settings(quiet, max_examples=300)
@given(st.data())
def test_a_damaged_file_is_an_error_or_a_valid_melody(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray((resources() / "melodies" / "twinkle.mid").read_bytes())
    if data.draw(st.booleans()):
        for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)))):
            content[at] = value
    else:
        content = bytearray(header(data.draw(st.integers(0, 2)), data.draw(st.integers(0, 3)), 96))
        content += data.draw(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(track)))
    path = tmp_path / "x.mid"
    path.write_bytes(content)
    try:
        assert_valid(load_melody(path, "m", loop=data.draw(st.booleans())))
    except MelodyError as error:
        assert str(path) in str(error)


def test_the_shipped_melodies_are_valid() -> None:
    for path in (resources() / "melodies").glob("*.mid"):
        assert_valid(load_melody(path, path.stem))
        assert mido.MidiFile(path).ticks_per_beat > 0


@pytest.mark.parametrize("number", [120, 121, 123, 124, 125, 126, 127])
def test_notes_of_a_file_end_with_a_channel_mode_message_of_their_channel(tmp_path: Path, number: int) -> None:
    file = mido.MidiFile(type=0, ticks_per_beat=480)
    add = file.add_track().append
    add(mido.Message("control_change", control=64, value=127))  # pedals are ignored
    add(mido.Message("note_on", note=60, velocity=80))
    add(mido.Message("note_on", note=64, velocity=80, channel=1))
    add(mido.Message("control_change", control=number, time=480))
    add(mido.Message("note_on", note=60, velocity=70, time=480))
    add(mido.Message("note_off", note=60, time=480))
    add(mido.Message("note_off", note=64, channel=1, time=480))
    file.save(tmp_path / "file.mid")
    found = [(note.pitch, note.onset, note.duration) for note in load_melody(tmp_path / "file.mid", "m").notes]
    if number == 121:
        assert found == [(60, 0.0, 3.0), (64, 0.0, 4.0), (60, 2.0, 2.0)]
    else:
        assert found == [(60, 0.0, 1.0), (64, 0.0, 4.0), (60, 2.0, 1.0)]
