"""The configuration and its models."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from daemon.doctor.finding import Finding, attention, ok, problem
from daemon.doctor.subject import Subject
from daemon.errors import JamdError

TRIAL_TIMEOUT = 40.0  # seconds, of each model


def configuration(subject: Subject) -> Finding:
    try:
        config = subject.load()
    except JamdError as error:
        return problem(str(error), "correct the file: `jamd check` lists all mistakes")
    except TimeoutError:
        return problem("not read in time, together with the files that are named there", "check their disk")
    ports = ", ".join(f"{port.name} ({port.direction})" for port in config.ports)
    players = ", ".join(f"{member.name} ({member.engine})" for member in config.band)
    text = f"{config.path}: ports {ports or 'none'}; players {players or 'none'}; clock {config.clock.source}"
    if not config.band or not any(port.direction == "out" for port in config.ports):
        return attention(text, "add a player under band: and an output under ports:, as in the config.yaml of jamd")
    return ok(text)


def models(subject: Subject) -> Finding:
    """Those of the band; without a configuration, all that ship with jamd."""
    from daemon.models import folder
    from daemon.player.trial import trial, trial_of_file

    config = subject.config
    if config is None:
        tried = dict.fromkeys(sorted(folder().glob("*.onnx")), "")
    else:
        tried = {member.model: member.engine for member in config.band if member.model is not None}
    if not tried:
        return ok("none is used") if config else problem(f"none in {folder()}", "install jamd again")
    with ThreadPoolExecutor(4) as pool:
        wrong = list(
            pool.map(
                lambda path: trial(path, tried[path], TRIAL_TIMEOUT) if tried[path] else trial_of_file(path), tried
            )
        )
    if any(wrong):
        return problem("\n".join(each for each in wrong if each), "install jamd again, or choose another model")
    return ok(f"{', '.join(path.stem for path in tried)}: verified")
