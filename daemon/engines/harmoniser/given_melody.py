"""The notes of a known melody, as the voices that the melody leads sing them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from daemon.engines.shared.followed_plan import FIRST_BEAT, FollowedPlan
from daemon.engines.shared.line import EPSILON, Line
from daemon.engines.shared.sounding_voices import SoundingVoices
from daemon.music.events import Play, Window

Lines = Mapping[str, Line]  # by given voice


def melody_notes(lines: Lines, window: Window, sounding: SoundingVoices, plan: FollowedPlan | None) -> Iterator[Play]:
    """The notes that begin in the window, unquantised, and the rest of a note that began before the melody led.

    `plan`: of the player whose melody it is, which swings and is silent in a break; None: the melody is a file's, and
    sounds as written there.
    """
    for voice, line in lines.items():
        start, note = window.start, line.sounding(window.start)
        enters = note is not None and note.onset < start - EPSILON and not sounding.note_at(start, voice)
        if note is not None and enters and not (plan is not None and plan.in_break(start)):
            remaining = note.onset + note.duration - start
            yield sounding.play(start, voice, note.pitch, note.velocity, remaining)
        for note in line.between(window.start, window.end):
            onset, duration = note.onset, note.duration
            if plan is not None:
                onset, duration = _as_planned(onset, onset + duration, plan)
            if duration > EPSILON or plan is None:
                yield sounding.play(onset, voice, note.pitch, note.velocity, duration)


def _as_planned(onset: float, end: float, plan: FollowedPlan) -> tuple[float, float]:
    """Onset and duration with which a note sounds that is written from `onset` to `end`; 0 if the note is silent."""
    if plan.in_break(onset):
        return onset, 0.0
    section = plan.section(end - 2 * EPSILON)
    if section is not None and plan.in_break(end - 2 * EPSILON):
        end = section.onset + FIRST_BEAT
    sounds = plan.sounding(onset)
    return sounds, plan.sounding(end) - sounds
