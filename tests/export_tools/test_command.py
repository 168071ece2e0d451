"""Command lines: arguments and errors."""

import argparse

import pytest

from daemon.errors import JamdError, ModelError
from export_tools.common import command


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", ""])
def test_a_count_is_a_whole_number_from_1_on(text):
    with pytest.raises(argparse.ArgumentTypeError, match="choose a whole number from 1 on"):
        command.positive_integer(text)
    assert command.positive_integer("12") == 12


@pytest.mark.parametrize(("error", "code"), [(JamdError("no room"), 1), (ModelError("x.onnx: no such model"), 2)])
def test_an_error_is_one_line_with_its_exit_code(capsys, error, code):
    def fail():
        raise error

    assert (command.exit_code(fail), command.exit_code(lambda: 3)) == (code, 3)
    assert capsys.readouterr() == ("", f"error: {error}\n")


def test_ctrl_c_is_one_line(capsys):
    def interrupted():
        raise KeyboardInterrupt

    assert command.exit_code(interrupted) == 130
    assert capsys.readouterr() == ("", "error: interrupted\n")
