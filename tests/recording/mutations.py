"""Mutated journals: every checksum is right, but values, types, names or the order are wrong."""

from __future__ import annotations

import copy
import json
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from daemon.recording.journal_file import MAGIC

JUNK = [
    None, True, False, 0, 1, -1, 7, 127, 128, 0.5, -0.0, 1e-300, 1e9, -1e9, 1e300, -1e300, 2**31, 2**70, float("nan"),
    float("inf"), float("-inf"), "", "x", "keys", "dice", "echo", "out", "\ud800", "\0", "90", "903c5a", "9" * 300,
    [], [[]], {}, [None], {"": None}, ["dice"], [0, 0, 0], [[0.0, 0.0]], [[0.0, 1e9]], {"x": {}}, [[0.0, 120.0]] * 3,
]  # fmt: skip


def records(journal: Path) -> list[Any]:
    data, found = journal.read_bytes().removeprefix(MAGIC), []
    while data:
        (length,) = struct.unpack_from("<I", data)
        found.append(json.loads(data[8 : 8 + length]))
        data = data[8 + length :]
    return found


def journal(payloads: Iterable[Any]) -> bytes:
    """A value is written as JSON, bytes are a payload as they are."""
    data = bytearray(MAGIC)
    for payload in payloads:
        content = payload if isinstance(payload, bytes) else json.dumps(payload, separators=(",", ":")).encode()
        data += struct.pack("<II", len(content), zlib.crc32(content)) + content
    return bytes(data)


def mutated(entries: list[Any], rng: Random) -> list[Any]:
    """With one to four mutations."""
    entries = copy.deepcopy(entries)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(entries)) if rng.random() < 0.8 else rng.randrange(min(4, len(entries)))
        match rng.randrange(12):
            case 0:
                del entries[at : at + rng.choice((1, 1, 5, 50))]
            case 1:
                entries.insert(rng.randrange(len(entries)), copy.deepcopy(entries[at]))
            case 2:
                other = rng.randrange(len(entries))
                entries[at], entries[other] = entries[other], entries[at]
            case 3:
                entries[at] = rng.choice(
                    [b"[", b"", b"[" * 100_000, b"\xff\xfe", b"[1e999]", b"9" * 5000, b'["sent",NaN]', rng.choice(JUNK)]
                )
            case 4 if isinstance(entries[at], list) and entries[at]:
                entries[at][0] = rng.choice([*JUNK, "heard", "sent", "advance", "state", "spec", "tempo", "start"])
            case 5 if isinstance(entries[at], list) and entries[at]:
                entries[at].append(rng.choice(JUNK)) if rng.random() < 0.5 else entries[at].pop()
            case _:
                _mutate_value(entries[at], rng)
        entries = entries or [["end", 1.0]]
    return entries


def _mutate_value(entry: Any, rng: Random) -> None:
    places = list(_places(entry))
    if not places:
        return
    holder, key = rng.choice(places)
    value = holder[key]
    match rng.randrange(8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[f"{key}s"] = holder.pop(key)
        case 2 if isinstance(value, list):
            value.append(rng.choice(JUNK) if rng.random() < 0.5 or not value else copy.deepcopy(rng.choice(value)))
        case 3 if isinstance(value, int | float):
            holder[key] = value * rng.choice((-1, 0, 2, 1000, 1e6, 0.001)) + rng.choice((0, 1, -1, 0.5))
        case _:
            holder[key] = rng.choice(JUNK)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (list or dictionary, index or key) within a value."""
    if isinstance(value, list | dict):
        for key in range(len(value)) if isinstance(value, list) else value:
            yield value, key
            yield from _places(value[key])
