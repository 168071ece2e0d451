"""Work in a thread."""

from __future__ import annotations

import subprocess
import sys

import pytest

from daemon.futures import in_thread


def test_the_result_and_the_error_of_work() -> None:
    assert in_thread(lambda: 3, "three").result(10) == 3
    with pytest.raises(SystemExit):
        in_thread(sys.exit, "exit").result(10)


def test_a_process_ends_while_its_work_goes_on() -> None:
    program = "import time; from daemon.futures import in_thread; in_thread(lambda: time.sleep(60), 'sleep')"
    assert subprocess.run([sys.executable, "-c", program], timeout=30).returncode == 0
