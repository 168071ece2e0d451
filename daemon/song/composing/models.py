"""What the styles of a song give: a model of each layer, their harmony and meter, and what may not be copied."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from daemon.errors import ModelError, SongError
from daemon.markov.conflicts import ImpossibleError
from daemon.markov.events import REST, ChordEvent
from daemon.markov.harmony import Harmonised, estimated_harmony, stated_harmony, strong_ticks
from daemon.markov.layers import Layer, Span, with_gain
from daemon.markov.max_order import CopyIndex
from daemon.markov.weights import counted_weights
from daemon.song.composing.melody import home_of, in_range
from daemon.song.description import Song
from daemon.song.styles.kept_style import style_of_kept
from daemon.song.styles.pieces import QUALITIES, Piece, bar_ticks
from daemon.song.styles.style import Style, model_of
from daemon.song.styles.style_file import find_style, load_style

FREEDOM = 1e-3  # the weight of order 0 in the freer models


def load_styles(song: Song) -> list[tuple[Style, float]]:
    """The styles of a song with their weights: as they were kept with the song; else a name is a file beside the song,
    or a style that ships with jamd.

    Raises SongError with all that cannot be loaded.
    """
    kept = {each.name: each for each in song.kept_styles}
    styles, problems = [], []
    for name, weight in song.style:
        try:
            if name in kept:
                styles.append((style_of_kept(kept[name]), weight))
            else:
                styles.append((load_style(find_style(name, Path(song.file).parent)), weight))
        except ModelError as error:
            problems.append(f"{song.file}: style: {error}")
    if problems:
        raise SongError(problems)
    return styles


class Models:
    """Of the blend of `styles` in the mode and meter of the song. `freer`: the models by layer, in which any event may,
    improbably, follow any other. `weights`: of melodies by chords and meter, with the gain that leads to as many notes
    on a few usual chords as the pieces have, if that is possible, within the song's range."""

    def __init__(self, song: Song, styles: Sequence[tuple[Style, float]]) -> None:
        mode, order, meter = song.key.mode, song.order, song.meter
        try:
            self.chords = model_of(styles, "chords", mode, order, meter)
            self.melody = model_of(styles, "melody", mode, order, meter)
            self.freer = cache(lambda layer: model_of(styles, layer, mode, order, meter, FREEDOM))
        except ModelError as error:
            raise SongError([f"{song.file}: style: {error}"]) from None
        all_styles = [style for style, _ in styles]
        all_styles += [style.background for style in all_styles if style.background is not None]
        known = {id(piece): piece for style in all_styles for piece in style.pieces}.values()
        pieces = [piece for piece in known if piece.mode == mode]
        self.bar = bar_ticks(meter)
        self.beats = strong_beats(meter)
        harmonised = [_harmonised(piece) for piece in pieces]
        self.harmony = estimated_harmony(harmonised, stated_harmony(QUALITIES))
        rhythms = [piece for piece in known if piece.has_bars_of(meter)]
        melodies = [piece.from_first_bar() for piece in rhythms]
        longest = max(event[-1] for event in self.melody.events)
        counted = counted_weights(harmonised, melodies, self.harmony, self.bar, longest)
        own = [piece for style, _ in styles for piece in style.pieces if piece.has_bars_of(meter)]
        usual = _usual_chords(mode, self.bar)
        span = Span(len(usual) * self.bar, self.bar, self.beats)
        notes = _notes_per_tick(own or rhythms or pieces) * span.length
        limits = in_range(song, home_of(song, self.melody.events), span.length)
        try:
            self.weights = with_gain(counted, Layer(self.melody, (limits,)), span, usual, notes)
        except ImpossibleError:
            self.weights = with_gain(counted, Layer(self.melody), span, usual, notes)
        self.copies = CopyIndex((piece.melody for piece in known), song.max_order) if song.max_order else None


def strong_beats(meter: tuple[int, int]) -> tuple[int, ...]:
    """Ticks of the bar line and, in bars of an even number of beats, of the middle."""
    bar = bar_ticks(meter)
    return (0, bar // 2) if meter[0] % 2 == 0 and meter[0] > 2 else (0,)


def _usual_chords(mode: str, bar: int) -> list[ChordEvent]:
    third = "m" if mode == "minor" else ""
    return [(0, third, bar), (5, third, bar), (7, "7", bar), (0, third, bar)] * 2


def _notes_per_tick(pieces: Sequence[Piece]) -> float:
    events = [event for piece in pieces for event in piece.from_first_bar()]
    return sum(pitch != REST for pitch, _ in events) / max(sum(ticks for _, ticks in events), 1)


def _harmonised(piece: Piece) -> Harmonised:
    melody = piece.from_first_bar()
    length = sum(ticks for _, ticks in melody)
    return melody, piece.chords, strong_ticks(length, piece.bar, strong_beats(piece.meter))
