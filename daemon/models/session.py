"""Running a model: one function of its graph, and the states that a recurrent model carries from run to run.

A graph may hold several functions; its input `function` then chooses the one that is run. Inputs of the others are fed
with one row of zeros.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.models.artifact import Artifact

Array = NDArray[Any]
Tensors = Mapping[str, Array]


class GraphFunction:
    """A function of the graph, for any number of rows. `outputs` names what `run` returns."""

    def __init__(self, artifact: Artifact, outputs: Sequence[str], number: int | None = None) -> None:
        self._session, self._outputs = artifact.session, list(outputs)
        self._unused: Tensors = {}
        if number is not None:
            specs = artifact.sidecar.inputs
            zeros = {name: np.zeros(spec.sized(1), spec.dtype) for name, spec in specs.items()}
            self._unused = {**zeros, "function": np.array(number, dtype=np.int64)}

    def run(self, feeds: Tensors) -> Sequence[Array]:
        outputs: Sequence[Array] = self._session.run(self._outputs, {**self._unused, **feeds})
        return outputs


class BoundFunction:
    """The same for a fixed number of rows, and faster where runs are short: inputs and outputs stay where they are in
    memory, and are bound to the graph once. To pass arrays at every run takes half as long as a run of the drum model.
    """

    def __init__(self, artifact: Artifact, outputs: Sequence[str], number: int | None = None, rows: int = 1) -> None:
        self._session, self._binding = artifact.session, artifact.session.io_binding()
        inputs, results = artifact.sidecar.inputs, artifact.sidecar.outputs
        self._inputs = {name: np.zeros(spec.sized(rows), spec.dtype) for name, spec in inputs.items()}
        self._outputs = {name: np.zeros(results[name].sized(rows), results[name].dtype) for name in outputs}
        for bind, arrays in ((self._binding.bind_input, self._inputs), (self._binding.bind_output, self._outputs)):
            for name, array in arrays.items():
                bind(name, "cpu", 0, array.dtype, list(array.shape), array.ctypes.data)
        if number is not None:
            self._inputs["function"][...] = number

    def run(self, feeds: Tensors) -> Sequence[Array]:
        for name, feed in feeds.items():
            self._inputs[name][...] = feed
        self._session.run_with_iobinding(self._binding)
        return [output.copy() for output in self._outputs.values()]


class RecurrentSession:
    """A function of the graph whose states are explicit: each state is an input, and the output NAME_next is its value
    for the next run. `bound`: for one row, as a BoundFunction."""

    def __init__(
        self, artifact: Artifact, outputs: Sequence[str], function: int | None = None, bound: bool = False
    ) -> None:
        self._specs = {name: artifact.sidecar.inputs[name] for name in artifact.sidecar.states}
        names = [*outputs, *(f"{name}_next" for name in self._specs)]
        kind = BoundFunction if bound else GraphFunction
        self._function = kind(artifact, names, function)
        self._count = len(outputs)

    def zeros(self, rows: int = 1) -> dict[str, Array]:
        """The states before the first run."""
        return {name: np.zeros(spec.sized(rows), spec.dtype) for name, spec in self._specs.items()}

    def run(self, feeds: Tensors, states: Tensors) -> tuple[Sequence[Array], dict[str, Array]]:
        """The outputs, in the order in which they were named, and the states for the next run."""
        results = self._function.run({**feeds, **states})
        return results[: self._count], dict(zip(self._specs, results[self._count :], strict=True))
