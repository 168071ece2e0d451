"""Makes tests/data/tiny_melody.onnx and tiny_melody_attention.onnx with their sidecars: the real interface, a few
random weights.

python -m tests.make_tiny_melody          (needs the packages of jamd[train])
"""

from pathlib import Path

import torch

from export_tools.melody.export import write
from export_tools.melody.model import MelodyShape, build

CARD = {"training": {"data": "none: random weights"}, "metrics": {}}
TINY = {
    "tiny_melody": MelodyShape("jamd", hidden=2, layers=1, embedding=2),
    "tiny_melody_attention": MelodyShape("attention", hidden=4, layers=2, attention=3),
}


def main() -> None:
    for name, shape in TINY.items():
        torch.manual_seed(1)
        path = Path(__file__).parent / "data" / f"{name}.onnx"
        model = build(shape)
        write(model, path, CARD)
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
