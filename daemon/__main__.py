"""The command line: `jamd`, or `python -m daemon`. A command imports its modules when it runs.

Over 300 lines because it is one list: each command with its options and their help.
"""

from __future__ import annotations

import sys

try:
    from daemon import __version__, held_signals

    if __name__ == "__main__":
        held_signals.hold()
    from daemon import start
    from daemon.errors import ConfigError, UsageError, printable_name
except ImportError:  # the PyPI package python-daemon brings a package of the same name
    sys.exit(
        "jamd: another package has overwritten jamd's `daemon`: install jamd into a virtual environment of its own"
    )

if __name__ == "__main__":
    start.prepare()

from pathlib import Path
from typing import Annotated

import typer

from daemon.usage import (
    MEASURES,
    BandFile,
    Bpm,
    Command,
    Commands,
    ConfigFile,
    Connect,
    NoSound,
    Outputs,
    Seed,
    Song,
    busy,
    count_of,
    run_command_line,
    seconds_of,
    warn,
)

app = typer.Typer(
    cls=Commands,
    help="A daemon that plays along: neural models accompany a keyboard, a DAW or a melody, live over MIDI.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help, which is printed at once
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"jamd {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand != "run":
        held_signals.restore()


@app.command(cls=Command)
def run(
    config: ConfigFile = None,
    seconds: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", parser=seconds_of, help="Stop after this time.")
    ] = None,
    bpm: Bpm = None,
    seed: Seed = None,
    connect: Connect = None,
    no_sound: NoSound = False,
    song: Song = None,
    metrics: Annotated[bool, typer.Option("--metrics", help="Log all figures at the end, as JSON.")] = False,
) -> None:
    """Play along, until Ctrl-C.

    --song, --bpm, --seed, --connect and --no-sound count as if written in the configuration, also after a reload.
    """
    from daemon.config import option_values
    from daemon.desk import run as desk

    options = option_values(bpm, seed, connect or (), no_sound, song)
    raise typer.Exit(desk.run(_band_for(song, config), seconds, options, metrics))


@app.command(cls=Command)
def check(
    config: ConfigFile = None,
    bpm: Bpm = None,
    seed: Seed = None,
    connect: Connect = None,
    no_sound: NoSound = False,
    song: Song = None,
) -> None:
    """Check the configuration, and print its values.

    Lists every mistake, or prints all values in effect, as a configuration.
    """
    from daemon.config import load, option_values

    with busy("trying the models"):
        loaded = load(_band_for(song, config), True, option_values(bpm, seed, connect or (), no_sound, song))
    warn(*loaded.warnings, loaded.silence)
    title = f"# {printable_name(str(loaded.path))}: no mistakes; the values in effect:"
    typer.echo(f"{title}\n{loaded.as_yaml()}", nl=False)


@app.command(cls=Command)
def ports(config: ConfigFile = None) -> None:
    """List the MIDI ports and the audio devices.

    Other programs' and devices' ports, those that jamd would open, and the device on which jamd would play.
    """
    from rich.console import Console

    from daemon.config import load
    from daemon.desk.port_list import show

    show(load(config), Console())


@app.command(cls=Command)
def models() -> None:
    """List the models and styles, their music, and verify each.

    Whether the files are intact, and the results correct on this machine.
    """
    from daemon.desk.model_list import show

    raise typer.Exit(show())


@app.command(cls=Command)
def style(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Lead sheets: MusicXML, or MIDI files with chords.")],
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="NAME", help="The name of the style, or a path: NAME.npz is written."),
    ],
) -> None:
    """Make a style for songs from a folder of lead sheets.

    A song that says `style: NAME` is composed in the style. Files that cannot be used are listed with the reason.
    """
    from daemon.desk.style_command import make_style

    typer.echo(make_style(folder, output))


@app.command(cls=Command)
def check_engine(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The engine's name, as in `engine: NAME`.")],
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="A model's name or path, if it needs one.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="An option or setting; may be repeated.")
    ] = None,
) -> None:
    """Check an engine against the rules for engines.

    Whether the engine keeps the rules of docs/engines.md; a broken rule is shown by the calls that break it.
    """
    from daemon.contract.run import check_engine as check

    with busy(f"checking {name}"):
        keeps_all, report = check(name, model, option or [])
    typer.echo(report)
    raise typer.Exit(0 if keeps_all else 1)


@app.command(cls=Command)
def render(
    output: Outputs,
    file: Annotated[
        Path | None, typer.Argument(metavar="[INPUT.mid]", help="Replaces all input ports and melodies.")
    ] = None,
    config: ConfigFile = None,
    song: Song = None,
    bpm: Bpm = None,
    seed: Seed = None,
    live: Annotated[
        bool, typer.Option("--live", help="Treat the file as live keys, on channel 1: the band does not look ahead.")
    ] = False,
    picture: Annotated[
        str | None, typer.Option(metavar="FILE.svg", help="Also draw the result as a piano roll.")
    ] = None,
) -> None:
    """Let the band accompany a MIDI file, or play a song.

    As a MIDI file, or as sound, WAV or FLAC, which the instruments of the band play. Faster than real time. The files
    that ship with jamd are found from anywhere, such as melodies/twinkle.mid. With --song there is no input: the band
    plays the song to its end.
    """
    from daemon.config import load, option_values
    from daemon.render.files import render_files

    if (file is None) == (song is None) or (live and song is not None):
        raise UsageError("render: name a MIDI file that the band accompanies (--live: as keys), or a song by --song")
    loaded = load(_band_for(song, config), given=option_values(bpm, seed, song=song))
    for line, is_stream in render_files(loaded, file, output, live, picture):
        typer.echo(printable_name(line), err=is_stream)


@app.command(cls=Command)
def sheet(
    song: Annotated[Path, typer.Argument(metavar="SONG", help="A song, as in docs/songs.md, or a sheet or chart.")],
    folder: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder of the files.")],
    count: Annotated[
        int, typer.Option(metavar="N", parser=count_of, help="Compose N sheets, and list them by how they differ.")
    ] = 1,
    config: BandFile = None,
    seed: Seed = None,
    no_sound: NoSound = False,
) -> None:
    """Write a song as a lead sheet, arranged and recorded.

    As MusicXML, an engraved page, a MIDI file with a track for each player, a piano roll, and sound. With --count only
    the sheets, of this seed and those after it.
    """
    from daemon.config import load, option_values
    from daemon.sheet.files import write

    try:
        loaded = load(_band_for(song, config), given=option_values(seed=seed, song=song))
    except ConfigError as error:
        raise ConfigError([problem.removeprefix("--song: ") for problem in error.problems]) from None
    for line in write(loaded, folder, count, seed is not None, not no_sound):
        typer.echo(printable_name(line))


@app.command(cls=Command)
def replay(
    session: Annotated[Path, typer.Argument(metavar="SESSION", help="A recording: its .mid, .journal or .flac.")],
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="OUTPUT.mid", help="A MIDI file of the replay to write.")
    ] = None,
    listen: Annotated[bool, typer.Option("--listen", help="Hear the session again, and compare nothing.")] = False,
    config: ConfigFile = None,
) -> None:
    """Replay a recorded session, and compare every note.

    From its journal; reports whether every note is the same. --listen plays what was heard (the .flac), or else what
    the instruments were sent (the .journal), on the audio device of the configuration.
    """
    if listen:
        from daemon.config import load
        from daemon.recording.listening import listen as listen_to

        if output is not None:
            raise UsageError("replay: --listen writes no file: leave out -o, or --listen")
        audio = load(config).audio
        return listen_to(session, audio.device or "default", audio.rate, audio.block)
    if config is not None:
        raise UsageError("replay: --config chooses the device of --listen: a session has its own configuration")
    from daemon.output_files import MIDI, OutputFile
    from daemon.recording.replay import replay as replay_session
    from daemon.recording.session_name import journal_of

    journal = journal_of(session)
    made = OutputFile(output, "-o", MIDI, [journal, journal.with_suffix(".mid")]) if output is not None else None
    replayed = replay_session(session)
    warn(*replayed.warnings)
    if made is not None:
        made.write(replayed.data)
    result = replayed.difference or ("no difference" if replayed.ends_early else "identical")
    result += f", but {replayed.ends_early}" if replayed.ends_early else ""
    typer.echo(printable_name(f"{session}: {replayed.notes} notes, {result}"), err=made is not None and made.is_stream)
    raise typer.Exit(1 if replayed.difference else 3 if replayed.ends_early else 0)


@app.command(cls=Command)
def doctor(config: ConfigFile = None) -> None:
    """Examine this machine: a page for a bug report.

    What prevents playing, and what would improve it, each with its remedy. The page names neither you nor your
    machine. Exit status 1 if something prevents playing.
    """
    from daemon.doctor.report import show

    raise typer.Exit(show(config))


@app.command(cls=Command)
def bench(
    measures: Annotated[list[str] | None, typer.Argument(metavar="MEASURE...", help=MEASURES)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    seconds: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", parser=seconds_of, help="How long each band plays in `sound`; default: 60."),
    ] = None,
) -> None:
    """Measure latency, memory, sound and more, beside targets."""
    from daemon.bench.run import run as run_bench

    raise typer.Exit(run_bench(measures or [], as_json, seconds))


def _band_for(song: Path | None, config: Path | None) -> Path | None:
    """The configuration; that of a band which plays songs, if a song but no configuration is given."""
    return Path("bands/combo.yaml") if song is not None and config is None else config


def main() -> None:
    """Run the command line."""
    run_command_line(app)


if __name__ == "__main__":
    main()
