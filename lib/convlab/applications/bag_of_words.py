"""Sentences as bags of words, and three small models on them: the baselines of lesson 21, in NumPy.

A bag counts words, or pairs of neighbours, and forgets all other order. The models are those of scikit-learn
with the same settings: `TfidfTransformer`, `MultinomialNB`, `LogisticRegression` and `Ridge`.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from convlab.layers import sigmoid

__all__ = [
    "Bags",
    "Linear",
    "count",
    "logistic_regression",
    "naive_bayes",
    "ngrams",
    "ridge",
    "tf_idf",
]


@dataclass(frozen=True, eq=False)
class Bags:
    """A matrix (N, columns) most of whose entries are 0; the others are `values` at (`rows`, `columns`).

    Attributes:
        rows, columns: (entries,) int64, sentence and n-gram of each entry; no pair occurs twice.
        values: (entries,) float64.
        shape: (N, columns).

    >>> bags = Bags(np.array([0, 1]), np.array([2, 0]), np.array([3.0, 4.0]), (2, 3))
    >>> bags.dot(np.array([1.0, 1.0, 10.0])).tolist(), bags.transposed_dot(np.ones(2)).tolist()
    ([30.0, 4.0], [4.0, 0.0, 3.0])
    """

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    shape: tuple[int, int]

    def dot(self, vector: np.ndarray) -> np.ndarray:
        """Return the product of the matrix and a vector (columns,): (N,)."""
        return np.bincount(self.rows, self.values * vector[self.columns], self.shape[0])

    def transposed_dot(self, vector: np.ndarray) -> np.ndarray:
        """Return the product of the transposed matrix and a vector (N,): (columns,)."""
        return np.bincount(self.columns, self.values * vector[self.rows], self.shape[1])


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear model: a weight for each column of the bags, and a bias."""

    weights: np.ndarray
    bias: float

    def scores(self, bags: Bags) -> np.ndarray:
        """Return the score of each sentence, (N,): for two classes, above 0 means class 1."""
        return bags.dot(self.weights) + self.bias


def ngrams(text: Sequence[str], longest: int = 2) -> list[str]:
    """Return the n-grams of a tokenised text: its words, its pairs of neighbours, and so on (lesson 21).

    >>> ngrams(["not", "a", "film"])
    ['not', 'a', 'film', 'not a', 'a film']
    """
    return [
        " ".join(text[start : start + length])
        for length in range(1, longest + 1)
        for start in range(len(text) - length + 1)
    ]


def count(texts: Sequence[Sequence[str]], columns: dict[str, int]) -> Bags:
    """Return how often each text has each n-gram; those that are no column are left out (lesson 21).

    >>> count([["good", "good", "new"], ["bad"]], {"good": 0, "bad": 1}).values.tolist()
    [2.0, 1.0]
    """
    longest = max((name.count(" ") + 1 for name in columns), default=1)
    entries = [
        (row, columns[name], times)
        for row, text in enumerate(texts)
        for name, times in Counter(ngrams(text, longest)).items()
        if name in columns
    ]
    rows, numbers, times = np.array(entries, np.int64).reshape(-1, 3).T
    return Bags(rows, numbers, times.astype(float), (len(texts), len(columns)))


def tf_idf(bags: Bags, training: Bags) -> Bags:
    """Return the bags with rare n-grams weighted up, and each sentence's norm 1 (lesson 21).

    A count is multiplied by ln((1 + N) / (1 + n)) + 1, where n of the N *training* sentences have the n-gram.

    >>> tf_idf(bags := Bags(np.array([0, 0]), np.array([0, 1]), np.ones(2), (1, 2)), bags).values.round(3)
    array([0.707, 0.707])
    """
    having = np.bincount(training.columns, minlength=training.shape[1])
    weights = np.log((1 + training.shape[0]) / (1 + having)) + 1
    values = bags.values * weights[bags.columns]
    norms = np.sqrt(np.bincount(bags.rows, values**2, bags.shape[0]))
    return replace(bags, values=values / norms[bags.rows])


def naive_bayes(bags: Bags, labels: np.ndarray, added: float = 1.0) -> Linear:
    """Return multinomial naive Bayes for two classes, as the linear model that it is (lesson 21).

    An n-gram's weight is the logarithm of its share in class 1 over its share in class 0. `added` to every
    count stops an unseen one from deciding alone. Wang & Manning 2012, section 2.1.

    >>> bags = Bags(np.array([0, 1]), np.array([0, 1]), np.array([3.0, 3.0]), (2, 2))
    >>> naive_bayes(bags, np.array([1, 0])).weights.round(3)  # ln(4 / 1) and ln(1 / 4)
    array([ 1.386, -1.386])
    """
    counts = [bags.transposed_dot(labels == label) + added for label in (0, 1)]
    shares = [np.log(part / part.sum()) for part in counts]
    return Linear(shares[1] - shares[0], float(np.log(np.mean(labels == 1) / np.mean(labels == 0))))


def logistic_regression(bags: Bags, labels: np.ndarray, strength: float = 1.0, steps: int = 30) -> Linear:
    """Return the logistic regression that minimises strength · (summed loss) + ½ · (squared weights).

    The bias is not penalised. Newton's method: each step minimises the parabola that touches the objective
    where it stands. RuntimeError if `steps` steps do not reach the minimum. Lessons 02 and 21.

    Args:
        bags: (N, columns).
        labels: (N,) of 0 and 1.
        strength: how much the loss counts beside the weights; scikit-learn's C.
        steps: Newton steps at most.
    """
    both = np.zeros(bags.shape[1] + 1)  # weights, and the bias last
    for _ in range(steps):
        model = Linear(both[:-1], both[-1])
        shares = sigmoid(model.scores(bags))
        gradient = _back(bags, strength * (shares - labels)) + np.append(model.weights, 0.0)
        if np.abs(gradient).max() < 1e-6 * strength:
            return Linear(model.weights, float(model.bias))
        curvature = strength * shares * (1 - shares)
        both = both - _solve(lambda step: _squares(bags, curvature, step), gradient)  # noqa: B023 - used at once
    raise RuntimeError(f"{steps} steps did not reach the minimum: take a strength below {strength}")


def ridge(bags: Bags, targets: np.ndarray, penalty: float = 1.0) -> Linear:
    """Return the line that minimises the squared error + penalty · (squared weights) (lesson 21).

    The bias is not penalised. targets: (N,).
    """
    even = np.ones(bags.shape[0])
    both = _solve(lambda step: _squares(bags, even / penalty, step), _back(bags, targets / penalty))
    return Linear(both[:-1], float(both[-1]))


def _back(bags: Bags, errors: np.ndarray) -> np.ndarray:
    """Return the gradient for weights and bias, from that for the scores."""
    return np.append(bags.transposed_dot(errors), errors.sum())


def _squares(bags: Bags, curvature: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return the product of the matrix of second derivatives and a step of weights and bias."""
    along = curvature * (bags.dot(step[:-1]) + step[-1])
    return _back(bags, along) + np.append(step[:-1], 0.0)


def _solve(product: Callable[[np.ndarray], np.ndarray], wanted: np.ndarray) -> np.ndarray:
    """Return x with product(x) = wanted, by conjugate gradients; the matrix itself is never formed."""
    x, residual = np.zeros_like(wanted), wanted.copy()
    direction, size = residual.copy(), residual @ residual
    enough = 1e-16 * size
    for _ in range(10 * len(wanted)):
        if size <= enough:
            break
        moved = product(direction)
        share = size / (direction @ moved)
        x += share * direction
        residual -= share * moved
        size, before = residual @ residual, size
        direction = residual + size / before * direction
    return x
