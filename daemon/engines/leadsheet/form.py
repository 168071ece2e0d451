"""Where the song is and what comes next: introduction, choruses and ending, and how a person steers through them.

The place in the form is a function of the beat, until a person steers. What was steered is recovered from the leader's
own plans (`recall`). Every method that changes what is planned returns the plans to announce.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from daemon.engines.leadsheet.choruses import AS_WRITTEN, WITHOUT_WISHES, Choruses, Order
from daemon.engines.leadsheet.score import (
    Plans,
    bar_line,
    numbered,
    sheet_of,
    since,
    skipped,
    slowing_from,
    until,
    with_break,
)
from daemon.music.leadsheet import LeadSheet
from daemon.music.plan import ENDING, EPSILON, Plan, PlannedChord, Section, add_plan, section_at
from daemon.song.arrangement import TAG, chorus, final_chorus, opening
from daemon.song.description import Song
from daemon.song.form import sections_of

# Bars before the end of what is planned, from which on wishes come too late for the next chorus, and at which that is
# announced; three quarters and half of it at most.
WISHED, ANNOUNCE = 8, 2
BITS_OF_RESET = 32  # the lower bits of a seed, other ones at each reset
NOTICE = 0.25  # beats before a bar line in which it is too late to steer there


class Form:
    """`wishes`, `blend`: for the choruses that are composed from now on. `tempo`: in beats per minute."""

    def __init__(self, song: Song) -> None:
        self._song = song
        self.wishes, self.blend, self.tempo = WITHOUT_WISHES, AS_WRITTEN, song.bpm
        self._choruses = Choruses(song)
        self.reset(0)

    def reset(self, seed: int) -> None:
        self._seed, self._first = self._seeds(seed)
        self._choruses.forget()
        self.plans: Plans = ()
        self._recalled: Plans = ()
        self._sheets: dict[int, LeadSheet] = {}  # by the number of the chorus
        self._begun: dict[Order, float] = {}  # beats at which composing the next chorus began, to these wishes
        self._decided = False  # whether the wishes for it are the last ones
        self._last = self._song.choruses or None  # the number of the last chorus
        self.has_ending = False  # whether the ending is planned

    def anticipate(self, seed: int) -> None:
        """Compose ahead what `enter` after a reset with `seed` needs."""
        self._choruses.sheet(self._seeds(seed)[1])

    def recall(self, plan: Plan) -> None:
        """A plan of its own, told after a reset."""
        self._recalled = add_plan(self._recalled, plan, -math.inf)  # that of a later beat leaves the present one

    # As time goes on

    def enter(self, beat: float) -> Plans:
        """Plan anew from `beat` on: the first window after a reset or a jump. Nothing is composed for that: the present
        chorus has the music of the first one."""
        recalled, self._recalled = self._recalled, ()
        self._begun, self._decided = {}, False
        section = section_at(recalled, beat)
        if section is not None and self._fits(recalled):
            self.plans = recalled
            self.has_ending = any(each.name == ENDING for plan in recalled for each in plan.sections)
            return ()
        if recalled and section is None and any(each.name == ENDING for plan in recalled for each in plan.sections):
            self.plans, self.has_ending = (), True  # the song was over
            return ()
        self.plans, self.has_ending = (), False
        sheet = self._choruses.sheet(self._first)
        first = opening(self._song, sheet, 0.0)
        begin = max(first.end, 0.0)
        if section is not None and section.chorus:
            number, onset = section.chorus, section.onset - section.place  # of another version of the song
        elif first.sections and beat < begin - EPSILON:
            self.plans = (numbered(first, 0),)
            return since(self.plans, beat)
        else:
            number, onset = 1, begin
        rounds = max(int((beat - onset + EPSILON) // self._song.length), 0)
        if self._last is not None:
            rounds = min(rounds, max(self._last - number, 0))
        plan = self._chorus(number + rounds, onset + rounds * self._song.length, sheet)
        self.plans = (plan,)
        return since(self.plans, beat)

    def extend(self, beat: float) -> Plans:
        """Compose the next chorus, and plan it, when it is time."""
        if self.has_ending or not self.plans:
            return ()
        last, bar = self.plans[-1], self._song.bar
        length = last.end - last.beat
        is_last_call = beat >= last.end - min(WISHED * bar, length * 0.75) - EPSILON
        if not self._begun or (is_last_call and not self._decided):  # a person may ask for it before
            order, self._decided = self._order(last.sections[-1].chorus + 1), is_last_call
            self._begun.setdefault(order, beat)
            self._choruses.begin(order)
        if beat < last.end - min(ANNOUNCE * bar, length / 2) - EPSILON:
            return ()
        self.plans = (*(plan for plan in self.plans[:-1] if plan.end > beat - bar), last)
        plan = self._append(beat)
        return (plan, *self.extend(beat)) if plan.end <= beat else (plan,)  # windows were skipped

    # Steered by a person

    def next_section(self, beat: float) -> Plans:
        """From the next bar line on, the section after the present one."""
        at = bar_line(self.plans, beat + NOTICE, self._song.bar)
        section = section_at(self.plans, beat)
        if at is None or section is None or at >= section.onset + section.duration - EPSILON:
            return ()
        if not self.has_ending and section.onset + section.duration >= self.plans[-1].end - EPSILON:
            self._append(beat)
        self.plans = skipped(self.plans, at)
        return since(self.plans, at)

    def break_off(self, beat: float) -> Plans:
        """In the next bar the band is silent after the first beat."""
        if (at := bar_line(self.plans, beat + NOTICE, self._song.bar)) is None:
            return ()
        self.plans = with_break(self.plans, at, self._song.bar)
        return since(self.plans, at)

    def end(self, beat: float) -> Plans:
        """The present chorus becomes the last one; once that is planned, the present section. What is too late for one
        is done in the next."""
        section = section_at(self.plans, beat)
        if section is None or section.name in (TAG, ENDING):
            return ()
        sooner, announced = self.has_ending, len(self.plans)
        for each in self._choruses_from(section, beat):
            sheet, onset = self._sheets[each.chorus], each.onset - each.place
            if sooner:
                sheet = _cut(sheet, each.onset + each.duration - onset)
            final = slowing_from(numbered(final_chorus(self._song, sheet, onset), each.chorus), beat + NOTICE)
            at = min(s.onset for s in final.sections if s.name in (TAG, ENDING))
            at = min(at, onset + sheet.length)
            if at >= beat + NOTICE:
                self._last, self.has_ending = each.chorus, True
                before = until(self.plans[announced:], at)  # the next chorus, if that was not planned yet
                self.plans = (*until(self.plans, at), final.since(at))
                return (*before, final.since(at))
        return ()

    # Inside

    def _choruses_from(self, section: Section, beat: float) -> Iterator[Section]:
        """The present section, then the first one of the next chorus."""
        if section.chorus:
            if section.chorus not in self._sheets:
                like = self._choruses.sheet(self._first)
                self._sheets[section.chorus] = sheet_of(self.plans, section, like)
            yield section
        if self.has_ending:
            return
        if not (following := self._first_of(section.chorus + 1)):
            self._append(beat)
            following = self._first_of(section.chorus + 1)
        yield from following

    def _seeds(self, seed: int) -> tuple[int, Order]:
        """Of the choruses after a reset with `seed`; and the first chorus, whose chords all choruses have, which is the
        same after each reset: its seed is that of the song, or else the band's."""
        own = self._song.seed
        return (seed, Order(seed >> BITS_OF_RESET, 1)) if own is None else (own, Order(own, 1))

    def _first_of(self, number: int) -> list[Section]:
        return [each for plan in self.plans for each in plan.sections if each.chorus == number][:1]

    def _append(self, beat: float) -> Plan:
        last = self.plans[-1]
        number = last.sections[-1].chorus + 1
        plan = self._chorus(number, last.end, self._sheet(number, beat))
        self.plans = (*self.plans, plan)
        return plan

    def _chorus(self, number: int, onset: float, sheet: LeadSheet) -> Plan:
        self._sheets = {n: each for n, each in self._sheets.items() if n >= number - 1} | {number: sheet}
        self.has_ending = self._last is not None and number >= self._last
        plan = final_chorus(self._song, sheet, onset) if self.has_ending else chorus(sheet, onset)
        return numbered(plan, number)

    def _sheet(self, number: int, asked: float) -> LeadSheet:
        """Of the chorus that is asked for at the beat `asked`: to the last wishes that came in time; if none did, the
        chorus before once more."""
        begun, self._begun, self._decided = self._begun, {}, False
        if not self._song.style:
            return self._choruses.sheet(self._order(number))
        seconds = {o: (asked - beat) * 60 / self.tempo for o, beat in begun.items() if o.number == number}
        ready = [order for order, given in seconds.items() if given >= order.seconds(self._song)]
        if not ready:
            return self._sheets.get(number - 1) or self._choruses.sheet(self._first)
        return self._choruses.sheet(ready[-1], seconds[ready[-1]])

    def _order(self, number: int) -> Order:
        if number == 1:
            return self._first
        before = self._sheets.get(number - 1) or self._choruses.sheet(self._first)
        return Order(self._seed, number, self.wishes, self.blend, before)

    def _fits(self, plans: Plans) -> bool:
        """Whether the plans are of this version of the song: its sections and the chords that it gives."""
        form = sections_of(self._song)
        for plan in plans:
            for section in plan.sections:
                there = [each for each in form if each.name == section.name]
                if not section.chorus or not there:
                    continue
                places = [each for each in there if abs(each.onset - section.place) < each.duration - EPSILON]
                if not places or not self._has_chords(plan, section, places[-1]):
                    return False
        return True

    def _has_chords(self, plan: Plan, section: Section, form: Section) -> bool:
        """`form`: where the section is in the chorus."""
        begin, end = section.onset - section.place + form.onset, section.onset + section.duration
        for rule in self._song.section(form.name).chords:
            at = begin + rule.onset
            sounding = [chord for chord in plan.chords if chord.onset <= at + EPSILON]
            is_there = section.onset - EPSILON <= at < end - EPSILON and sounding
            if is_there and not rule.forbidden and sounding[-1].symbol not in rule.symbols:
                return False
        return True


def _cut(sheet: LeadSheet, length: float) -> LeadSheet:
    """The sheet up to the end of a section."""
    plan = Plan(0.0, sheet.chords, sheet.sections, sheet.melody).until(length)
    chords: tuple[PlannedChord, ...] = plan.chords
    return replace(sheet, length=length, chords=chords, sections=plan.sections, melody=plan.melody)
