"""What all commands share: options, plain help, errors, warnings, and a line or a bar while a command works."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn, TextIO

import typer
from typer.core import TyperCommand, TyperGroup

from daemon.errors import Interrupted, JamdError, UsageError, printable
from daemon.suggestions import suggestion

WRONG_COMMAND_LINE: Any = typer.BadParameter.__base__  # the UsageError of click, or of typer's copy of click
MOST_SHEETS = 1000  # of `jamd sheet --count`
NO_THREAD = "can't start new thread"  # the message of the RuntimeError that threading raises
UNWRITABLE = (errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EBADF)  # a full disk, a lost terminal; typer handles EPIPE
Report = Callable[[float], None]  # takes the share of the work that is done, from 0 to 1

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="Default: ./config.yaml, else the one that ships with jamd."),
]
BandFile = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="The band. Default: bands/combo.yaml.")
]
Bpm = Annotated[str | None, typer.Option(metavar="BPM", help="The tempo, in place of clock.bpm.")]
Seed = Annotated[
    str | None, typer.Option(metavar="N", help="The seed, in place of the configuration's; or random: draw one.")
]
Connect = Annotated[
    list[str] | None,
    typer.Option(metavar="PORT=NAME", help="Connect a port of jamd to a part of a name in `jamd ports`; repeatable."),
]
Song = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A song to play; -c is bands/combo.yaml then, unless it is given.")
]
NoSound = Annotated[bool, typer.Option("--no-sound", help="MIDI only, without the instruments of the band.")]
Outputs = Annotated[
    list[str],
    typer.Option("--output", "-o", metavar="OUTPUT", help="The file to write: .mid, .wav or .flac; repeatable."),
]
MEASURES = (
    "machine, start, render, latency, flood, garbage, lateness, follower, clock_in, clock_out, clock_start, melody, "
    "drums, leadsheet, chords, sound; without any, all of them."
)


def count_of(text: str | int) -> int:
    """A number of sheets. Raises typer.BadParameter."""
    text = str(text)  # the default is a number
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_SHEETS):
        raise typer.BadParameter(f"{text!r} is not a number from 1 to {MOST_SHEETS}")
    return int(text)


def seconds_of(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < math.inf:
        raise typer.BadParameter(f"{text!r} is not a number of seconds")
    return seconds


class Command(TyperCommand):
    """A command whose usage has no braces around what must be given."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]


class Commands(TyperGroup):
    """All commands. Ctrl-C raises Interrupted."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("interrupted") from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands:
            raise UsageError(f"there is no command {args[0]!r}{suggestion(args[0], self.commands)}")
        return super().resolve_command(ctx, args)


def problem_of(error: Any) -> str:
    """The text of a WRONG_COMMAND_LINE."""
    context = error.ctx
    command = context.info_name if context is not None and context.parent is not None else ""
    option = getattr(error, "option_name", None)
    if option and hasattr(error, "possibilities") and context is not None:  # click's NoSuchOption
        parameters = context.command.get_params(context)
        known = [name for parameter in parameters for name in parameter.opts if name.startswith("--")]
        remedy = suggestion(option, known)
        if not command:
            return f"there is no option {option} before a command{remedy}"
        return f"{command} has no option {option}{remedy}"
    text = error.format_message().rstrip(".").replace("argument(s)", "argument")
    where = f"{command}: " if command else ""
    return f"{where}{text[:1].lower()}{text[1:]}: see `jamd {command}{' ' if command else ''}--help`"


def run_command_line(app: typer.Typer) -> NoReturn:
    """Errors are printed as messages; with JAMD_TRACEBACK in the environment, for authors of engines, the traceback of
    their cause comes first."""
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name="jamd", standalone_mode=False)
    except JamdError as error:
        if os.environ.get("JAMD_TRACEBACK") and error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        fail(str(error), error.exit_code)
    except WRONG_COMMAND_LINE as error:
        fail(problem_of(error), error.exit_code)
    except OSError as error:
        if error.filename is not None or error.errno not in UNWRITABLE:
            raise
        fail(f"standard output: cannot be written ({error.strerror}): choose another place", 1)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and str(error) != NO_THREAD:
            raise
        fail("the system grants no more memory or threads: end other programs, or raise the limits (`ulimit -a`)", 1)
    sys.exit(code)


def warn(*warnings: str) -> None:
    """Print each warning that is not empty on standard error."""
    for warning in filter(None, warnings):
        typer.echo(printable(f"jamd: warning: {warning}"), err=True)


def fail(message: str, exit_code: int) -> NoReturn:
    """Print the lines of the message on standard error, and end the process."""
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


@contextlib.contextmanager
def busy(work: str) -> Iterator[None]:
    """Show `work` on standard error, if that is a terminal, until the `with` block ends."""
    shown = sys.stderr is not None and sys.stderr.isatty()
    if shown:
        sys.stderr.write(f"{work} …")
        sys.stderr.flush()
    try:
        yield
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@contextlib.contextmanager
def progress(work: str) -> Iterator[Report]:
    """Show a bar on standard error while `work` goes on, if that is a terminal. At the end the bar is removed."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda share: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(work, total=1.0)
        yield lambda share: bar.update(task, completed=share)
