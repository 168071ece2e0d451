"""The picture: well-formed, every note where it belongs, whatever the file."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import MelodyError
from daemon.music import smf
from daemon.music.events import note_off, note_on
from daemon.render.piano_roll import COLOURS, LEFT_MARGIN, PAGE_WIDTH, RIGHT_MARGIN, SEMITONE, picture_of

SVG = "{http://www.w3.org/2000/svg}"


def parse(tracks: list[smf.Track], meters: list[tuple[int, tuple[int, int]]]) -> ElementTree.Element:
    return ElementTree.fromstring(picture_of(smf.to_bytes(tracks, [(0, 500_000)], meters)))


def note(start: int, end: int, pitch: int) -> list[tuple[int, bytes]]:
    return [(start, note_on(1, pitch, 80)), (end, note_off(1, pitch))]


def boxes(picture: ElementTree.Element, colour: str) -> list[tuple[float, float, float]]:
    """x, y and width of the notes of a colour; the first box is the legend's."""
    found = [rect for rect in picture.iter(f"{SVG}rect") if rect.get("fill") == colour]
    return [(float(r.get("x", 0)), float(r.get("y", 0)), float(r.get("width", 0))) for r in found[1:]]


def texts(picture: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in picture.iter(f"{SVG}text")]


def test_notes_stand_at_their_beats_and_pitches_in_their_tracks_colour() -> None:
    high, low = smf.Track("high", note(0, 1920, 72) + note(1920, 3840, 74)), smf.Track("low", note(0, 3840, 60))
    picture = parse([high, low], [(0, (4, 4))])
    bar = PAGE_WIDTH - LEFT_MARGIN - RIGHT_MARGIN
    first, second = boxes(picture, COLOURS[0])
    assert (first[0], first[2]) == pytest.approx((LEFT_MARGIN, bar / 2 - 1), abs=0.1)
    assert second[0] == pytest.approx(LEFT_MARGIN + bar / 2, abs=0.1)
    assert first[1] - second[1] == 2 * SEMITONE
    ((x, y, width),) = boxes(picture, COLOURS[1])
    assert (x, width) == pytest.approx((LEFT_MARGIN, bar - 1), abs=0.1)
    assert y - first[1] == 12 * SEMITONE
    assert {"high", "low", "C4", "C5", "1"} <= set(texts(picture))


def test_bars_are_numbered_row_by_row_and_follow_the_meter() -> None:
    track = smf.Track("a", note(0, 960 * 33, 60))
    picture = parse([track], [(0, (4, 4)), (960 * 12, (3, 4))])
    assert [text for text in texts(picture) if text.isdigit()] == [str(n) for n in range(1, 11)]
    assert len(boxes(picture, COLOURS[0])) == 2  # it goes on in the second row


def test_tracks_without_notes_and_names_with_signs() -> None:
    picture = parse([smf.Track("nothing"), smf.Track('<a & "b">', note(0, 960, 60)), smf.Track("", note(0, 9, 61))], [])
    assert {'<a & "b">', "track 2"} <= set(texts(picture))
    assert "nothing" not in texts(picture)


def test_drums_have_a_lane_below_with_a_line_for_every_piece_the_harder_the_darker() -> None:
    def hit(tick: int, pitch: int, velocity: int) -> list[tuple[int, bytes]]:
        return [(tick, note_on(10, pitch, velocity)), (tick + 60, note_off(10, pitch))]

    kick, snare = smf.Track("drums kick", hit(0, 36, 127)), smf.Track("drums snare", hit(1920, 38, 127) + hit(0, 38, 1))
    picture = parse([smf.Track("bass", note(0, 3840, 40)), kick, snare], [])
    assert {"bass", "drums", "kick", "snare"} <= set(texts(picture)) and "drums kick" not in texts(picture)
    (loud,) = (box for box in boxes(picture, "#333333") if box[0] == LEFT_MARGIN)
    (later,) = (box for box in boxes(picture, "#333333") if box[0] > LEFT_MARGIN)
    ((_, bass, _),) = boxes(picture, COLOURS[0])
    assert bass < later[1] < loud[1]
    assert later[0] == pytest.approx(LEFT_MARGIN + (PAGE_WIDTH - LEFT_MARGIN - RIGHT_MARGIN) / 2, abs=0.1)
    soft = [rect for rect in picture.iter(f"{SVG}rect") if rect.get("fill") == "#d2d2d2"]
    assert [float(rect.get("x", 0)) for rect in soft] == [LEFT_MARGIN]
    alone = parse([kick], [])
    assert {"drums", "kick", "1"} <= set(texts(alone)) and "C4" not in texts(alone)


def test_a_file_without_notes_is_an_empty_bar() -> None:
    assert "1" in texts(parse([], []))


@given(
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 5000), st.integers(0, 127)), max_size=20),
    st.lists(st.tuples(st.integers(0, 20_000), st.tuples(st.integers(1, 12), st.sampled_from([4, 8, 16]))), max_size=3),
)
def test_every_note_lies_in_the_picture(
    notes: list[tuple[int, int, int]], meters: list[tuple[int, tuple[int, int]]]
) -> None:
    track = smf.Track("a", [event for start, length, pitch in notes for event in note(start, start + length, pitch)])
    picture = parse([track], sorted(meters))
    height = float(picture.get("height", 0))
    for x, y, width in boxes(picture, COLOURS[0]):
        assert LEFT_MARGIN - 0.1 <= x <= x + width <= PAGE_WIDTH - RIGHT_MARGIN + 2
        assert 0 <= y <= height - SEMITONE
    assert bool(boxes(picture, COLOURS[0])) == bool(notes)


def test_a_note_through_many_rows_is_drawn_in_each_and_only_there() -> None:
    events = note(0, 960, 60) + note(4 * 960 * 10, 4 * 960 * 30, 62) + note(4 * 960 * 39, 4 * 960 * 40, 64)
    assert len(boxes(parse([smf.Track("a", events)], [(0, (4, 4))]), COLOURS[0])) == 1 + 3 + 1  # eight bars a row


def test_a_picture_has_a_limit_that_is_told_and_a_note_without_length_is_a_bar() -> None:
    with pytest.raises(MelodyError, match=r"--picture: more than 10,000 bars: leave the picture out"):
        picture_of(smf.to_bytes([smf.Track("a", note(0, 960 * 10_001, 60))], [], [(0, (1, 4))]))
    assert "<svg" in picture_of(smf.to_bytes([smf.Track("a", note(0, 0, 60))], [], []))


def test_a_result_beyond_the_limits_of_a_file_is_told_with_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    data = smf.to_bytes([smf.Track("one", note(0, 960, 60))], [(0, 500_000)], [(0, (4, 4))])
    monkeypatch.setattr("daemon.music.midi_file.MAX_MESSAGES", 1)
    with pytest.raises(MelodyError, match="--picture: too many notes"):
        picture_of(data)
