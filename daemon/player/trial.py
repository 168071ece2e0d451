"""A model tried in a process of its own (`python -m daemon.player.trial MODEL ENGINE`) by `jamd check` and `models`.

What is wrong with a file may end the process that loads the file, or fill the memory.
"""

from __future__ import annotations

import sys
from pathlib import Path

from daemon.errors import JamdError, ModelError
from daemon.models.limits import ERROR, LOAD_TIMEOUT, REMEDY, ends_process
from daemon.subprocesses import run_module


def trial(path: Path, engine: str = "", seconds: float = 3 * LOAD_TIMEOUT) -> str | None:
    """Verify the model, and get the engine ready that is to play the model, if one is named. Returns what is wrong,
    also if that takes more than `seconds`."""
    ended = run_module("daemon.player.trial", str(path), engine, seconds=seconds)
    if ended.status is None:
        return f"{path}: the model is not ready in time: {REMEDY}"
    if not ended.status:
        return None
    text = ended.errors.strip()
    if ended.status == ModelError.exit_code and text.startswith(ERROR):
        return text.removeprefix(ERROR)
    return ends_process(path, ended.reason)


def trial_of_file(path: Path) -> str | None:
    """The same for the engine that the model's sidecar names, if that is installed."""
    from daemon.engines.base import engine_names
    from daemon.models import read_sidecar

    try:
        engine = read_sidecar(path).engine
    except JamdError as error:
        return str(error)
    return trial(path, engine if engine in engine_names() else "")


def main() -> int:
    from daemon import models
    from daemon.engines.base import Setup, engine_class
    from daemon.engines.options import make_options
    from daemon.models.limits import limited
    from daemon.player.host import prepare

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
