"""Programs, volumes and pans in a recording: at the beginning of a track, and where a reload changed them."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import mido

from daemon.entries import Entry, Reconfigured, SessionBegan, StageStarted
from daemon.music.events import note_off, note_on
from daemon.music.smf import FILE_TICKS
from daemon.music.sound import Sound
from daemon.recording.to_midi import midi_file
from daemon.spec import MelodySpec, PlayerSpec, PortSpec, StageSpec
from tests.performance.offline import STEADY, TWINKLE
from tests.recording.test_to_midi import START, heard, melody, sent

CHOIR = PlayerSpec("choir", ("keys",), "choir", {"soprano": 1, "alto": 2}, True, 0.03, 0.05)
DRUMMER = PlayerSpec("drummer", ("keys",), "drums", {"kick": 10, "snare": 10}, True, 0.03, 0.05)
PORTS = (
    PortSpec("keys", "in", thru=("choir",)),
    PortSpec("choir", "out", sounds=(Sound(1, 53, volume=100), Sound(2, 49, (0, 3)), Sound(7, 74))),
    PortSpec("drums", "out", sounds=(Sound(1, 1), Sound(7, 1, pan=5), Sound(10, 33))),
)
SPEC = StageSpec(STEADY, PORTS, (MelodySpec(TWINKLE, ("choir",), 7),), (CHOIR, DRUMMER))


def tracks(spec: StageSpec, *entries: Entry, began: float = 99.0) -> dict[str, list[tuple[int, bytes]]]:
    """Name of the track → (tick, message) without meta events."""
    header = {"jamd": "1", "members": {}, "spec": json.loads(json.dumps(spec.to_json()))}
    file = mido.MidiFile(file=io.BytesIO(midi_file([SessionBegan(began, header), *START, *entries])))
    found = {}
    for track in file.tracks[1:]:
        tick, events = 0, []
        for message in track:
            tick += message.time
            if not message.is_meta:
                events.append((tick, bytes(message.bytes())))
        found[track.name] = events
    return found


NOTES = [
    sent(101.0, note_on(1, 60, 90)),
    heard(101.0, note_on(1, 60, 90)),
    melody(101.0, note_on(7, 60, 90)),
    sent(101.0, note_on(10, 36, 90), "drummer"),
    heard(101.5, note_off(1, 60)),
    melody(101.5, note_off(7, 60)),
    sent(101.5, note_off(1, 60)),
    sent(101.5, note_off(10, 36), "drummer"),
]


def test_the_tracks_of_players_and_melodies_begin_with_the_sounds_of_their_channels() -> None:
    found = tracks(SPEC, *NOTES)
    assert found["keys"] == [(2 * FILE_TICKS, note_on(1, 60, 90)), (3 * FILE_TICKS, note_off(1, 60))]
    assert [event for event in found["choir"] if event[0] == 0] == [
        (0, b"\xc0\x34"), (0, b"\xb0\x07\x64"), (0, b"\xb1\x00\x00"), (0, b"\xb1\x20\x03"), (0, b"\xc1\x30"),
    ]  # fmt: skip
    assert found["twinkle"][0] == (0, b"\xc6\x49") and len(found["twinkle"]) == 3
    assert found["drummer"][0] == (0, b"\xc9\x20") and len(found["drummer"]) == 3


def test_the_sounds_come_first_where_the_header_was_written_after_the_first_note() -> None:
    assert tracks(SPEC, *NOTES, began=101.2) == tracks(SPEC, *NOTES)


def test_what_a_reload_changes_is_written_at_its_moment_and_a_new_stage_changes_nothing() -> None:
    louder = replace(PORTS[1], sounds=(Sound(1, 53, volume=110), Sound(2, 50, (0, 3)), Sound(7, 74)))
    reloads = [StageStarted(101.6, SPEC), Reconfigured(102.0, replace(SPEC, ports=(PORTS[0], louder, PORTS[2])))]
    after = [sent(103.0, note_on(1, 62, 90)), sent(103.5, note_off(1, 62))]
    found = tracks(SPEC, *NOTES, *reloads, *after)
    assert [event for event in found["choir"] if event[0] == 4 * FILE_TICKS] == [
        (4 * FILE_TICKS, b"\xb0\x07\x6e"), (4 * FILE_TICKS, b"\xb1\x00\x00"), (4 * FILE_TICKS, b"\xb1\x20\x03"),
        (4 * FILE_TICKS, b"\xc1\x31"),
    ]  # fmt: skip
    assert len(found["twinkle"]) == len(found["drummer"]) == 3


def test_a_session_in_which_nothing_sounds_makes_no_file() -> None:
    header = {"jamd": "1", "members": {}, "spec": SPEC.to_json()}
    assert midi_file([SessionBegan(99.0, header), *START, Reconfigured(102.0, SPEC)]) == b""


def test_a_journal_without_sounds_has_none_in_its_file() -> None:
    spec = json.loads(json.dumps(SPEC.to_json()))
    for port in spec["ports"]:
        del port["sounds"]
    old = midi_file([SessionBegan(99.0, {"jamd": "1", "members": {}, "spec": spec}), *START, *NOTES])
    assert all(
        message.type in ("note_on", "note_off") or message.is_meta for message in mido.MidiFile(file=io.BytesIO(old))
    )
