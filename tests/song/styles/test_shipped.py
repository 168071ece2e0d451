"""The styles that ship: small, right, of works that may be shipped, and what their cards say is true."""

from __future__ import annotations

import pytest

from daemon import models
from daemon.paths import resources
from daemon.song.styles.style import LAYERS, Style
from daemon.song.styles.style_file import load_style, shipped_styles
from daemon.song.styles.style_folder import counts_of
from export_tools.leadsheets.compile import BACKGROUND, STYLES, Work
from export_tools.leadsheets.titles import DIED_BEFORE, titles

MOST_BYTES = 2_000_000  # of each file
FEWEST_EVENTS = 500  # of each layer, that make a style


def shipped(name: str) -> Style:
    return load_style(models.folder() / f"{name}.npz")


def test_the_styles_that_ship_are_those_of_the_tool() -> None:
    assert shipped_styles() == sorted(STYLES)
    assert len(STYLES) >= 4


@pytest.mark.parametrize("name", STYLES)
def test_a_shipped_style(name: str) -> None:
    style = shipped(name)
    assert all((models.folder() / f"{name}{suffix}").stat().st_size < MOST_BYTES for suffix in (".npz", ".json"))
    about = style.card.training
    assert about.music == STYLES[name].music and "OpenEWLD" in about.data and "public domain" in about.licence
    assert style.card.counts == counts_of(style.pieces)
    assert [source.title for source in style.card.sources] == [piece.title for piece in style.pieces]
    for layer, sequence in LAYERS.items():
        events = sum(len(sequence(piece)) for piece in style.pieces)
        assert events == style.card.metrics[layer]["events"]
        assert events >= (FEWEST_EVENTS if layer == "melody" else FEWEST_EVENTS // 2)
    assert (style.background.name if style.background else "") == ("" if name == BACKGROUND else BACKGROUND)


@pytest.mark.parametrize("name", STYLES)
def test_every_work_may_be_shipped_by_the_authors_on_the_card(name: str) -> None:
    for source in shipped(name).card.sources:
        died = [*source.composers.values(), *source.lyricists.values()]
        assert source.traditional or source.composers, source.title
        assert all(year is not None and year < DIED_BEFORE for year in died), source.title


@pytest.mark.parametrize("name", STYLES)
def test_a_style_has_every_work_that_belongs_to_it(name: str) -> None:
    everything, known = shipped(BACKGROUND), titles()
    works = [
        Work(known[source.file.removesuffix(".mxl")], source.file, piece)
        for source, piece in zip(everything.card.sources, everything.pieces, strict=True)
    ]
    expected = [(work.file, work.piece) for work in works if STYLES[name].holds(work)]
    style = shipped(name)
    assert [(s.file, p) for s, p in zip(style.card.sources, style.pieces, strict=True)] == expected
    sources = {source.file: source for source in style.card.sources}
    assert all(sources[work.file] == work.source for work in works if work.file in sources)


def test_the_table_of_titles_keeps_the_rule() -> None:
    table = titles()
    assert len(table) > 150
    assert {title.genre for title in table.values()} == {"folk", "hymn", "carol", "song", "jazz", "concert"}
    for name, title in table.items():
        assert title.may_be_shipped, name
    assert [title.title for title in table.values()].count("Oh! Susanna") == 1


@pytest.mark.parametrize(
    "name",
    [
        *("Tea_for_Two", "Summertime", "Embraceable_You", "Pie_Jesu", "Ave_Maria_Caccini", "O_sole_mio"),
        *("The_Teddy_Bears_Picnic", "Bill", "Manhattan", "La_cumparsita", "Amapola", "Tiger_Rag", "I_Got_Rhythm"),
    ],
)
def test_works_with_an_author_who_lived_longer_are_not_in_the_table(name: str) -> None:
    assert name not in titles()


def percent(share: float, digits: int = 1) -> str:
    return f"{share * 100:.{digits}f} %"


@pytest.mark.parametrize("name", STYLES)
def test_the_tables_of_the_docs_are_those_of_the_cards(name: str) -> None:
    page = (resources() / "docs" / "models.md").read_text(encoding="utf-8")
    card, rows, pairs = shipped(name).card, [], []
    sizes = f"{card.counts['sheets']} | {card.counts['melody events']:,} | {card.counts['chord events']:,}"
    rows.append(f"| {name} | {card.training.music} | {sizes} |")
    for layer in LAYERS:
        found = card.metrics[layer]
        nats = " | ".join(f"{found[f'order {order}']['nats']:.2f}" for order in (1, 2, 3, 4))
        lacking = percent(found["order 1"]["impossible"] / found["events"])
        blend = found.get("with background")
        mixed = f"{blend['nats']:.2f} ({percent(blend['impossible'] / found['events'])})" if blend else "–"
        chains = [found[f"order {order}, chain"]["impossible"] / found["events"] for order in (1, 2, 3, 4)]
        possible = ", ".join(percent(1 - chain, 0) for chain in chains)
        rows.append(f"| {name} | {nats} | {lacking} | {mixed} | {possible} |")
        pairs += [f"{kind['samples']:.2f} ({kind['halves']:.2f})" for kind in found["pairs"].values()]
    rows.append(f"| {name} | {' | '.join(pairs)} |")
    assert [row for row in rows if f"{row}\n" not in page] == []
