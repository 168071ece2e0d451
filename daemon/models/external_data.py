"""Whether an ONNX file keeps tensors in other files, which its sidecar's hash does not cover.

A walk over the file in the wire format of protocol buffers, by the field numbers of onnx.proto: the package onnx is not
needed to play, and ONNX Runtime would read any file that a model names.
"""

from __future__ import annotations

MODEL, GRAPH, FUNCTION, NODE, ATTRIBUTE, TENSOR, SPARSE_TENSOR, TRAINING = range(8)
_MESSAGES = {  # by the kind of a message: the fields that hold messages, and their kinds
    MODEL: {7: GRAPH, 20: TRAINING, 25: FUNCTION},
    GRAPH: {1: NODE, 5: TENSOR, 15: SPARSE_TENSOR},
    FUNCTION: {7: NODE, 11: ATTRIBUTE},
    NODE: {5: ATTRIBUTE},
    ATTRIBUTE: {5: TENSOR, 6: GRAPH, 10: TENSOR, 11: GRAPH, 22: SPARSE_TENSOR, 23: SPARSE_TENSOR},
    TENSOR: {},
    SPARSE_TENSOR: {1: TENSOR, 2: TENSOR},
    TRAINING: {1: GRAPH, 2: GRAPH},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # fields of a tensor
_LOCATION = b"location"  # the key without which no tensor is external: small nodes without the text are passed
_SMALL = 4096  # bytes
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5  # wire types; 3 and 4 begin and end a group
_FIXED = {_FIXED_64: 8, _FIXED_32: 4}


def has_external_data(data: bytes) -> bool:
    """Raises ValueError for what is not in the wire format of protocol buffers."""
    waiting = [(MODEL, 0, len(data))]
    while waiting:
        kind, at, end = waiting.pop()
        messages = _MESSAGES[kind]
        while at < end:
            tag, at = _varint(data, at, end)
            number, wire = tag >> 3, tag & 7
            if wire == _BYTES:
                size, at = _varint(data, at, end)
                following = at + size
                if kind == TENSOR and number == _EXTERNAL_DATA:
                    return True
                if (inner := messages.get(number)) is not None and (
                    inner != NODE or size > _SMALL or data.find(_LOCATION, at, following) >= 0
                ):
                    waiting.append((inner, at, following))
                at = following
            elif wire == _VARINT:
                value, at = _varint(data, at, end)
                if kind == TENSOR and number == _DATA_LOCATION and value != 0:
                    return True
            elif wire in _FIXED:
                at += _FIXED[wire]
            elif wire > _FIXED_32:
                raise ValueError(f"wire type {wire}")
            if at > end:
                raise ValueError("a field is longer than its message")
    return False


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number and the place after it: seven bits per byte, lowest first; the last byte's top bit is 0."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("a number without an end")
