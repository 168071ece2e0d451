"""Training and export need torch, whose wheels for Linux are gigabytes. Where there is none, this folder is one skipped
test, which says how to get it; in CI, where a skipped test has failed and torch is left out on purpose, nothing."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("torch") is None:
    collect_ignore = [path.name for path in Path(__file__).parent.glob("test_*.py") if path.stem != "test_torch"]
    if os.environ.get("CI") == "true":
        collect_ignore.append("test_torch.py")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """As train.py has it: sums come out the same every time, and a busy machine is no slower for it."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    """The weights and inputs of a test are the same in any order of the tests."""
    import torch

    torch.manual_seed(1)
