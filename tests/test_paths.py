"""What ~ and variables at the beginning of a path stand for."""

from pathlib import Path

import pytest

from daemon.paths import expand


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("TAKES", "/takes")
    monkeypatch.delenv("NOTHING", raising=False)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("~", "/home/ann"),
        ("~/takes", "/home/ann/takes"),
        ("$HOME/takes", "/home/ann/takes"),
        ("${HOME}", "/home/ann"),
        ("$TAKES/x", "/takes/x"),
        ("${TAKES}", "/takes"),
        ("takes/~/$HOME", "takes/~/$HOME"),
        ("$HOME.mid", "$HOME.mid"),
        ("$5.mid", "$5.mid"),
        ("x~", "x~"),
    ],
)
def test_home_and_variables_at_the_beginning(text: str, path: str) -> None:
    assert expand(text) == Path(path)


@pytest.mark.parametrize("text", ["~nobody_here/x", "$NOTHING/x", "${NOTHING}"])
def test_an_unknown_user_or_variable(text: str) -> None:
    with pytest.raises(ValueError, match="write the path without"):
        expand(text)


@pytest.mark.parametrize("home", ["", "relative"])
@pytest.mark.parametrize("text", ["~/takes", "$HOME/takes"])
def test_an_unusable_home(monkeypatch: pytest.MonkeyPatch, home: str, text: str) -> None:
    monkeypatch.setenv("HOME", home)
    if text.startswith("~") or not home:
        with pytest.raises(ValueError, match="no home folder for '~/takes'"):
            expand(text)


def test_without_home_the_user_database_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    assert expand("$HOME/x") == expand("~/x") == Path("~/x").expanduser()
