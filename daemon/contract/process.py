"""The process in which one engine is checked: `python -m daemon.contract.process FOLDER`.

An engine may hang or crash its interpreter. FOLDER has `job.json`; the process writes there `result.json`, the calls of
the present session (`calls`) and, where a call does not end, what the interpreter was at (`stack`).
"""

from __future__ import annotations

import faulthandler
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from daemon.contract.calls import LISTEN, as_code
from daemon.errors import JamdError
from daemon.realtime import die_with_parent
from daemon.wire import Call


class Watch:
    """Writes every call before the engine gets it, and ends the process if a call does not end."""

    def __init__(self, folder: Path, load_timeout: float, call_timeout: float) -> None:
        self._calls: IO[bytes] = (folder / "calls").open("wb", buffering=0)
        self._stack = (folder / "stack").open("wb")
        self._session = ""
        self._call_timeout = call_timeout
        faulthandler.enable(self._stack)
        self._limit(load_timeout)

    def __call__(self, session: str, call: Call) -> None:
        line = as_code(call)
        if session != self._session or line.startswith("reset("):
            self._session = session
            self._calls.seek(0)
            self._calls.truncate()
            self._calls.write(f"{session}\n".encode())
        self._calls.write(f"{line}\n".encode())
        self._limit(self._call_timeout)

    def _limit(self, seconds: float) -> None:
        """Watched outside the interpreter, which may be what hangs."""
        faulthandler.dump_traceback_later(seconds, file=self._stack, exit=True)


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    die_with_parent()
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text())
    watch = Watch(folder, *job["timeouts"])
    try:
        result = _result(job, watch)
        status = 0
    except JamdError as error:
        result, status = {"refused": str(error)}, 2
    except Exception as error:  # such as out of an attribute that is no method
        result, status = {"refused": f"the engine {job['engine']!r} cannot be checked: {error!r}"}, 2
    faulthandler.cancel_dump_traceback_later()
    (folder / "result.json").write_text(json.dumps(result))
    return status


def _result(job: dict[str, Any], watch: Watch) -> dict[str, Any]:
    """Raises JamdError if the engine cannot be loaded, or its model or options are wrong."""
    from daemon.config.options import read_words
    from daemon.contract.check import Checker, name_of, reference
    from daemon.contract.subject import Subject, variants
    from daemon.engines.base import Setup, engine_class

    engine, model = engine_class(job["engine"]), _model(job)
    options, settings = read_words(job["options"], engine, model, LISTEN)
    subject = Subject(engine, Setup(options, settings, model, LISTEN))
    checker = Checker(watch)
    if not job["reference_only"]:
        checker.check(subject)
        for variant in list(variants(subject))[1:]:
            checker.check_variant(variant)
    session = reference(subject.settings)
    again = checker.play(subject.make(), subject, session) if not checker.violations else None
    tally = checker.tally
    return {
        "class": f"{engine.__module__}:{engine.__qualname__}",
        "lead": engine.lead,
        "calls": tally.calls,
        "actions": tally.actions,
        "cut_short": tally.cut_short,
        "seconds": {call.__name__.lower(): _percentile(seconds) for call, seconds in tally.seconds.items()},
        "violations": [asdict(checker.violations[number]) for number in sorted(checker.violations)],
        "session": name_of(subject, session),
        "reference": [[as_code(step.call), repr(step.answer)] for step in again.steps] if again else [],
    }


def _model(job: dict[str, Any]) -> Path | None:
    from daemon import models
    from daemon.engines.base import engine_class
    from daemon.errors import ModelError

    name, engine = job["engine"], engine_class(job["engine"])
    if engine.needs_model and not job["model"]:
        raise ModelError(f"the engine {name!r} needs a model: name one with --model; `jamd models` lists them")
    if not engine.needs_model and job["model"]:
        raise ModelError(f"the engine {name!r} has no model: leave out --model")
    return models.find(job["model"], Path.cwd()).absolute() if job["model"] else None


def _percentile(seconds: list[float]) -> float:
    """The 99th."""
    return sorted(seconds)[len(seconds) * 99 // 100] if seconds else 0.0


if __name__ == "__main__":
    sys.exit(main())
