"""The tools that make the styles: titles that may be shipped, what is compiled from a folder, figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daemon import models
from daemon.song.styles.style import LAYERS
from daemon.song.styles.style_file import load_style
from export_tools.leadsheets import compile, evaluate, prepare, titles
from export_tools.leadsheets.titles import Title
from tests.leadsheet.scores import score, written

BARS = ("C:major C4:12 D4:12 E4:24", "G:dominant G4:12 F4:12 D4:24", "C:major C4:48")
INDEX = {
    "Oh_Susanna": {"authors": ["Stephen Foster"], "deaths": [1864], "src": "Stephen_Foster/Oh!_Susanna"},
    "Tea_for_Two": {"authors": ["Irving Caesar"], "deaths": [1996], "src": "Irving_Caesar-Vincent_Youmans/Tea_for_Two"},
    "Bill": {"authors": ["Jerome Kern"], "deaths": [1945], "src": "Jerome_Kern-P.G._Wodehouse/Bill"},
    "Pie_Jesu": {"authors": ["[Traditional]"], "deaths": [None], "src": "Andrew_Lloyd_Webber-[Traditional]/Pie_Jesu"},
    "X": {"authors": ["A. Nobody"], "deaths": [None], "src": "A._Nobody/X"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set of six sheets, of which three may be shipped and one of these cannot be read."""
    made = tmp_path / "leadsheets"
    (made / "mxl").mkdir(parents=True)
    (made / "index.json").write_text(json.dumps(INDEX))
    for name in ("Oh_Susanna", "Old_Folks_at_Home", "Tea_for_Two", "Bill"):
        written(made / "mxl", score(*BARS), f"{name}.mxl")
    written(made / "mxl", score("C4:48"), "Alouette.mxl")
    return made


@pytest.mark.parametrize(
    ("title", "may"),
    [
        (Title("", "song", music={"A": 1947}), True),
        (Title("", "song", music={"A": 1948}), False),
        (Title("", "song", music={"A": 1900}, words={"B": 1979}), False),
        (Title("", "song", words={"B": 1900}), False),
        (Title("", "song", traditional=True, words={"B": 1900}), True),
    ],
)
def test_the_rule(title: Title, may: bool) -> None:
    assert title.may_be_shipped is may


def test_what_ships_and_what_is_left_out_by_hand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare.main([str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "ships: Oh_Susanna: Stephen Foster († 1864)" in lines
    assert "ships: Danny_Boy: traditional, Frederic Weatherly († 1929) (not in this folder)" in lines
    assert [line for line in lines if line.startswith("left out")] == [
        "left out: Bill: Jerome Kern; see Jerome_Kern-P.G._Wodehouse/Bill",
        "left out: Pie_Jesu: [Traditional]; see Andrew_Lloyd_Webber-[Traditional]/Pie_Jesu",
    ]
    assert lines[-1] == "5 sheets, 1 of them ship, 2 are left out by hand"


def test_a_folder_without_an_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare.main([str(tmp_path)]) == 2
    assert "index.json: cannot be read" in capsys.readouterr().err


def test_only_titles_of_the_table_are_compiled(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compile, "STYLES", {"songbook": compile.STYLES["songbook"], "foster": compile.STYLES["foster"]})
    assert compile.main([str(folder), str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "refused: Alouette.mxl: no chord symbols" in out
    style = load_style(tmp_path / "foster.npz")
    assert [source.title for source in style.card.sources] == ["Oh! Susanna", "Old Folks at Home"]
    assert style.card.sources[0].composers == {"Stephen Foster": 1864}
    assert style.background is not None and style.background.name == "songbook"
    assert set(style.card.metrics["melody"]) > {"events", "order 1", "order 4", "order 2, chain", "pairs"}


def test_a_title_that_breaks_the_rule_stops_the_tool(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    late = titles.titles() | {
        "Tea_for_Two": Title("Tea for Two", "jazz", music={"Vincent Youmans": 1946}, words={"I. C.": 1996})
    }
    monkeypatch.setattr(compile, "titles", lambda: late)
    assert compile.main([str(folder), str(tmp_path)]) == 2
    assert "Tea_for_Two: may not be shipped" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.npz"))


def test_a_folder_without_sheets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compile.main([str(tmp_path), str(tmp_path)]) == 2
    assert "there is no such folder" in capsys.readouterr().err


def flat(figures: dict[str, Any], name: str = "") -> dict[str, float]:
    found: dict[str, float] = {}
    for key, value in figures.items():
        found |= flat(value, f"{name}{key}, ") if isinstance(value, dict) else {name + key: value}
    return found


def test_the_figures_on_a_card_are_those_that_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    path = models.folder() / "foster.npz"
    assert evaluate.main(["--model", str(path)]) == 0
    printed, card = json.loads(capsys.readouterr().out), load_style(path).card
    for layer in LAYERS:
        assert flat(printed[layer]) == pytest.approx(flat(card.metrics[layer]), abs=0.03)  # samples: of this machine
    assert evaluate.main(["--model", "none.npz"]) == 2
    assert "none.json: the card of none.npz is missing" in capsys.readouterr().err


@pytest.mark.parametrize("name", compile.STYLES)
def test_samples_are_nearer_to_the_pieces_than_two_halves_of_them_are(name: str) -> None:
    card = load_style(models.folder() / f"{name}.npz").card
    for layer in LAYERS:
        for kind, distance in card.metrics[layer]["pairs"].items():
            assert distance["samples"] < 0.75 * distance["halves"], (layer, kind)


@pytest.mark.parametrize("name", compile.STYLES)
def test_higher_orders_predict_no_worse(name: str) -> None:
    metrics = load_style(models.folder() / f"{name}.npz").card.metrics
    for layer in LAYERS:
        nats = [metrics[layer][f"order {order}"]["nats"] for order in (1, 2, 3, 4)]
        assert max(nats[1:]) <= nats[0] + 0.01
