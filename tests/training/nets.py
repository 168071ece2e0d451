"""Every kind of net, a few units wide, and inputs for it."""

from pathlib import Path

import numpy as np
import torch

from daemon.encodings.chorale import COMING, DISTANCE_UNKNOWN, KEY_UNKNOWN, KEYS, UNKNOWN
from daemon.models.golden import draw
from daemon.models.parse import parse_inputs
from export_tools.drums.model import MetricNet, MetricShape
from export_tools.harmoniser.model import HINTS, HarmoniserNet, HarmoniserShape
from export_tools.melody.export import inputs_of
from export_tools.melody.model import JamdNet, MagentaNet, MelodyShape, build

MELODY = {
    "basic": MelodyShape("basic", 6),
    "lookback": MelodyShape("lookback", 6),
    "attention": MelodyShape("attention", 6, attention=3),
    "jamd": MelodyShape("jamd", 6, embedding=4),
}
METRIC = {"read": 6, "hidden": 6, "view": 5, "cell": 4, "head": 7, "components": 3}
CHORALE = HarmoniserShape(embedding=6, hidden=8, layers=2, key=4, value=3, queries=2, memory=12, gap=4, head=8)


def livelier(net: torch.nn.Module, by: float = 0.3) -> torch.nn.Module:
    """The net in evaluation, with noise on the weights, so that parts whose weights begin at zero have an effect."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn(parameter.shape), alpha=by)
    return net.eval()


def melody(name: str) -> MagentaNet | JamdNet:
    return livelier(build(MELODY[name]))


def metric(styles: int) -> MetricNet:
    """With little noise, so that no hit is impossible: for such hits only the player falls back to ANYWHERE."""
    net = livelier(MetricNet(MetricShape(conditioning=styles + 6, **METRIC)), 0.1)
    net.mixture.bias.data[-2:] = torch.tensor([-3.0, 7.0])  # narrower and wider than a component may be
    return net


def harmoniser() -> HarmoniserNet:
    return livelier(HarmoniserNet(CHORALE))


def melody_feeds(net: MagentaNet | JamdNet, rows: int, time: int) -> dict[str, torch.Tensor]:
    """Random inputs (rows, time, …) by name."""
    rng, specs = np.random.default_rng(1), parse_inputs(Path("inputs"), inputs_of(net))
    feeds = {name: draw(specs[name], (rows, time, *shape), rng) for name, (_, shape) in net.inputs().items()}
    return {name: torch.from_numpy(feed) for name, feed in feeds.items()}


def chorales(rows: int, time: int) -> dict[str, torch.Tensor]:
    """Frames `symbol` (rows, time, 4) with many repeats, and the other inputs and targets of training."""
    few, now = torch.randint(0, 47, (rows, 5, 4)), torch.arange(time)
    which = now.expand(rows, -1) % 5  # no multiple of a beat
    elsewhere = (now >= time // 2) & (torch.rand(rows, time) < 0.4)  # so that matches have any distance
    which = torch.where(elsewhere, torch.randint(0, 5, (rows, time)), which)
    symbol = few.gather(1, which[..., None].expand(-1, -1, 4))
    before = torch.cat([torch.full((rows, 1, 4), UNKNOWN), symbol[:, :-1]], 1)
    return {
        "symbol": symbol,
        "before": before,
        "held": torch.randint(0, 2, (rows, time, 4)),
        "position": now.expand(rows, -1) % 16,
        "fermata": torch.randint(0, 3, (rows, time)),
        "home": torch.randint(0, KEYS + 1, (rows, time)).where(torch.rand(rows, time) < 0.5, KEY_UNKNOWN),
        "ends": torch.randint(0, DISTANCE_UNKNOWN + 1, (rows, time, 2)),
        "coming": torch.randint(0, UNKNOWN + 1, (rows, time, COMING)),
        "coming_in": torch.randint(0, DISTANCE_UNKNOWN + 1, (rows, time, COMING)),
        "tie": torch.randint(-1, 2, (rows, time, 4)),
        "real": torch.ones(rows, time, dtype=torch.bool),
    }


def hints(chorales: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The hints among the inputs."""
    return {name: chorales[name] for name in HINTS}


def zeros(net: MagentaNet | JamdNet | HarmoniserNet, rows: int) -> dict[str, torch.Tensor]:
    """The states before the first step."""
    return {name: torch.zeros(rows, *shape) for name, shape in net.states().items()}
