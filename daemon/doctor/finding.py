"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass

OK, ATTENTION, PROBLEM = "ok", "attention", "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """`state`: OK; ATTENTION, jamd plays, but less well or less than configured; PROBLEM, jamd cannot be heard or does
    not start. `text` may have several lines. All but OK have a remedy."""

    state: str
    text: str
    remedy: str = ""


def ok(text: str) -> Finding:
    return Finding(OK, text)


def attention(text: str, remedy: str) -> Finding:
    return Finding(ATTENTION, text, remedy)


def problem(text: str, remedy: str) -> Finding:
    return Finding(PROBLEM, text, remedy)
