"""The engraved page: title, chords and notes in the SVG, sections and lines; a process that fails ends in a reason."""

from __future__ import annotations

import errno
import importlib.util
from itertools import pairwise
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from daemon.leadsheet.written_bars import written_bars
from daemon.music.leadsheet import Key, LeadSheet
from daemon.music.melody import Note
from daemon.music.plan import PlannedChord, Section
from daemon.sheet import engraving
from daemon.sheet.engraving import EngravingError, engraved
from daemon.subprocesses import Ended

SVG = "{http://www.w3.org/2000/svg}"


def sheet_of(bars: int = 4, meter: tuple[int, int] = (4, 4), **values: object) -> LeadSheet:
    bar = meter[0] * 4 / meter[1]
    chords = tuple(PlannedChord(n * bar, bar, symbol) for n, symbol in enumerate(("Bb7", "F#m7b5") * (bars // 2)))
    notes = tuple(Note(float(n), 1.0, 60 + n % 12, 90) for n in range(int(bars * bar)))
    known = {"title": "A <Song>", "composer": "N. & N.", "feel": "swing"}
    sheet = LeadSheet("", Key(5), meter, 132.0, bars * bar, chords, (Section(0.0, bars * bar, "A"),), notes)
    from dataclasses import replace

    return replace(sheet, **(known | values))  # type: ignore[arg-type]


def texts(page: bytes) -> list[str]:
    return ["".join(text.itertext()).replace("\n", "").strip() for text in fromstring(page.decode()).iter(f"{SVG}text")]


def test_a_page() -> None:
    ((page,),) = engraved([sheet_of()])
    found = [" ".join(text.split()) for text in texts(page)]
    assert {"A <Song>", "N. & N.", "Swing ♩ = 132"} <= set(found)
    assert [text.replace(" ", "") for text in found].count("B♭7") == 2
    assert [text.replace(" ", "") for text in found].count("F♯m7b5") + [t.replace(" ", "") for t in found].count(
        "F♯m7♭5"
    ) == 2
    assert not any("\ue000" <= char <= "\uf8ff" for char in page.decode()), "signs of a font that others lack"
    assert engraved([sheet_of(), sheet_of(title="B")])[0] == [page], "the same again"


def test_each_chord_symbol_is_printed_as_it_is_written() -> None:
    written = ("C7b9", "F13#11", "Bb7sus4", "Ebmaj9#11", "Am7b5", "D7alt", "Gm6/9", "Cadd9", "G7no5/B", "N.C.")
    chords = tuple(PlannedChord(n * 4.0, 4.0, symbol) for n, symbol in enumerate(written))
    ((page,),) = engraved([sheet_of(bars=10, chords=chords)])
    found = [text.replace(" ", "").replace("♭", "b").replace("♯", "#") for text in texts(page)]
    assert [found.count(symbol) for symbol in written] == [1] * len(written), found


def test_several_pages() -> None:
    (pages,) = engraved([sheet_of(bars=80)])
    assert len(pages) > 1
    assert "A <Song> – 2" in texts(pages[1])


@pytest.mark.parametrize(
    ("meter", "tempo"), [((6, 8), "Swing ♩. = 88"), ((2, 2), "Swing 𝅗𝅥 = 66"), ((3, 4), "Swing ♩ = 132")]
)
def test_the_tempo_counts_the_beats_of_the_meter(meter: tuple[int, int], tempo: str) -> None:
    ((page,),) = engraved([sheet_of(meter=meter)])
    assert tempo in [" ".join(text.split()) for text in texts(page)]


def test_a_long_title_stays_on_the_page() -> None:
    ((page,),) = engraved([sheet_of(title="Song " * 30)])
    assert b'textLength="1840"' in page


def test_without_verovio_there_is_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngravingError, match="the package verovio is missing: pip install verovio"):
        engraved([sheet_of()])


@pytest.mark.parametrize(
    ("ended", "message"),
    [
        (Ended(None, b"", ""), "verovio took longer than 62 s: open the MusicXML file with MuseScore"),
        (Ended(-11, b"", ""), r"verovio failed \(SIGSEGV\): open the MusicXML file"),
        (Ended(1, b"", "x\nverovio cannot read the sheet\n"), "exit status 1: verovio cannot read the sheet"),
    ],
)
def test_a_process_that_fails(monkeypatch: pytest.MonkeyPatch, ended: Ended, message: str) -> None:
    monkeypatch.setattr(engraving, "run_module", lambda *_, **__: ended)
    with pytest.raises(EngravingError, match=message):
        engraved([sheet_of()])


def test_the_process_refuses_what_is_no_sheet(tmp_path: Path) -> None:
    from daemon.subprocesses import run_module

    path = tmp_path / "sheet.musicxml"
    path.write_text("<nonsense/>")
    assert run_module("daemon.sheet.engraver", str(path), seconds=60.0).status == 1


def test_without_room_for_temporary_files_the_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(EngravingError, match=r"\(No space left on device\): set TMPDIR to another folder$"):
        engraved([sheet_of()])


@pytest.mark.parametrize(("per_bar", "bars"), [(1, 4), (2, 2), (4, 1)])
def test_lines_have_room_for_their_chord_symbols(per_bar: int, bars: int) -> None:
    """Symbols at one height of the page do not touch, also where the melody has no note between them."""
    symbols, beats = ("Bbm7b5", "Eb7#9", "Abmaj7#11", "Db7sus4"), 4.0 / per_bar
    chords = tuple(PlannedChord(n * beats, beats, symbols[n % 4]) for n in range(8 * per_bar))
    sheet = sheet_of(bars=8, chords=chords, melody=tuple(Note(n * 4.0, 4.0, 65, 90) for n in range(8)))
    assert [bar.number for bar in written_bars(sheet) if bar.is_new_line] == list(range(1 + bars, 9, bars))
    ((page,),) = engraved([sheet])
    lines: dict[int, list[tuple[int, str]]] = {}
    for group in (each for each in fromstring(page.decode()).iter(f"{SVG}g") if each.get("class") == "harm"):
        place, symbol = next(group.iter(f"{SVG}text")), "".join("".join(group.itertext()).split())
        lines.setdefault(int(place.get("y", "")), []).append((int(place.get("x", "")), symbol))
    assert sum(map(len, lines.values())) == 8 * per_bar
    for line in lines.values():
        for (x, symbol), (after, _) in pairwise(sorted(line)):
            assert after - x > 190 * len(symbol), symbol
