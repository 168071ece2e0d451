"""The training loop of all models: steps, checkpoints, schedules, averages."""

import argparse
import math

import pytest
import torch
from torch import nn

from daemon.errors import Interrupted, ModelError
from export_tools.common import checkpoint, schedule, trainer
from export_tools.common.averaging import Averaging
from export_tools.common.files import BadFile


class OneWeight:
    """A task with one weight, which each step lowers by the learning rate."""

    about, training, steps_per_epoch = {"shape": 1}, {"data": "none"}, 3

    def __init__(self, validate_every=1, decay=0.0):
        self.recipe = trainer.Recipe(
            epochs=5,
            optimiser=lambda net: torch.optim.SGD(net.parameters(), lr=0.0),
            rate=lambda step, steps: step / steps,
            clip=1.0,
            averaging=Averaging(decay),
            validate_every=validate_every,
        )
        self.states, self.validated = [], []

    def make_net(self):
        return nn.Linear(1, 1, bias=False)

    def batches(self, rng):
        return rng.permutation(3).tolist()

    def backward(self, net, batch, states):
        self.states.append(states)
        net.weight.sum().backward()
        return {"nats": (2.0 * batch, 2)}, batch

    def validate(self, net):
        self.validated.append(net.weight.item())
        return {"nats": net.weight.item()}


def test_each_step_has_its_rate_and_gets_the_states_of_the_batch_before(tmp_path):
    task = OneWeight()
    run = trainer.train(task, tmp_path, seed=1)
    torch.manual_seed(1)
    first = task.make_net().weight.item()
    assert run.net.weight.item() == pytest.approx(first - sum(step / 15 for step in range(15)), abs=1e-4)
    assert (run.step, run.epoch, run.best) == (15, 5, task.validated[-1])
    assert [states is None for states in task.states] == [True, False, False] * 5
    assert {state for state in task.states if state is not None} <= {0, 1, 2}


def test_a_checkpoint_is_written_at_every_validation_and_after_the_last_epoch(tmp_path):
    task = OneWeight(validate_every=2)
    trainer.train(task, tmp_path, seed=1)
    assert len(task.validated) == 3, "after epochs 2, 4 and 5"
    best, last = (checkpoint.load(tmp_path / name) for name in ("best.pt", "last.pt"))
    assert best.keys() == {"shape", "weights", "training", "validation"} < last.keys()
    assert best["training"] == {"data": "none", "epochs": 5, "steps": 15, "cpu_minutes": 0, "seed": 1}
    assert best["validation"] == {"nats": task.validated[-1]}


def test_means_are_over_all_values_not_over_means_of_batches():
    totals = trainer.Totals()
    totals.add({"nats": (6.0, 3), "right": (0.0, 0)})
    totals.add({"nats": (2.0, 1)})
    assert totals.means() == {"nats": 2.0, "right": 0.0}


def test_vectors_have_no_weight_decay():
    matrices, vectors = trainer.adamw(nn.Linear(2, 3), 0.1, 0.5).param_groups
    assert [parameter.ndim for parameter in matrices["params"]] == [2] and matrices["weight_decay"] == 0.5
    assert [parameter.ndim for parameter in vectors["params"]] == [1] and vectors["weight_decay"] == 0.0


def test_schedules():
    assert schedule.constant(0.1)(7, 9) == 0.1
    for rate in (schedule.cosine_after_warm_up(2.0, 10), schedule.cosine_with_warm_up(2.0, 0.01)):
        rates = [rate(step, 1000) for step in range(1000)]
        assert rates[0] == pytest.approx(2.0 / 10, rel=0.1) or rates[0] == pytest.approx(2.0 / 100)
        assert rates.index(max(rates)) in (9, 10) and max(rates) == pytest.approx(2.0, rel=1e-3)
        assert rate(1000, 1000) == rate(1100, 1000) == pytest.approx(0.02)


def test_the_average_keeps_less_in_the_first_steps():
    net, average = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    for decay, head_start, step, keep in ((0.9, 1, 1, 2 / 21), (0.9, 0, 1, 1 / 21), (0.9, 1, 1000, 0.9), (0, 1, 9, 0)):
        nn.init.constant_(net.weight, 1.0)
        nn.init.constant_(average.weight, 3.0)
        Averaging(decay, head_start).update(average, net, step)
        assert average.weight.item() == pytest.approx(1 + 2 * keep, rel=1e-6)


def test_a_checkpoint_that_cannot_be_written_leaves_the_previous_one(tmp_path):
    checkpoint.save({"loss": math.inf}, tmp_path / "best.pt")
    with pytest.raises(Exception, match=r"pickle|local object"):
        checkpoint.save({"loss": lambda: None}, tmp_path / "best.pt")
    assert torch.load(tmp_path / "best.pt", weights_only=True) == {"loss": math.inf}


def test_no_checkpoint_runs_code(tmp_path):
    planted = tmp_path / "planted"

    class Bomb:
        def __reduce__(self):
            return planted.touch, ()

    task = OneWeight()
    trainer.train(task, tmp_path, seed=1, epochs=1)
    last = tmp_path / "last.pt"
    whole = checkpoint.load(last)
    torch.save(whole | {"rng": Bomb()}, last)
    with pytest.raises(ModelError, match=r"last.pt: not a checkpoint of .* never run\): train again"):
        trainer.train(task, tmp_path, seed=1, resume=True)
    last.write_bytes(b"not a checkpoint")
    with pytest.raises(ModelError, match=r"last.pt: not a checkpoint"):
        checkpoint.load(last)
    last.unlink()
    with pytest.raises(ModelError, match=r"last.pt: cannot be read \(No such file or directory\): name a checkpoint"):
        checkpoint.load(last)
    assert not planted.exists()


def test_ctrl_c_names_the_checkpoint_to_resume_from(tmp_path):
    class Long(OneWeight):
        def validate(self, net):
            if len(self.validated) == interrupted_after:
                raise KeyboardInterrupt
            return super().validate(net)

    args = argparse.Namespace(run=tmp_path / "run", seed=1, epochs=None, resume=False)
    interrupted_after = 0
    with pytest.raises(Interrupted, match="interrupted: nothing was written yet"):
        trainer.main(Long(), args)
    interrupted_after = 2
    with pytest.raises(Interrupted, match=r"interrupted: --resume continues from .*last\.pt"):
        trainer.main(Long(), args)
    assert checkpoint.load(args.run / "last.pt")["epoch"] == 2


def test_a_run_folder_that_cannot_be_used_is_one_line(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BadFile, match=r"file: cannot be written \(File exists\): choose another place"):
        trainer.train(OneWeight(), tmp_path / "file", seed=1)
    with pytest.raises(ModelError, match=r"last.pt: cannot be read"):
        trainer.train(OneWeight(), tmp_path / "new", seed=1, resume=True)
    assert not (tmp_path / "new").exists()


def test_a_checkpoint_of_another_model_is_one_line(tmp_path):
    class Other(OneWeight):
        def make_net(self):
            return nn.Linear(1, 1)

    trainer.train(Other(), tmp_path, seed=1, epochs=1)
    with pytest.raises(ModelError, match=r"last.pt: a checkpoint of another model, or of other options: name one"):
        trainer.train(OneWeight(), tmp_path, seed=1, resume=True)
