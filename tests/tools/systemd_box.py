"""A throw-away copy of this system, booted under a real systemd: units are installed, started and watched in it as on a
user's machine, and nothing written there survives. It has no network but `lo`, and no sound.

    with SystemdBox({host_folder: path_in_the_box}) as box:
        box.run("systemctl", "start", "jamd")

Needs root and Debian's systemd-container; booting takes about a second. The copy is an overlay of /; folders on other
mounts are seen only if they are bound (read-only). A limit, such as LimitRTPRIO=, is raised there only where this
machine itself may raise it; capabilities always work.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from daemon.bench.child_end import END_WITH_PARENT

REMEDY = "apt-get install systemd-container, and run as root"
MASKED = ["apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer"]
MASKED += ["man-db.timer", "postgresql.service", "systemd-resolved.service", "systemd-timesyncd.service"]
MASKED += ["systemd-udevd.service"]
BOOT = """
mount -t tmpfs tmpfs "$1" && mkdir "$1"/upper "$1"/work "$1"/root || exit
mount -t overlay -o lowerdir=/,upperdir="$1"/upper,workdir="$1"/work overlay "$1"/root || exit
root=$1/root; shift
for unit in MASKED; do ln -sf /dev/null "$root"/etc/systemd/system/$unit; done
: >"$root"/etc/fstab
exec systemd-nspawn --boot --quiet --directory="$root" --private-network --register=no --keep-unit "$@"
"""


def available() -> bool:
    return os.geteuid() == 0 and shutil.which("systemd-nspawn") is not None


class SystemdBox:
    def __init__(self, binds: Mapping[Path, str] | None = None) -> None:
        self._binds = [f"--bind-ro={source}:{target}" for source, target in (binds or {}).items()]
        self._folder = tempfile.TemporaryDirectory()
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def run(self, *command: str, check: bool = True, seconds: float = 60) -> str:
        """What a command prints in the box, both streams; CalledProcessError, with that as its note, if it fails."""
        enter = ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--", "env", "-i"]
        environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=dumb", "LANG=C.UTF-8"]
        done = subprocess.run(
            [*enter, *environment, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        if check and done.returncode != 0:
            error = subprocess.CalledProcessError(done.returncode, command, done.stdout)
            error.add_note(done.stdout)
            raise error
        return done.stdout.strip()

    def show(self, unit: str, key: str) -> str:
        """A property of a unit, as `systemctl show` tells it."""
        return self.run("systemctl", "show", unit, "--value", "-p", key)

    def write(self, path: str, text: str) -> None:
        self.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1"', "sh", path, text)

    def __enter__(self) -> Self:
        overlay = Path(self._folder.name) / "overlay"
        overlay.mkdir()
        script = BOOT.replace("MASKED", " ".join(MASKED))
        with (Path(self._folder.name) / "log").open("wb") as log:
            self._nspawn = subprocess.Popen(
                ["unshare", "-m", "--propagation", "private", "bash", "-c", script, "bash", str(overlay), *self._binds],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=END_WITH_PARENT,
            )
        try:
            self._wait_until_booted()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _wait_until_booted(self, seconds: float = 60) -> None:
        assert self._nspawn is not None
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._nspawn.poll() is None:
            self._leader = _child(self._nspawn.pid, "systemd")
            # "degraded": a unit of the host that cannot work here; it does not matter
            if self._leader and self.run("systemctl", "is-system-running", check=False) in ("running", "degraded"):
                return
            time.sleep(0.1)
        raise RuntimeError(f"systemd did not boot:\n{(Path(self._folder.name) / 'log').read_text()}")

    def _stop(self) -> None:
        """At once, as by a power cut: nothing is kept."""
        assert self._nspawn is not None
        os.kill(
            self._leader or self._nspawn.pid, signal.SIGKILL
        )  # the leader is its namespace's init: all the rest goes
        try:
            self._nspawn.wait(20)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
        self._folder.cleanup()


def _child(parent: int, name: str) -> int:
    """The process of that name that `parent` started, or 0."""
    for number in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        if Path(f"/proc/{number}/comm").read_text().strip() == name:
            return int(number)
    return 0
