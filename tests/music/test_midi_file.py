"""Standard MIDI Files that break the standard are read as far as they can be, with a warning that counts the rest."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from daemon.errors import MelodyError
from daemon.music import midi_file
from daemon.music.melody import load_melody, melody_of
from daemon.music.midi_file import parse_midi_file, read_midi_file
from daemon.music.midi_tracks import MidiFile
from daemon.paths import resources
from tests.music.test_melody import END, NOTE, assert_valid, header, track

CASES = Path(__file__).parents[1] / "data" / "midi"
TUNE = [67, 69, 71, 72, 74, 72, 71, 69]
HIGH, LOW = b"\x00\x90\x48\x40\x60\x80\x48\x40", b"\x00\x90\x3c\x40\x60\x80\x3c\x40"


def pitches(file: MidiFile) -> list[int]:
    return [note.pitch for note in melody_of(file, "m").notes]


@pytest.mark.parametrize(
    "name, warning",
    [
        ("cc-value-255.mid", "values above 127 (at byte 24)"),
        ("drum-track-first.mid", ""),
        ("f7-escape-packet.mid", "F7 packets (at byte 22)"),
        ("key-signature-mode-255.mid", "impossible key signatures (at byte 22)"),
        ("riff.rmi", ""),
        ("track-length-5-too-long.mid", "wrong lengths of tracks (at byte 18)"),
        ("unknown-chunk.mid", "unknown chunks (at byte 14)"),
    ],
)
def test_files_that_others_read(name: str, warning: str) -> None:
    file = read_midi_file(CASES / name)
    assert pitches(file) == TUNE
    assert file.warning == (warning and f"{CASES / name}: passed over or corrected: {warning}")


ONE = header(0, 1, 96)


@pytest.mark.parametrize(
    "data, warning",
    [
        (ONE + track(NOTE + HIGH + END), ""),
        (ONE + track(NOTE + HIGH), ""),  # no End of Track
        (ONE + track(b"\x80\x80\x80\x80" + NOTE + b"\x80" * 90 + HIGH + END), ""),  # padded delta times
        (ONE + track(NOTE + HIGH + b"\x00\xff\x2f\x02ab"), ""),
        (ONE + track(NOTE + HIGH + END + b"\0\0\0"), "wrong lengths of tracks (at byte 18), bytes after the end of a"),
        (ONE + track(NOTE + HIGH + END) + b"\x1a\0\0", "bytes after the end of a track (3, from byte 42)"),
        (ONE + b"MTrk\0\0\0\0" + NOTE + HIGH + END, "wrong lengths of tracks (at byte 18)"),  # written as a stream
        (ONE + b"MTrk\xff\xff\xff\xff" + NOTE + HIGH + END, "wrong lengths of tracks (at byte 18)"),
        (ONE + b"MTrk\0\0\0\x0a" + NOTE + HIGH + END, "wrong lengths of tracks (at byte 18)"),
        (header(1, 2, 96) + track(NOTE + HIGH + END), "a header that counts 2 tracks, not 1 (at byte 10)"),
        (header(1, 0, 96) + track(NOTE + HIGH + END), "a header that counts 0 tracks, not 1 (at byte 10)"),
        (header(0, 2, 96) + track(NOTE + END) + track(b"\x60" + HIGH[1:] + END), ""),
        (b"MThd\0\0\0\x08\0\0\0\1\0\x60ab" + track(NOTE + HIGH + END), ""),  # a longer header, as the standard allows
        (b"MThd\0\0\0\0\0\0\0\1\0\x60" + track(NOTE + HIGH + END), ""),
        (b"junk" + ONE + track(NOTE + HIGH + END), "bytes before the header (4, from byte 0)"),
        (ONE + b"\0\0" + track(NOTE + HIGH + END), "bytes between or after the tracks (2, from byte 14)"),
        (ONE + b"XFIH\0\0\xff\xff" + track(NOTE + HIGH + END), "bytes between or after the tracks (8, from byte 14)"),
        (ONE + track(NOTE + HIGH + END) + ONE + track(LOW + END), "another file after the first (at byte 42)"),
        (ONE + track(NOTE + b"\0\xf8\0\xf1\x10\0\xf2\x10\x20\0\xf3\1\0\xf4\0\xf6\0\xfe" + HIGH), "system messages (7,"),
        (ONE + track(NOTE + b"\0\xf7\x03\x90\x40\x40\0\xf0\x02\x7e\x7f\0\xf7\x02\x01\xf7" + HIGH), "F7 packets (2,"),
        (ONE + track(NOTE + b"\0\xf0\x7e\x7f\x09\x01\xf7" + HIGH + END), ""),  # an exclusive without a length
        (ONE + track(NOTE + b"\0\xff\x59\x00\0\xff\x59\x02\x00\x02" + HIGH + END), "impossible key signatures (2"),
        (ONE + track(NOTE + b"\0\xff\x58\x04\x00\x02\x18\x08\0\xff\x58\x01\x04\0\xff\x58\x02\x04\x40" + HIGH + END),
         "impossible time signatures (3"),
        (ONE + track(NOTE + b"\0\xff\x51\3\0\0\1\0\xff\x51\3\xff\xff\xff\0\xff\x51\0\0\xff\x51\3\0\0\0" + HIGH + END),
         "tempi outside 4–2000 per minute (4"),
        (ONE + track(NOTE + b"\0\x90\xbc\x40\0\xb0\x80\x01" + HIGH + END), "values above 127 (2"),
        (ONE + track(NOTE + b"\0\x90\x48\x40\0\xff\x01\x01a\x60\x48\0\0\xf8\0\x48\0" + END), "system messages (at"),
        (ONE + track(NOTE + HIGH + b"\0\xff\x7f\xff\xff\xff\xff\x01"), "a track that cannot be read (at byte 38)"),
        (ONE + track(NOTE + HIGH + b"\0\x90\x50"), "the rest of a track that cannot be read (at byte 38)"),
        (ONE + track(NOTE + HIGH + b"\x81\x80\x80\x80\0\x90\x50\x40"), "a track that cannot be read (at byte 38)"),
        (header(1, 2, 96) + track(NOTE + HIGH + b"\0\x90\x50") + track(END), "a track that cannot be read (at"),
        (header(1, 3, 96) + track(b"\0\x40\x40") + track(NOTE + HIGH + END) + track(b"\0\xff\3\x7f"), "a track"),
    ],
)  # fmt: skip
def test_what_breaks_the_standard_is_passed_over(data: bytes, warning: str) -> None:
    file = parse_midi_file(data, Path("x.mid"))
    notes = melody_of(file, "m").notes
    assert [(note.onset, note.duration, note.pitch) for note in notes] == [(0, 1, 60), (1, 1, 72)]
    assert warning in file.warning if warning else not file.warning
    assert "\n" not in file.warning


def test_values_above_127_are_read_as_127() -> None:
    data = ONE + track(b"\0\xb0\x07\xff\0\x90\x3c\xc0\x60\x80\x3c\xff" + END)
    (track_read,) = parse_midi_file(data).tracks
    assert [message.hex() for _, message in track_read.messages] == ["b0077f", "903c7f", "803c7f"]


def test_riff_also_with_other_chunks_around_the_file() -> None:
    inner = ONE + track(NOTE + END)
    chunks = b"LIST\2\0\0\0ab" + b"data" + len(inner).to_bytes(4, "little") + inner + b"DLS \4\0\0\0MTrk"
    file = parse_midi_file(b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"RMID" + chunks)
    assert pitches(file) == [60]
    assert not file.warning


@pytest.mark.parametrize("first", [b"", b"\0\xff\x51\x03\x07\xa1\x20"])  # 500,000 µs
def test_smpte_frames_are_read_at_the_tempo_of_the_start(first: bytes) -> None:
    """25 frames of 40 ticks make a second, so 500 ticks a quarter note at 120 per minute."""
    data = header(0, 1, 0xE728) + track(first + b"\0\x90\x3c\x40\x83\x74\x80\x3c\x40\0\xff\x51\x03\x0f\x42\x40" + END)
    file = parse_midi_file(data)
    assert [(note.onset, note.duration) for note in melody_of(file, "m").notes] == [(0, 1)]
    assert file.tempi == [(0, 500_000)]
    assert "a time in SMPTE frames, read at 120 beats per minute" in file.warning


def test_smpte_drop_frames_are_2997_hundredths() -> None:
    data = header(0, 1, 0xE364) + track(NOTE + END)
    assert parse_midi_file(data).division == pytest.approx(29.97 * 100 / 2, rel=1e-4)


def test_of_a_file_of_independent_pieces_the_first_with_a_melody_is_read() -> None:
    drums, tempo = b"\0\x99\x24\x40\x60\x89\x24\x40", b"\0\xff\x51\x03\x0f\x42\x40"
    data = (
        header(2, 4, 96) + track(b"\0\xff\x03\1a" + END) + track(drums + END) + track(LOW + END) + track(tempo + HIGH)
    )
    file = parse_midi_file(data)
    assert pitches(file) == [60]
    assert file.tempi == [(0, 500_000)]
    assert "pieces after the first in a file of format 2 (2, from byte 8)" in file.warning
    only = parse_midi_file(header(2, 1, 96) + track(drums + END))
    assert [len(t.messages) for t in only.tracks] == [2] and not only.warning


def test_repeated_tempi_and_time_signatures_are_left_out_where_they_change_nothing() -> None:
    three, tempo, other = b"\xff\x58\x04\x03\x02\x18\x08", b"\xff\x51\x03\x0f\x42\x40", b"\xff\x51\x03\x07\xa1\x20"
    bar = b"\x82\x20"  # 288 ticks
    meters = b"".join(delta + three for delta in (b"\0", bar, bar, b"\x60", bar))
    data = (
        header(1, 2, 96) + track(meters + END) + track(NOTE + b"".join(b"\1" + t for t in (tempo, tempo, other, tempo)))
    )
    file = parse_midi_file(data)
    assert file.meters == [(0, (3, 4)), (672, (3, 4))], "within a bar, the next bar begins"
    assert file.tempi == [(0, 500_000), (97, 1_000_000), (99, 500_000), (100, 1_000_000)]


def test_names_and_signatures_of_tracks() -> None:
    named = b"\0\xff\x03\0\0\xff\x03\x03\xc3\xa9a\0\xff\x03\x01x"
    signatures = b"\x60\xff\x58\x04\x06\x03\x18\x08\0\xff\x51\x03\x0a\x2c\x2b"
    file = parse_midi_file(
        header(1, 2, 96) + track(named + signatures + END) + track(b"\0\xff\x03\x01\xe9" + NOTE + END)
    )
    assert [t.name for t in file.tracks] == ["éa", "é"]
    assert (file.tempi, file.meters) == ([(0, 500_000), (96, 666_667)], [(0, (4, 4)), (96, (6, 8))])
    assert file.tempo_map.meters == ((0.0, 4.0), (1.0, 3.0))


# Drums


def test_drums_are_never_a_melody_nor_a_part_of_one() -> None:
    """In one track of all channels, and in tracks of their own."""
    drum, second = b"\0\x99\x24\x40\0\xb9\x40\x7f\x60\x89\x24\x40", b"\0\x91\x40\x40\x60\x81\x40\x40"
    one = melody_of(parse_midi_file(ONE + track(drum + NOTE + second + END)), "m")
    assert [(note.pitch, note.part) for note in one.notes] == [(60, 0), (64, 1)]
    several = header(1, 3, 96) + track(drum + END) + track(NOTE + END) + track(second + END)
    two = melody_of(parse_midi_file(several), "m")
    assert [(note.pitch, note.part) for note in two.notes] == [(60, 0), (64, 1)]
    assert one.length == two.length == 4


# Limits


def test_the_limits_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.mid"
    path.write_bytes(bytes(midi_file.MAX_FILE_BYTES + 1))
    with pytest.raises(MelodyError, match=r"x.mid: cannot be read \(larger than 8 MiB\): name a Standard MIDI File"):
        read_midi_file(path)
    monkeypatch.setattr(midi_file, "MAX_MESSAGES", 10)
    for event in (
        b"\0\xb0\x07\x40",
        b"\0\xff\x51\x03\x0f\x42\x40",
        b"\0\xff\x58\x02\x04\x02",
        b"\0\xff\x06\x01C",
        b"\0\xff\x59\x02\0\0",
    ):
        parse_midi_file(header(1, 2, 96) + track(event * 5) + track(event * 5))
        with pytest.raises(
            MelodyError, match=r"x\.mid: more than 10 notes, note-offs, control changes, tempi, signatures and t"
        ):
            parse_midi_file(header(1, 2, 96) + track(event * 5) + track(event * 6), path)


@pytest.mark.parametrize(
    "piece",
    [
        b"MTrk\0\0\0\0",
        b"MTrk\xff\xff\xff\xff\0\xff\x2f\0",
        b"XFIH\xff\0\0\0",
        b"\0\xf0\0",
        b"\0\xf0\x7f",
        b"\xff",
        b"MTrk\0\0\0\x10\0\xf0\xff\xff\xff\x7f\xf7",
    ],
)
def test_the_time_to_read_is_linear(piece: bytes) -> None:
    """1 MB of one piece each; a search or a copy up to the end at each piece would take far longer."""
    began = time.process_time()
    parse_midi_file(
        header(1, 1, 96) + b"MTrk\x00\x0f\xff\xf8" * (piece[:1] != b"M") + piece * (1_000_000 // len(piece))
    )
    assert time.process_time() - began < 10


# Anything at all


def mutated(dice: random.Random, whole: list[bytes]) -> bytes:
    """A file with a few bytes changed, removed, repeated, or cut off."""
    data = bytearray(dice.choice(whole))
    for _ in range(dice.randrange(1, 8)):
        at, length = dice.randrange(len(data) + 1), dice.randrange(1, 9)
        match dice.randrange(5):
            case 0:
                data[at : at + 1] = bytes([dice.choice((0, 0x7F, 0x80, 0x90, 0xF0, 0xF7, 0xFF, dice.randrange(256)))])
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[dice.randrange(len(data) + 1) :][:length]
            case 3:
                data[at:at] = dice.randbytes(length)
            case 4 if not dice.randrange(5):
                del data[at:]
    return bytes(data)


def test_damaged_files_give_a_melody_or_an_error_that_names_the_file() -> None:
    shipped = [*(resources() / "melodies").glob("*.mid"), *(resources() / "grooves").glob("*.mid")]
    whole = [path.read_bytes() for path in [*sorted(shipped), *sorted(CASES.iterdir())]]
    dice = random.Random(1)
    read = 0
    for number in range(1500):
        try:
            file = parse_midi_file(mutated(dice, whole), Path("x.mid"))
            assert_valid(melody_of(file, "m", loop=number % 2 == 0))
            read += 1
        except MelodyError as error:
            read += "drums" in str(error)
            assert str(error).startswith("x.mid: ") and "\n" not in str(error)
    assert read > 750


def test_shipped_files_break_no_standard() -> None:
    for folder in ("melodies", "grooves"):
        for path in (resources() / folder).glob("*.mid"):
            assert not read_midi_file(path).warning
    assert load_melody(resources() / "melodies" / "twinkle.mid", "m").parts == 1


def test_signatures_and_texts_are_kept() -> None:
    data = header(0, 1, 96) + track(
        b"\0\xff\x59\x02\xfd\x01" + b"\x60\xff\x06\x03Dm7" + b"\0\xff\x01\x02\xe9!" + NOTE + END
    )
    content = parse_midi_file(data).tracks[0]
    assert content.keys == [(0, -3, True)]
    assert content.texts == [(96, midi_file.MARKER, "Dm7"), (96, midi_file.TEXT, "é!")]
    long = parse_midi_file(header(0, 1, 96) + track(b"\0\xff\x05\x82\x00" + b"x" * 256 + NOTE + END))
    assert long.tracks[0].texts == [(0, midi_file.LYRIC, "x" * midi_file.LONGEST_TEXT)]
    impossible = parse_midi_file(header(0, 1, 96) + track(b"\0\xff\x59\x02\x08\x00" + NOTE + END))
    assert impossible.tracks[0].keys == [] and "impossible key signatures" in impossible.warning
