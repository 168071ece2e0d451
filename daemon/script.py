"""The command `jamd`. It prepares before it imports the command line, which takes a tenth of a second."""

from daemon.held_signals import hold


def main() -> None:
    hold()
    from daemon.start import prepare

    prepare()
    from daemon.__main__ import main as run_command

    run_command()
