import dataclasses
import random

import pytest

from daemon.desk.view.layout import lay_out, width
from daemon.desk.view.picture import Picture, Row

CHOIR = (("soprano", "E♭5"), ("alto", "G4"), ("tenor", "B♭3"), ("bass", "E♭3"))
ROWS = (
    Row("keys", "leads", (("", "E♭5"),)),
    Row("twinkle", "waits", (("", ""),), dim=True),
    Row("choir", "E♭", CHOIR, is_player=True),
    Row("soloist", "silent", (("solo", ""),), is_player=True, dim=True),
    Row(
        "drums",
        "",
        (("kick", "kick"), ("snare", ""), ("hihat", "closed hat"), ("toms", ""), ("cymbals", "")),
        True,
        True,
    ),
)
PICTURE = Picture("12.3", "96 bpm", "plays", ROWS, "choir.temperature 0.50 → 0.72", True)


def text(columns: int, rows: int = 24, picture: Picture = PICTURE) -> list[str]:
    return [line.text for line in lay_out(picture, columns, rows)]


def test_wide() -> None:
    assert text(90) == [
        "bar 12.3   96 bpm     plays",
        "keys     leads   E♭5",
        "twinkle  waits",
        "choir    E♭      soprano E♭5   alto G4    tenor B♭3   bass E♭3",
        "soloist  silent",
        "drums            kick                    closed hat",
        "choir.temperature 0.50 → 0.72",
    ]


def test_the_place_in_a_planned_form_has_a_line_of_its_own_if_there_is_room() -> None:
    form = "Cm7 → F7, A, bar 4 of 12, chorus 1, then ending"
    song = dataclasses.replace(PICTURE, form=form)
    assert text(80, picture=song)[:3] == ["bar 12.3   96 bpm     plays", form, "keys     leads   E♭5"]
    assert text(80, 8, song)[1] == form and text(80, 7, song) == text(80, 7)


def test_narrower_terminals_get_initials_then_notes_alone() -> None:
    assert text(60)[3] == "choir    E♭      S E♭5   A G4    T B♭3   B E♭3"
    assert text(60)[5] == "drums            kick, closed hat"
    assert text(38) == [
        "12.3 96 bpm plays",
        "keys    leads  E♭5",
        "twinkle waits",
        "choir   E♭     E♭5 G4  B♭3 E♭3",
        "soloist silent",
        "drums          kick, closed hat",
        "choir.temperature 0.50 → 0.72",
    ]
    assert text(20)[:4] == ["12.3 96 bpm plays", "keys  leads  E♭5", "twink waits", "choir E♭     E♭5 G4"]


def test_a_low_terminal_shows_players_before_sources_and_notices() -> None:
    assert [line[:8].strip() for line in text(90, 7)] == ["bar 12.3", "keys", "twinkle", "choir", "soloist", "drums"]
    assert [line[:8].strip() for line in text(90, 6)] == ["bar 12.3", "choir", "soloist", "drums", "choir.te"]
    assert [line[:8].strip() for line in text(90, 4)] == ["bar 12.3", "choir", "soloist"]
    assert len(text(90, 2)) == len(text(90, 1)) == 1


def test_nothing_moves_when_notes_change() -> None:
    def places(notes: tuple[str, ...], columns: int) -> list[int]:
        voices = tuple(zip(("soprano", "alto", "tenor", "bass"), notes, strict=True))
        row = Row("choir", "", voices, is_player=True)
        (_, line, _) = text(columns, 24, Picture("1.1", "96 bpm", "plays", (row,), "", True))
        return [line.index(name) for name in ("soprano", "alto", "tenor", "bass")]

    assert places(("C5", "", "", "C3"), 90) == places(("E♭5", "C♯-1", "G3", "B♭2"), 90) == places(("",) * 4, 90)


@pytest.mark.parametrize("seed", range(50))
def test_no_line_is_as_wide_as_the_terminal_and_no_block_as_high(seed: int) -> None:
    rng = random.Random(seed)
    names = ["x", "a choir with a name of thirty letters", "合唱団", "drums"]
    rows = tuple(
        Row(
            rng.choice(names),
            rng.choice(["", "F♯m7♭5", "failed: " + "no model " * 20]),
            tuple((f"voice {n}", rng.choice(["", "C4", "C4 E4 G4 B♭4 D5 F♯5"])) for n in range(rng.randint(1, 6))),
            rng.random() < 0.7,
            rng.random() < 0.3,
        )
        for _ in range(rng.randint(0, 30))
    )
    picture = Picture("1234.4", "123.4 bpm", "stopped: s starts, c continues", rows, "n" * rng.randint(0, 200), True)
    columns, height = rng.randint(5, 200), rng.randint(1, 50)
    lines = lay_out(picture, columns, height)
    assert all(width(line.text) < columns for line in lines)
    assert 1 <= len(lines) <= max(height - 1, 1)
