"""Makes tests/data/tiny_harmoniser.onnx and .json: the real interface, a few random weights.

python -m tests.make_tiny_harmoniser          (needs the packages of jamd[train])
"""

from pathlib import Path

import torch

from export_tools.harmoniser.export import write
from export_tools.harmoniser.model import HarmoniserNet, HarmoniserShape

TINY = HarmoniserShape(embedding=2, hidden=4, layers=2, key=2, value=2, queries=2, memory=8, gap=3, head=2)


def main() -> None:
    torch.manual_seed(1)
    path = Path(__file__).parent / "data" / "tiny_harmoniser.onnx"
    write(HarmoniserNet(TINY), path, {"training": {"data": "none: random weights"}, "metrics": {}}, int8=False)
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
