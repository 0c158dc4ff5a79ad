"""The solver agrees with plain minimax on small boards, and sees what is forced on the large one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.applications import boards, selfplay, solver

SMALL = boards.InARow("small", 3, 4, 3, drops=True)
WIDE = boards.InARow("wide", 4, 4, 4, drops=True)
TABLES: dict[str, dict[bytes, float]] = {"small": {}, "wide": {}}
SOLVERS = {game.name: solver.DropSolver(game) for game in (SMALL, WIDE)}


@pytest.mark.parametrize(("game", "moves"), [(SMALL, 8), (WIDE, 15)], ids=["small", "wide"])
@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_values_are_those_of_minimax(game, moves, seed):
    rng, board = np.random.default_rng(seed), game.start()
    for _ in range(rng.integers(8 if game is WIDE else 0, moves)):
        after = game.play(board, selfplay.random_actions(game, board, rng))
        if not np.isnan(game.outcomes(after)[0]):
            break
        board = after
    table = TABLES[game.name]
    assert SOLVERS[game.name].value(board[0]) == selfplay.minimax(game, board[0], table)
    optimal = selfplay.optimal(game, board, table)[0]
    values = SOLVERS[game.name].values(board[0])
    np.testing.assert_array_equal(optimal, values == np.nanmax(values))


def test_a_forced_win_on_the_large_board():
    board = np.zeros((6, 7), "int8")
    board[5, 2:4] = 1  # two stones, free on both sides: three, and then four
    board[4, 2:4] = -1
    game = boards.connect_four()
    for action in (1, 4):
        assert solver.DropSolver(game).value(game.play(board[None], [action])[0]) == -1


def test_a_lost_game_is_lost_and_a_full_column_has_no_value():
    board = np.zeros((6, 7), "int8")
    board[5, :4] = -1
    assert solver.DropSolver(boards.connect_four()).value(board) == -1
    board = SMALL.start()
    for action in (0, 0, 0):
        board = SMALL.play(board, [action])
    assert np.isnan(SOLVERS["small"].values(board[0])).tolist() == [True, False, False, False]


def test_fault_a_game_whose_stones_do_not_fall():
    with pytest.raises(ValueError, match="in tic-tac-toe stones do not fall"):
        solver.DropSolver(boards.tic_tac_toe())


def test_late_positions_are_open_and_different_and_can_be_played_wrong():
    found, keeping = solver.late_positions(SMALL, 5, stones=6, seed=3)
    assert len(np.unique(found, axis=0)) == 5 and np.isnan(SMALL.outcomes(found)).all()
    assert ((found != 0).sum(axis=(1, 2)) == 6).all()
    losing = SMALL.legal(found) & ~keeping
    assert losing.any(axis=1).all() and keeping.any(axis=1).all()
    np.testing.assert_array_equal(keeping, selfplay.optimal(SMALL, found, TABLES["small"]))
    np.testing.assert_array_equal(found, solver.late_positions(SMALL, 5, stones=6, seed=3)[0])
    assert (found != solver.late_positions(SMALL, 5, stones=6, seed=4)[0]).any()


def test_fault_more_positions_than_there_are():
    tiny = boards.InARow("tiny", 2, 2, 2, drops=True)  # two stones of a player are a row
    with pytest.raises(ValueError, match="0 such positions with 3 stones were found, not 1: ask for fewer"):
        solver.late_positions(tiny, 1, stones=3)
