"""A net computes the same over a whole sequence, as in training, and step by step, as in the player."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from daemon.encodings.chorale import UNKNOWN
from export_tools.drums.export import step
from export_tools.drums.rnn_drummer import RnnDrummerNet
from export_tools.drums.streams import Split
from export_tools.drums.train import validate
from export_tools.harmoniser.features import LONGEST_MATCH, longest_matches
from export_tools.harmoniser.train import losses

from . import music, nets


@pytest.mark.parametrize("name", nets.MELODY)
@torch.no_grad()
def test_melody(name):
    net, rows, time = nets.melody(name), 3, 9
    feeds = nets.melody_feeds(net, rows, time)
    whole = net(*feeds.values()).log_softmax(-1)
    states = nets.zeros(net, rows).values()
    for t in range(time):
        log_probs, *states = net.step(*(feed[:, t] for feed in feeds.values()), *states)
        torch.testing.assert_close(log_probs, whole[:, t], rtol=1e-4, atol=1e-5, msg=lambda text, t=t: f"{t}: {text}")
        assert [state.shape[1:] for state in states] == list(net.states().values())


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return Split(music.grooves(tmp_path_factory.mktemp("grooves"), 4), "train")


def zero(width):
    return {"h": torch.zeros(1, width), "c": torch.zeros(1, width)}


def going_on(answers):
    return {"h": answers["h_next"], "c": answers["c_next"]}


@torch.no_grad()
def test_groove(split):
    net = nets.metric(len(split.styles))
    found = {"nats": [], "velocity": [], "cell": [], "first": []}
    for first, last in pairwise(split.first):
        states = zero(net.shape.hidden)
        for n in range(first, last):
            told = {name: split.take(name, np.array([n])) for name in ("ahead", "instrument", "offset", "velocity")}
            which = told["ahead"] * 17 + told["instrument"]
            feeds = {name: split.take(name, np.array([n])) for name in ("window", "places", "anchors")}
            feeds |= {"x": split.take("features", np.array([n])), "which": which, **states}
            feeds |= {"window": feeds["window"].flatten(2), "wishes": torch.zeros(1, net.shape.conditioning)}
            seen = step(net, feeds | {"seen": torch.zeros(1, net.shape.head)})["summary"]
            answers = step(net, feeds | {"seen": seen})
            states = going_on(answers)
            cell = -answers["joint"][0, which].item()
            possible = answers["offsets"][0, split.arrays["floor"][n] + 60 :]
            when = (possible.logsumexp(0) - answers["offsets"][0, told["offset"] + 60]).item()
            if n == first:
                found["first"].append(cell + when)
                continue
            found["nats"].append(cell + when)
            found["cell"].append(cell)
            found["velocity"].append(-answers["velocities"][0, told["velocity"] - 1].item())
    expected = {name: pytest.approx(np.mean(values), rel=1e-4) for name, values in found.items()}
    assert validate(net, split) == expected


@torch.no_grad()
def test_rnn_drummer(split):
    net = nets.livelier(RnnDrummerNet(len(split.ticks)))
    nats, right = [], []
    for first, last in pairwise(split.first):
        states, answers = zero(200), None
        for n in range(first, last):
            gap, instrument = split.arrays["gap"][n], int(split.arrays["instrument"][n])
            tick = int(np.abs(np.array(split.ticks) - gap).argmin())
            if answers:
                note, when = answers["note_log_probs"][0], answers["tick_log_probs"][0]
                nats.append(-(note[instrument] + when[tick]).item())
                right.append(bool(note.argmax() == instrument and when.argmax() == tick))
            answers = step(net, {"note": torch.tensor([instrument]), "tick": torch.tensor([tick]), **states})
            states = going_on(answers)
    assert validate(net, split) == {"nats": pytest.approx(np.mean(nats), rel=1e-4), "right": np.mean(right)}


@pytest.mark.parametrize(("rows", "length"), [(1, 7), (2, 5), (8, 16)])
def test_a_performance_in_pieces_is_the_whole_one(split, rows, length):
    """Each hit once and in order; a row begins anew where a performance does, and only there."""
    per_row, begun = [[] for _ in range(rows)], 0
    for numbers, anew in split.streams(rows, length, np.random.default_rng(1)):
        assert numbers.shape == (rows, length)
        for row, (chosen, fresh) in enumerate(zip(numbers, anew, strict=True)):
            real = chosen[chosen >= 0]
            assert (chosen[: len(real)] >= 0).all(), "the end of a performance ends its row's piece"
            assert fresh == (len(real) > 0 and real[0] in split.first[:-1])
            assert len(real) == 0 or fresh or real[0] == per_row[row][-1] + 1
            per_row[row] += real.tolist()
            begun += int(fresh)
    assert sorted(n for row in per_row for n in row) == list(range(split.hits))
    assert begun == len(split.first) - 1


@torch.no_grad()
def test_states_go_from_piece_to_piece(split, monkeypatch):
    net = nets.metric(len(split.styles))
    whole, streams = validate(net, split), split.streams
    monkeypatch.setattr(split, "streams", lambda rows, length, rng: streams(2, 7, rng))
    assert validate(net, split) == pytest.approx(whole, rel=1e-4)


def contexts(net, batch):
    return net.contexts(*(batch[name] for name in ("before", "held", "position")), nets.hints(batch))


@torch.no_grad()
def test_harmoniser():
    net, chorales = nets.harmoniser(), nets.chorales(rows=2, time=80)
    whole = contexts(net, chorales)
    net.fuse()
    state = nets.zeros(net, 2)
    for t in range(whole.shape[1]):
        now = {name: tensor[:, t] for name, tensor in chorales.items()}
        context, state = net.advance(now["before"], now["held"], now["position"], nets.hints(now), state)
        torch.testing.assert_close(context, whole[:, t], rtol=1e-4, atol=1e-5, msg=lambda text, t=t: f"{t}: {text}")
    assert {name: tuple(tensor.shape[1:]) for name, tensor in state.items()} == net.states()


@torch.no_grad()
def test_the_loss_of_a_chorale_is_that_of_its_voices_one_after_the_other():
    net, chorales = nets.harmoniser(), nets.chorales(rows=2, time=30)
    chorales["real"][1, 20:] = False  # a shorter one, padded
    notes, ties, total = [], [], 0
    for row, t in chorales["real"].nonzero().tolist():
        context = contexts(net, {name: tensor[row : row + 1] for name, tensor in chorales.items()})[:, t]
        symbol, struck = chorales["symbol"][row, t], chorales["tie"][row, t]
        for voice in range(4):
            known = torch.where(torch.arange(4) < voice, symbol, UNKNOWN)[None]
            logits, tie = net.head(context, chorales["before"][row, t][None], known, torch.tensor([voice]))
            notes.append(functional.cross_entropy(logits, symbol[voice][None]).item())
            total += 1
            if struck[voice] >= 0:
                ties.append(functional.binary_cross_entropy_with_logits(tie, struck[voice][None].float()).item())
    given = losses(net, chorales, any_order=0)
    assert [tensor.item() for tensor in given] == pytest.approx([np.mean(notes), sum(ties) / total], rel=1e-4)


def test_the_longest_match_is_found_as_by_hand():
    frames, memory, gap = nets.chorales(rows=2, time=80)["before"], 12, 4
    followed, lengths = longest_matches(frames, memory, gap)
    found = set()
    for row, piece in enumerate(frames.tolist()):
        for t in range(len(piece)):
            best = (0, None)
            for after in range(max(1, t + 1 - memory), t + 2 - gap):  # what followed a passage that ended before it
                length = 0
                while length < min(after, LONGEST_MATCH) and piece[after - 1 - length] == piece[t - length]:
                    length += 1
                if length and length >= best[0]:
                    best = length, piece[after]
            assert (lengths[row, t].item(), followed[row, t].tolist()) == (best[0], best[1] or [UNKNOWN] * 4), (row, t)
            found.add(best[0])
    assert len(found) > 10 and max(found) == LONGEST_MATCH, "matches of many lengths"
