"""How long steps take: percentiles, and a graph against the same weights in eager torch, in one run."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

STEPS, PAUSED = 2000, 200  # in a tight loop, and with pauses
PAUSE = 0.02  # seconds


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Microseconds."""
    median, high = np.percentile(np.array(seconds) * 1e6, [50, 99])
    return {"p50": round(float(median), 1), "p99": round(float(high), 1)}


def compared(run_graph: Callable[[], object], run_torch: Callable[[], object]) -> dict[str, object]:
    """A step of the one after a step of the other."""
    graph: list[float] = []
    torch: list[float] = []
    for _ in range(STEPS):
        for run, taken in ((run_graph, graph), (run_torch, torch)):
            began = time.perf_counter()
            run()
            taken.append(time.perf_counter() - began)
    ratio = float(np.median(torch) / np.median(graph))
    return {"graph": percentiles(graph), "torch": percentiles(torch), "torch_to_graph": round(ratio, 2)}
