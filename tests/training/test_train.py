"""Training from MIDI files to weights: the loss falls, and an interruption or a repetition changes nothing."""

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from export_tools.common import checkpoint
from export_tools.drums import train as drums
from export_tools.drums.model import MetricNet, MetricShape
from export_tools.harmoniser import train as harmoniser
from export_tools.melody import train as melody

from . import music, nets

KINDS = ("basic", "attention", "jamd", "metric", "rnn-drummer", "harmoniser")
AVERAGED = ("jamd", "metric", "harmoniser")


class Interrupted(Exception):
    pass


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The output of prepare.py by the folder in export_tools."""
    folder = tmp_path_factory.mktemp("data")
    return {"melody": music.tunes(folder), "drums": music.grooves(folder / "groove"), "harmoniser": chorales(folder)}


def chorales(folder):
    """chorales.npz as prepare.py writes it, and PIECES.json beside it."""
    rng, arrays, pieces = np.random.default_rng(1), {}, []
    for number in range(6):
        midi = np.repeat(rng.integers(-2, 3, (9, 4)).cumsum(0) + np.array([72, 67, 60, 48]), 4, 0)
        if number < 4:
            piece = {"midi": midi, "held": np.arange(len(midi))[:, None] % 4 * np.ones((1, 4), bool) > 0}
            piece |= {"fermata": np.zeros(len(midi), np.int8), "position": np.arange(len(midi)) % 16}
            arrays |= {f"bwv{number}/{name}": array for name, array in piece.items()}
        else:
            pieces.append(midi.tolist())
    np.savez(folder / "chorales.npz", **arrays)
    (folder / "PIECES.json").write_text(json.dumps({"valid": pieces}))
    return folder / "chorales.npz"


class Trainer:
    """train.py of one kind of model with a tiny net. `losses`: those of a run on the validation split."""

    def __init__(self, kind, data, patch):
        sort = "melody" if kind in melody.CONFIGS else "harmoniser" if kind == "harmoniser" else "drums"
        self.module = {"melody": melody, "drums": drums, "harmoniser": harmoniser}[sort]
        self.epochs = 6 if kind == "harmoniser" else 3  # validation every other epoch
        self.arguments, self.losses, self.told, self.last = [data[sort]], [], None, None
        if sort == "melody":
            config = melody.CONFIGS[kind]
            small = replace(config, shape=nets.MELODY[kind], batch=4, rate=0.02, crop=min(config.crop, 20))
            patch.setitem(melody.CONFIGS, kind, small)
            self.options = ["--config", kind]
        elif sort == "harmoniser":
            patch.setattr(harmoniser, "SHAPE", nets.CHORALE)
            patch.setattr(harmoniser, "SHORTEST_CROP", 16)
            self.arguments.append(data[sort].with_name("PIECES.json"))
            self.options = ["--threads", 1, "--batch", 2, "--rate", 0.05]
        else:
            patch.setattr(MetricNet, "of", lambda split: MetricNet(MetricShape(len(split.styles) + 6, **nets.METRIC)))
            patch.setitem(drums.CONFIGS, kind, replace(drums.CONFIGS[kind], rows=2, length=16, rate=0.01))
            self.options = ["--model", kind]
        task = {"melody": melody.MelodyTask, "drums": drums.DrumsTask, "harmoniser": harmoniser.HarmoniserTask}[sort]
        self.validate = task.validate
        patch.setattr(task, "validate", lambda task, net: self.measured(task, net))

    def measured(self, task, net):
        if len(self.losses) == self.last:
            raise Interrupted
        figures = self.validate(task, net)
        if self.told:
            figures["nats"] = self.told[len(self.losses)]
        self.losses.append(figures["nats"])
        return figures

    def run(self, folder, *options, told=None, last=None):
        """The last checkpoint and the best one. `told`: losses instead of the measured ones. The validation after
        `last` others interrupts the run."""
        self.losses, self.told, self.last = [], told, last
        with contextlib.nullcontext() if last is None else pytest.raises(Interrupted):
            music.run(self.module.main, *self.arguments, folder, "--epochs", self.epochs, *self.options, *options)
        assert sorted(path.name for path in folder.iterdir()) == ["best.pt", "last.pt"]
        return [checkpoint.load(folder / name) for name in ("last.pt", "best.pt")]


@pytest.fixture
def trainer(data, monkeypatch):
    return lambda kind: Trainer(kind, data, monkeypatch)


def same(left, right):
    """Bit by bit."""
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_falls_and_an_interruption_changes_nothing(tmp_path, trainer, kind):
    train = trainer(kind)
    whole = train.run(tmp_path / "whole")
    losses = train.losses
    assert len(losses) == 3 and losses[-1] < losses[0]
    train.run(tmp_path / "parts", last=1)
    resumed = train.run(tmp_path / "parts", "--resume")
    assert train.losses == losses[1:]
    for before, after in zip(whole, resumed, strict=True):
        assert same(before["weights"], after["weights"])
        assert before["training"]["steps"] == after["training"]["steps"] > 0
    assert same(whole[0]["model"], resumed[0]["model"])
    assert same(whole[0]["model"], whole[0]["weights"]) == (kind not in AVERAGED)


def test_another_seed_is_another_run(tmp_path, trainer):
    train = trainer("jamd")
    one, other = (train.run(tmp_path / f"{seed}", "--seed", seed, told=[3, 2, 1])[0]["model"] for seed in (1, 2))
    assert one.keys() == other.keys() and not same(one, other)


@pytest.mark.parametrize("kind", ("jamd", "metric", "harmoniser"))
def test_best_has_the_weights_with_the_lowest_loss(tmp_path, trainer, kind):
    train = trainer(kind)
    step = train.epochs // 3
    last, best = train.run(tmp_path / "whole", told=[3.0, 1.0, 2.0])
    assert (last["training"]["epochs"], best["training"]["epochs"]) == (3 * step, 2 * step)
    second = train.run(tmp_path / "parts", told=[3.0, 1.0], last=2)
    assert all(same(best["weights"], checkpoint["weights"]) for checkpoint in second)
    last, best = train.run(tmp_path / "parts", "--resume", told=[2.0])
    assert (last["training"]["epochs"], best["training"]["epochs"]) == (3 * step, 2 * step), "best is restored"


def test_threads_share_a_batch_without_changing_its_gradient():
    net, parts = nets.harmoniser(), [nets.chorales(rows, 20) for rows in (2, 1)]
    parts[1]["real"][0, 12:] = False
    whole = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    notes, ties = harmoniser.losses(net, whole, any_order=0)
    expected = torch.autograd.grad(notes + ties, list(net.parameters()))
    with ThreadPoolExecutor(2) as pool:
        nats, frames = harmoniser.gradient(net, parts, 0, pool)
    assert (nats, frames) == (pytest.approx(notes.item(), rel=1e-5), 52)
    for parameter, gradient in zip(net.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-6)


def test_a_sidecar_of_melody_has_the_epochs_once():
    """The number of epochs that were run, not that of the configuration."""
    for config in melody.CONFIGS.values():
        assert "epochs" not in melody.options(config)
        assert {"batch", "dropout", "rate"} <= set(melody.options(config))
