"""A model tried in a process of its own (`python -m daemon.player.trial MODEL ENGINE`) for `jamd check`, `models` and
`doctor`.

What is wrong with a file may end the process that loads the file, or fill the memory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from daemon import models
from daemon.engines.base import Setup, engine_class, engine_names
from daemon.engines.options import make_options
from daemon.errors import JamdError, ModelError
from daemon.models.limits import ERROR, LOAD_TIMEOUT, REMEDY, ends_process, limited
from daemon.player.host import prepare
from daemon.subprocesses import run_module

TIMEOUT = 3 * LOAD_TIMEOUT  # seconds


def trials(tried: Iterable[tuple[Path, str | None]], seconds: float = TIMEOUT) -> Generator[str | None, None, None]:
    """The results of `trial` for each model and engine, in order; the models are tried at the same time."""
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield from pool.map(lambda each: trial(each[0], each[1], seconds), tried)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def trial(path: Path, engine: str | None = None, seconds: float = TIMEOUT) -> str | None:
    """Verify the model, and get the engine ready that is to play the model; None: the engine that the model's sidecar
    names, if that is installed. Returns what is wrong, also if that takes more than `seconds`."""
    if engine is None:
        try:
            engine = models.read_sidecar(path).engine
        except JamdError as error:
            return str(error)
        engine = engine if engine in engine_names() else ""
    ended = run_module("daemon.player.trial", str(path), engine, seconds=seconds)
    if ended.status is None:
        return f"{path}: the model is not ready in time: {REMEDY}"
    if not ended.status:
        return None
    text = ended.errors.strip()
    if ended.status == ModelError.exit_code and text.startswith(ERROR):
        return text.removeprefix(ERROR)
    return ends_process(path, ended.reason)


def main() -> int:
    path, engine = Path(sys.argv[1]), sys.argv[2]
    try:
        with limited(path):
            models.verify(path)
        if engine:
            engine_type = engine_class(engine)
            prepare(engine_type(Setup(make_options(engine_type.Options, {}), model=path)))
    except JamdError as error:
        print(f"{ERROR}{error}", file=sys.stderr)
        return ModelError.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
