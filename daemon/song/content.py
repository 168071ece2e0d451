"""Songs as JSON, with the styles that they need: for the process of a leader and for the journal of a session."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from daemon.errors import ModelError, SongError
from daemon.json_decoding import decoder
from daemon.song.description import MAX_BAR, MAX_BARS, Song


def song_to_json(song: Song) -> dict[str, Any]:
    """With the files of its styles as they are now. Raises SongError with all that cannot be read."""
    if not song.style:
        return asdict(song)
    from daemon.song.styles.kept_style import keep  # needs numpy: not for songs without a style

    kept, problems = [], []
    for name, _ in song.style:
        try:
            kept.append(keep(name, Path(song.file).parent))
        except ModelError as error:
            problems.append(f"{song.file}: style: {error}")
    if problems:
        raise SongError(problems)
    return asdict(replace(song, kept_styles=tuple(kept)))


def song_from_json(data: Any) -> Song:
    """Raises SongError for what is no song, as in a damaged journal."""
    try:
        song = cast(Song, decoder(Song)(data))
        _check(song)
    except (ValueError, RecursionError) as error:
        raise SongError([f"this is no song ({error}): {repr(data)[:80]}"]) from None
    return song


def _check(song: Song) -> None:
    """What the reader guarantees and the types do not. Raises ValueError."""
    sections = {section.name: section for section in song.sections}
    if not song.form or set(song.form) - sections.keys():
        raise ValueError(f"its form is {' '.join(song.form)[:40]!r}, its sections are {', '.join(sections)[:40]!r}")
    if song.bars > MAX_BARS or song.intro > song.bars:
        raise ValueError(f"a chorus has {song.bars} bars, the introduction {song.intro}")
    if song.style and song.bar > MAX_BAR:
        raise ValueError(f"a bar has {song.bar:g} quarter notes, {MAX_BAR} are possible")
    if {section.variation_of for section in song.sections} - sections.keys() - {""}:
        raise ValueError("one of its sections varies none of the others")
