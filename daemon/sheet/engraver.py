"""A process that engraves lead sheets with verovio: `python -m daemon.sheet.engraver SHEET.musicxml …`.

Native code that reads a file may hang, crash, or fill the memory; so none of that is in the process of the command.
"""

from __future__ import annotations

import sys
from pathlib import Path

from daemon.models.limits import limit_memory

PAGE_WIDTH, PAGE_HEIGHT, MARGIN, HEADER = 2100, 2970, 130, 330  # tenths of a millimetre: A4
_OPTIONS = {
    "breaks": "line",  # the lines of the sheet, and pages as they are full
    "pageWidth": PAGE_WIDTH,
    "pageHeight": PAGE_HEIGHT,
    "pageMarginTop": HEADER,
    "pageMarginBottom": MARGIN,
    "pageMarginLeft": MARGIN,
    "pageMarginRight": MARGIN,
    "header": "none",
    "footer": "none",
    "svgViewBox": True,
    "spacingSystem": 10,
    "minLastJustification": 0.35,
    "smuflTextFont": "none",
    "xmlIdSeed": 1,  # so that the same sheet gives the same file
}


def main() -> None:
    """Write SHEET-1.svg and so on, the pages of each sheet. Exit status 1, with the reason, if one cannot be read."""
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    sheets = [Path(name) for name in sys.argv[1:]]
    limit_memory(sheets[0])
    for sheet in sheets:
        toolkit = verovio.toolkit()
        toolkit.setOptions(_OPTIONS)
        if not toolkit.loadData(sheet.read_text(encoding="utf-8")):
            sys.exit("verovio cannot read the sheet")
        for number in range(1, toolkit.getPageCount() + 1):
            page = sheet.with_name(f"{sheet.stem}-{number}.svg")
            page.write_text(toolkit.renderToSVG(number), encoding="utf-8")


if __name__ == "__main__":
    main()
