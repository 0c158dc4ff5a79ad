"""Search, self-play and the loop: against minimax, against a naive search, and against themselves resumed."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab import networks
from convlab.applications import boards, selfplay

GAME = boards.tic_tac_toe()
TABLE: dict[bytes, float] = {}
selfplay.minimax(GAME, GAME.start()[0], TABLE)
POSITIONS = selfplay.positions(GAME)


def hashed(position):
    """An evaluator without chance: priors and values that depend on the position alone, all different."""
    weights = np.random.default_rng(3).normal(size=(GAME.actions + 1, 9))
    scores = position.reshape(len(position), -1) @ weights.T
    return np.exp(scores[:, :-1] / 3), np.tanh(scores[:, -1])


class Naive:
    """One tree of PUCT with recursion and dictionaries, written apart from the package."""

    def __init__(self, board, c):
        self.c, self.nodes = c, {}
        self.grow(board, ())

    def grow(self, board, path):
        outcome = GAME.outcomes(board)[0]
        if not np.isnan(outcome):
            self.nodes[path] = (board, outcome, {})
            return outcome
        priors, values = hashed(board)
        legal = np.flatnonzero(GAME.legal(board)[0])
        total = priors[0, legal].sum()
        self.nodes[path] = (board, None, {int(a): [priors[0, a] / total, 0, 0.0] for a in legal})
        return values[0]

    def simulate(self, path=()):
        """Return the value for the player to move at the node."""
        board, outcome, edges = self.nodes[path]
        if outcome is not None:
            return outcome
        visits = 1 + sum(edge[1] for edge in edges.values())

        def score(action):
            prior, count, total = edges[action]
            return (total / count if count else 0) + self.c * prior * visits**0.5 / (1 + count)

        action = max(edges, key=score)
        below = (*path, action)
        if below in self.nodes:
            value = -self.simulate(below)
        else:
            value = -self.grow(GAME.play(board, [action]), below)
        edges[action][1] += 1
        edges[action][2] += value
        return value


@given(seed=st.integers(0, 10**6), simulations=st.integers(1, 60))
@settings(max_examples=15, deadline=None)
def test_search_side_by_side_equals_naive_trees(seed, simulations):
    rows = np.random.default_rng(seed).integers(len(POSITIONS), size=4)
    search = selfplay.Search(GAME, hashed, POSITIONS[rows], c=1.3).run(simulations)
    for number, row in enumerate(rows):
        naive = Naive(POSITIONS[row : row + 1], c=1.3)
        for _ in range(simulations):
            naive.simulate()
        for action, (prior, count, total) in naive.nodes[()][2].items():
            assert search.root_visits()[number, action] == count
            assert search.totals[number, 0, action] == pytest.approx(total)
            assert search.priors[number, 0, action] == pytest.approx(prior)


def test_search_goes_on_where_it_stopped():
    once = selfplay.Search(GAME, hashed, POSITIONS[:5]).run(30)
    twice = selfplay.Search(GAME, hashed, POSITIONS[:5]).run(10).run(20)
    np.testing.assert_array_equal(once.root_visits(), twice.root_visits())


def test_search_leaves_finished_games_alone():
    over = np.array([[1, 1, 0], [-1, -1, -1], [1, 0, 0]], "int8")
    visits = selfplay.Search(GAME, hashed, np.stack([over, POSITIONS[0]])).run(9).root_visits()
    assert visits.sum(axis=1).tolist() == [0, 9]


def test_search_with_playouts_finds_a_win_in_one():
    board = np.array([[[1, 1, 0], [-1, -1, 0], [0, 0, 0]]], "int8")
    player = selfplay.search_player(GAME, selfplay.Playouts(GAME, seed=1), 50)
    assert player(board).tolist() == [2]


def test_fault_noise_without_a_generator():
    with pytest.raises(ValueError, match="needs a generator"):
        selfplay.Search(GAME, hashed, POSITIONS[:1], noise=0.25)


def test_noise_moves_only_the_priors_of_legal_actions_at_the_root():
    rows = POSITIONS[100:105]
    quiet = selfplay.Search(GAME, hashed, rows)
    noisy = selfplay.Search(GAME, hashed, rows, noise=0.5, rng=np.random.default_rng(0))
    assert (noisy.priors[:, 0][~GAME.legal(rows)] == 0).all()
    np.testing.assert_allclose(noisy.priors[:, 0].sum(axis=1), 1)
    np.testing.assert_allclose(quiet.priors[:, 0].sum(axis=1), 1)
    assert not np.allclose(noisy.priors[:, 0], quiet.priors[:, 0])


def test_alpha_beta_gives_minimax_values_for_fewer_positions():
    for board in POSITIONS[::150]:
        assert selfplay.alpha_beta(GAME, board, selfplay.Count()) == TABLE[board.tobytes()]
    count = selfplay.Count()
    selfplay.alpha_beta(GAME, GAME.start()[0], count)
    assert count.positions < 549_946 / 10  # positions of the whole tree


def perfect(position):
    return selfplay.optimal(GAME, position, TABLE).argmax(axis=1)


@pytest.mark.parametrize("first", [True, False])
def test_a_perfect_player_loses_no_line(first):
    ends = selfplay.lines(GAME, perfect, first)
    assert ends["lost"] == 0 and ends["won"] > 0


@pytest.mark.parametrize("first", [True, False])
def test_fault_a_player_with_one_wrong_answer_loses_a_line(first):
    threatened = [
        board
        for board in POSITIONS
        if (board != 0).sum() == (4 if first else 3)
        and selfplay.optimal(GAME, board[None], TABLE).sum() == 1
        and TABLE[board.tobytes()] == 0
    ]

    def careless(position):
        chosen = perfect(position)
        wrong = np.isin([b.tobytes() for b in position], [b.tobytes() for b in threatened])
        other = GAME.legal(position) & ~selfplay.optimal(GAME, position, TABLE)
        return np.where(wrong, other.argmax(axis=1), chosen)

    assert selfplay.lines(GAME, careless, first)["lost"] > 0
    best = selfplay.lines(GAME, careless, first, lambda b: selfplay.optimal(GAME, b, TABLE))
    assert best["lost"] > 0


def test_optimal_share_of_a_perfect_and_of_a_random_player():
    rng = np.random.default_rng(0)
    assert selfplay.optimal_share(GAME, perfect, POSITIONS[::20], TABLE) == 1
    share = selfplay.optimal_share(
        GAME, lambda b: selfplay.random_actions(GAME, b, rng), POSITIONS[::20], TABLE
    )
    expected = (
        selfplay.optimal(GAME, POSITIONS[::20], TABLE).sum(axis=1) / GAME.legal(POSITIONS[::20]).sum(axis=1)
    ).mean()
    assert abs(share - expected) < 0.12


@pytest.mark.parametrize("seed", range(6))
def test_self_play_gives_each_position_its_players_result(seed):
    seen = selfplay.self_play(GAME, hashed, 1, 8, np.random.default_rng(seed), openings=3)
    np.testing.assert_allclose(seen.policies.sum(axis=1), 1)
    assert (seen.policies[~GAME.legal(seen.boards)] == 0).all()
    np.testing.assert_array_equal(seen.results[1:], -seen.results[:-1])
    for board, following, policy in zip(seen.boards, seen.boards[1:], seen.policies):
        after = GAME.play(board[None].repeat(np.count_nonzero(policy), axis=0), np.flatnonzero(policy))
        assert (after == following).all(axis=(1, 2)).any()  # one game, move by move
    last, policy, result = seen.boards[-1:], seen.policies[-1], seen.results[-1]
    moves = np.flatnonzero(policy)
    ends = GAME.outcomes(GAME.play(last.repeat(len(moves), axis=0), moves))
    assert result == 1 if (last != 0).sum() < 8 else result == -ends[0]
    assert -result in ends


def test_self_play_side_by_side_gives_each_game_its_own_result():
    """Who searches long finds a win in one, so who can win at once nearly always has the result 1."""
    seen = selfplay.self_play(
        GAME, selfplay.Playouts(GAME), 40, 60, np.random.default_rng(0), sampled=0, noise=0, openings=4
    )
    can_win = []
    for board in seen.boards:
        moves = np.flatnonzero(GAME.legal(board[None])[0])
        ends = GAME.outcomes(GAME.play(board[None].repeat(len(moves), axis=0), moves))
        can_win.append((ends == -1).any())
    assert sum(can_win) >= 8 and seen.results[can_win].mean() > 0.9


def learner(generations=2, seed=0):
    keras.utils.set_random_seed(seed)
    model = networks.policy_value(GAME.shape, GAME.actions, width=8, blocks=1, hidden=16)
    return selfplay.Learner(
        GAME, model, generations, games=8, simulations=5, steps_per_generation=3, batch_size=16, openings=2
    )


def test_a_resumed_run_is_the_unbroken_one(tmp_path):
    whole = learner()
    expected = selfplay.fit(whole)
    path = tmp_path / "run.npz"

    def stop(done):
        if done == 3:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        selfplay.fit(learner(), validate=stop, checkpoint=path)
    broken = learner()
    begun = [0]

    def stop_after_saving(number, step=broken.step):
        begun[0] += 1
        if begun[0] == 5:
            raise KeyboardInterrupt
        return step(number)

    broken.step = stop_after_saving
    with pytest.raises(KeyboardInterrupt):
        selfplay.fit(broken, checkpoint=path)
    resumed = learner()
    run = selfplay.fit(resumed, checkpoint=path)
    for a, b in zip(whole.model.get_weights(), resumed.model.get_weights()):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert run.series("policy_loss")[0] == pytest.approx(expected.series("policy_loss")[0], abs=1e-5)


def test_the_loop_learns_to_take_a_win():
    one = learner(generations=1)
    board = np.array([[[1, 1, 0], [-1, -1, 0], [0, 0, 0]]], "int8")
    policy = np.eye(9)[[2]]
    one.memory = [selfplay.Experience(board.repeat(4, axis=0), policy.repeat(4, axis=0), np.ones(4))]
    before = one.evaluate(board)
    losses = [one.step(number) for number in (1, 2) * 30]
    after = one.evaluate(board)
    assert losses[-1]["policy_loss"] < losses[0]["policy_loss"]
    assert after[0][0, 2] > before[0][0, 2] and after[1][0] > before[1][0]


def test_a_network_has_two_heads():
    model = networks.policy_value((6, 7), 7, width=4, blocks=2, hidden=8)
    first = 9 * 2 * 4 + 4
    block = 2 * (9 * 4 * 4 + 4)
    heads = 42 * 4 * 8 + 8 + 8 * 7 + 7 + 8 + 1
    assert model.count_params() == first + 2 * block + heads
    logits, value = model(np.zeros((3, 6, 7, 2), "float32"))
    assert logits.shape == (3, 7) and value.shape == (3, 1)


def test_matches_count_who_wins():
    rng = np.random.default_rng(0)
    ends = selfplay.matches(GAME, perfect, lambda b: selfplay.random_actions(GAME, b, rng), 40, rng)
    assert ends["lost"] == 0 and ends["won"] > 20 and sum(ends.values()) == 40
    turned = selfplay.matches(GAME, lambda b: selfplay.random_actions(GAME, b, rng), perfect, 40, rng)
    assert turned["won"] == 0 and turned["lost"] > 20
    with pytest.raises(ValueError, match="41 games cannot be shared"):
        selfplay.matches(GAME, perfect, perfect, 41, rng)


def test_a_cached_evaluator_answers_as_the_other_does_and_asks_it_once():
    asked = []

    def counting(position):
        asked.extend(board.tobytes() for board in position)
        return hashed(position)

    cached, rng = selfplay.Cached(counting), np.random.default_rng(0)
    for _ in range(5):
        rows = POSITIONS[rng.integers(len(POSITIONS), size=1500)]
        for answer, expected in zip(cached(rows), hashed(rows)):
            np.testing.assert_array_equal(answer, expected)
    assert len(asked) == len(set(asked)) == cached.evaluated > 2000
    assert selfplay.Search(GAME, cached, POSITIONS[:9]).run(20).root_visits().tolist() == (
        selfplay.Search(GAME, hashed, POSITIONS[:9]).run(20).root_visits().tolist()
    )


def test_self_play_with_a_cache_plays_the_same_games():
    plain, cached = (
        selfplay.self_play(GAME, evaluate, 6, 10, np.random.default_rng(2), openings=2)
        for evaluate in (hashed, selfplay.Cached(hashed))
    )
    for name in ("boards", "policies", "results"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(cached, name))


def test_blended_results_lie_between_the_outcome_and_the_value_of_the_search():
    outcome, half, value = (
        selfplay.self_play(GAME, hashed, 6, 10, np.random.default_rng(2), blend=blend)
        for blend in (0.0, 0.5, 1.0)
    )
    np.testing.assert_allclose(half.results, (outcome.results + value.results) / 2)
    assert not np.allclose(outcome.results, value.results) and (np.abs(value.results) <= 1).all()


def test_a_blended_result_is_the_mean_value_of_the_root():
    """Without noise and with one game, the first search is the one that a fresh `Search` makes."""
    seen = selfplay.self_play(GAME, hashed, 1, 12, np.random.default_rng(2), noise=0, blend=1.0)
    search = selfplay.Search(GAME, hashed, seen.boards[:1]).run(12)
    shares = search.root_visits() / 12
    assert seen.results[0] == pytest.approx(np.nansum(shares * search.root_values()))


def test_random_games_on_bits_are_those_on_boards(monkeypatch):
    game, rng = boards.connect_four(), np.random.default_rng(0)
    begun = game.start(60)
    for _ in range(9):
        after = game.play(begun, selfplay.random_actions(game, begun, rng))
        begun = np.where(np.isnan(game.outcomes(after))[:, None, None], after, begun)
    lost = game.start()
    for action in (0, 1, 0, 1, 0, 1, 0):
        lost = game.play(lost, [action])
    begun = np.concatenate([begun, lost])  # one game that is over
    fast = selfplay.play_out(game, begun, np.random.default_rng(3))
    monkeypatch.setattr(game, "bits", None)
    plain = selfplay.play_out(game, begun, np.random.default_rng(3))
    np.testing.assert_array_equal(fast, plain)
    assert fast[-1] == -1 and {-1, 1} <= set(fast)


@pytest.mark.parametrize(("falling", "expected"), [(1.0, [1, 5 / 6, 4 / 6]), (0.5, [1, 1, 1])])
def test_the_rate_falls_in_the_last_share_of_the_steps(falling, expected):
    one = learner()
    one.falling, one.learning_rate = falling, 1.0
    rates = []
    for number in range(6):
        one.step(number)
        rates.append(float(one.optimizer.learning_rate))
    assert rates[:3] == pytest.approx(expected)
    assert rates[3:] == pytest.approx([3 / 6 / falling, 2 / 6 / falling, 1 / 6 / falling])
