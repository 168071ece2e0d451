"""The process in which one engine is checked: `python -m daemon.contract.process FOLDER`.

An engine may hang or crash its interpreter. FOLDER has `job.json`; the process writes there `result.json`, the calls of
the present session (`calls`), for an audio engine a file `audio` and, where a call does not end, what the interpreter
was at (`stack`).
"""

from __future__ import annotations

import faulthandler
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from daemon.contract.calls import LISTEN
from daemon.errors import JamdError
from daemon.realtime import die_with_parent


class Watch:
    """Writes every call, as Python, before the engine gets it, and ends the process if a call does not end."""

    def __init__(self, folder: Path, load_timeout: float, call_timeout: float) -> None:
        self._calls: IO[bytes] = (folder / "calls").open("wb", buffering=0)
        self._stack = (folder / "stack").open("wb")
        self._session = ""
        self._call_timeout = call_timeout
        faulthandler.enable(self._stack)
        self._limit(load_timeout)

    def __call__(self, session: str, line: str) -> None:
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
        result = _result(job, folder, watch)
        status = 0
    except JamdError as error:
        result, status = {"refused": str(error)}, 2
    except Exception as error:  # such as out of an attribute that is no method
        result, status = {"refused": f"the engine {job['engine']!r} cannot be checked: {error!r}"}, 2
    faulthandler.cancel_dump_traceback_later()
    (folder / "result.json").write_text(json.dumps(result))
    return status


def _result(job: dict[str, Any], folder: Path, watch: Watch) -> dict[str, Any]:
    """Raises JamdError if the engine cannot be loaded, or its model or options are wrong."""
    from daemon.config.options import read_words
    from daemon.contract.audio.check import audio_result
    from daemon.contract.check import result
    from daemon.contract.subject import Subject
    from daemon.engines.audio import AudioEngine
    from daemon.engines.base import engine_class

    engine, model = engine_class(job["engine"]), _model(job)
    subject = Subject(engine, read_words(job["options"], engine, model, LISTEN))
    if issubclass(engine, AudioEngine):
        (folder / "audio").touch()
        check = audio_result
    else:
        check = result
    found = check(subject, job["reference_only"], watch)
    violations = [asdict(each) for each in found.pop("violations")]
    return {"class": f"{engine.__module__}:{engine.__qualname__}", "violations": violations, **found}


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


if __name__ == "__main__":
    sys.exit(main())
