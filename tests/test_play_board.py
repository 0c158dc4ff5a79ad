"""The board to play on: rules, whose turn it is, buttons, and a still picture without a kernel."""

import numpy as np
import pytest

from convlab import plots
from convlab.applications import boards
from convlab.notebook.board import PlayBoard
from convlab.notebook.widgets import WIDGET_VIEW

GAME = boards.tic_tac_toe()


def first_free(position):
    """A program that takes the first legal action."""
    return GAME.legal(position).argmax(axis=1)


def test_the_program_answers_each_move():
    board = PlayBoard(GAME, first_free)
    board.play(4)
    assert board.stones.tolist() == [[-1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert board.sentence == "tic-tac-toe: you play X, and it is your move"


def test_the_program_sees_the_board_as_its_own():
    seen = []

    def reply(position):
        seen.append(position[0].copy())
        return first_free(position)

    PlayBoard(GAME, reply).play(4)
    assert seen[0][1, 1] == -1  # the reader's stone is the opponent's


def test_a_move_that_is_not_legal_changes_nothing():
    board = PlayBoard(GAME, first_free)
    board.play(4)
    board.play(4)
    assert board.moves == 2


@pytest.mark.parametrize(
    ("begins", "moves", "sentence"),
    [
        (True, (4, 2, 6), "tic-tac-toe: you win"),
        (True, (8, 7, 3), "tic-tac-toe: the program wins"),
        (False, (8, 7, 3), "tic-tac-toe: the program wins"),
        (False, (4, 2, 6), "tic-tac-toe: you win"),
        (True, (2, 4, 3, 7, 8), "tic-tac-toe: a draw"),
    ],
)
def test_the_sentence_says_how_a_game_ended(begins, moves, sentence):
    board = PlayBoard(GAME, first_free, begins)
    for move in moves:
        board.play(move)
    assert board.over and board.sentence == sentence
    before = board.moves
    board.play(5)
    assert board.moves == before


def test_buttons_play_and_begin_anew():
    board = PlayBoard(GAME, first_free)
    starts, grid, status = board.box().children
    grid.children[4].click()
    assert [button.description for button in grid.children[:5]] == ["O", "·", "·", "·", "X"]
    assert grid.children[4].disabled and not grid.children[1].disabled
    assert grid.children[4].tooltip == "row 2, column 2: X"
    starts.children[1].click()
    assert grid.children[0].description == "X" and board.moves == 1
    assert "you play O" in status.value
    starts.children[0].click()
    assert board.moves == 0


def test_a_click_on_any_point_of_a_column_drops_a_stone():
    game = boards.connect_four()
    board = PlayBoard(game, lambda position: np.array([0]))
    _, grid, _ = board.box().children
    grid.children[3].click()
    assert board.stones[5].tolist() == [-1, 0, 0, 1, 0, 0, 0]


def test_a_reader_without_a_kernel_sees_board_and_sentence():
    board = PlayBoard(GAME, first_free)
    board.play(4)
    data = board._repr_mimebundle_()
    assert data["text/plain"].splitlines()[1:] == ["O · ·", "· X ·", "· · ·"]
    assert data["image/png"].startswith(b"\x89PNG") and WIDGET_VIEW in data


def test_a_picture_has_stones_and_shares():
    ax = plots.board([[1, 0, -1], [0, 0, 0], [0, 0, 0]], np.full((3, 3), 0.25), title="a board")
    assert len(ax.collections) == 2 and [text.get_text() for text in ax.texts] == ["25%"] * 7
    assert ax.get_title(loc="left") == "a board"


def test_fault_shares_of_another_board():
    with pytest.raises(ValueError, match=r"shares \(2, 2\) do not fit a board \(3, 3\)"):
        plots.board(np.zeros((3, 3)), np.zeros((2, 2)))
