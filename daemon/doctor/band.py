"""The configuration and its models."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.doctor.finding import Finding, attention, ok, problem
from daemon.doctor.subject import Subject
from daemon.errors import JamdError

if TYPE_CHECKING:
    from daemon.config import Config, Member

TRIAL_TIMEOUT = 40.0  # seconds, of each model


def configuration(subject: Subject) -> Finding:
    try:
        config = subject.load()
        _try_contents(config)
    except JamdError as error:
        return problem(str(error), "correct the file: `jamd check` lists all mistakes")
    except TimeoutError:
        return problem("not read in time, together with the files that are named there", "check their disk")
    ports = ", ".join(f"{port.name} ({port.direction})" for port in config.ports)
    players, instruments = _names(config.players), _names(config.instruments)
    text = f"{config.path}: ports {ports or 'none'}; players {players}; instruments {instruments}"
    text += f"; clock {config.clock.source}"
    if not config.band or not any(port.direction == "out" for port in config.ports):
        return attention(text, "add a player under band: and an output under ports:, as in the config.yaml of jamd")
    return ok(text)


def _try_contents(config: Config) -> None:
    """Get the engines ready that find out by this whether their contents, such as a song, can be played. Raises
    JamdError."""
    from daemon.engines.base import engine_class
    from daemon.player.host import create, prepare

    for member in config.players:
        if member.contents and member.model is None:
            prepare(create(engine_class(member.engine), member.setup))


def _names(members: Iterable[Member]) -> str:
    return ", ".join(f"{member.name} ({member.engine})" for member in members) or "none"


def models(subject: Subject) -> Finding:
    """Those of the band; without a configuration, all that ship with jamd."""
    from daemon.models import folder
    from daemon.player.trial import trials

    config = subject.config
    tried: dict[tuple[Path, str | None], None]  # models and engines
    if config is None:
        tried = dict.fromkeys((path, None) for path in sorted(folder().glob("*.onnx")))
    else:
        tried = dict.fromkeys((member.model, member.engine) for member in config.band if member.model is not None)
    if not tried:
        return ok("none is used") if config else problem(f"none in {folder()}", "install jamd again")
    if wrong := [text for text in trials(tried, TRIAL_TIMEOUT) if text]:
        return problem("\n".join(wrong), "install jamd again, or choose another model")
    return ok(f"{', '.join(dict.fromkeys(path.stem for path, _ in tried))}: verified")
