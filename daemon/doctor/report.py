"""The table of the checks, and the page that they make."""

from __future__ import annotations

import contextlib
import getpass
import re
import textwrap
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from daemon.doctor import band, folders, installation, midi, rights, sound
from daemon.doctor.finding import PROBLEM, Finding, problem
from daemon.doctor.subject import Subject
from daemon.errors import printable
from daemon.futures import in_thread

Check = Callable[[Subject], Finding]

CHECKS: tuple[tuple[str, Check], ...] = (
    ("jamd", installation.jamd),
    ("Python", installation.python),
    ("system", installation.system),
    ("packages", installation.packages),
    ("configuration", band.configuration),
    ("models", band.models),
    ("MIDI", midi.systems),
    ("ports", midi.ports),
    ("sound", sound.device),
    ("instruments", sound.instruments),
    ("real time", rights.real_time),
    ("memory", rights.memory),
    ("recordings", folders.recordings),
    ("sockets", folders.sockets),
    ("other jamds", folders.others),
    ("systemd", folders.unit),
)
TIMEOUT = 60.0  # seconds for all checks, which run at the same time
WIDTH = 100


def examine(
    path: Path | None, checks: Iterable[tuple[str, Check]] = CHECKS, seconds: float = TIMEOUT
) -> dict[str, Finding]:
    """The findings by the names of the checks."""
    subject, end = Subject(path), time.monotonic() + seconds
    running = {name: in_thread(partial(check, subject), name) for name, check in checks}
    findings = {}
    for name, future in running.items():
        try:
            findings[name] = future.result(max(end - time.monotonic(), 0))
        except TimeoutError:
            findings[name] = problem(f"no answer within {seconds:g} s", "report this with what you know of the machine")
        except (Exception, SystemExit) as error:  # of a broken installation, or of a check
            remedy = "install jamd again; if that does not help, report this"
            findings[name] = problem(f"cannot be examined ({error!r})", remedy)
    return findings


def page(findings: dict[str, Finding]) -> str:
    """Plain text without the names of user and home."""
    lines = []
    for name, finding in findings.items():
        first, *rest = finding.text.split("\n")
        lines.append(f"{finding.state:9}  {name}: {first}")
        lines += [f"{'':11}{line}" for line in rest]
        lines += [f"{'':11}remedy: {finding.remedy}"] if finding.remedy else []
    wrapper = textwrap.TextWrapper(WIDTH, subsequent_indent=" " * 13, break_long_words=False, break_on_hyphens=False)
    return "\n".join(part for line in lines for part in wrapper.wrap(private(printable(line))))


def private(text: str) -> str:
    """`text` with ~ for the home folder, and USER for the user's name as a part of other paths."""
    with contextlib.suppress(RuntimeError):  # there is no home
        if (home := Path.home()) != Path(home.anchor):
            text = re.sub(rf"{re.escape(str(home))}(?=[/\\\s:,;)']|$)", "~", text)
    with contextlib.suppress(KeyError, OSError, ImportError):  # the user has no name
        text = re.sub(rf"(?<=[/\\]){re.escape(getpass.getuser())}(?=[/\\])", "USER", text)
    return text


def show(path: Path | None) -> int:
    """Print the page. Returns the exit code: 1 if something prevents playing."""
    from daemon.usage import busy

    with busy("examining this machine"):
        findings = examine(path)
    print(page(findings))
    return 1 if any(finding.state == PROBLEM for finding in findings.values()) else 0
