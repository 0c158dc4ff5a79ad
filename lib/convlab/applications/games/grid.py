"""A walk on a grid of 4x4 fields, for a table: small enough to compute what each action is worth."""

from typing import Any

import gymnasium
import numpy as np

__all__ = ["Grid"]

MAP = ("S...", ".X.X", "...X", "X..G")
MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))  # rows and columns: left, down, right, up


class Grid(gymnasium.Env):
    """A walk from S to G on 4x4 fields: G gives 1, a pit X gives -1, and both end it. Lesson 24.

    Observations are numbers of fields, row by row from 0; actions: 0 left, 1 down, 2 right, 3 up. A move over
    the edge stays. The map and the numbers are those of gymnasium's FrozenLake, without ice.

    >>> game = Grid()
    >>> game.reset(seed=0)[0], game.step(2)[0], game.step(1)[:3]
    (0, 1, (5, -1.0, True))
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"]}  # noqa: RUF012 as gymnasium has it
    map = MAP

    def __init__(self, render_mode: str | None = None):
        self.observation_space = gymnasium.spaces.Discrete(16)
        self.action_space = gymnasium.spaces.Discrete(4)
        self.render_mode, self.field, self.over = render_mode, 0, True
        self.rules = self.moves()

    @staticmethod
    def moves() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return where each action leads, its reward, and whether it ends the walk: three arrays (16, 4).

        From a field where the walk has ended, each action stays and gives 0.
        """
        fields = "".join(MAP)
        following, rewards, ends = np.zeros((16, 4), int), np.zeros((16, 4)), np.zeros((16, 4), bool)
        for field, action in np.ndindex(16, 4):
            row, column = (
                min(max(place + move, 0), 3) for place, move in zip(divmod(field, 4), MOVES[action])
            )
            over = fields[field] in "XG"
            there = field if over else 4 * row + column
            following[field, action], ends[field, action] = there, fields[there] in "XG"
            rewards[field, action] = 0.0 if over else {"G": 1.0, "X": -1.0}.get(fields[there], 0.0)
        return following, rewards, ends

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[int, dict]:
        """Go to S; return its number and an empty dict."""
        super().reset(seed=seed)
        self.field, self.over = 0, False
        return self.field, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict]:
        """Move; return the field, the reward, whether the walk has ended, False and a dict.

        ValueError for an action other than 0 to 3, and after the end.
        """
        if action not in range(4):
            raise ValueError(f"action {action} does not fit this game: give a whole number from 0 to 3")
        if self.over:
            raise ValueError("this walk is over, or has not begun: call reset()")
        following, rewards, ends = self.rules
        place = self.field, int(action)
        self.field, self.over = int(following[place]), bool(ends[place])
        return self.field, float(rewards[place]), self.over, False, {}

    def render(self) -> str:
        """Return the map as text, with a P for the player."""
        fields = "".join(MAP)
        marked = fields[: self.field] + "P" + fields[self.field + 1 :]
        return "\n".join(marked[start : start + 4] for start in range(0, 16, 4))
