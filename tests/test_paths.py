"""What ~ and variables at the beginning of a path stand for."""

from pathlib import Path

import pytest

from daemon.paths import expand, find_file, near_file, resources, unreadable


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


def test_a_file_is_found_in_the_folder_else_among_those_that_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = resources() / "melodies" / "twinkle.mid"
    assert find_file("melodies/twinkle.mid", tmp_path) == shipped
    assert find_file("melodies/none.mid", tmp_path) == tmp_path / "melodies" / "none.mid"
    assert find_file("melodies", tmp_path) == tmp_path / "melodies"  # a folder is no file
    (tmp_path / "melodies").mkdir()
    (tmp_path / "melodies" / "twinkle.mid").touch()
    assert find_file("melodies/twinkle.mid", tmp_path) == tmp_path / "melodies" / "twinkle.mid"
    monkeypatch.setenv("TAKES", str(tmp_path))
    assert find_file("$TAKES/melodies/twinkle.mid") == tmp_path / "melodies" / "twinkle.mid"
    (tmp_path / "~x").touch()
    assert find_file("~x", tmp_path) == tmp_path / "~x"  # literally, if there is one


def test_a_near_file_has_the_suffix_and_a_similar_name(tmp_path: Path) -> None:
    (tmp_path / "ballade.mid").touch()
    (tmp_path / "twinkle.txt").touch()
    assert near_file(tmp_path / "balade.mid") == tmp_path / "ballade.mid"
    assert near_file(tmp_path / "twinkl.mid") == Path("melodies/twinkle.mid")
    assert near_file(tmp_path / "quartet.yaml") == Path("bands/quartet.yaml")
    assert near_file(tmp_path / "none" / "xyz.mid") is None
    assert near_file(Path("a\0b.mid")) is None
    (tmp_path / "dangling.sf2").symlink_to("nowhere")
    assert near_file(tmp_path / "dangling.sf2") is None


def test_a_near_file_takes_the_place_of_the_remedy(tmp_path: Path) -> None:
    missing = FileNotFoundError(2, "No such file or directory")
    path = tmp_path / "twinkl.mid"
    assert unreadable(path, missing, "x") == f"{path}: there is no such file: did you mean 'melodies/twinkle.mid'?"
    assert unreadable(Path("xyz.mid"), missing, "name one") == "xyz.mid: there is no such file: name one"
    refused = PermissionError(13, "Permission denied")
    assert unreadable(path, refused, "name one") == f"{path}: cannot be read (Permission denied): name one"
