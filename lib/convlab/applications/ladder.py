"""How strong players are: games among them, and Elo ratings with standard errors (lesson 25).

A. Elo, "The Rating of Chessplayers, Past and Present", 1978; the estimate is that of R. Bradley and M. Terry,
"Rank analysis of incomplete block designs", Biometrika 39, 1952.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.optimize import minimize

from convlab.applications.boards import InARow

__all__ = ["elo", "expected", "tournament"]

Player = Callable[[np.ndarray], np.ndarray]
Pair = tuple[str, str]
SCALE = 400 / np.log(10)  # 400 points more: ten wins for each loss


def expected(difference: float) -> float:
    """Return the share of the points that a player with so many more Elo points gets. Lesson 25.

    >>> round(expected(0), 2), round(expected(200), 2)
    (0.5, 0.76)
    """
    return float(1 / (1 + np.exp(-difference / SCALE)))


def tournament(
    game: InARow,
    players: Mapping[str, Player],
    pairings: Mapping[Pair, int],
    rng: np.random.Generator,
    opening: int = 4,
) -> dict[Pair, tuple[int, int, int]]:
    """Return how the first player's games of each pairing ended: (won, drawn, lost). Lesson 25.

    All games are played side by side: in each round, every player is asked once, for all boards on which it
    is to move. Each opening is played twice, with exchanged colours.

    Args:
        game: its rules.
        players: name -> player.
        pairings: names of two players -> number of games, an even one.
        rng: NumPy's generator, for the openings.
        opening: random moves before the players take over, an even number.

    Raises:
        ValueError: a number of games or of moves is odd.

    >>> from convlab.applications.boards import tic_tac_toe
    >>> first = lambda boards: tic_tac_toe().legal(boards).argmax(axis=1)
    >>> ends = tournament(tic_tac_toe(), {"a": first, "b": first}, {("a", "b"): 6}, np.random.default_rng(0))
    >>> won, drawn, lost = ends["a", "b"]
    >>> won == lost, won + drawn + lost
    (True, 6)
    """
    for pair, count in pairings.items():
        if count % 2:
            raise ValueError(f"{count} games of {pair} cannot be shared out evenly: give an even number")
    if opening % 2:
        raise ValueError(f"after {opening} random moves the second player begins: give an even number")
    names = list(players)
    seats = np.array(
        [
            [names.index(name) for name in order]
            for pair, count in pairings.items()
            for order in (pair, pair[::-1])
            for _ in range(count // 2)
        ]
    )  # (games, 2): who began, and who is second
    boards = np.concatenate(
        [
            np.concatenate([begun, begun])
            for begun in (_openings(game, count // 2, opening, rng) for count in pairings.values())
        ]
    )
    outcomes = np.full(len(boards), np.nan)  # for the one who began
    turns = np.zeros(len(boards), int)
    while np.isnan(outcomes).any():
        for place, name in enumerate(names):
            rows = np.flatnonzero(np.isnan(outcomes) & (seats[np.arange(len(seats)), turns] == place))
            if len(rows):
                boards[rows] = game.play(boards[rows], players[name](boards[rows]))
                turns[rows] = 1 - turns[rows]
                outcomes[rows] = game.outcomes(boards[rows]) * np.where(turns[rows] == 0, 1, -1)
    return _counted(pairings, outcomes)


def _openings(game, count, opening, rng):
    """Return boards after `opening` random moves, none of them over."""
    boards = game.start(0)
    while len(boards) < count:
        more = game.start(count)
        for _ in range(opening):
            more = more[np.isnan(game.outcomes(more))]
            draws = np.where(game.legal(more), rng.random((len(more), game.actions)), -1)
            more = game.play(more, draws.argmax(axis=1))
        boards = np.concatenate([boards, more[np.isnan(game.outcomes(more))]])
    return boards[:count]


def _counted(pairings, outcomes):
    """Return (won, drawn, lost) of each pairing from the outcomes for the one who began each game."""
    ends, begin = {}, 0
    for pair, count in pairings.items():
        half = count // 2
        points = np.concatenate([outcomes[begin : begin + half], -outcomes[begin + half : begin + count]])
        ends[pair] = tuple(int((points == result).sum()) for result in (1, 0, -1))
        begin += count
    return ends


def elo(
    games: Mapping[Pair, Sequence[int]], anchor: str, prior: float = 1.0
) -> dict[str, tuple[float, float]]:
    """Return each player's Elo rating and its standard error, as maximum likelihood gives them. Lesson 25.

    A draw counts as half a win and half a loss. The standard error comes from the Fisher information and is
    that of the difference from the anchor. A player that wins every game has no largest likelihood, so
    `prior` drawn games are added to each pairing.

    Args:
        games: names of two players -> (won, drawn, lost) of the first.
        anchor: the player whose rating is 0.
        prior: drawn games added to each pairing.

    Raises:
        ValueError: a player has no games, directly or over others, with the anchor.

    >>> ratings = elo({("a", "b"): (10, 0, 1)}, anchor="b", prior=0)
    >>> [round(number) for number in ratings["a"]]
    [400, 182]
    """
    names = list(dict.fromkeys(name for pair in games for name in pair))
    if anchor not in names:
        raise ValueError(f"{anchor!r} has no games: choose one of {', '.join(names)}")
    points = np.zeros((len(names), len(names)))  # of the player of the row against that of the column
    for (one, other), (won, drawn, lost) in games.items():
        i, j = names.index(one), names.index(other)
        points[i, j] += won + (drawn + prior) / 2
        points[j, i] += lost + (drawn + prior) / 2
    counts, free = points + points.T, [place for place, name in enumerate(names) if name != anchor]

    def shares(ratings):
        return 1 / (1 + np.exp(ratings[None, :] - ratings[:, None]))

    def loss(chosen):
        ratings = np.zeros(len(names))
        ratings[free] = chosen
        differences = ratings[:, None] - ratings[None, :]
        gradient = (points - counts * shares(ratings)).sum(axis=1)
        return (points * np.logaddexp(0, -differences)).sum(), -gradient[free]

    ratings = np.zeros(len(names))
    ratings[free] = minimize(loss, ratings[free], jac=True, method="BFGS", options={"gtol": 1e-6}).x
    variances = counts * shares(ratings) * shares(ratings).T
    information = np.diag(variances.sum(axis=1)) - variances
    if np.linalg.matrix_rank(information) < len(names) - 1:
        raise ValueError(f"some players have no games that connect them with {anchor!r}: add pairings")
    errors = np.zeros(len(names))
    errors[free] = np.sqrt(np.diag(np.linalg.inv(information[np.ix_(free, free)])))
    return {
        name: (float(SCALE * rating), float(SCALE * error))
        for name, rating, error in zip(names, ratings, errors)
    }
