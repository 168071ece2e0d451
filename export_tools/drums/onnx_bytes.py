"""A small ONNX file as bytes, without the package onnx, so that importing weights needs only the packages of jamd.

Protocol-buffer messages with the field numbers of onnx.proto (IR version 10), as far as they are needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

IR, OPSET = 10, 20
FLOAT, INT64 = 1, 7  # TensorProto.DataType
Dimensions = Sequence[int | str]
Node = tuple[str, Sequence[str], Sequence[str], dict[str, int]]  # operator, inputs, outputs, whole-number attributes


def varint(value: int) -> bytes:
    """Seven bits per byte, lowest first; the top bit is set in all bytes but the last."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def field(number: int, value: int | str | bytes) -> bytes:
    """A number as a varint; other values with their length before them."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def _tensor(name: str, array: np.ndarray) -> bytes:
    whole = array.dtype.kind == "i"
    dims = b"".join(field(1, size) for size in array.shape)
    data = np.ascontiguousarray(array, dtype="<i8" if whole else "<f4").tobytes()
    return dims + field(2, INT64 if whole else FLOAT) + field(8, name) + field(9, data)


def _value(name: str, kind: int, shape: Dimensions) -> bytes:
    """A name with its type; a named dimension has any size."""
    dims = b"".join(field(1, field(1 if isinstance(size, int) else 2, size)) for size in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dims)))


def _node(kind: str, inputs: Sequence[str], outputs: Sequence[str], attributes: dict[str, int]) -> bytes:
    names = b"".join(field(1, name) for name in inputs) + b"".join(field(2, name) for name in outputs)
    given = (field(5, field(1, key) + field(3, value) + field(20, 2)) for key, value in attributes.items())
    return names + field(4, kind) + b"".join(given)


def to_bytes(
    name: str,
    nodes: Iterable[Node],
    constants: dict[str, np.ndarray],
    inputs: dict[str, tuple[int, Dimensions]],
    outputs: dict[str, tuple[int, Dimensions]],
) -> bytes:
    """A whole model of one graph."""
    graph = b"".join(field(1, _node(*node)) for node in nodes) + field(2, name)
    graph += b"".join(field(5, _tensor(*constant)) for constant in constants.items())
    graph += b"".join(field(11, _value(key, *value)) for key, value in inputs.items())
    graph += b"".join(field(12, _value(key, *value)) for key, value in outputs.items())
    return field(1, IR) + field(2, "jamd") + field(7, graph) + field(8, field(2, OPSET))
