"""Starts under conditions that are hard: early signals, closed streams, few open files, odd locales and names."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")
BAND = "ports: {keys: {direction: in}, out: {direction: out}}\nmelodies: {t: {file: melodies/twinkle.mid}}\n"
JAMD = [sys.executable, "-P", "-m", "daemon"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(BAND)
    return tmp_path


def run(
    folder: Path, *arguments: str, before: Callable[[], object] | None = None, **environment: str
) -> tuple[int, str]:
    """Exit status and output; `before` is called in the new process."""
    done = subprocess.run(
        [*JAMD, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=before,
        env=os.environ | environment,
        timeout=60,
    )
    text = done.stdout.decode(errors="replace")
    assert "Traceback" not in text
    return done.returncode, text


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT])
def test_signals_while_modules_are_imported(folder: Path, number: signal.Signals) -> None:
    (folder / "typer.py").write_text(
        "import time\nprint('importing', flush=True)\ntime.sleep(1)\nraise SystemExit(9)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon", "run"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(Path(__file__).parents[1])])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "importing\n"
        process.send_signal(number)
        assert process.stdout.read() == ""
    assert process.returncode == (-number if number in (signal.SIGTERM, signal.SIGINT) else 9)


@pytest.mark.parametrize(
    ("first", "command"),
    [("contextlib", ["-c", "from daemon.script import main; main()"]), ("typing", ["-m", "daemon"])],
)
def test_signals_are_held_before_anything_is_imported(folder: Path, first: str, command: list[str]) -> None:
    (folder / f"{first}.py").write_text(f"import os\nos.kill(os.getpid(), {signal.SIGUSR1:d})\nraise SystemExit(9)\n")
    done = subprocess.run(
        [sys.executable, *command, "ports"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(Path(__file__).parents[1])])},
        timeout=60,
    )
    assert done.returncode == 9  # not SIGUSR1


def test_a_reload_that_was_asked_for_while_modules_were_imported_happens(folder: Path) -> None:
    (folder / "typer.py").write_text(
        "import sys\nprint('importing', file=sys.stderr, flush=True)\nsys.stdin.readline()\n"
        f"sys.path.remove({str(folder)!r})\ndel sys.modules['typer']\nimport typer\n"  # the real one
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon", "run", "--for", "1"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(Path(__file__).parents[1])])},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stderr is not None
    assert process.stderr.readline() == "importing\n"
    process.send_signal(signal.SIGUSR1)
    process.send_signal(signal.SIGHUP)
    _, log = process.communicate("\n", timeout=60)
    assert process.returncode == 0
    assert "reloaded: no change" in log


def test_too_few_open_files_are_told(folder: Path) -> None:
    import resource

    def allow(number: int) -> Callable[[], object]:
        return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))

    for command in ("run", "ports", "check"):
        assert run(folder, command, before=allow(16)) == (
            1,
            "jamd: only 16 files may be open at once, 64 are needed: raise the limit (`ulimit -n`)\n",
        )
    (folder / "config.yaml").write_text("ports:\n" + "".join(f"  p{n}: {{direction: in}}\n" for n in range(20)))
    status, text = run(folder, "run", "--for", "0", before=allow(100))
    assert status == 1 and text.endswith(
        "only 100 files may be open at once, 144 are needed: raise the limit (`ulimit -n`)\n"
    )


def test_a_low_soft_limit_is_raised(folder: Path) -> None:
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (20, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    assert run(folder, "run", "--for", "0.5", before=limit)[0] == 0


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_closed_standard_streams(folder: Path, closed: tuple[int, ...]) -> None:
    """No file or socket of jamd gets the number of one of them."""

    def close() -> None:
        for number in closed:
            os.close(number)

    program = (
        "from daemon.start import prepare; prepare(); import os, sys; "
        f"sys.exit(0 if all(os.path.samestat(os.fstat(n), os.stat(os.devnull)) for n in {closed}) else 5)"
    )
    assert subprocess.run([sys.executable, "-c", program], preexec_fn=close).returncode == 0
    assert run(folder, "run", "--for", "0.5", before=close)[0] == 0


@pytest.mark.parametrize("command", [("check",), ("ports",), ("run", "--for", "0.5")], ids=lambda c: c[0])
def test_a_locale_without_the_characters_and_names_that_are_not_utf8(folder: Path, command: tuple[str, ...]) -> None:
    named = os.fsdecode(b"b\xffnd.yaml")
    (folder / named).write_text(BAND)
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii:strict"}
    for environment in ({"PYTHONIOENCODING": "utf-8:strict"}, plain):
        assert run(folder, *command, "-c", named, **environment)[0] == 0
    (folder / named).write_text("bänd: {}")
    for environment in ({"PYTHONIOENCODING": "utf-8:strict"}, plain):
        status, text = run(folder, *command, "-c", named, **environment)
        assert status == 2 and "unknown key" in text


@pytest.mark.parametrize("own", ["long", "file", "missing"])
def test_a_runtime_folder_that_cannot_be_used(folder: Path, own: str) -> None:
    (folder / "file").touch()
    (folder / ("x" * 100)).mkdir()
    place = folder / {"long": "x" * 100}.get(own, own)
    status, text = run(folder, "run", "--for", "0.5", XDG_RUNTIME_DIR=str(place))
    assert status == 0
    assert text.count("correct XDG_RUNTIME_DIR; jamd uses /dev/shm instead") == 1
    assert "READY" in text
    assert not list((folder / ("x" * 100)).iterdir())


def test_home_on_the_command_line(folder: Path) -> None:
    assert run(folder, "check", "-c", "~/config.yaml", HOME=str(folder))[0] == 0
    status, text = run(folder, "check", "-c", "~nobody_here/x.yaml")
    assert (status, text) == (
        2,
        "jamd: ~nobody_here/x.yaml: there is no home folder for '~nobody_here/x.yaml': write the path without ~\n",
    )


def test_a_working_directory_that_was_removed(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()

    def remove() -> None:
        os.rmdir(gone)

    for command in (("check",), ("ports",), ("run", "--for", "0.5"), ("check", "-c", "x.yaml"), ("replay", "x.mid")):
        assert run(gone, *command, before=remove)[0] in (0, 1, 2)
        gone.mkdir()
