"""Makes tests/data/tiny_drums.onnx and .json: a model of the encoding `metric` with a few random weights.

python -m tests.make_tiny_drums          (needs the packages of jamd[train])
"""

from pathlib import Path

import torch

from export_tools.drums.export import write_metric
from export_tools.drums.model import MetricNet, MetricShape

STYLES = ["jazz", "rock"]
TINY = MetricShape(conditioning=len(STYLES) + 6, read=2, hidden=2, view=2, cell=2, head=2, components=2)
TICKS = [0, 1, 2, 4, 8, 16, 32, 60, 120, 160, 240, 360, 480]


def main() -> None:
    torch.manual_seed(1)
    path = Path(__file__).parent / "data" / "tiny_drums.onnx"
    write_metric(MetricNet(TINY), path, {"training": {"data": "none: random weights"}, "metrics": {}}, TICKS, STYLES)
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
