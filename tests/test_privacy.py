import os
import subprocess
import sys
from pathlib import Path

import pytest

MODEL = Path(__file__).parent / "data" / "tiny_harmoniser.onnx"
CODE = "import daemon, onnxruntime, sys; onnxruntime.InferenceSession(sys.argv[1])"


@pytest.mark.parametrize("inherited", [{}, {"ORT_DISABLE_TELEMETRY": "0"}], ids=["unset", "on"])
def test_onnx_runtime_keeps_nothing_about_the_user(tmp_path: Path, inherited: dict[str, str]) -> None:
    silencers = ("CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS")  # the wheel's own; daemon must not need them
    environment = {name: value for name, value in os.environ.items() if name not in silencers} | inherited
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", CODE, MODEL], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


def test_every_tool_turns_telemetry_off_before_it_imports_onnx_runtime() -> None:
    code = "import export_tools, os, sys; print(os.environ['ORT_DISABLE_TELEMETRY'], 'onnxruntime' in sys.modules)"
    environment = os.environ | {"ORT_DISABLE_TELEMETRY": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout == "1 False\n"
