"""Hits, tick classes, and the drum parts of files."""

from pathlib import Path

import mido
import pytest

from daemon.encodings.drums.files import read_groove
from daemon.encodings.drums.hits import INSTRUMENT_OF, INSTRUMENTS, Hit, tick_classes, to_hits
from daemon.errors import MelodyError

KICK, SNARE, HAT = (INSTRUMENTS.index(note) for note in (36, 38, 42))


def write(path: Path, notes: list[tuple[int, int, int, int]], division: int = 480, **meta: int) -> Path:
    """A file with notes (tick, channel, note, velocity), in ticks of the file; `meta`: time signature and tempo."""
    file, track = mido.MidiFile(ticks_per_beat=division), mido.MidiTrack()
    file.tracks.append(track)
    if "numerator" in meta:
        track.append(mido.MetaMessage("time_signature", numerator=meta["numerator"], denominator=meta["denominator"]))
    if "tempo" in meta:
        track.append(mido.MetaMessage("set_tempo", tempo=meta["tempo"]))
    now = 0
    for tick, channel, note, velocity in sorted(notes):
        track.append(mido.Message("note_on", channel=channel, note=note, velocity=velocity, time=tick - now))
        now = tick
    file.save(path)
    return path


def test_hits_are_in_order_of_time_and_then_of_instrument() -> None:
    assert to_hits([(10, 42, 50), (10, 36, 60), (0, 38, 70), (250, 36, 1)]) == [
        Hit(0, SNARE, 70), Hit(10, KICK, 60), Hit(0, HAT, 50), Hit(240, KICK, 1),
    ]  # fmt: skip


def test_of_two_hits_of_one_instrument_at_one_tick_the_louder_counts() -> None:
    assert to_hits([(5, 22, 50), (5, 42, 90), (5, 42, 30)]) == [Hit(5, HAT, 90)]


def test_notes_that_are_no_drums_are_left_out() -> None:
    assert to_hits([(0, 36, 9), (3, 100, 9), (7, 0, 9), (8, 38, 9)]) == [Hit(0, KICK, 9), Hit(8, SNARE, 9)]


def test_all_pads_of_the_kit_of_groove_are_known() -> None:
    pads = (36, 38, 40, 37, 48, 50, 45, 47, 43, 58, 46, 26, 42, 22, 44, 49, 55, 57, 52, 51, 59, 53)
    assert all(pad in INSTRUMENT_OF for pad in pads)


def test_gaps_have_the_nearest_tick_class_and_longer_gaps_the_last() -> None:
    assert tick_classes([0, 1, 4, 10]).tolist() == [0, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3]


def test_a_groove_is_read_in_480_ticks_to_a_quarter_from_its_first_bar_line(tmp_path: Path) -> None:
    path = write(
        tmp_path / "g.mid", [(3 * 96 + 1, 9, 36, 80), (3 * 96 + 49, 9, 38, 90)], 96, numerator=3, denominator=4,
        tempo=600_000,
    )  # fmt: skip
    groove = read_groove(path)
    assert (groove.start, groove.hits) == (1440, (Hit(5, KICK, 80), Hit(240, SNARE, 90)))
    assert (groove.bar_at(1440 + 5), groove.tempo_map.bpm_at(0)) == ((5, 1440), 100)


def test_other_instruments_of_a_song_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "song.mid", [(0, 0, 38, 80), (1, 9, 36, 80), (2, 1, 36, 80)])
    assert read_groove(path).hits == (Hit(1, KICK, 80),)


def test_all_notes_of_a_file_without_the_drum_channel_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "pads.mid", [(0, 10, 38, 80), (9, 10, 36, 80)])
    assert read_groove(path).hits == (Hit(0, SNARE, 80), Hit(9, KICK, 80))


@pytest.mark.parametrize(("notes", "message"), [([], "no drums"), ([(0, 9, 100, 80)], "no drums")])
def test_files_without_drums_are_refused(tmp_path: Path, notes: list[tuple[int, int, int, int]], message: str) -> None:
    path = write(tmp_path / "silent.mid", notes)
    with pytest.raises(MelodyError, match=f"silent.mid: .*{message}"):
        read_groove(path)


def test_invalid_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.mid"
    path.write_bytes(b"MThd\0\0\0\6\0\0")
    with pytest.raises(MelodyError, match=r"broken.mid"):
        read_groove(path)
    with pytest.raises(MelodyError, match="no such file"):
        read_groove(tmp_path / "none.mid")
