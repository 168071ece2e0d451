"""Performances in parallel rows, for truncated back-propagation through time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from export_tools.common.files import read_arrays, using


class Split:
    """The arrays of one split of prepare.py, by name. Performance i consists of the hits `first[i]:first[i + 1]`."""

    def __init__(self, path: Path, split: str):
        with using(path, "prepare.py"):
            data = read_arrays(path)
            self.ticks, self.styles = data["ticks"].tolist(), data["styles"].tolist()
            self.arrays = {name.split("/")[1]: array for name, array in data.items() if name.startswith(f"{split}/")}
            self.first = self.arrays.pop("first")
            self.hits = len(self.arrays["gap"])

    def streams(
        self, rows: int, length: int, rng: np.random.Generator | None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Every performance once, in `rows` parallel rows and chunks of `length` hits: the numbers (rows, length) of
        the hits, −1 after the end of a performance, and whether each row (rows,) begins a performance. In random order
        with `rng`, else longest first."""
        sizes = np.diff(self.first)
        order = rng.permutation(len(sizes)) if rng else np.argsort(-sizes, kind="stable")
        remaining = [(int(self.first[i]), int(self.first[i + 1])) for i in order[::-1]]
        running: list[tuple[int, int]] = [(0, 0)] * rows
        while True:
            numbers, begins = np.full((rows, length), -1), np.zeros(rows, dtype=bool)
            for row in range(rows):
                start, end = running[row]
                if start >= end and remaining:
                    start, end = remaining.pop()
                    begins[row] = True
                count = min(length, end - start)
                numbers[row, :count] = np.arange(start, start + count)
                running[row] = start + count, end
            if (numbers < 0).all():
                return
            yield numbers, begins

    def cached(self, name: str, make: Callable[[dict[str, np.ndarray]], np.ndarray]) -> np.ndarray:
        """The array `name`, made from the other arrays by `make` at the first call."""
        if name not in self.arrays:
            self.arrays[name] = make(self.arrays)
        return self.arrays[name]

    def take(self, name: str, numbers: np.ndarray) -> Tensor:
        """The entries of one array, as float or int64; −1 takes entry 0."""
        values = torch.from_numpy(self.arrays[name][numbers.clip(0)])
        return values.float() if values.is_floating_point() else values.long()


def carried(states: tuple[Tensor, ...] | None, begins: np.ndarray) -> tuple[Tensor, ...] | None:
    """LSTM states (layers, rows, width) for the next chunk: without gradient, zero where a performance begins."""
    if states is None:
        return None
    continued = torch.from_numpy(~begins).float()[:, None]
    return tuple(state.detach() * continued for state in states)
