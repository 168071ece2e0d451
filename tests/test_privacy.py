import os
import subprocess
import sys
from pathlib import Path

MODEL = Path(__file__).parent / "data" / "tiny_harmoniser.onnx"
CODE = "import daemon, onnxruntime, sys; onnxruntime.InferenceSession(sys.argv[1])"


def test_onnx_runtime_keeps_nothing_about_the_user(tmp_path: Path) -> None:
    silencers = ("CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS")  # the wheel's own; daemon must not need them
    environment = {name: value for name, value in os.environ.items() if name not in silencers}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", CODE, MODEL], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []
