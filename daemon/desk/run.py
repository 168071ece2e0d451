"""`jamd run` on one screen: starts everything in order, and stops it in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import functools
import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from daemon import __version__, config
from daemon.commands import Command, ReloadConfiguration, RotateSession
from daemon.config.changes import changes
from daemon.desk import log
from daemon.desk.activity import Activity
from daemon.desk.audio_files import make_audio_files
from daemon.desk.background import load_config, load_config_again
from daemon.desk.console import ConsoleWriter, columns
from daemon.desk.control.keyboard import keys
from daemon.desk.processes import Listeners
from daemon.desk.runtime import describe, runtime_folder
from daemon.desk.signals import Signals
from daemon.desk.status import DoubledOutputs, UnconnectedOutputs, figures, hints, sound, status_line
from daemon.desk.supervise import Supervisor
from daemon.desk.systemd import Notifier
from daemon.desk.view.view import View, open_view
from daemon.entries import Entry
from daemon.errors import JamdError
from daemon.recording.recorder import Recorder
from daemon.start import OPEN_FILES, require_open_files

_M_MMAP_THRESHOLD, MAPPED = -3, 1 << 16  # of mallopt; bytes
FILES_PER_MEMBER = 4  # open files of a process for each port (3 on JACK) or player


def run(
    path: Path | None, seconds: float | None, options: Sequence[config.OptionValue] = (), metrics: bool = False
) -> int:
    """Play until SIGTERM or SIGINT, or for `seconds`; then log the stage's `metrics`, if wanted.

    `options`: of the command line, for the configuration.

    Raises JamdError if jamd cannot start, or cannot replace a process.
    """
    with ConsoleWriter() as output:
        view = open_view(output, sys.stdout)
        write = functools.partial(output.put, sys.stderr)
        on_terminal = sys.stderr is not None and sys.stderr.isatty()
        shown = (lambda text: view.log(text, write)) if on_terminal else write
        log.set_up(shown, functools.partial(columns, sys.stderr))
        band = load_config(path, options)
        return_large_blocks()
        require_open_files(OPEN_FILES + FILES_PER_MEMBER * (len(band.ports) + len(band.band)))
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            complete = runner.run(_perform(band, seconds, view, metrics))
    return 0 if complete else 1


def return_large_blocks() -> None:
    """Have glibc map blocks of memory of 64 KiB or more on their own, such as those that asyncio reads into.

    Else these come from the heap, as glibc raises its limit with each one that is freed: small blocks that are kept
    part the free ones, and the memory of a band that plays for days grows by several megabytes an hour."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another library than glibc
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, MAPPED)


async def _perform(band: config.Config, seconds: float | None, view: View, metrics: bool) -> bool:
    """Returns whether the recording is complete. Raises JamdError if jamd cannot start, or cannot replace a process."""
    reporter, activity, reload = log.Reporter(), Activity(), asyncio.Event()
    unconnected, doubled = UnconnectedOutputs(), DoubledOutputs()
    async with contextlib.AsyncExitStack() as stack:
        say, systemd = reporter.say, stack.enter_context(contextlib.closing(Notifier()))
        signals = stack.enter_context(Signals())
        folder = stack.enter_context(runtime_folder(log.LOG.warning))
        describe(folder, band.path)
        records_audio = band.records_audio and band.audio.device is not None
        if records_audio:
            make_audio_files(folder, ())
        recorder = Recorder(band.recording, say, lambda: post(RotateSession()), folder if records_audio else None)
        stack.push_async_callback(recorder.close)
        stack.callback(view.close)

        def entries(batch: list[Entry]) -> None:
            recorder.entries(batch)
            activity.follow(batch)
            view.follow(batch)

        def pong() -> None:
            systemd.alive()
            systemd.status(status_line(supervisor))
            if supervisor.started:
                state = supervisor.stage_state
                for line in (*unconnected.look(state), *doubled.look(state)):
                    log.LOG.warning(line)
            reporter.settle()
            view.changed()
            if not systemd.present and not view.live and (notes := activity.minute()):
                log.LOG.info("; ".join([notes, *figures(supervisor.metrics), *sound(supervisor.sound)]))

        def post(command: Command, stamp: float | None = None) -> None:
            """Every control surface posts its commands here."""
            if isinstance(command, ReloadConfiguration):
                reload.set()
            else:
                supervisor.post(command, stamp)

        supervisor = Supervisor(folder, Listeners(say, entries, pong), systemd.watchdog)
        stack.push_async_callback(supervisor.stop)
        view.show(supervisor.stage_state, supervisor.players)
        stack.callback(systemd.stopping)
        told = band.stage.with_latency(supervisor.sound.delay)
        recorder.begin({"jamd": __version__, "members": band.members, "spec": told.to_json()})
        work = asyncio.create_task(_play(supervisor, reload, systemd, band, seconds, activity))
        signals.on_stop(work.cancel)
        supervisor.failure.add_done_callback(lambda _: work.cancel())
        signals.on_command(post)
        stack.enter_context(keys(sys.stdin, post, lambda: supervisor.running, log.LOG.info))
        with contextlib.suppress(asyncio.CancelledError):
            await work
    if metrics:
        all_figures = {**supervisor.metrics, **supervisor.sound.to_json(), "restarts": dict(supervisor.restarts)}
        log.LOG.info("metrics %s", json.dumps(all_figures))
    log.LOG.info(activity.summary(band.recording, recorder.files, recorder.complete))
    if supervisor.failure.done():
        raise supervisor.failure.result()
    return recorder.complete


async def _play(
    supervisor: Supervisor,
    reload: asyncio.Event,
    systemd: Notifier,
    band: config.Config,
    seconds: float | None,
    activity: Activity,
) -> None:
    """Start, then play for `seconds`; reload whenever that is asked for."""
    await supervisor.start(band.stage, band.members, band.speaker)
    for hint in hints(band):
        log.LOG.info(hint)
    systemd.status(status_line(supervisor))
    systemd.ready()
    log.LOG.info("READY: %s", status_line(supervisor))
    activity.start()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                await reload.wait()
                reload.clear()
                systemd.reloading()
                band = await _reload(supervisor, band)
                systemd.status(status_line(supervisor))
                systemd.ready()


async def _reload(supervisor: Supervisor, old: config.Config) -> config.Config:
    """Load the configuration again; returns the one that is in effect then. `supervisor.reload_error` is set to the
    error with which the status line begins; empty if there was none."""
    try:
        band = await load_config_again(old.path, old.options)
        if not (band.ports or band.band):  # an editor may be about to write it
            raise JamdError(f"{band.path}: the file is empty: save it again, then reload")
        renewed = await supervisor.reload(band.stage, band.members, band.speaker)
    except Exception as error:  # also an unexpected one: the music must not stop
        text = str(error) if isinstance(error, JamdError | OSError) else traceback.format_exc(limit=-5)
        log.LOG.error("%s\nnothing was changed: the previous configuration stays in effect", text)
        error_line = " ".join(str(error).split())
        supervisor.reload_error = f"reload failed, the previous configuration stays in effect ({error_line}); "
        return old
    supervisor.reload_error = ""
    describe(supervisor.folder, band.path)
    file = [f"{band.path.absolute()} instead of {old.path}"] if band.path != old.path else []
    log.LOG.info("reloaded: %s", "; ".join([*file, *changes(old, band, renewed)]) or "no change")
    for hint in hints(band):
        log.LOG.info(hint)
    if band.options:
        log.LOG.info("from the command line, not from %s: %s", band.path, ", ".join(map(str, band.options)))
    if band.records_audio != old.records_audio:
        log.LOG.warning("recording.audio: the change takes effect after a restart of jamd")
    if band.recording != old.recording:
        log.LOG.warning("recording.directory: the new folder is used after a restart of jamd")
    return band
