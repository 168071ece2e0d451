"""Where /proc is not mounted, as in some sandboxes, jamd works without what only /proc tells."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from daemon.paths import resources

MOUNT = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", 'mount -t tmpfs none /proc && exec "$@"', "-"]


def can_hide_proc() -> bool:
    try:
        return sys.platform == "linux" and not subprocess.run([*MOUNT, "true"], capture_output=True).returncode
    except OSError:
        return False


def hidden(tmp_path: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MOUNT, sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, timeout=60)


pytestmark = pytest.mark.skipif(not can_hide_proc(), reason="needs Linux and the right to unmount /proc")

CALLS = """
import os
from pathlib import Path
from daemon import realtime
from daemon.midi import jack
from daemon.models.limits import limit_memory
assert not os.path.exists("/proc/self")
realtime.request_real_time()
realtime.release_jack_memory()
print(realtime.ordinary_threads(), jack.server_sockets(), limit_memory(Path("x")), jack._library() is None)
"""


def test_a_file_is_rendered_with_a_model(tmp_path: Path) -> None:
    tune = str(resources() / "melodies" / "twinkle.mid")
    done = hidden(tmp_path, "-m", "daemon", "render", tune, "-o", "out.mid")
    assert done.returncode == 0 and (tmp_path / "out.mid").exists(), done.stderr


def test_jamd_bench_is_refused(tmp_path: Path) -> None:
    code = "from daemon.bench import run; run.available = run.find_spec = lambda *_: True; run.run(['start'], False)"
    done = hidden(tmp_path, "-c", code)
    assert "jamd bench measures on Linux only, with /proc" in done.stderr


def test_the_stage_and_players_get_no_error(tmp_path: Path) -> None:
    done = hidden(tmp_path, "-c", CALLS)
    assert (done.stderr, done.stdout) == ("", "set() frozenset() None False\n")
