"""The arithmetic of one step: loss, gradient descent with momentum, and look-ahead (lesson 16)."""

from collections.abc import Iterable
from typing import Any

from keras import ops

from convlab.training.recipes import Recipe


def objective(logits: Any, labels: Any, label_smoothing: float = 0.0) -> tuple[Any, Any]:
    """Return the mean cross-entropy, and how many of the batch are right.

    logits: (B, classes); labels: (B,) int32. Smoothing moves that share of the target evenly over all
    classes: Szegedy et al. 2015 (arXiv:1512.00567, section 7). Computed in float32. Lesson 11.

    >>> import keras
    >>> loss, hits = objective(keras.ops.zeros((2, 10)), keras.ops.array([0, 1], "int32"))
    >>> round(float(loss), 3), int(hits)
    (2.303, 1)
    """
    logits = ops.cast(logits, "float32")
    log_shares = ops.log_softmax(logits)
    right = ops.take_along_axis(log_shares, labels[:, None], axis=1)[:, 0]
    losses = -(1 - label_smoothing) * right - label_smoothing * ops.mean(log_shares, axis=1)
    hits = ops.cast(ops.equal(ops.argmax(logits, axis=1), ops.cast(labels, "int32")), "int32")
    return ops.mean(losses), ops.sum(hits)


def nesterov(
    weight: Any, velocity: Any, gradient: Any, rate: Any, momentum: float = 0.9, weight_decay: float = 0.0
) -> tuple[Any, Any]:
    """Return the weight after a step of Nesterov's momentum, and the new velocity.

    v ← μ·v + g + λ·w, then w ← w - η·(g + λ·w + μ·v): Sutskever et al. 2013, section 2, in the form in which
    the published recipes state their rates. Equals Keras's `SGD(nesterov=True)` while η stays. Lesson 16.

    >>> nesterov(1.0, 0.0, 1.0, rate=0.1, momentum=0.5)
    (0.85, 1.0)
    """
    gradient = gradient + weight_decay * weight
    velocity = momentum * velocity + gradient
    return weight - rate * (gradient + momentum * velocity), velocity


def factors(weights: Iterable[Any], recipe: Recipe) -> list[float]:
    """Return a factor on each weight's learning rate: `recipe.bias_rate` for shifts of normalisation, else 1.

    weights: Keras variables; such a shift is called "beta". Jordan 2024 (arXiv:2404.00498) lets them learn 64
    times as fast. Lesson 16.
    """
    return [recipe.bias_rate if weight.name == "beta" else 1.0 for weight in weights]


def descend(
    weights: Iterable[Any],
    velocities: Iterable[Any],
    gradients: Iterable[Any],
    rate: Any,
    factors: Iterable[float],
    recipe: Recipe,
) -> tuple[list, list]:
    """Return all weights and all velocities after one step by the recipe, two lists.

    A weight that learns faster decays no faster: its decay is divided by its factor. Lesson 16.
    """
    moved = [
        nesterov(w, v, g, rate * factor, recipe.momentum, recipe.weight_decay / factor)
        for w, v, g, factor in zip(weights, velocities, gradients, factors)
    ]
    return [weight for weight, _ in moved], [velocity for _, velocity in moved]


def look_ahead(weight: Any, slow: Any, slow_share: Any) -> Any:
    """Return share·slow + (1 - share)·weight, which then replaces both the slow copy and the weight.

    Lookahead: Zhang et al. 2019 (arXiv:1907.08610). Lesson 16.

    >>> look_ahead(1.0, 0.0, slow_share=0.75)
    0.25
    """
    return slow_share * slow + (1 - slow_share) * weight
