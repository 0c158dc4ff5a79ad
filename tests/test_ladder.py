"""Elo ratings against closed forms and players of known strength; a tournament against single games."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.applications import boards, ladder, selfplay

GAME = boards.tic_tac_toe()


@given(won=st.integers(1, 80), drawn=st.integers(0, 40), lost=st.integers(1, 80))
@settings(max_examples=30, deadline=None)
def test_two_players_have_the_closed_form(won, drawn, lost):
    ratings = ladder.elo({("a", "b"): (won, drawn, lost)}, anchor="b", prior=0)
    count = won + drawn + lost
    share = (won + drawn / 2) / count
    assert ratings["a"][0] == pytest.approx(400 * np.log10(share / (1 - share)), abs=0.1)
    error = 400 / np.log(10) / np.sqrt(count * share * (1 - share))
    assert ratings["a"][1] == pytest.approx(error, rel=1e-3) and ratings["b"] == (0, 0)


def test_ratings_and_their_errors_are_those_of_players_of_known_strength():
    """Of many tournaments, about two thirds find a player within one standard error."""
    rng, true = np.random.default_rng(0), {"a": 0.0, "b": 120.0, "c": 300.0, "d": 450.0}
    close, found = [], []
    for _ in range(60):
        games = {}
        for one in true:
            for other in true:
                if one < other:
                    won = int(rng.binomial(60, ladder.expected(true[one] - true[other])))
                    games[one, other] = (won, 0, 60 - won)
        ratings = ladder.elo(games, anchor="a")
        found.append([ratings[name][0] for name in true])
        close += [abs(ratings[name][0] - true[name]) < ratings[name][1] for name in "bcd"]
    np.testing.assert_allclose(np.mean(found, axis=0), list(true.values()), atol=25)
    assert 0.55 < np.mean(close) < 0.82


def test_a_player_that_always_wins_has_a_finite_rating():
    rating, error = ladder.elo({("a", "b"): (50, 0, 0)}, anchor="b")["a"]
    assert 400 < rating < 1000 and error > 100


def test_fault_an_unknown_anchor_and_players_without_a_connection():
    with pytest.raises(ValueError, match="'c' has no games: choose one of a, b"):
        ladder.elo({("a", "b"): (1, 0, 1)}, anchor="c")
    with pytest.raises(ValueError, match="connect them with 'a'"):
        ladder.elo({("a", "b"): (1, 0, 1), ("c", "d"): (1, 0, 1)}, anchor="a")


def first_free(position):
    return GAME.legal(position).argmax(axis=1)


def last_free(position):
    return GAME.actions - 1 - GAME.legal(position)[:, ::-1].argmax(axis=1)


def test_a_tournament_gives_what_single_games_give():
    """Two players without chance, every opening with both colours, each game played alone by a plain loop."""
    players = {"first": first_free, "last": last_free}
    ends = ladder.tournament(GAME, players, {("first", "last"): 40}, np.random.default_rng(1), opening=2)
    openings = ladder._openings(GAME, 20, 2, np.random.default_rng(1))
    counted = {1: 0, 0: 0, -1: 0}
    for opening in openings:
        for seats in ((first_free, last_free), (last_free, first_free)):
            board, turn = opening[None], 0
            while np.isnan(GAME.outcomes(board)[0]):
                board, turn = GAME.play(board, seats[turn % 2](board)), turn + 1
            begun = int(GAME.outcomes(board)[0]) * (-1) ** turn  # as the one who began sees it
            counted[begun if seats[0] is first_free else -begun] += 1
    assert ends["first", "last"] == (counted[1], counted[0], counted[-1])
    assert min(counted[1], counted[-1]) > 0


def test_the_stronger_player_wins_most_and_each_pairing_has_its_games():
    rng = np.random.default_rng(0)
    players = {
        "chance": lambda position: selfplay.random_actions(GAME, position, rng),
        "first": first_free,
        "search": selfplay.search_player(GAME, selfplay.Playouts(GAME), 40),
    }
    pairings = {("chance", "search"): 20, ("search", "first"): 10, ("chance", "first"): 6}
    ends = ladder.tournament(GAME, players, pairings, rng, opening=0)
    assert {pair: sum(counts) for pair, counts in ends.items()} == pairings
    assert ends["chance", "search"][2] > 14 and ends["search", "first"][0] > 5


def test_fault_odd_numbers_are_refused():
    players = {"a": first_free, "b": first_free}
    with pytest.raises(ValueError, match=r"5 games of .* cannot be shared out evenly"):
        ladder.tournament(GAME, players, {("a", "b"): 5}, np.random.default_rng(0))
    with pytest.raises(ValueError, match="after 3 random moves"):
        ladder.tournament(GAME, players, {("a", "b"): 4}, np.random.default_rng(0), opening=3)
