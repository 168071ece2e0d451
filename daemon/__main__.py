"""The command line: `jamd`, or `python -m daemon`. A command imports its modules when it runs."""

from __future__ import annotations

import sys

try:
    from daemon import __version__, held_signals

    if __name__ == "__main__":
        held_signals.hold()
    from daemon import start
    from daemon.errors import Interrupted, JamdError, printable, printable_name
except ImportError:  # the PyPI package python-daemon brings a package of the same name
    sys.exit(
        "jamd: another package has overwritten jamd's `daemon`: install jamd into a virtual environment of its own"
    )

if __name__ == "__main__":
    start.prepare()

import contextlib
import errno
import os
from pathlib import Path
from typing import Annotated, Any, NoReturn, TextIO

import typer
from typer.core import TyperGroup

NO_THREAD = "can't start new thread"  # the message of the RuntimeError that threading raises
UNWRITABLE = (errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EBADF)  # a full disk, a lost terminal; typer handles EPIPE


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("interrupted") from None


app = typer.Typer(
    cls=_Commands,
    help="A daemon that plays along: neural models accompany a keyboard, a DAW or a melody, live over MIDI.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="Default: ./config.yaml, else the one that ships with jamd."),
]
Output = Annotated[str, typer.Option("--output", "-o", metavar="OUTPUT.mid", help="The MIDI file to write.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"jamd {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    if context.invoked_subcommand != "run":
        held_signals.restore()


@app.command()
def run(
    config: ConfigFile = None,
    seconds: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", min=0.0, help="Stop after this time.")
    ] = None,
) -> None:
    """Play along, until Ctrl-C."""
    from daemon.desk import run as desk

    raise typer.Exit(desk.run(config, seconds))


@app.command()
def check(config: ConfigFile = None) -> None:
    """Check the configuration: list every mistake, or print all values in effect."""
    from daemon.config import load

    loaded = load(config, whole_models=True)
    for warning in loaded.warnings:
        typer.echo(printable(f"jamd: warning: {warning}"), err=True)
    title = f"# {printable_name(str(loaded.path))}: no mistakes; the values in effect:"
    typer.echo(f"{title}\n{loaded.as_yaml()}", nl=False)


@app.command()
def ports(config: ConfigFile = None) -> None:
    """List the MIDI ports of other programs and devices, and the ports that jamd would open."""
    from rich.console import Console

    from daemon.config import load
    from daemon.desk.port_list import show

    show(load(config), Console())


@app.command()
def models() -> None:
    """List the models, and verify each: files intact, and correct results on this machine."""
    from concurrent.futures import ThreadPoolExecutor

    from daemon import models as artifacts
    from daemon.player.trial import trial_of_file

    paths = sorted(artifacts.folder().glob("*.onnx"))
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, wrong in zip(paths, pool.map(trial_of_file, paths), strict=True):
            failed += wrong is not None
            if wrong is None:
                engine = artifacts.read_sidecar(path).engine
                line = f"{path.stem}: a model for {engine}, {path.stat().st_size / 1e6:.1f} MB, verified"
                typer.echo(printable_name(line))
            else:
                typer.echo(printable(f"{path.stem}: {wrong}"), err=True)
    if not paths:
        typer.echo(f"no models in {artifacts.folder()}: install jamd again", err=True)
    raise typer.Exit(1 if failed or not paths else 0)


@app.command()
def render(
    file: Annotated[Path, typer.Argument(metavar="INPUT.mid", help="Replaces all input ports and melodies.")],
    output: Output,
    config: ConfigFile = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**31, help="Instead of the seed in the configuration.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Treat the file as live keys: the band does not look ahead in it.")
    ] = False,
    picture: Annotated[
        str | None, typer.Option(metavar="FILE.svg", help="Also draw the result as a piano roll.")
    ] = None,
) -> None:
    """Let the band accompany a MIDI file, faster than real time."""
    from dataclasses import replace

    from daemon.config import load
    from daemon.output_files import MIDI, PICTURE, OutputFile
    from daemon.render.offline import render as render_file
    from daemon.render.progress import progress

    loaded = load(config)
    made = OutputFile(output, "-o", MIDI, [file, loaded.path])
    drawn = OutputFile(picture, "--picture", PICTURE, [file, loaded.path, made.path]) if picture is not None else None
    with progress("rendering") as report:
        rendering = render_file(loaded if seed is None else replace(loaded, seed=seed), file, live, report)
    if rendering.warning:
        typer.echo(printable(f"jamd: warning: {rendering.warning}"), err=True)
    made.write(rendering.data)
    if drawn is not None:
        from daemon.render.piano_roll import picture_of

        drawn.write(picture_of(rendering.data).encode())
    typer.echo(printable_name(f"{output}: {rendering.notes} notes"), err=made.is_stream)


@app.command()
def replay(
    session: Annotated[Path, typer.Argument(help="A recording: its .mid or its .journal.")],
    output: Annotated[str | None, typer.Option("--output", "-o", metavar="OUTPUT.mid")] = None,
) -> None:
    """Replay a recorded session from its journal, and report whether every note is the same."""
    from daemon.output_files import MIDI, OutputFile
    from daemon.recording import replay as module

    journal = module.journal_of(session)
    made = OutputFile(output, "-o", MIDI, [journal, journal.with_suffix(".mid")]) if output is not None else None
    replayed = module.replay(session)
    for warning in replayed.warnings:
        typer.echo(printable(f"jamd: warning: {warning}"), err=True)
    if made is not None:
        made.write(replayed.data)
    result = replayed.difference or ("no difference" if replayed.ends_early else "identical")
    result += f", but {replayed.ends_early}" if replayed.ends_early else ""
    typer.echo(printable_name(f"{session}: {replayed.notes} notes, {result}"), err=made is not None and made.is_stream)
    raise typer.Exit(1 if replayed.difference else 3 if replayed.ends_early else 0)


@app.command()
def bench(
    measures: Annotated[list[str] | None, typer.Argument(help="Names of measures; without any, all of them.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure latency, lateness, memory and more on this machine, beside their targets."""
    from daemon.bench.run import run as run_bench

    raise typer.Exit(run_bench(measures or [], as_json))


def main() -> None:
    """Run the command line. Errors are printed as messages, without a traceback."""
    try:
        app()
    except JamdError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        if error.filename is not None or error.errno not in UNWRITABLE:
            raise
        _fail(f"standard output: cannot be written ({error.strerror}): choose another place", 1)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and str(error) != NO_THREAD:
            raise
        _fail("the system grants no more memory or threads: end other programs, or raise the limits (`ulimit -a`)", 1)


def _fail(message: str, exit_code: int) -> NoReturn:
    with contextlib.suppress(OSError):
        for line in printable(message).split("\n"):
            typer.echo(f"jamd: {line}", err=True)
    for stream in (sys.stdout, sys.stderr):
        if _is_broken(stream):  # the interpreter flushes it again when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(exit_code)


def _is_broken(stream: TextIO | None) -> bool:
    try:
        if stream is not None:
            stream.flush()
    except OSError:
        return True
    return False


if __name__ == "__main__":
    main()
