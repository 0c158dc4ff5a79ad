"""The four update rules of lesson 04, with Keras's definitions and defaults.

`step(params, grads)` takes two dicts, name -> array, and changes the arrays of `params` in place; `grads`
stays as it was. A rule keeps its state about a parameter under the parameter's name, in its dtype.
"""

from math import sqrt

import numpy as np

__all__ = ["SGD", "AdaGrad", "Adam", "Momentum"]

_Arrays = dict[str, np.ndarray]


class SGD:
    """Plain gradient descent: w ← w - η·g (lessons 01 to 04).

    >>> params = {"w": np.array([1.0])}
    >>> SGD(learning_rate=0.1).step(params, {"w": np.array([2.0])}); params["w"]
    array([0.8])
    """

    def __init__(self, learning_rate: float = 0.01):
        self.learning_rate = float(learning_rate)

    def step(self, params: _Arrays, grads: _Arrays) -> None:
        """Take one step against the gradients, in place."""
        for _, param, grad in _matched(params, grads):
            param -= self.learning_rate * grad


class Momentum:
    """Gradient descent with momentum: v ← μ·v - η·g, then w ← w + v (lesson 04).

    Polyak 1964, in the form of Sutskever et al. 2013, equations 1 and 2; Keras's `SGD(momentum=0.9)`.

    >>> params, rule = {"w": np.array([1.0])}, Momentum(learning_rate=0.1, momentum=0.5)
    >>> for _ in range(2): rule.step(params, {"w": np.array([2.0])}); print(params["w"].round(2))
    [0.8]
    [0.5]
    """

    def __init__(self, learning_rate: float = 0.01, momentum: float = 0.9):
        self.learning_rate, self.momentum = float(learning_rate), float(momentum)
        self.velocity: _Arrays = {}

    def step(self, params: _Arrays, grads: _Arrays) -> None:
        """Take one step along the velocity, in place."""
        for name, param, grad in _matched(params, grads):
            v = _remembered(self.velocity, name, param)
            v *= self.momentum
            v -= self.learning_rate * grad
            param += v


class AdaGrad:
    """Steps that shrink where gradients have been large: s ← s + g², then w ← w - η·g / √(s + ε) (lesson 04).

    Duchi et al. 2011. As in Keras, s starts at 0.1 instead of the paper's 0, and ε stands under the root.

    >>> params = {"w": np.array([1.0, 1.0])}
    >>> AdaGrad(learning_rate=0.1, initial=0.0).step(params, {"w": np.array([0.01, 100.0])})
    >>> params["w"].round(2)
    array([0.9, 0.9])
    """

    def __init__(self, learning_rate: float = 0.001, initial: float = 0.1, epsilon: float = 1e-7):
        self.learning_rate, self.initial, self.epsilon = float(learning_rate), float(initial), float(epsilon)
        self.squares: _Arrays = {}

    def step(self, params: _Arrays, grads: _Arrays) -> None:
        """Take one step, scaled by the gradients so far, in place."""
        for name, param, grad in _matched(params, grads):
            s = _remembered(self.squares, name, param, self.initial)
            s += grad * grad
            param -= self.learning_rate * grad / np.sqrt(s + self.epsilon)


class Adam:
    """Moving averages of gradient and squared gradient, both corrected for their start at 0 (lesson 04).

        m ← β₁·m + (1 - β₁)·g        v ← β₂·v + (1 - β₂)·g²
        w ← w - η·√(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√v + ε)

    Kingma and Ba 2015, in the order that the end of their section 2 recommends and Keras uses. Their
    Algorithm 1 with ε′ is this rule with ε = ε′·√(1 - β₂ᵗ): it differs only where gradients are tiny.

    Args:
        learning_rate: η, about the size of a weight's step.
        beta_1: share of the mean m that stays in each step.
        beta_2: share of the mean square v that stays in each step.
        epsilon: ε, which bounds the steps where gradients are tiny.

    >>> params = {"w": np.array([1.0, 1.0])}
    >>> Adam(learning_rate=0.1).step(params, {"w": np.array([0.01, -100.0])}); params["w"].round(3)
    array([0.9, 1.1])
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
    ):
        self.learning_rate, self.epsilon = float(learning_rate), float(epsilon)
        self.beta_1, self.beta_2 = float(beta_1), float(beta_2)
        self.steps = 0
        self.mean: _Arrays = {}
        self.mean_square: _Arrays = {}

    def step(self, params: _Arrays, grads: _Arrays) -> None:
        """Take one step of about the learning rate along each weight, in place."""
        self.steps += 1
        rate = self.learning_rate * sqrt(1 - self.beta_2**self.steps) / (1 - self.beta_1**self.steps)
        for name, param, grad in _matched(params, grads):
            m, v = _remembered(self.mean, name, param), _remembered(self.mean_square, name, param)
            m += (1 - self.beta_1) * (grad - m)
            v += (1 - self.beta_2) * (grad * grad - v)
            param -= rate * m / (np.sqrt(v) + self.epsilon)


def _matched(params: _Arrays, grads: _Arrays) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return (name, parameter, gradient) triples; ValueError for a gradient missing or misshapen."""
    for name, param in params.items():
        if name not in grads:
            raise ValueError(f"no gradient for {name!r} among {sorted(grads)}: call backward before step")
        if np.shape(grads[name]) != param.shape:
            raise ValueError(f"{name!r} has shape {param.shape}, its gradient {np.shape(grads[name])}")
    return [(name, param, grads[name]) for name, param in params.items()]


def _remembered(state: _Arrays, name: str, param: np.ndarray, initial: float = 0.0) -> np.ndarray:
    """Return the state that a rule keeps about a parameter; `initial` everywhere at its first step."""
    if name not in state:
        state[name] = np.full_like(param, initial)
    return state[name]
