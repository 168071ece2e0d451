"""A net of every kind as an artifact: the daemon loads the file, the graph computes the outputs of torch, and
evaluate.py measures the loss of train.py."""

import json
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from daemon import models
from daemon.encodings.drums.hits import COUNT
from daemon.models.golden import draw
from daemon.models.sidecar import Integers
from export_tools.common.artifact import Golden
from export_tools.common.artifact import write as write_artifact
from export_tools.drums import evaluate as evaluate_drums
from export_tools.drums import export as drums
from export_tools.drums.grooves import midi_files
from export_tools.drums.rnn_drummer import RnnDrummerNet
from export_tools.drums.streams import Split
from export_tools.drums.train import validate
from export_tools.harmoniser import export as harmoniser
from export_tools.harmoniser.model import BESIDES, HINTS
from export_tools.melody import evaluate as evaluate_melody
from export_tools.melody import export as melody
from export_tools.melody import train as train_melody
from export_tools.melody.tunes import read_tunes

from . import music, nets

CARD = {"training": {"data": "random weights"}, "metrics": {"loss": 1.0}}
# docs/models.md: the file format
KEYS = {
    "format", "engine", "interface", "encoding", "steps_per_beat", "inputs", "outputs", "states", "training", "metrics",
    "sha256", "golden", "versions",
}  # fmt: skip
SLOW = ("basic", "lookback", "attention")  # an export takes seconds, whatever the size
CLOSE = {"rtol": 1e-3, "atol": 1e-4}


def loaded(path, engine, encoding, extra=()):
    """The artifact, checked by the daemon, and its sidecar's keys."""
    artifact = models.load(path, engine)
    models.verify(path)
    assert json.loads(artifact.sidecar.file.read_text()).keys() == KEYS | {*extra}
    assert {name: getattr(artifact.sidecar, name) for name in CARD} == CARD
    assert (artifact.sidecar.engine, artifact.sidecar.encoding) == (engine, encoding)
    assert sorted(path.parent.iterdir()) == [path.with_suffix(".json"), path], "no draft is left"
    return artifact


def run(artifact, feeds):
    names = [tensor.name for tensor in artifact.session.get_outputs()]
    arrays = {name: np.asarray(feed) for name, feed in feeds.items()}
    return dict(zip(names, artifact.session.run(names, arrays), strict=True))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in nets.MELODY]
)
@torch.no_grad()
def test_melody(tmp_path, name):
    net, rows = nets.melody(name), 3
    melody.write(net, tmp_path / "tiny.onnx", CARD)
    artifact = loaded(tmp_path / "tiny.onnx", "melody", name)
    assert artifact.sidecar.states == tuple(net.states())
    feeds, states = nets.melody_feeds(net, rows, 5), nets.zeros(net, rows)
    whole = net(*feeds.values()).log_softmax(-1)
    for t in range(5):
        answers = run(artifact, {**{name: feed[:, t] for name, feed in feeds.items()}, **states})
        np.testing.assert_allclose(answers["log_probs"], whole[:, t], **CLOSE)
        states = {name: answers[f"{name}_next"] for name in states}
    tunes = [tune for seed in (1, 2) for tune in read_tunes(music.write(tmp_path / f"{seed}.mid", music.walk(seed)))]
    trained = train_melody.validate(net, [train_melody.collate([train_melody.encoded(tune, name) for tune in tunes])])
    measured = evaluate_melody.evaluate(evaluate_melody.open_model(artifact.path), tunes)["nats_per_step"]
    if name in ("basic", "jamd"):
        assert measured == pytest.approx(trained, rel=1e-4)
    else:
        assert measured < trained, "labels that decode to one event are summed"


@pytest.fixture(scope="module")
def grooves(tmp_path_factory):
    return music.grooves(tmp_path_factory.mktemp("grooves"))


@torch.no_grad()
def test_groove(tmp_path, grooves):
    net, styles = nets.metric(len(music.STYLES)), list(music.STYLES)
    ticks = list(range(900))  # any gap that there is has a class of its own
    drums.write_metric(net, tmp_path / "tiny.onnx", CARD, ticks, styles)
    artifact = loaded(tmp_path / "tiny.onnx", "drums", "metric", ("options",))
    assert artifact.sidecar.options == {"ticks": ticks, "styles": styles}
    trained = validate(net, Split(grooves, "validation"))["nats"]
    assert evaluated(artifact, grooves)["nats_per_hit"] == pytest.approx(trained, rel=1e-4)
    net.eval()
    feeds, rng = {}, np.random.default_rng(2)
    for name, spec in artifact.sidecar.inputs.items():
        shape = spec.sized(3)
        whole = isinstance(spec.golden, Integers)
        feeds[name] = draw(spec, shape, rng) if whole else rng.normal(size=shape).astype(np.float32)
    expected = drums.step(net, {name: torch.from_numpy(feed) for name, feed in feeds.items() if name != "function"})
    parts = [{"h_next", "c_next", "summary", "joint"}, {"offsets", "velocities"}]
    for function, made in enumerate([*parts, parts[0] | parts[1]]):
        for name, answer in run(artifact, {**feeds, "function": np.array(function)}).items():
            if name in made:
                np.testing.assert_allclose(answer, expected[name], **CLOSE, err_msg=name)
            else:
                assert answer.shape == (0, *expected[name].shape[1:]), name


def evaluated(artifact, grooves):
    model = evaluate_drums.open_model(artifact.path)
    return evaluate_drums.evaluate(model, midi_files(grooves.parent, "validation"))


@torch.no_grad()
def test_rnn_drummer(tmp_path, grooves):
    net = nets.livelier(RnnDrummerNet(len(music.TICKS)))
    drums.write_rnn(net, tmp_path / "tiny.onnx", CARD, music.TICKS)
    artifact = loaded(tmp_path / "tiny.onnx", "drums", "rnn-drummer", ("options",))
    note, tick = torch.randint(COUNT, (3, 6)), torch.randint(len(music.TICKS), (3, 6))
    notes, ticks, _ = net(note, tick)
    states = {name: np.zeros((3, 200), np.float32) for name in ("h", "c")}
    for t in range(6):
        answers = run(artifact, {"note": note[:, t], "tick": tick[:, t], **states})
        np.testing.assert_allclose(answers["note_log_probs"], notes[:, t], **CLOSE)
        np.testing.assert_allclose(answers["tick_log_probs"], ticks[:, t], **CLOSE)
        states = {name: answers[f"{name}_next"] for name in states}
    trained, measured = validate(net, Split(grooves, "validation")), evaluated(artifact, grooves)
    assert measured["nats_per_hit"] == pytest.approx(trained["nats"], rel=1e-4)
    assert measured["accuracy"] == pytest.approx(trained["right"], abs=1e-6)


def play(artifact, batch, chosen):
    """Contexts of the frames, and log probabilities and ties of voice `chosen` of each, which knows those above it."""
    net, contexts, answers = nets.harmoniser(), [], []
    state = nets.zeros(net, 2)
    for t in range(batch["symbol"].shape[1]):
        known = torch.where(torch.arange(4) < chosen, batch["symbol"][:, t], 47)
        asked = {"previous": batch["before"][:, t], "known": known, "voice": torch.tensor([chosen] * 2)}
        feeds = {
            "frame": batch["before"][:, t],
            **{name: batch[name][:, t] for name in ("held", "position", *HINTS)},
        }
        nothing = torch.zeros(2, net.shape.head + BESIDES)
        advanced = run(artifact, {**feeds, **state, "context_in": nothing, **asked, "function": np.array(0)})
        assert len(advanced["logits"]) == len(advanced["tie"]) == 0
        contexts.append(advanced["context"])
        told = run(artifact, {**feeds, **state, "context_in": contexts[-1], **asked, "function": np.array(1)})
        assert len(told["context"]) == len(told["keys_next"]) == 0
        answers.append((told["logits"], told["tie"]))
        state = {name: advanced[f"{name}_next"] for name in state}
    return np.stack(contexts, 1), *(np.stack(part, 1) for part in zip(*answers, strict=True))


@torch.no_grad()
def test_harmoniser(tmp_path):
    net, batch, chosen = nets.harmoniser(), nets.chorales(rows=2, time=20), 2
    harmoniser.write(net, tmp_path / "tiny.onnx", CARD, int8=False)
    artifact = loaded(tmp_path / "tiny.onnx", "harmoniser", harmoniser.ENCODING)
    context = net.contexts(*(batch[name] for name in ("before", "held", "position")), nets.hints(batch))
    known = torch.where(torch.arange(4) < chosen, batch["symbol"], 47)
    asked = (context, batch["before"], known, torch.full((2, 20), chosen))
    logits, tie = (part.unflatten(0, (2, 20)) for part in net.head(*(tensor.flatten(0, 1) for tensor in asked)))
    expected = context, logits.log_softmax(-1), tie
    for given, wanted in zip(play(artifact, batch, chosen), expected, strict=True):
        np.testing.assert_allclose(given, wanted, **CLOSE)

    (tmp_path / "int8").mkdir()
    rounded = tmp_path / "int8" / "tiny.onnx"
    shutil.copy(tmp_path / "tiny.onnx", rounded)
    harmoniser.quantise(rounded)
    kinds = {node.op_type for part in onnx.load(rounded).graph.node for a in part.attribute for node in a.g.node}
    assert "MatMulInteger" in kinds
    session = onnxruntime.InferenceSession(rounded, providers=["CPUExecutionProvider"])
    given = play(models.Artifact(rounded, session, artifact.sidecar), batch, chosen)
    for rough, wanted in zip(given, expected, strict=True):
        assert 0 < np.abs(rough - np.asarray(wanted)).mean() < 0.1


def test_a_graph_that_disagrees_with_torch_is_not_put_in_place(tmp_path):
    """Nor is anything of it left, and what was there before stays."""
    net = RnnDrummerNet(len(music.TICKS))
    graph, golden, about = drums.artifact_parts(*net.layout(), music.TICKS)
    write_artifact(tmp_path / "tiny.onnx", graph, golden, about | CARD)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    off = {name: array + 0.01 * (name == "h_next") for name, array in golden.expected.items()}
    wrong = Golden(golden.feeds, off, golden.tolerance)
    with pytest.raises(AssertionError, match="h_next"):
        write_artifact(tmp_path / "tiny.onnx", graph, wrong, about | CARD)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert json.loads(before["tiny.json"])["metrics"] == CARD["metrics"]
