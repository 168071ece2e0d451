"""The folder of the models, melodies and the default configuration that ship with jamd."""

import sys
from pathlib import Path


def resources() -> Path:
    """The folder that holds `models/`, `melodies/` and `config.yaml`: the checkout (also after an editable
    install, so that edits take effect at once), else `share/jamd` in the environment of the installed wheel."""
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / "pyproject.toml").is_file():
        return checkout
    return Path(sys.prefix) / "share" / "jamd"
