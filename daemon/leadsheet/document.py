"""Opens MusicXML files, plain (.musicxml, .xml) or packed (.mxl), within limits: files come from anywhere."""

from __future__ import annotations

import contextlib
import io
import zipfile
import zlib
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from daemon.errors import LeadSheetError
from daemon.input_files import read_input
from daemon.paths import unreadable

SUFFIXES = (".musicxml", ".mxl", ".xml")
MAX_BYTES = 16 << 20  # of a file, and of a document when it is unpacked; the largest of 326 lead sheets has 400 kB
MAX_MEMBERS = 1000  # of a packed file
MAX_DEPTH = 50  # of elements; MusicXML needs a dozen
MAX_ELEMENTS = 500_000
_CONTAINER = "META-INF/container.xml"
_AGAIN = "export the sheet again, as MusicXML"


def read_document(path: Path) -> Element:
    """The root of the score in the file at `path`, a `score-partwise`. Raises LeadSheetError."""
    try:
        data = read_input(path, MAX_BYTES)
    except OSError as error:
        raise LeadSheetError(unreadable(path, error, "name a MusicXML file")) from None
    try:
        root = _parsed(_unpacked(data) if data.startswith(b"PK") else data)
    except ValueError as error:
        raise LeadSheetError(f"{path}: {error}") from None
    if root.tag == "score-timewise":
        raise LeadSheetError(f"{path}: a score by time (score-timewise): export it by part (score-partwise)")
    if root.tag != "score-partwise":
        raise LeadSheetError(f"{path}: not MusicXML, but <{root.tag[:40]}>: {_AGAIN}")
    return root


def _unpacked(data: bytes) -> bytes:
    """The score in a packed file. Raises ValueError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [info.filename for info in archive.infolist()]
            if len(names) > MAX_MEMBERS:
                raise ValueError(f"more than {MAX_MEMBERS:,} files in it: {_AGAIN}")
            return _member(archive, _score_name(archive, names))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError, OSError) as error:
        problem = "it is encrypted" if "encrypted" in str(error) else "it is damaged"
        raise ValueError(f"cannot be unpacked ({problem}): {_AGAIN}") from None


def _score_name(archive: zipfile.ZipFile, names: list[str]) -> str:
    """The file that the container names, else the first that may be a score."""
    if _CONTAINER in names:
        with contextlib.suppress(ValueError):  # some programs write titles with quotation marks into it as they are
            container = _parsed(_member(archive, _CONTAINER))
            named = [element.get("full-path", "") for element in container.iter("rootfile")]
            if found := next((name for name in named if name in names), None):
                return found
    scores = [
        name for name in names if name.lower().endswith((".xml", ".musicxml")) and not name.startswith("META-INF")
    ]
    if not scores:
        raise ValueError(f"no score in it: {_AGAIN}")
    return scores[0]


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"unpacked it is larger than {MAX_BYTES >> 20} MiB: {_AGAIN}")
    return data


def _parsed(data: bytes) -> Element:
    """The root element. Raises ValueError. Entities of a document's own are refused: a few bytes of them can stand for
    gigabytes. External ones are not loaded."""
    builder, parser = TreeBuilder(), expat.ParserCreate()
    depth = elements = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > MAX_DEPTH or elements > MAX_ELEMENTS:
            raise ValueError(f"too large or too deep a document: {_AGAIN}")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def declare_entity(*_: object) -> None:
        raise ValueError(f"the document declares entities, which no score needs: {_AGAIN}")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = declare_entity
    parser.buffer_text = True
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        problem = expat.ErrorString(error.code)
        raise ValueError(f"line {error.lineno}: not XML ({problem}): {_AGAIN}") from None
    except LookupError as error:
        raise ValueError(f"not XML ({str(error)[:60]}): {_AGAIN}") from None
    return builder.close()
