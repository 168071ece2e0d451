"""Engraves a lead sheet: pages as SVG, with title, composer and tempo above the music."""

from __future__ import annotations

import importlib.util
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import fromstring, tostring
from xml.sax.saxutils import escape

from daemon.leadsheet.musicxml_writer import musicxml_of, printable_in_xml
from daemon.leadsheet.notation import is_compound
from daemon.music.leadsheet import LeadSheet
from daemon.sheet.engraver import HEADER, MARGIN, PAGE_WIDTH
from daemon.subprocesses import run_module

SECONDS, SECONDS_PER_SHEET = 60.0, 2.0  # that engraving may take; a page takes a tenth of one
_TEXT, _SMALLER = 405, 375  # size of chord symbols: verovio's, and one at which neighbours do not touch
_FONT = "Times, 'Times New Roman', serif"
# Signs of verovio's music font within text, which programs without that font show as boxes, in Unicode.
_SIGNS = {
    "\ue260": "♭", "\ue261": "♮", "\ue262": "♯", "\ue263": "𝄪", "\ue264": "𝄫",
    "\uea63": "𝄫", "\uea64": "♭", "\uea65": "♮", "\uea66": "♯", "\uea67": "𝄪",
    "\ued60": "♭", "\ued61": "♮", "\ued62": "♯", "\ued63": "𝄪", "\ued64": "𝄫",
}  # fmt: skip
_SIGN = re.compile(r'<tspan font-family="Leipzig" font-size="(\d+)px">([\ue000-\uf8ff])</tspan>')


class EngravingError(Exception):
    """There are no pages, for the reason in the message, which has a remedy."""


def engraved(sheets: Sequence[LeadSheet]) -> list[list[bytes]]:
    """The pages of each sheet, as SVG. Raises EngravingError."""
    if importlib.util.find_spec("verovio") is None:
        raise EngravingError("the package verovio is missing: pip install verovio")
    try:
        with tempfile.TemporaryDirectory() as name:
            return _engraved(Path(name), sheets)
    except OSError as error:
        place, reason = tempfile.gettempdir(), error.strerror
        raise EngravingError(
            f"{place}: no temporary file can be written ({reason}): set TMPDIR to another folder"
        ) from None


def _engraved(folder: Path, sheets: Sequence[LeadSheet]) -> list[list[bytes]]:
    """With temporary files in a folder. Raises EngravingError, OSError."""
    sources = [folder / f"{number}.musicxml" for number in range(len(sheets))]
    for source, sheet in zip(sources, sheets, strict=True):
        source.write_bytes(_music_alone(musicxml_of(sheet)))
    seconds = SECONDS + len(sheets) * SECONDS_PER_SHEET
    done = run_module("daemon.sheet.engraver", *map(str, sources), seconds=seconds)
    if done.status is None:
        raise EngravingError(f"verovio took longer than {seconds:g} s: open the MusicXML file with MuseScore")
    if done.status:
        raise EngravingError(f"verovio failed ({done.reason}): open the MusicXML file with MuseScore")
    return [_pages(source, sheet) for source, sheet in zip(sources, sheets, strict=True)]


def _pages(source: Path, sheet: LeadSheet) -> list[bytes]:
    files = sorted(source.parent.glob(f"{source.stem}-*.svg"), key=lambda file: int(file.stem.rpartition("-")[2]))
    return [
        _with_header(file.read_text(encoding="utf-8"), sheet, number).encode() for number, file in enumerate(files, 1)
    ]


def _music_alone(musicxml: bytes) -> bytes:
    """Without credits and tempo, which verovio sets over each other and over chord symbols, and without degrees that
    are not to be printed, because the text of the kind has them: verovio prints these twice, as C7b9(♭9)."""
    root = fromstring(musicxml)
    for harmony in root.iter("harmony"):
        for degree in harmony.findall("degree[@print-object='no']"):
            harmony.remove(degree)
    for credit in root.findall("credit"):
        root.remove(credit)
    measure = root.find("part/measure")
    assert measure is not None
    for direction in measure.findall("direction"):
        if direction.find("direction-type/metronome") is not None:
            measure.remove(direction)
    written: bytes = tostring(root, "utf-8")
    return written


def _with_header(svg: str, sheet: LeadSheet, page: int) -> str:
    svg = _SIGN.sub(_in_unicode, svg).replace(f'"{_TEXT}px"', f'"{_SMALLER}px"')
    if page > 1:
        header = _text(f"{sheet.title} – {page}", PAGE_WIDTH // 2, HEADER - 190, 40, "middle")
    else:
        header = _text(sheet.title, PAGE_WIDTH // 2, HEADER - 150, 80, "middle", PAGE_WIDTH - 2 * MARGIN)
        header += _text(_tempo(sheet), MARGIN, HEADER - 65, 42, "start")
        header += _text(sheet.composer, PAGE_WIDTH - MARGIN, HEADER - 65, 42, "end", PAGE_WIDTH // 2)
    return f"{svg[: svg.rindex('</svg>')]}{header}</svg>\n"


def _in_unicode(sign: re.Match[str]) -> str:
    return f'<tspan font-size="{_TEXT}px">{_SIGNS.get(sign[2], "")}</tspan>'


def _tempo(sheet: LeadSheet) -> str:
    if is_compound(sheet.meter):
        note, bpm = "♩.", sheet.bpm / 1.5
    else:
        note, bpm = ("𝅗𝅥", sheet.bpm / 2) if sheet.meter[1] == 2 else ("♩", sheet.bpm)
    return f"{sheet.feel.capitalize()}  {note} = {bpm:.0f}".strip()


def _text(text: str, x: int, y: int, size: int, anchor: str, width: int | None = None) -> str:
    """`width`: a longer text is set narrower."""
    if not text:
        return ""
    is_wide = width is not None and len(text) * size * 0.5 > width
    narrow = f' textLength="{width}" lengthAdjust="spacingAndGlyphs"' if is_wide else ""
    style = f'font-family="{_FONT}" font-size="{size}" text-anchor="{anchor}"{narrow}'
    return f'<text x="{x}" y="{y}" {style}>{escape(printable_in_xml(text))}</text>'
