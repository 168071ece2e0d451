"""`jamd check-engine`: an engine is checked in a process of its own, and the result is printed."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from daemon.contract.audio.rules import RULES as AUDIO_RULES
from daemon.contract.calls import abridged
from daemon.contract.rules import RULES, difference, first_difference, text_of
from daemon.errors import EngineError, printable
from daemon.subprocesses import Ended, run_module

LOAD_TIMEOUT = 60.0  # seconds to import the engine
CALL_TIMEOUT = 10.0  # seconds for one call
TIMEOUT = 900.0  # seconds for everything
SHOWN_CALLS = 11  # the last ones, of a session that did not end


def check_engine(name: str, model: str | None, options: Sequence[str]) -> tuple[bool, str]:
    """Whether the engine keeps every rule, and the report. Raises EngineError if the engine cannot be loaded."""
    job: dict[str, Any] = {
        "engine": name,
        "model": model,
        "options": list(options),
        "timeouts": [LOAD_TIMEOUT, CALL_TIMEOUT],
        "reference_only": False,
    }
    result = _in_process(job, "1")
    if not result["violations"] and result["reference"]:
        other = _in_process({**job, "reference_only": True}, "2")
        result["violations"] = other["violations"] or list(_between_processes(result, other))
    return not result["violations"], "\n".join(_report(name, result))


def _in_process(job: dict[str, Any], hash_seed: str) -> dict[str, Any]:
    """The result of the process; where it crashed or hung, that is the result."""
    with tempfile.TemporaryDirectory(prefix="jamd-") as name:
        folder = Path(name)
        (folder / "job.json").write_text(json.dumps(job))
        ended = run_module(  # what the engine prints goes to standard error, as in `jamd run`
            "daemon.contract.process", name, seconds=TIMEOUT, environment={"PYTHONHASHSEED": hash_seed}, prints=True
        )
        if (written := folder / "result.json").is_file():
            result: dict[str, Any] = json.loads(written.read_text())
            if "refused" in result:
                raise EngineError(result["refused"])
        else:
            result = _without_result(job["engine"], ended, folder)
        return {**result, "is_audio": (folder / "audio").exists()}


def _without_result(engine: str, ended: Ended, folder: Path) -> dict[str, Any]:
    """The process ended without a result: in a call, or before the first one."""
    session, *calls = (folder / "calls").read_text(errors="replace").splitlines() or [""]
    stack = _engine_part((folder / "stack").read_text(errors="replace"))
    if hung := ended.status is None or stack.startswith("Timeout"):
        problem = f"this call has not ended after {CALL_TIMEOUT:g} s"
    else:
        problem = f"the engine's process ended in this call ({ended.reason})"
    if not calls:
        when = "does not get ready in time" if hung else f"ends the process that loads it ({ended.reason})"
        raise EngineError(f"the engine {engine!r} {when}: correct or reinstall the package that provides it\n{stack}")
    violation = {
        "rule": 1 if hung else 6,
        "problem": problem,
        "session": session,
        "calls": abridged(calls, SHOWN_CALLS),
        "trace": stack,
    }
    return {"violations": [violation], "cut_short": True}


def _engine_part(stack: str) -> str:
    """The innermost frames, which come first, up to those that call the engine."""
    lines = stack.strip().splitlines()
    hosts = os.path.join("daemon", "player", ""), os.path.join("daemon", "contract", "")
    host = next((number for number, line in enumerate(lines) if any(host in line for host in hosts)), None)
    return "\n".join(lines[:host])


def _between_processes(one: dict[str, Any], other: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The first answer that is not the same in two processes."""
    calls = [call for call, _ in one["reference"]]
    answers, others = ([answer for _, answer in result["reference"]] for result in (one, other))
    if (at := first_difference(answers, others)) is None:
        return
    problem = f"{difference(answers[at], others[at])}, in two processes: is a set iterated over, or hash() used?"
    shown = abridged(calls[: at + 1], 1)
    yield {"rule": 3, "problem": problem, "session": one["session"], "calls": shown, "trace": ""}


def _report(name: str, result: dict[str, Any]) -> Iterator[str]:
    if "summary" in result:
        yield f"{name} ({result['class']}): {result['summary']}"
    violations = {violation["rule"]: violation for violation in result["violations"]}
    rules = AUDIO_RULES if result["is_audio"] else RULES
    for number in rules:
        violation = violations.get(number)
        status = "violated" if violation else "cut short" if result["cut_short"] else "ok"
        yield f"rule {number}  {status:9}  {text_of(number, rules)}"
        if number == 1 and status == "ok":
            yield f"{'':19}{result['times']}"
        if violation:
            yield from (f"    {printable(line)}" for line in _details(violation))
    if violations and result["cut_short"]:
        yield "cut short: not every session could be played to its end; check again when the violation is corrected"


def _details(violation: dict[str, Any]) -> Iterator[str]:
    yield violation["problem"]
    if violation["calls"]:
        yield f"shown by these calls ({violation['session']}):"
        if "with a known melody" in violation["session"]:
            yield '    # known = {"tune": daemon.contract.calls.TUNE}'
        if any(call.startswith("render(") for call in violation["calls"]):
            yield "    # out = numpy.empty((8192, 2), numpy.float32)"
        yield from (f"    engine.{call}" if not call.startswith("#") else f"    {call}" for call in violation["calls"])
    yield from violation["trace"].splitlines()
