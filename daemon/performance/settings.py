"""The settings of the players: those of the configuration, and those that were turned since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.commands import ChangeSetting, Command
from daemon.spec import PlayerSpec


class Settings:
    """The turned values, by player and setting; a player's restart and a reload that leaves the player alone keep
    them."""

    def __init__(self) -> None:
        self._turned: dict[tuple[str, str], float] = {}

    def turn(self, player: str, setting: str, value: float) -> None:
        self._turned[player, setting] = value

    def forget(self, player: str) -> None:
        """The values of the configuration count again."""
        self._turned = {key: value for key, value in self._turned.items() if key[0] != player}

    def of(self, spec: PlayerSpec) -> dict[str, float]:
        """The present values, by name."""
        return {
            **spec.settings,
            **{name: value for (player, name), value in self._turned.items() if player == spec.name},
        }

    def commands(self) -> list[Command]:
        return [ChangeSetting(player, setting, value) for (player, setting), value in self._turned.items()]

    def to_json(self) -> dict[str, Any]:
        return {"settings": [[player, setting, value] for (player, setting), value in self._turned.items()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._turned = {(player, setting): value for player, setting, value in state["settings"]}
