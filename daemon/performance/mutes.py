"""Which players are muted and which are soloed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from daemon.commands import Command, MutePlayer, SoloPlayer


class Mutes:
    """While any player is soloed, those that are not are silent, too; a solo of an instrument silences instruments, all
    others the players that are none. `changed` is called after each change."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._players: list[str] = []
        self._instruments: set[str] = set()
        self._muted: set[str] = set()
        self._soloed: set[str] = set()

    def take(self, players: Iterable[str], instruments: Iterable[str]) -> None:
        """Take the players of another configuration, the instruments included; those that are gone are forgotten."""
        self._players, self._instruments = list(players), set(instruments)
        self._muted.intersection_update(self._players)
        self._soloed.intersection_update(self._players)
        self._changed()

    def mute(self, player: str, muted: bool | None = None) -> None:
        """Mute `player` or end that; None: the opposite of now."""
        self._put(self._muted, player, muted)

    def solo(self, player: str, soloed: bool | None = None) -> None:
        """Begin or end a solo of `player`; None: the opposite of now."""
        self._put(self._soloed, player, soloed)

    def silent(self) -> list[str]:
        """The players that are muted, or not soloed while others of their kind are."""
        soloed_kinds = {player in self._instruments for player in self._soloed}
        return [
            player
            for player in self._players
            if player in self._muted or (player not in self._soloed and (player in self._instruments) in soloed_kinds)
        ]

    def commands(self) -> list[Command]:
        """The commands that mute and solo the players that are muted and soloed."""
        muted = [MutePlayer(player, True) for player in sorted(self._muted)]
        return [*muted, *(SoloPlayer(player, True) for player in sorted(self._soloed))]

    def to_json(self) -> dict[str, Any]:
        return {"muted": sorted(self._muted), "soloed": sorted(self._soloed)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._muted, self._soloed = set(state.get("muted", ())), set(state.get("soloed", ()))  # older journals: none
        self._changed()

    def _put(self, names: set[str], player: str, inside: bool | None) -> None:
        if player not in self._players:
            return
        (names.add if (player not in names if inside is None else inside) else names.discard)(player)
        self._changed()
