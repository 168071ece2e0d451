"""What the players have planned, for those that start anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daemon.music.form_place import FormPlace, form_place
from daemon.music.plan import Plan, Section, add_plan, plan_from_json, plan_to_json
from daemon.spec import StageSpec


class Plans:
    """The plans of each player that hold.

    They outlive the process of a player that ends, a panic and the session of a recording: a player that starts anew is
    told its own plans, too, and so finds the place in the form. They end where the song starts or jumps. Journals
    without `StageSpec.merges_plans` were recorded when only the latest plan of a player counted, until its end.
    """

    def __init__(self) -> None:
        self._plans: dict[str, tuple[Plan, ...]] = {}
        self._merges = False
        self.changed: Callable[[], object] = lambda: None  # called when a plan has come
        self._stood_at: float | None = None  # the beat at which the transport stopped
        self._are_kept = False  # from the stage process before, until the transport runs or stands as it did
        self._names: set[str] = set()  # of the players

    def take(self, spec: StageSpec) -> None:
        self._merges, self._names = spec.merges_plans, {player.name for player in spec.players}

    def keep(self, plans: Mapping[str, Any], stood_at: float | None) -> None:
        """Take those of the stage process before, whose transport ran, or stood at this beat."""
        self.restore({"plans": {name: own for name, own in plans.items() if name in self._names}})
        self._stood_at, self._are_kept = stood_at, True

    def add(self, name: str, plan: Plan, beat: float) -> None:
        """Of the player `name`, at `beat`."""
        self._plans[name] = add_plan(self._plans.get(name, ()), plan, beat) if self._merges else (plan,)
        self.changed()

    def of(self, name: str) -> tuple[Plan, ...]:
        return self._plans.get(name, ())

    def all(self) -> dict[str, tuple[Plan, ...]]:
        """By player. As plans are values, comparing two of these costs little."""
        return dict(self._plans)

    def for_player(self, name: str, listen: tuple[str, ...]) -> list[tuple[str, Plan]]:
        """What `name`, which listens to `listen`, is told when it starts anew."""
        sources = [*([name] if self._merges else []), *listen]
        return [(source, plan) for source in sources for plan in self.of(source)]

    def forget(self, name: str) -> None:
        """Player `name` is no member any more, or another one."""
        self._plans.pop(name, None)

    def down(self, name: str) -> None:
        """The process of player `name` has ended."""
        if not self._merges:
            self.forget(name)

    def reset(self, beat: float | None = None) -> None:
        """All players start anew at `beat`; None: in the middle of the song."""
        goes_on = beat is None or beat == self._stood_at or (self._are_kept and self._stood_at is None)
        if not (self._merges and goes_on):
            self._plans.clear()
        self._stood_at, self._are_kept = None, False

    def stand(self, beat: float) -> None:
        """The transport stops at `beat`, or stands there."""
        if self._are_kept:
            self._are_kept = False
            return
        if not self._merges or self._stood_at not in (None, beat):
            self._plans.clear()
        self._stood_at = beat

    def form_place(self, beat: float, bar: float) -> FormPlace | None:
        """By the first player that has planned the form."""
        places = (form_place(plans, beat, bar) for plans in self._plans.values())
        return next((place for place in places if place is not None), None)

    def ritardandi(self) -> list[Section]:
        """The sections before which the tempo slows down."""
        sections = (section for plans in self._plans.values() for plan in plans for section in plan.sections)
        return [section for section in sections if section.ritardando]

    def to_json(self) -> dict[str, Any]:
        return {"plans": {name: [*map(plan_to_json, plans)] for name, plans in self._plans.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        plans = state.get("plans", {})  # older journals have none
        self._plans = {name: tuple(map(plan_from_json, own)) for name, own in plans.items()}
