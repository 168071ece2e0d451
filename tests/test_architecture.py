"""docs/architecture.md stays true: its folders, the kinds of journal entries, the paths it names, the layers."""

import re
import tomllib
from importlib import import_module
from pathlib import Path

from daemon.entries import KINDS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_package_of_the_daemon_is_in_the_table_of_folders() -> None:
    named = {name for row in rows("Folders") for name in re.findall(r"`daemon/(\w+)/`", row[0])}
    packages = {path.parent.name for path in (ROOT / "daemon").glob("*/__init__.py")}
    assert named == packages


def test_every_module_at_the_top_is_named() -> None:
    text = next(row[1] for row in rows("Folders") if row[0] == "`daemon/`")
    modules = {path.stem for path in (ROOT / "daemon").glob("*.py")} - {"__init__"}
    assert set(re.findall(r"`(\w+)`", text)) == modules


def test_a_package_has_every_name_that_it_lists() -> None:
    for path in (ROOT / "daemon").rglob("__init__.py"):
        package = import_module(".".join(path.parent.relative_to(ROOT).parts))
        assert all(hasattr(package, name) for name in getattr(package, "__all__", ())), package


def test_every_kind_of_entry_is_in_the_table() -> None:
    found: dict[str, str] = {}
    for kinds, classes, _ in rows("Entries of the journal"):
        found |= dict(zip(re.findall(r"`(\w+)`", kinds), classes.split(", "), strict=True))
    assert found == {kind: entry.__name__ for kind, entry in KINDS.items()}


def test_every_path_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:\w+/)+\w+\.py)`", PAGE))
    assert len(named) > 15
    for path in named:
        assert (ROOT / path).is_file() or (ROOT / "daemon" / path).is_file(), path


def test_the_layers_are_those_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    checked = [name for layer in layers for name in re.findall(r"\w+", layer)]
    sentence = PAGE.partition("Imports point down: ")[2].partition(". Stage")[0].partition(".\nStage")[0]
    told = re.findall(r"\w+", sentence)
    assert [name for name in checked if name in told] == [name for name in told if name in checked]
    assert set(told) <= set(checked)
