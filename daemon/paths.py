"""Where the models, melodies and the default configuration that ship with jamd lie."""

import sys
from pathlib import Path


def resources() -> Path:
    """The folder that holds `models/`, `melodies/` and `config.yaml`: the checkout (also when installed
    editable, so that an edit there counts at once), else `share/jamd` of the environment that the wheel went into."""
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / "pyproject.toml").is_file():
        return checkout
    return Path(sys.prefix) / "share" / "jamd"
