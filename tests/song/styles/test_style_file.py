"""Style files: written and read, and what is damaged, hostile or not as the card says is refused in a line."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.errors import ModelError
from daemon.markov.events import REST
from daemon.music.chords import NO_CHORD
from daemon.song.styles.pieces import Piece
from daemon.song.styles.style import BackOff, Card, Source, Style, Training, model_of
from daemon.song.styles.style_file import FORMAT, find_style, load_style, shipped_styles, write_style
from tests.markov.probability import log_probability

PIECES = (
    Piece(
        "One",
        "major",
        (4, 4),
        -12,
        ((7, 12), (0, 36), (REST, 12), (4, 48)),
        ((0, "", 48), (7, "7", 24), (0, NO_CHORD, 24)),
    ),
    Piece("Two", "minor", (3, 4), 0, ((3, 24), (REST, 12)), ((0, "m", 36),)),
)
EVEN = BackOff((0.2, 0.3, 0.5))
SOURCES = (Source("One", "one.mxl"), Source("Two", "two.mid"))
CARD = Card(FORMAT, Training("two songs", "a test", "none"), "", SOURCES, EVEN, EVEN)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "tiny.npz"
    write_style(made, CARD, PIECES)
    return made


def arrays(path: Path) -> dict[str, Any]:
    with np.load(path) as file:
        return dict(file)


def rewrite(path: Path, data: bytes) -> None:
    """With the right hash in the card."""
    path.write_bytes(data)
    card = json.loads(path.with_suffix(".json").read_text())
    card["sha256"] = hashlib.sha256(data).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(card))


def change_array(path: Path, name: str, change: Callable[[Any], Any]) -> None:
    content, changed = io.BytesIO(), arrays(path)
    changed[name] = change(changed[name])
    np.savez(content, allow_pickle=True, **changed)
    rewrite(path, content.getvalue())


def change_card(path: Path, **changes: object) -> None:
    file = path.with_suffix(".json")
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def refused(path: Path) -> str:
    with pytest.raises(ModelError) as error:
        load_style(path)
    assert "\n" not in str(error.value) and str(path.with_suffix("")) in str(error.value)
    return str(error.value)


def test_a_style_is_read_as_it_was_written(path: Path) -> None:
    style = load_style(path)
    assert style.pieces == PIECES
    assert style.name == "tiny" and replace(style.card, sha256="") == CARD
    before = path.read_bytes()
    write_style(path, CARD, PIECES)
    assert path.read_bytes() == before  # the same pieces give the same bytes


def set_at(*index: int, to: int) -> Callable[[Any], Any]:
    def change(array: Any) -> Any:
        array = array.copy()
        array[index] = to
        return array

    return change


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("melody", lambda array: array.astype(float), "`melody` has the type float64"),
        ("melody", lambda array: array[:, :1], "the shape [6, 1]"),
        ("melody", lambda array: array[:-1], "`melody` has 5 rows, its pieces 6"),
        ("melody", lambda array: np.array([None, "text"], object), "Object arrays cannot be loaded"),
        ("melody", set_at(0, 0, to=500), "`melody` has pitches out of range"),
        ("melody", set_at(0, 0, to=-100), "`melody` has pitches out of range"),
        ("melody", set_at(0, 1, to=0), "`melody` has values out of range"),
        ("melody", set_at(0, 1, to=24), "melody and chords of 'One' do not end together"),
        ("chords", set_at(0, 0, to=12), "`chords` has values out of range"),
        ("chords", set_at(0, 1, to=99), "`chords` has values out of range"),
        ("chords", lambda array: np.int32(0), "`chords` has the type int32 and the shape []"),
        ("pieces", lambda array: array[:0], "0 pieces, of which the card lists 2"),
        ("pieces", set_at(0, 4, to=6), "meter 4/6"),
        ("pieces", set_at(0, 5, to=-48), "begins at the tick -48"),
        ("pieces", set_at(0, 2, to=2), "`pieces` has values out of range"),
        ("qualities", lambda array: np.array(["", "nonsense"]), "unknown quality of chords 'nonsense'"),
        ("qualities", lambda array: np.arange(3), "`qualities` is not a list of names"),
        ("more", lambda array: None, ""),
    ],
)
def test_what_is_wrong_in_the_arrays(path: Path, name: str, change: Callable[[Any], Any], problem: str) -> None:
    if name == "more":
        content, found = io.BytesIO(), arrays(path)
        np.savez(content, more=np.zeros(1), **found)
        rewrite(path, content.getvalue())
        problem = "its arrays are more, "
    else:
        change_array(path, name, change)
    assert f"not a style ({problem}" in (text := refused(path)) or problem in text
    assert "make the style again" in text


def bomb() -> bytes:
    """A few kilobytes that unpack to 64 MB."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("melody.npy", bytes(64 << 20))
    return content.getvalue()


def huge_shape() -> bytes:
    """An array whose header promises terabytes."""
    content = io.BytesIO()
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i4", "fortran_order": False, "shape": (1 << 40, 2)})
    with zipfile.ZipFile(content, "w") as archive:
        for name in ("pieces", "melody", "chords", "qualities"):
            archive.writestr(f"{name}.npy", header.getvalue())
    return content.getvalue()


def test_hostile_files(path: Path) -> None:
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[60:90] = bytes(byte ^ 255 for byte in flipped[60:90])
    for data in (b"", b"PK", b"\x93NUMPY", whole[: len(whole) // 2], bytes(flipped), bomb(), huge_shape()):
        rewrite(path, data)
        assert "not a style (" in refused(path)
    rewrite(path, bomb())
    assert "its arrays are larger than 16 MiB" in refused(path)


def test_a_file_that_is_not_that_of_the_card(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])
    assert "truncated or changed: its sha256 is not the one in tiny.json" in refused(path)
    path.unlink()
    assert "cannot be read (No such file" in refused(path)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"format": 1}, "`format` is 1, this version of jamd reads 2"),
        ({"sources": [{"title": "One"}]}, "2 pieces, of which the card lists 1"),
        ({"sources": [{"title": 1}]}, "not the card of a style (1 is not a text)"),
        ({"melody": {"orders": [0.5, 0.6]}}, "do not add up to 1"),
        ({"melody": {"orders": [float("nan"), 1]}}, "is not a number from 0 to 1"),
        ({"melody": {"orders": [1.0], "background": 2}}, "is not a number from 0 to 1"),
        ({"unknown": 1}, "not the card of a style"),
        ({"background": "none"}, "there is no style 'none'"),
    ],
)
def test_what_is_wrong_on_the_card(path: Path, changes: dict[str, object], problem: str) -> None:
    change_card(path, **changes)
    with pytest.raises(ModelError) as error:
        load_style(path)
    assert problem in str(error.value)


def test_a_card_that_is_missing_or_no_json(path: Path) -> None:
    path.with_suffix(".json").write_text("{")
    assert "not valid JSON" in refused(path)
    path.with_suffix(".json").write_text("[" * 100_000)
    assert "not valid JSON" in refused(path)
    path.with_suffix(".json").unlink()
    assert "the card of tiny.npz is missing" in refused(path)


def test_a_style_backs_off_to_the_one_beside_it_which_backs_off_to_none(path: Path) -> None:
    other = path.with_name("mine.npz")
    write_style(other, replace(CARD, background="tiny"), PIECES[:2])
    background = load_style(other).background
    assert background is not None and background.pieces == PIECES
    change_card(path, background="mine")
    with pytest.raises(ModelError, match="backs off to 'tiny', which backs off itself"):
        load_style(other)


@pytest.mark.parametrize("name", [".", "/", "..", "a" * 5000, "a\0b", "/etc/passwd", "../../../etc/passwd"])
def test_a_name_that_is_none_is_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no style"):
        find_style(name, tmp_path)


def test_a_style_is_found_by_its_name_or_path(path: Path, tmp_path: Path) -> None:
    assert find_style("tiny", tmp_path) == find_style("tiny.npz", tmp_path) == find_style(str(path)) == path
    assert find_style("folk").parent.name == "models" and "folk" in shipped_styles()
    with pytest.raises(ModelError, match=r"there is no style 'flok': did you mean 'folk'\?"):
        find_style("flok", tmp_path)
    with pytest.raises(ModelError, match=r"there is no style 'x/y': choose from .*hymns"):
        find_style("x/y")
    with pytest.raises(ModelError, match="the environment variable NOWHERE is not set"):
        find_style("$NOWHERE/tiny")


def style(name: str, pieces: tuple[Piece, ...], background: Style | None = None, share: float = 0.0) -> Style:
    weights = BackOff((0.2, 0.3, 0.5), share)
    return Style(name, replace(CARD, melody=weights, chords=weights), pieces, background)


def test_the_weights_of_an_order() -> None:
    assert EVEN.up_to(1) == (0.2, 0.8)
    assert EVEN.up_to(0) == (1.0,)
    assert EVEN.up_to(4) == (0.2, 0.3, 0.0, 0.0, 0.5)


def test_the_model_of_a_style_is_of_one_mode_and_of_the_meter_if_there_is_any() -> None:
    made = style("tiny", PIECES)
    assert model_of([(made, 1.0)], "melody", "major", 2).events == ((0, 36), (REST, 12), (4, 48))  # without the upbeat
    assert model_of([(made, 1.0)], "chords", "minor", 2, (4, 4)).events == ((0, "m", 36),)
    with pytest.raises(ModelError, match="tiny: no pieces in minor"):
        model_of([(style("tiny", PIECES[:1]), 1.0)], "melody", "minor", 2)
    assert style("x", PIECES).chosen("minor", (6, 8)) == () and len(style("x", PIECES).chosen("minor", (3, 4))) == 1


def test_styles_are_blended_with_their_backgrounds() -> None:
    songbook = style("songbook", PIECES)
    small = replace(PIECES[0], melody=((2, 48), (2, 48)), start=0)
    made = style("small", (small,), songbook, 0.25)
    model = model_of([(made, 1.0)], "melody", "major", 0)
    chance = {event: np.exp(log_probability(model, [event])) for event in model.events}
    assert chance[(2, 48)] == pytest.approx(0.75) and chance[(0, 36)] == pytest.approx(0.25 / 3)
    both = model_of([(made, 3.0), (songbook, 1.0)], "melody", "major", 0)
    assert np.exp(log_probability(both, [(2, 48)])) == pytest.approx(0.75 * 0.75)
