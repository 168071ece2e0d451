"""MusicXML for tests, from a short notation."""

from __future__ import annotations

import re
from pathlib import Path

DIVISIONS = 12


def note(text: str) -> str:
    """`C4:12` a note of 12 ticks, `r:12` a rest, `R:48` one of the whole bar, `+E4:12` with the note before, `g:D4` a
    grace note, `~` at the end or the start: tied to the next, to the one before; `/C4:12` a slash."""
    if text.startswith("g:"):
        return f"<note><grace/>{_pitch(text[2:])}<voice>1</voice><type>eighth</type></note>"
    ties = '<tie type="stop"/>' * text.startswith("~") + '<tie type="start"/>' * text.endswith("~")
    name, duration = text.strip("~").split(":")
    head = "<notehead>slash</notehead>" if name.startswith("/") else ""
    chord = "<chord/>" if name.startswith("+") else ""
    rest = {"r": "<rest/>", "R": '<rest measure="yes"/>'}.get(name)
    content = rest or _pitch(name.strip("+/"))
    return f"<note>{chord}{content}<duration>{duration}</duration>{ties}<voice>1</voice>{head}</note>"


def _pitch(name: str) -> str:
    found = re.fullmatch(r"([A-G])([#b]*)(\d)", name)
    assert found is not None, name
    alter = found[2].count("#") - found[2].count("b")
    return f"<pitch><step>{found[1]}</step><alter>{alter}</alter><octave>{found[3]}</octave></pitch>"


def harmony(text: str) -> str:
    """`F#:minor-seventh`, `G:dominant/B`, `C:dominant+9-1` (♭9 added), `C:major@6`: an offset."""
    found = re.fullmatch(r"([A-G])([#b]?):([\w-]*?)(?:\+(\d+)(-?\d))?(?:/([A-G]))?(?:@(\d+))?", text)
    assert found is not None, text
    step, sign, kind, value, alter, bass, offset = found.groups()
    parts = (
        f"<root><root-step>{step}</root-step><root-alter>{'b#'.find(sign) * 2 - 1 if sign else 0}</root-alter></root>"
    )
    parts += f"<kind>{kind}</kind>" + (f"<bass><bass-step>{bass}</bass-step></bass>" if bass else "")
    if value:
        parts += f"<degree><degree-value>{value}</degree-value><degree-alter>{alter}</degree-alter>"
        parts += "<degree-type>add</degree-type></degree>"
    return f"<harmony>{parts}{f'<offset>{offset}</offset>' if offset else ''}</harmony>"


def sign(text: str) -> str:
    left, right = '<barline location="left">', '<barline location="right">'
    known = {
        "|:": f'{left}<repeat direction="forward"/></barline>',
        ":|": f'{right}<repeat direction="backward"/></barline>',
        ":|3": f'{right}<repeat direction="backward" times="3"/></barline>',
        "||": f"{right}<bar-style>light-light</bar-style></barline>",
        "segno": "<direction><direction-type><segno/></direction-type></direction>",
        "coda": "<direction><direction-type><coda/></direction-type></direction>",
    }
    if text in known:
        return known[text]
    if text[0] == "[":  # an ending begins: [1 or [1,2
        return f'{left}<ending number="{text[1:]}" type="start"/></barline>'
    if text[-1] == "]":  # the end of an ending, and :|
        repeat = '<repeat direction="backward"/>' if text.startswith(":|") else ""
        return f'{right}<ending number="1" type="stop"/>{repeat}</barline>'
    kind, content = text.split("=", 1)
    if kind == "tempo":
        return f'<direction><sound tempo="{content}"/></direction>'
    return f"<direction><direction-type><{kind}>{content}</{kind}></direction-type></direction>"


def bar(text: str, number: int, attributes: str = "") -> str:
    content = ""
    for word in text.split():
        word = word.replace("_", " ")
        if re.match(r"[A-G][#b]?:[a-z]", word) or re.match(r"[A-G][#b]?:($|[@/])", word):
            content += harmony(word)
        elif re.match(r"[~+/]?([A-G][#b]*\d|r|R):|g:", word):
            content += note(word)
        else:
            content += sign(word)
    return f'<measure number="{number}">{attributes}{content}</measure>'


def score(*bars: str, meter: str = "4/4", fifths: int = 0, mode: str = "major", more: str = "", first: int = 1) -> str:
    """`more`: further elements of the attributes."""
    beats, unit = meter.split("/")
    attributes = (
        f"<attributes><divisions>{DIVISIONS}</divisions><key><fifths>{fifths}</fifths><mode>{mode}</mode></key>"
        f"<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time>{more}</attributes>"
    )
    measures = [bar(text, first + n, "" if n else attributes) for n, text in enumerate(bars)]
    return (
        '<?xml version="1.0"?><score-partwise><work><work-title>A Song</work-title></work><identification>'
        '<creator type="composer">N. N.</creator></identification><part-list><score-part id="P1"/></part-list>'
        f'<part id="P1">{"".join(measures)}</part></score-partwise>'
    )


def written(folder: Path, text: str | bytes, name: str = "song.musicxml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path
