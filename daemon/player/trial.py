"""A model tried in a process of its own (`python -m daemon.player.trial MODEL ENGINE`) by `jamd check` and `models`.

What is wrong with a file may end the process that loads the file, or fill the memory.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from daemon.errors import JamdError, ModelError
from daemon.models.limits import ERROR, LOAD_TIMEOUT, REMEDY, ends_process, native_crash


def trial(path: Path, engine: str = "", seconds: float = 3 * LOAD_TIMEOUT) -> str | None:
    """Verify the model, and get the engine ready that is to play the model, if one is named. Returns what is wrong,
    also if that takes more than `seconds`."""
    command = [sys.executable, "-P", "-m", "daemon.player.trial", str(path), engine]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{path}: the model is not ready in time: {REMEDY}"
    if not done.returncode:
        return None
    text = done.stderr.strip()
    if done.returncode == ModelError.exit_code and text.startswith(ERROR):
        return text.removeprefix(ERROR)
    last = (text.splitlines() or ["no message"])[-1]
    return ends_process(path, native_crash(done.returncode) or f"status {done.returncode}: {last}")


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
