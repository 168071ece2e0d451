"""The drums engine with a fake model: what a kit, two hands and two feet can play."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from daemon.encodings.drums.hits import INSTRUMENTS, TICKS, Hit
from daemon.engines.drums.engine import Drums
from daemon.engines.drums.interface import DrawRequest
from daemon.engines.drums.kit import HATS, LONGEST_APART, PIECE_OF, PIECES, PlayableHits
from daemon.music.events import Play, Stop
from tests.engines.drums.fake import (
    CLOSED,
    KICK,
    OPEN,
    FakeModel,
    make,
    plays,
    run,
)


def test_a_closed_hi_hat_ends_an_open_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(lambda tick: (CLOSED, OPEN)[tick % 480 == 240] if tick % 240 == 0 else None)
    actions = run(make(monkeypatch, model), 0, 8)
    stops = [action.onset for action in actions if isinstance(action, Stop)]
    assert [beat for beat in stops if beat >= 5] == [5.0, 6.0, 7.0]


def test_every_note_has_a_duration_of_a_beat_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    for action in run(make(monkeypatch, FakeModel(lambda tick: INSTRUMENTS[tick // 120 % 17])), 0, 64):
        assert isinstance(action, Stop) or (action.duration is not None and 0 < action.duration <= 1)


@pytest.mark.parametrize("swing", [50.0, 67.0, 75.0])
@pytest.mark.parametrize("tempo", [40.0, 120.0, 220.0, 2000.0])
def test_at_most_two_hands_strike_at_once(monkeypatch: pytest.MonkeyPatch, tempo: float, swing: float) -> None:
    """With a model that always strikes as soon as it may."""

    class Greedy(FakeModel):
        def draw(self, state: int, rng: np.random.Generator, request: DrawRequest) -> Hit:
            earliest = request.earliest
            instrument = int(rng.choice(np.flatnonzero(earliest == earliest.min())))
            return Hit(max(int(earliest[instrument]), 0), instrument, 100)

    actions = [
        a
        for a in run(make(monkeypatch, Greedy(), {"swing": swing}), 4, 20, tempo=tempo)
        if isinstance(a, Play) and a.onset >= 8
    ]
    pieces = {getattr(Drums.Options(), piece.name): piece for piece in PIECES}
    assert len(actions) > 20
    for note, piece in pieces.items():
        struck = sorted(action.onset for action in actions if action.pitch == note)
        apart = min(piece.apart, 100 / 480 * 60 / tempo)  # seconds
        assert all((b - a) * 60 / tempo >= apart - 1e-6 for a, b in pairwise(struck)), piece
    hands = sorted(action.onset for action in actions if pieces[action.pitch].name not in ("kick", "pedal_hat"))
    least = min(0.025, 100 / 480 * 60 / tempo)
    assert all((b - a) * 60 / tempo >= least - 1e-6 for a, b in zip(hands, hands[2:], strict=False))


def test_pieces_can_have_other_notes_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(monkeypatch, FakeModel(), snare=40.0, closed_hat=-1.0)
    assert {pitch for _, pitch in plays(run(engine, 0, 8))} == {KICK, 40}


def test_the_voices_are_the_groups_of_the_kit_on_channel_10() -> None:
    assert Drums.channel == 10 and set(Drums.voices) == {"kick", "snare", "hihat", "toms", "cymbals"}
    assert sorted(note for piece in PIECES for note in piece.notes) == sorted(INSTRUMENTS)
    assert all(INSTRUMENTS[n] in PIECES[piece].notes for n, piece in enumerate(PIECE_OF))


@pytest.mark.parametrize("struck", HATS)
@pytest.mark.parametrize("following", HATS)
def test_hits_of_the_hi_hat_keep_their_distance_whether_open_or_closed(struck: int, following: int) -> None:
    hits = PlayableHits(np.array([], dtype=np.int64))
    hits.strike(1000, struck)
    least = round(0.055 * 2 * TICKS)  # 55 ms at 120 bpm
    assert not hits.allows(1000 + least - 1, following, 120.0)
    assert hits.allows(1000 + LONGEST_APART, following, 120.0)
