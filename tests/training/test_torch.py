"""Stands for the whole folder where there is no torch (conftest.py)."""

from importlib.util import find_spec

import pytest


@pytest.mark.skipif(
    find_spec("torch") is None, reason="no torch for the tests of training; to enable: pip install -e '.[train]'"
)
def test_with_torch_all_of_the_extra_is_installed():
    for name in ("music21", "onnx", "onnxscript", "tqdm"):
        assert find_spec(name), f"{name} is missing: pip install -e '.[train]'"
