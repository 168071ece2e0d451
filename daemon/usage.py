"""The command line: plain help, errors in the style of all others, and a line while a command works."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from daemon.errors import Interrupted, UsageError
from daemon.suggestions import suggestion

WRONG_COMMAND_LINE: Any = typer.BadParameter.__base__  # the UsageError of click, or of typer's copy of click


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
        told = suggestion(option, known)
        if not command:
            return f"there is no option {option} before a command{told}"
        return f"{command} has no option {option}{told}"
    text = error.format_message().rstrip(".").replace("argument(s)", "argument")
    where = f"{command}: " if command else ""
    return f"{where}{text[:1].lower()}{text[1:]}: see `jamd {command}{' ' if command else ''}--help`"


@contextmanager
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
