"""Softmax and cross-entropy, computed so that nothing overflows (lesson 02)."""

import numpy as np


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return the logarithm of `softmax(logits)`, finite where the probability rounds to 0 (lesson 02).

    >>> log_softmax(np.array([[0.0, 1000.0]]))
    array([[-1000.,     0.]])
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return one probability per logit, e to its power, scaled so that each row adds up to 1 (lesson 02).

    >>> softmax(np.array([[0.0, np.log(3.0)], [1000.0, 1000.0]]))
    array([[0.25, 0.75],
           [0.5 , 0.5 ]])
    """
    return np.exp(log_softmax(logits))


def softmax_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[np.floating, np.ndarray]:
    """Return the batch's mean of -log softmax(logits)[label], and its gradient with respect to the logits.

    logits (N, classes); labels (N,), integers from 0 to classes - 1. ValueError for any others (lesson 02).

    >>> loss, dlogits = softmax_cross_entropy(np.zeros((1, 4)), np.array([2]))
    >>> loss.round(4), dlogits
    (np.float64(1.3863), array([[ 0.25,  0.25, -0.75,  0.25]]))
    """
    labels = np.asarray(labels)
    _expect_labels(labels, logits.shape)
    each = np.arange(len(labels))
    log_probabilities = log_softmax(logits)
    dlogits = np.exp(log_probabilities)
    dlogits[each, labels] -= 1
    dlogits /= len(labels)
    return -log_probabilities[each, labels].mean(), dlogits


def _expect_labels(labels: np.ndarray, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless `labels` are integers, one per row of logits, each one of the columns."""
    if len(shape) != 2 or labels.shape != shape[:1] or labels.dtype.kind not in "iu" or not labels.size:
        raise ValueError(
            f"logits (N, classes) go with N integer labels, not {shape} with {labels.dtype} {labels.shape}"
            + _remedy(labels, shape)
        )
    if labels.min() < 0 or labels.max() >= shape[1]:
        raise ValueError(
            f"labels run from {labels.min()} to {labels.max()}, but classes from 0 to {shape[1] - 1}"
        )


def _remedy(labels: np.ndarray, shape: tuple[int, ...]) -> str:
    """Return how to make labels of two kinds that are often met, else nothing."""
    if len(shape) != 2 or len(labels.shape) != 2:
        return ""
    if labels.shape[1] == 1:
        return "; a column of labels becomes one row by .ravel() or [:, 0]"
    if labels.shape == shape:
        return "; one-hot rows become labels by .argmax(axis=1)"
    return ""
