"""Training and export need torch, whose wheels for Linux are gigabytes. Without torch this folder is one skipped test,
which tells how to install it; in CI, where a skipped test counts as failed and torch is left out, no test."""

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
    """As in train.py: sums are the same in every run, and other processes slow the tests down less."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    """The weights and inputs of a test are the same in any order of the tests."""
    import torch

    torch.manual_seed(1)
