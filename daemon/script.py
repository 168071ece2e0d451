"""The command `jamd`. It prepares before it imports the command line, which takes a tenth of a second."""

from daemon.start import prepare


def main() -> None:
    prepare()
    from daemon.__main__ import main as run_command

    run_command()
