"""Styles: corpora of lead sheets as events for the sampler, with what is known about them, the card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from daemon.errors import ModelError
from daemon.json_decoding import Limits
from daemon.markov.model import Corpus, MarkovModel
from daemon.song.styles.pieces import Piece

MAX_ORDER = 8
MODES = ("major", "minor")
LAYERS: dict[str, Callable[[Piece], tuple[Any, ...]]] = {  # of a style: what its pieces have for a model
    "melody": Piece.from_first_bar,
    "chords": lambda piece: piece.chords,
}

Year = Annotated[int, Limits(0, 3000)]
Share = Annotated[float, Limits(0, 1)]


@dataclass(frozen=True, slots=True)
class Source:
    """A sheet of the corpus. `composers`, `lyricists`: the year of the death of each; none where the author is unknown.
    `traditional`: the tune is."""

    title: str
    file: str = ""
    traditional: bool = False
    composers: Mapping[str, Year | None] = field(default_factory=dict)
    lyricists: Mapping[str, Year | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BackOff:
    """`orders`: the weights of the orders 0, 1, 2 …, which add up to 1; `background`: the share of the other style.

    Where the corpus lacks the context of an order, that order does not count.
    """

    orders: tuple[Share, ...]
    background: Share = 0.0

    def check(self) -> None:
        if not 1 <= len(self.orders) <= MAX_ORDER + 1 or abs(sum(self.orders) - 1) > 1e-3:
            raise ValueError(f"the weights of the orders 0 to {MAX_ORDER} at most do not add up to 1")

    def up_to(self, order: int) -> tuple[float, ...]:
        """The weights of the orders 0 … `order`, the highest of which stands for all higher ones."""
        highest = len(self.orders) - 1
        if order <= highest:
            return (*self.orders[:order], sum(self.orders[order:]))
        return (*self.orders[:-1], *[0.0] * (order - highest), self.orders[-1])


@dataclass(frozen=True, slots=True)
class Training:
    """A line each on the music, on the source of the sheets and on what one may do with the style."""

    music: str
    data: str
    licence: str


@dataclass(frozen=True, slots=True)
class Card:
    """`background`: the name of the style to which this one backs off, or "". `counts`, `metrics`, `versions`: for the
    reader; jamd decides nothing by them."""

    format: int
    training: Training
    sha256: str
    sources: tuple[Source, ...]
    melody: BackOff
    chords: BackOff
    background: str = ""
    counts: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Style:
    """`background`: the style to which this one backs off, if its card names one."""

    name: str
    card: Card
    pieces: tuple[Piece, ...]
    background: Style | None = None

    def chosen(self, mode: str, meter: tuple[int, int] | None = None) -> tuple[Piece, ...]:
        """The pieces in a mode, and with bars like those of `meter`: of that length, and in eighths or not."""
        return tuple(
            piece for piece in self.pieces if piece.mode == mode and (meter is None or piece.has_bars_of(meter))
        )


def model_of(
    styles: Sequence[tuple[Style, float]],
    layer: str,
    mode: str,
    order: int,
    meter: tuple[int, int] | None = None,
    freedom: float = 0.0,
) -> MarkovModel:
    """The model of a blend of styles, each with its weight, for the melody or the chords of songs in `mode`.

    Backgrounds are part of the blend. The weights of the orders are those of the styles' cards, likewise blended. With
    `meter` only pieces with such bars count, where a style has any. `freedom`: a further weight of order 0, with which
    any event may follow any other, as in no piece. Raises ModelError if there are no pieces.
    """
    total = sum(weight for _, weight in styles)
    corpora: dict[tuple[Piece, ...], float] = {}
    orders = [freedom, *[0.0] * order]
    for style, weight in styles:
        back_off: BackOff = getattr(style.card, layer)
        share = weight / total
        for number, of_order in enumerate(back_off.up_to(order)):
            orders[number] += share * of_order
        background = back_off.background if style.background is not None else 0.0
        for source, part in ((style, 1 - background), (style.background, background)):
            pieces = (source.chosen(mode, meter) or source.chosen(mode)) if source is not None else ()
            if pieces and part:
                corpora[pieces] = corpora.get(pieces, 0.0) + share * part
    if not corpora:
        names = ", ".join(style.name for style, _ in styles)
        raise ModelError(f"{names}: no pieces in {mode}: choose another style, or another key")
    sequence = LAYERS[layer]
    blend = [(Corpus(tuple(map(sequence, pieces))), weight) for pieces, weight in corpora.items()]
    return MarkovModel(blend, order, orders)
