"""Rules of the board games: published counts, planted positions, and a second, naive Go."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.applications import boards

GAMES = [boards.tic_tac_toe(), boards.connect_four()]


def test_as_many_games_of_tic_tac_toe_as_are_known():
    game, position, finished = boards.tic_tac_toe(), boards.tic_tac_toe().start(), 0
    while len(position):
        row, action = np.nonzero(game.legal(position))
        position = game.play(position[row], action)
        over = ~np.isnan(game.outcomes(position))
        finished += over.sum()
        position = position[~over]
    assert finished == 255_168


def test_as_many_positions_of_connect_four_as_are_known():
    game, position, counts = boards.connect_four(), boards.connect_four().start(), []
    for _ in range(6):
        row, action = np.nonzero(game.legal(position))
        position = np.unique(game.play(position[row], action), axis=0)
        counts.append(len(position))
    assert counts == [7, 49, 238, 1120, 4263, 16422]  # oeis.org/A212693


@pytest.mark.parametrize("game", GAMES, ids=lambda game: game.name)
def test_each_row_wins_and_one_stone_less_does_not(game):
    for line in game.lines:
        board = np.zeros((1, *game.shape), "int8")
        board.reshape(-1)[line] = -1
        assert game.outcomes(board)[0] == -1
        board.reshape(-1)[line[1]] = 1
        assert np.isnan(game.outcomes(board)[0])


def test_stones_fall_and_columns_fill():
    game, position = boards.connect_four(), boards.connect_four().start()
    for _ in range(6):
        position = game.play(position, [2])
    assert position[0, :, 2].tolist() == [
        -1,
        1,
        -1,
        1,
        -1,
        1,
    ]  # seen by the player who began: the lowest is 1
    assert game.legal(position)[0].tolist() == [True, True, False, True, True, True, True]


@pytest.mark.parametrize("game", GAMES, ids=lambda game: game.name)
@pytest.mark.parametrize("action", [-1, 9])
def test_fault_an_action_that_does_not_exist(game, action):
    with pytest.raises(ValueError, match=f"action {action} is not legal on board 1"):
        game.play(game.start(2), [0, action])


def test_fault_a_point_that_is_taken():
    game = boards.tic_tac_toe()
    with pytest.raises(ValueError, match="action 4 is not legal on board 0"):
        game.play(game.play(game.start(), [4]), [4])


def test_fault_a_row_longer_than_the_board():
    with pytest.raises(ValueError, match="4 in a row do not fit"):
        boards.InARow("none", 3, 3, 4, drops=False)


@pytest.mark.parametrize("game", GAMES, ids=lambda game: game.name)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_a_turned_game_is_the_same_game(game, seed):
    rng = np.random.default_rng(seed)
    position = game.start()
    for _ in range(rng.integers(1, 9)):
        if not np.isnan(game.outcomes(position)[0]):
            break
        before, action = position, rng.choice(np.flatnonzero(game.legal(position)[0]))
        position = game.play(position, [action])
        for points, actions in game.symmetries:
            turned = before.reshape(1, -1)[:, points].reshape(before.shape)
            after = game.play(turned, [np.flatnonzero(actions == action)[0]])
            np.testing.assert_array_equal(after.ravel(), position.ravel()[points])
            np.testing.assert_array_equal(game.outcomes(after), game.outcomes(position))


def test_so_many_symmetries():
    assert len({tuple(points) for points, _ in boards.tic_tac_toe().symmetries}) == 8
    assert len({tuple(points) for points, _ in boards.connect_four().symmetries}) == 2


def go_state(*rows, go, passes=0):
    """Return a game at a drawn position: X is to move and began, nothing else has occurred."""
    board = np.array([[["O", ".", "X"].index(point) - 1 for point in row] for row in rows], "int8")[None]
    seen = go._numbers(board.reshape(1, 1, -1), turn=0)
    return boards.GoState(board, np.array([passes]), (frozenset(int(number) for number in seen[0]),))


def test_go_takes_two_groups_at_once():
    go = boards.Go(4)
    state = go.play(go_state("O.O.", "XXX.", "....", "....", go=go), [1])
    assert (-state.boards[0, 0]).tolist() == [0, 1, -1, 0]  # the right one has a liberty
    state = go.play(go_state("O.OX", "XXX.", "....", "....", go=go), [1])
    assert (-state.boards[0, 0]).tolist() == [0, 1, 0, 1]


def test_go_suicide_is_forbidden_and_capturing_is_not_suicide():
    go = boards.Go(4)
    assert not go.legal(go_state(".O..", "O...", "....", "....", go=go))[0, 0]
    assert not go.legal(go_state("X.O.", "OO..", "....", "....", go=go))[0, 1]  # of two stones
    assert go.legal(go_state(".OX.", "OX..", "X...", "....", go=go))[0, 0]


def test_go_ko_is_not_retaken_at_once_but_after_another_exchange():
    go = boards.Go(4)
    state = go.play(go_state(".XO.", "XO.O", ".XO.", "....", go=go), [6])  # X takes the stone in the middle
    assert state.boards[0, 1, 1] == 0 and state.boards[0, 1, 2] == -1
    assert not go.legal(state)[0, 5]  # O may not take back
    state = go.play(go.play(state, [15]), [12])
    assert go.legal(state)[0, 5]


def test_go_superko_forbids_a_long_cycle():
    go = boards.Go(2, komi=0)  # on 2x2 points every cycle is long
    state, seen = go.start(), set()
    rng = np.random.default_rng(0)
    for ply in range(40):
        board = state.boards[0] if ply % 2 == 0 else -state.boards[0]
        moves = np.flatnonzero(go.legal(state)[0, :4])
        if not len(moves):
            state = go.play(state, [4])
            continue
        seen.add(board.tobytes())
        state = go.play(state, [rng.choice(moves)])
        after = -state.boards[0] if ply % 2 == 0 else state.boards[0]
        assert after.tobytes() not in seen


def test_go_who_moves_first_in_a_seki_is_taken():
    go = boards.Go(4, komi=0)
    rows = ("X.OO", "XXOO", "XOOO", "X.OO")  # both groups have the same two liberties
    state = go_state(*rows, go=go)
    assert go.scores(state)[0] == 5 - 9  # the shared liberties are nobody's
    state = go.play(go.play(state, [1]), [13])
    assert not (state.boards == 1).any()  # all stones of X
    state = go.play(go.play(go.play(go_state(*rows, go=go), [16]), [1]), [13])
    assert not (state.boards == 1).any()  # all stones of O, who is to move


def test_go_two_passes_end_a_game_and_areas_are_counted():
    go = boards.Go(4, komi=0.5)
    state = go_state(".X.O", "XX.O", "...O", "X..O", go=go)
    assert go.scores(state)[0] == 5 - 4 - 0.5  # four stones and a corner; the middle touches both
    state = go.play(go.play(state, [16]), [16])
    assert go.outcomes(state)[0] == 1.0
    assert np.isnan(go.outcomes(go.start(2))).all()


def test_fault_a_size_that_is_not_played():
    with pytest.raises(ValueError, match="1x1 points"):
        boards.Go(1)


class NaiveGo:
    """One game of Go with dictionaries, written apart from the package, by the rules' text."""

    def __init__(self, size):
        self.size, self.board, self.colour = size, {}, 1
        self.seen = [{}]

    def beside(self, point):
        y, x = point
        near = [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
        return [(a, b) for a, b in near if 0 <= a < self.size and 0 <= b < self.size]

    def reach(self, board, point, through):
        """Return what is reached from a point over points of its own kind, and the kinds at the border."""
        inside, border, todo = {point}, set(), [point]
        while todo:
            for near in self.beside(todo.pop()):
                if board.get(near, 0) != through:
                    border.add(board.get(near, 0))
                elif near not in inside:
                    inside.add(near)
                    todo.append(near)
        return inside, border

    def after(self, point):
        """Return the board after a move; None where it is not legal."""
        if point in self.board:
            return None
        board = {**self.board, point: self.colour}
        for colour in (-self.colour, self.colour):
            dead = [p for p in board if board[p] == colour and 0 not in self.reach(board, p, colour)[1]]
            if dead and colour == self.colour:
                return None
            board = {p: c for p, c in board.items() if p not in dead}
        return None if board in self.seen else board

    def play(self, point):
        if point is not None:
            self.board = self.after(point)
            self.seen.append(self.board)
        self.colour = -self.colour

    def area(self):
        """Return the points of 1 less those of -1."""
        total = sum(self.board.values())
        for point in np.ndindex(self.size, self.size):
            if point not in self.board:
                border = self.reach(self.board, point, 0)[1]
                total += sum(border) if len(border) == 1 else 0
        return total


@given(seed=st.integers(0, 10**9), size=st.sampled_from([2, 3, 4, 5]))
@settings(max_examples=15, deadline=None)
def test_go_agrees_with_a_naive_implementation(seed, size):
    rng, go, naive = np.random.default_rng(seed), boards.Go(size, komi=0), NaiveGo(size)
    state = go.start()
    for _ in range(3 * size * size):
        legal = go.legal(state)[0]
        expected = [naive.after(point) is not None for point in np.ndindex(size, size)]
        assert legal[:-1].tolist() == expected
        moves = np.flatnonzero(legal[:-1])
        action = rng.choice(moves) if len(moves) and rng.random() > 0.05 else size * size
        state = go.play(state, [action])
        naive.play(None if action == size * size else tuple(map(int, divmod(action, size))))
        here = np.zeros((size, size), int)
        for point, colour in naive.board.items():
            here[point] = colour
        np.testing.assert_array_equal(state.boards[0], here * naive.colour)
        assert go.scores(state)[0] == naive.area() * naive.colour


def test_go_games_side_by_side_do_not_touch_each_other():
    rng, go = np.random.default_rng(5), boards.Go(4)
    together, apart = go.start(3), [go.start() for _ in range(3)]
    for _ in range(20):
        actions = [rng.choice(np.flatnonzero(row)) for row in go.legal(together)]
        together = go.play(together, actions)
        apart = [go.play(one, [action]) for one, action in zip(apart, actions)]
        np.testing.assert_array_equal(together.boards, np.concatenate([one.boards for one in apart]))
        np.testing.assert_array_equal(together.passes, np.concatenate([one.passes for one in apart]))
    assert together.history == tuple(one.history[0] for one in apart)
