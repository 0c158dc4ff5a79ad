"""The solver agrees with plain minimax on small boards, and the stored positions agree with the solver."""

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


def test_drawn_positions_are_open_and_different_and_can_be_played_wrong():
    game = boards.InARow("four", 4, 5, 4, drops=True)
    lines = solver.draw_positions(game, 5, stones=12, seed=3)
    found = np.concatenate([solver.played(game, moves) for moves, _ in lines])
    keeping = np.array([[str(column + 1) in columns for column in range(5)] for _, columns in lines])
    assert len(np.unique(found, axis=0)) == 5 and np.isnan(game.outcomes(found)).all()
    assert ((found != 0).sum(axis=(1, 2)) == 12).all()
    losing = game.legal(found) & ~keeping
    assert losing.any(axis=1).all() and keeping.any(axis=1).all()
    np.testing.assert_array_equal(keeping, selfplay.optimal(game, found, {}))
    assert lines == solver.draw_positions(game, 5, stones=12, seed=3)
    assert lines != solver.draw_positions(game, 5, stones=12, seed=4)


def test_fault_more_positions_than_there_are():
    tiny = boards.InARow("tiny", 2, 2, 2, drops=True)  # two stones of a player are a row
    with pytest.raises(ValueError, match="0 such positions with 3 stones were found, not 1: ask for fewer"):
        solver.draw_positions(tiny, 1, stones=3)


def rows_through(board, point):
    """Return whether a stone of 1 at a point makes four in a row, by walking from it, without shifts."""
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        length = 1
        for sign in (1, -1):
            y, x = point[0] + sign * down, point[1] + sign * right
            while 0 <= y < 6 and 0 <= x < 7 and board[y, x] == 1:
                length, y, x = length + 1, y + sign * down, x + sign * right
        if length >= 4:
            return True
    return False


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_winning_columns_are_those_found_by_walking(seed):
    game, rng = boards.connect_four(), np.random.default_rng(seed)
    board = game.start()
    for _ in range(rng.integers(30)):
        after = game.play(board, selfplay.random_actions(game, board, rng))
        board = after if np.isnan(game.outcomes(after)[0]) else board
    expected = []
    for column in range(7):
        free = np.flatnonzero(board[0, :, column] == 0)
        expected.append(len(free) > 0 and rows_through(board[0], (free[-1], column)))
    assert solver.DropSolver(game).winning(board[0]).tolist() == expected


def test_the_stored_positions_are_what_they_are_said_to_be():
    game = boards.connect_four()
    positions, optimal = solver.load_positions(game)
    stones, counts = np.unique((positions != 0).sum(axis=(1, 2)), return_counts=True)
    assert stones.tolist() == [16, 20, 24, 28] and counts.tolist() == [250] * 4
    assert np.isnan(game.outcomes(positions)).all()
    mirrored = [min(board.tobytes(), board[:, ::-1].tobytes()) for board in positions]
    assert len(set(mirrored)) == 1000
    legal = game.legal(positions)
    assert (optimal <= legal).all() and optimal.any(axis=1).all() and (optimal < legal).any(axis=1).all()
    one = solver.DropSolver(game)
    assert not any(one.winning(board).any() for board in positions)


def test_a_sample_of_the_stored_positions_is_solved_again():
    game = boards.connect_four()
    positions, optimal = solver.load_positions(game)
    stones = (positions != 0).sum(axis=(1, 2))
    for number, step in ((28, 25), (24, 60), (20, 125)):
        one = solver.DropSolver(game)
        for row in np.flatnonzero(stones == number)[::step]:
            values = one.values(positions[row])
            np.testing.assert_array_equal(optimal[row], values == np.nanmax(values))
