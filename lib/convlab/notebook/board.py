"""A board to play on: buttons in a notebook, a still picture where no kernel can answer (lesson 25)."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from convlab import plots
from convlab.notebook.widgets import WIDGET_VIEW

if TYPE_CHECKING:
    import ipywidgets

__all__ = ["PlayBoard"]

STONES = {1: "X", -1: "O", 0: "·"}


class PlayBoard:
    """A board on which a reader plays against a program, by clicking. Lesson 25.

    Args:
        game: its rules, as `boards.tic_tac_toe()` has them: shape, drops, start, legal, play, outcomes.
        reply: boards (1, H, W), seen by the program -> its action, (1,).
        reader_begins: whether the reader has the first move.
    """

    def __init__(
        self, game: Any, reply: Callable[[np.ndarray], np.ndarray], reader_begins: bool = True
    ) -> None:
        self.game, self.reply = game, reply
        self.new(reader_begins)

    def new(self, reader_begins: bool) -> None:
        """Begin a new game; the program moves at once if the reader does not begin."""
        self.reader_begins = reader_begins
        self.boards, self.moves = self.game.start(), 0
        if not reader_begins:
            self._move(int(self.reply(self.boards)[0]))

    def play(self, action: int) -> None:
        """Take the reader's action, and the program's answer; an action that is not legal changes nothing."""
        if self.over or not self.game.legal(self.boards)[0, action]:
            return
        self._move(action)
        if not self.over:
            self._move(int(self.reply(self.boards)[0]))

    def _move(self, action):
        self.boards = self.game.play(self.boards, [action])
        self.moves += 1

    @property
    def over(self) -> bool:
        """Whether the game has ended."""
        return not np.isnan(self.game.outcomes(self.boards)[0])

    @property
    def stones(self) -> np.ndarray:
        """The board (H, W) as the player who began sees it: 1 for the first player's stones."""
        return self.boards[0] if self.moves % 2 == 0 else -self.boards[0]

    @property
    def sentence(self) -> str:
        """Who is to move, or how the game ended."""
        own = "X" if self.reader_begins else "O"
        if not self.over:
            return f"{self.game.name}: you play {own}, and it is your move"
        if self.game.outcomes(self.boards)[0] == 0:
            return f"{self.game.name}: a draw"
        reader_moved_last = (self.moves % 2 == 1) == self.reader_begins
        return f"{self.game.name}: {'you win' if reader_moved_last else 'the program wins'}"

    def box(self) -> "ipywidgets.VBox":
        """Return the live board: an ipywidgets box of buttons, one for each point, and a sentence."""
        import ipywidgets

        height, width = self.game.shape
        size = ipywidgets.Layout(width="3em", height="3em")
        points = [ipywidgets.Button(layout=size) for _ in range(height * width)]
        status = ipywidgets.HTML()

        def redraw():
            free = self.game.legal(self.boards)[0] & (not self.over)
            for number, (button, stone) in enumerate(zip(points, self.stones.ravel())):
                action = number % width if self.game.drops else number
                words = {1: "X", -1: "O", 0: "empty"}[int(stone)]
                button.description = STONES[int(stone)]
                button.tooltip = f"row {number // width + 1}, column {number % width + 1}: {words}"
                button.disabled = not free[action]
            status.value = f'<p role="status">{self.sentence}</p>'

        def press(number):
            def pressed(_):
                self.play(number % width if self.game.drops else number)
                redraw()

            return pressed

        def begin(reader_begins):
            def pressed(_):
                self.new(reader_begins)
                redraw()

            return pressed

        for number, button in enumerate(points):
            button.on_click(press(number))
        starts = [ipywidgets.Button(description=text) for text in ("I begin", "Program begins")]
        starts[0].on_click(begin(True))
        starts[1].on_click(begin(False))
        redraw()
        columns = ipywidgets.Layout(grid_template_columns=f"repeat({width}, 3.3em)")
        return ipywidgets.VBox([ipywidgets.HBox(starts), ipywidgets.GridBox(points, layout=columns), status])

    def __repr__(self) -> str:
        rows = (" ".join(STONES[int(stone)] for stone in row) for row in self.stones)
        return "\n".join([self.sentence, *rows])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        height, width = self.game.shape
        figure = Figure(figsize=(0.6 * width + 0.4, 0.6 * height + 0.7))
        plots.board(self.stones, ax=figure.subplots())
        stream = io.BytesIO()
        figure.savefig(stream, format="png")
        view = self.box()._repr_mimebundle_()[WIDGET_VIEW]
        return {"text/plain": repr(self), "image/png": stream.getvalue(), WIDGET_VIEW: view}
