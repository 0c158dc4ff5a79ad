"""Layers that read a sequence: a plain recurrent layer, an LSTM, and vectors for words (lesson 20)."""

import numpy as np
from numpy.typing import DTypeLike

from convlab.layers.activations import sigmoid
from convlab.layers.checks import expect_gradient
from convlab.layers.initializers import Initializer, normal, orthogonal, xavier


class RNN:
    """A state that each step updates: h = tanh(x·kernel + h·recurrent_kernel + bias) (lesson 20).

    (N, T, inputs) to (N, T, units): the state after every step. As Keras's `SimpleRNN` with
    `return_sequences=True`. The recurrent kernel starts orthogonal, the bias at 0. Elman 1990, "Finding
    Structure in Time". After `forward`, `state` is (N, units): the state after the last step.

    Args:
        inputs: values of one step.
        units: values of the state.
        initializer: a function (shape, generator) that draws the kernel; see `layers.initializers`.
        rng: a seed or a NumPy generator.
        dtype: float32 or float64, of the parameters.

    >>> RNN(3, 5, rng=0).forward(np.ones((2, 7, 3), np.float32)).shape
    (2, 7, 5)
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        initializer: Initializer = xavier,
        rng: int | np.random.Generator | None = None,
        dtype: DTypeLike = np.float32,
    ):
        rng = np.random.default_rng(rng)
        kernel, recurrent = initializer((inputs, units), rng), orthogonal((units, units), rng)
        self.params = {
            "kernel": kernel.astype(dtype),
            "recurrent_kernel": recurrent.astype(dtype),
            "bias": np.zeros(units, dtype),
        }
        self.grads: dict[str, np.ndarray] = {}

    def forward(
        self,
        x: np.ndarray,
        training: bool = False,
        mask: np.ndarray | None = None,
        initial_state: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the states (N, T, units) of x (N, T, inputs).

        Where mask (N, T) is False, the state stays what it was. The first state is `initial_state`
        (N, units), or 0. ValueError for other shapes.
        """
        kernel, recurrent, bias = self.params.values()
        self.x, self.mask = x, _checked_mask(x, mask, len(kernel))
        projected = _by_time(x @ kernel + bias)  # (T, N, units)
        steps, n, units = projected.shape
        self.states = np.zeros((steps + 1, n, units), projected.dtype)
        self.states[0] = _checked_state(initial_state, (n, units))
        for t in range(steps):
            h = np.tanh(projected[t] + self.states[t] @ recurrent)
            self.states[t + 1] = np.where(self.mask[t], h, self.states[t])
        self.state = self.states[-1].copy()
        return _by_time(self.states[1:])

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for x, back through time from the last step to the first; fill `grads`."""
        kernel, recurrent, _ = self.params.values()
        steps, n, units = self.states[1:].shape
        expect_gradient(dy, (n, steps, units))
        dsums = np.empty_like(self.states[1:])  # for what tanh is taken of
        dh = np.zeros_like(self.states[0])
        for t in reversed(range(steps)):
            dh = dh + dy[:, t]
            dsums[t] = np.where(self.mask[t], dh * (1 - self.states[t + 1] ** 2), 0)
            dh = dsums[t] @ recurrent.T + np.where(self.mask[t], 0, dh)
        return _gradients(self.grads, self.x, self.states[:-1], dsums, kernel)


class LSTM:
    """A recurrent layer with a memory cell that gates write, clear and read (lesson 20).

    (N, T, inputs) to (N, T, units): the output h of every step. With i, f, o the sigmoids and g the tanh of
    four sums x·kernel + h·recurrent_kernel + bias: c = f·c + i·g, h = o·tanh(c). The order of the four in
    the parameters is i, f, g, o, as in Keras's `LSTM`. The bias of f starts at 1, the others at 0.
    Hochreiter and Schmidhuber 1997; the gate f is from Gers et al. 2000, "Learning to Forget". After
    `forward`, `state` is (h, c) after the last step, each (N, units).

    Args:
        inputs: values of one step.
        units: values of the memory cell, and of the output.
        initializer: a function (shape, generator) that draws the kernel; see `layers.initializers`.
        rng: a seed or a NumPy generator.
        dtype: float32 or float64, of the parameters.

    >>> lstm = LSTM(3, 5, rng=0)
    >>> lstm.forward(np.ones((2, 7, 3), np.float32)).shape, [part.shape for part in lstm.state]
    ((2, 7, 5), [(2, 5), (2, 5)])
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        initializer: Initializer = xavier,
        rng: int | np.random.Generator | None = None,
        dtype: DTypeLike = np.float32,
    ):
        rng = np.random.default_rng(rng)
        kernel, recurrent = initializer((inputs, 4 * units), rng), orthogonal((units, 4 * units), rng)
        bias = np.zeros(4 * units, dtype)
        bias[units : 2 * units] = 1
        self.params = {
            "kernel": kernel.astype(dtype),
            "recurrent_kernel": recurrent.astype(dtype),
            "bias": bias,
        }
        self.grads: dict[str, np.ndarray] = {}

    def forward(
        self,
        x: np.ndarray,
        training: bool = False,
        mask: np.ndarray | None = None,
        initial_state: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> np.ndarray:
        """Return the outputs (N, T, units) of x (N, T, inputs).

        Where mask (N, T) is False, h and c stay what they were. They start from `initial_state` (h, c), each
        (N, units), or from 0. ValueError for other shapes.
        """
        kernel, recurrent, bias = self.params.values()
        self.x, self.mask = x, _checked_mask(x, mask, len(kernel))
        projected = _by_time(x @ kernel + bias)  # (T, N, 4 units)
        steps, n, units = *projected.shape[:2], len(recurrent)
        self.h = np.zeros((steps + 1, n, units), projected.dtype)
        self.c = np.zeros_like(self.h)
        self.gates = np.empty((4, steps, n, units), projected.dtype)
        h, c = (None, None) if initial_state is None else initial_state
        self.h[0], self.c[0] = _checked_state(h, (n, units)), _checked_state(c, (n, units))
        for t in range(steps):
            i, f, g, o = np.split(projected[t] + self.h[t] @ recurrent, 4, axis=1)
            i, f, g, o = self.gates[:, t] = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            c = f * self.c[t] + i * g
            self.c[t + 1] = np.where(self.mask[t], c, self.c[t])
            self.h[t + 1] = np.where(self.mask[t], o * np.tanh(c), self.h[t])
        self.state = self.h[-1].copy(), self.c[-1].copy()
        return _by_time(self.h[1:])

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Return the gradient for x, back through time from the last step to the first; fill `grads`."""
        kernel, recurrent, _ = self.params.values()
        steps, n, units = self.h[1:].shape
        expect_gradient(dy, (n, steps, units))
        dsums = np.empty((steps, n, 4 * units), self.h.dtype)  # for what the gates' functions are taken of
        dh, dc = np.zeros_like(self.h[0]), np.zeros_like(self.c[0])
        for t in reversed(range(steps)):
            (i, f, g, o), seen = self.gates[:, t], self.mask[t]
            read = np.tanh(self.c[t + 1])
            dh = dh + dy[:, t]
            dcell = dc + dh * o * (1 - read**2)
            di, df, dg, do = dcell * g, dcell * self.c[t], dcell * i, dh * read
            dsum = np.hstack([di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)])
            dsums[t] = np.where(seen, dsum, 0)
            dh = dsums[t] @ recurrent.T + np.where(seen, 0, dh)
            dc = np.where(seen, dcell * f, dc)
        return _gradients(self.grads, self.x, self.h[:-1], dsums, kernel)


class Embedding:
    """A vector for each word, looked up by the word's number: (N, T) integers to (N, T, outputs) (lesson 20).

    The same as a one-hot row times the kernel, without the multiplications. The table is `params["kernel"]`,
    (words, outputs). ValueError for what is no number of a word.

    Args:
        words: numbers that words may have, from 0.
        outputs: values of one word's vector.
        initializer: a function (shape, generator) that draws the vectors; see `layers.initializers`.
        rng: a seed or a NumPy generator.
        dtype: float32 or float64, of the vectors.

    >>> Embedding(1000, 50, rng=0).forward(np.array([[3, 999, 0]])).shape
    (1, 3, 50)
    """

    def __init__(
        self,
        words: int,
        outputs: int,
        initializer: Initializer = normal,
        rng: int | np.random.Generator | None = None,
        dtype: DTypeLike = np.float32,
    ):
        kernel = initializer((words, outputs), np.random.default_rng(rng))
        self.params = {"kernel": kernel.astype(dtype)}
        self.grads: dict[str, np.ndarray] = {}

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the vector of each number in x."""
        words = len(self.params["kernel"])
        if x.dtype.kind not in "iu":
            raise ValueError(f"Embedding takes integers, the numbers of words, not {x.dtype}")
        if x.size and not 0 <= x.min() <= x.max() < words:
            raise ValueError(
                f"numbers run from {x.min()} to {x.max()}, but Embedding has words 0 to {words - 1}"
            )
        self.x = x
        return self.params["kernel"][x]

    def backward(self, dy: np.ndarray) -> None:
        """Leave in `grads`, for each word, the sum of its places' gradients; integers have no gradient."""
        kernel = self.params["kernel"]
        expect_gradient(dy, (*self.x.shape, kernel.shape[1]))
        self.grads["kernel"] = np.zeros_like(kernel)
        np.add.at(self.grads["kernel"], self.x, dy)


def _by_time(x: np.ndarray) -> np.ndarray:
    """Return a copy of x with the first two axes exchanged: (N, T, …) to (T, N, …), or back."""
    return np.ascontiguousarray(x.swapaxes(0, 1))


def _checked_mask(x: np.ndarray, mask: np.ndarray | None, inputs: int) -> np.ndarray:
    """Return the mask by time, (T, N, 1); ValueError unless x is (N, T, inputs) and the mask (N, T) bool."""
    if x.ndim != 3 or x.shape[2] != inputs:
        raise ValueError(f"a recurrent layer of {inputs} inputs takes (N, T, {inputs}), not {x.shape}")
    mask = np.ones(x.shape[:2], bool) if mask is None else np.asarray(mask)
    if mask.shape != x.shape[:2] or mask.dtype != bool:
        raise ValueError(f"the mask of {x.shape} is {x.shape[:2]} bool, not {mask.shape} {mask.dtype}")
    return mask.T[:, :, None]


def _checked_state(state: np.ndarray | None, shape: tuple[int, int]) -> np.ndarray | float:
    """Return the state, 0 for None; ValueError for another shape."""
    if state is not None and np.shape(state) != shape:
        raise ValueError(f"an initial state is (N, units), here {shape}, not {np.shape(state)}")
    return 0.0 if state is None else state


def _gradients(
    grads: dict[str, np.ndarray], x: np.ndarray, before: np.ndarray, dsums: np.ndarray, kernel: np.ndarray
) -> np.ndarray:
    """Return the gradient for x, and fill `grads`, from those for the sums of all steps.

    Args:
        grads: filled in place.
        x: (N, T, inputs).
        before: (T, N, units), the state that each step began with.
        dsums: (T, N, sums).
        kernel: (inputs, sums).
    """
    rows = dsums.reshape(-1, dsums.shape[2])
    grads["kernel"] = _by_time(x).reshape(len(rows), -1).T @ rows
    grads["recurrent_kernel"] = before.reshape(len(rows), -1).T @ rows
    grads["bias"] = rows.sum(axis=0)
    return _by_time(dsums @ kernel.T)
