"""The layers of a network in NumPy, each with its forward and its backward pass.

Every layer has `forward(x, training=False) -> y`, `backward(dy) -> dx` and two dicts, name -> array: `params`
and `grads`, which `backward` fills. The first axis of `x` counts the examples; `dy` is the gradient of the
loss with respect to `y`. Images are NHWC, as in TensorFlow. float32 stays float32, float64 stays float64, and
no argument is changed; but a layer keeps what it was given until `backward`, so change nothing in between.
Convolution and pooling live in `convlab.convolution` and are offered here as well.
"""

import math

import numpy as np

from convlab.convolution import AvgPool2D, Conv2D, MaxPool2D, avg_pool2d, conv2d, max_pool2d
from convlab.initializers import he

__all__ = [
    "AvgPool2D",
    "BatchNorm",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "MaxPool2D",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "avg_pool2d",
    "conv2d",
    "log_softmax",
    "max_pool2d",
    "sigmoid",
    "softmax",
    "softmax_cross_entropy",
]


class Dense:
    """Every output sees every input: y = x·kernel + bias, (N, inputs) to (N, outputs) (lesson 03).

    `initializer(shape, generator)` draws the kernel (see `convlab.initializers`); `rng` is a seed or a NumPy
    generator. The bias starts at 0. ValueError for an `x` that is not (N, inputs).

    >>> Dense(784, 256, rng=0).forward(np.ones((32, 784), np.float32)).shape
    (32, 256)
    """

    def __init__(self, inputs, outputs, initializer=he, rng=None, dtype=np.float32):
        kernel = initializer((inputs, outputs), np.random.default_rng(rng))
        self.params = {"kernel": kernel.astype(dtype), "bias": np.zeros(outputs, dtype)}
        self.grads = {}

    def forward(self, x, training=False):
        """Return x·kernel + bias."""
        inputs, _ = self.params["kernel"].shape
        if x.ndim != 2 or x.shape[1] != inputs:
            raise ValueError(
                f"Dense of {inputs} inputs takes (N, {inputs}), not {x.shape}: put Flatten before it"
            )
        self.x = x
        y = x @ self.params["kernel"]
        y += self.params["bias"]
        return y

    def backward(self, dy):
        """Return dy·kernelᵀ, (N, inputs); leave xᵀ·dy and the column sums of dy in `grads`."""
        _, outputs = self.params["kernel"].shape
        _expect_gradient(dy, (len(self.x), outputs))
        self.grads["kernel"] = self.x.T @ dy
        self.grads["bias"] = dy.sum(axis=0)
        return dy @ self.params["kernel"].T


class ReLU:
    """Keep what is positive, replace the rest by 0 (lesson 03; Nair and Hinton 2010).

    >>> ReLU().forward(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """

    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, x, training=False):
        """Return max(x, 0)."""
        self.y = np.maximum(x, 0)
        return self.y

    def backward(self, dy):
        """Return dy where x was positive, else 0 (at x = 0 as well, as in TensorFlow)."""
        _expect_gradient(dy, self.y.shape)
        return dy * (self.y > 0)


class Sigmoid:
    """Squash every value into (0, 1); where it is nearly flat, hardly any gradient passes (lessons 02 to 04).

    >>> Sigmoid().forward(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """

    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, x, training=False):
        """Return σ(x)."""
        self.y = sigmoid(x)
        return self.y

    def backward(self, dy):
        """Return dy·y·(1 - y)."""
        _expect_gradient(dy, self.y.shape)
        return dy * self.y * (1 - self.y)


class Flatten:
    """Lay out each example as one row: (N, H, W, C) to (N, H·W·C) (lesson 03).

    >>> Flatten().forward(np.zeros((32, 28, 28, 1))).shape
    (32, 784)
    """

    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, x, training=False):
        """Return x, one row per example."""
        self.shape = x.shape
        return x.reshape(len(x), math.prod(x.shape[1:]))

    def backward(self, dy):
        """Return dy in the shape that x had."""
        n, *rest = self.shape
        _expect_gradient(dy, (n, math.prod(rest)))
        return dy.reshape(self.shape)


class Dropout:
    """While training, silence a random share of the values and scale up the rest (lesson 04).

    Each value is lost with probability `rate`, the others are divided by 1 - rate: what is expected stays, so
    nothing needs to change after training ("inverted dropout": Srivastava et al. 2014, section 10). `rng` is
    a seed or a NumPy generator. ValueError for a rate outside 0 ≤ rate < 1.

    >>> Dropout(0.5, rng=0).forward(np.ones(6), training=True)
    array([2., 2., 2., 0., 0., 0.])
    """

    def __init__(self, rate, rng=None):
        if not 0 <= rate < 1:
            raise ValueError(f"a dropout rate is a share of the values, 0 <= rate < 1, not {rate}")
        self.rate, self.rng = float(rate), np.random.default_rng(rng)
        self.params, self.grads = {}, {}

    def forward(self, x, training=False):
        """Return x·mask while training, else x."""
        self.shape, self.mask = x.shape, None
        if not training:
            return x
        kept = self.rng.random(x.shape, dtype=np.float32) >= self.rate
        self.mask = kept.astype(x.dtype)
        self.mask /= 1 - self.rate
        return x * self.mask

    def backward(self, dy):
        """Return dy·mask, or dy after a forward pass without training."""
        _expect_gradient(dy, self.shape)
        return dy if self.mask is None else dy * self.mask


class BatchNorm:
    """Give every feature mean `beta` and spread `gamma`, both learned, over the batch (lesson 04).

    Features stand along the last axis: (N, features) or (N, H, W, features). While training, mean and
    variance are the batch's own, and the moving averages go 1 - momentum of the way towards them; otherwise
    these averages are used. Ioffe and Szegedy 2015, Algorithm 1; defaults are Keras's. ValueError for another
    number of features.

    >>> BatchNorm(1).forward(np.array([[1.0], [3.0]]), training=True).round(2).tolist()
    [[-1.0], [1.0]]
    """

    def __init__(self, features, momentum=0.99, epsilon=1e-3, dtype=np.float32):
        self.momentum, self.epsilon = float(momentum), float(epsilon)
        self.params = {"gamma": np.ones(features, dtype), "beta": np.zeros(features, dtype)}
        self.grads = {}
        self.moving_mean, self.moving_variance = np.zeros(features, dtype), np.ones(features, dtype)

    def forward(self, x, training=False):
        """Return gamma·(x - mean) / √(variance + epsilon) + beta."""
        features = len(self.params["gamma"])
        if x.ndim < 2 or x.shape[-1] != features:
            raise ValueError(f"BatchNorm of {features} features takes (N, ..., {features}), not {x.shape}")
        self.shape, self.training = x.shape, training
        rows = x.reshape(-1, features)
        mean = rows.mean(axis=0) if training else self.moving_mean
        centred = rows - mean
        variance = _mean_product(centred, centred) if training else self.moving_variance
        if training:
            self.moving_mean += (1 - self.momentum) * (mean - self.moving_mean)
            self.moving_variance += (1 - self.momentum) * (variance - self.moving_variance)
        self.scale = 1 / np.sqrt(variance + self.epsilon)
        self.normal = centred * self.scale
        return (self.params["gamma"] * self.normal + self.params["beta"]).reshape(x.shape)

    def backward(self, dy):
        """Return dx, also through the batch's mean and variance; leave those of gamma and beta in `grads`."""
        _expect_gradient(dy, self.shape)
        dy = dy.reshape(self.normal.shape)
        gamma_mean, beta_mean = _mean_product(dy, self.normal), dy.mean(axis=0)
        self.grads["gamma"], self.grads["beta"] = len(dy) * gamma_mean, len(dy) * beta_mean
        if self.training:
            dy = dy - beta_mean - self.normal * gamma_mean
        return (dy * (self.params["gamma"] * self.scale)).reshape(self.shape)


class Sequential:
    """Layers one after another, trained as one (lesson 03).

    `params` and `grads` show those of all layers as "<place>.<name>", places counted from 0. They are the
    layers' own arrays: an optimizer that changes them in place trains the layers.

    >>> sorted(Sequential([Flatten(), Dense(784, 10, rng=0)]).params)
    ['1.bias', '1.kernel']
    """

    def __init__(self, layers):
        self.layers = list(layers)

    def forward(self, x, training=False):
        """Return what the last layer makes of x."""
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, dy):
        """Return the gradient with respect to x; every layer's `grads` is filled."""
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    @property
    def params(self):
        """All layers' parameters."""
        return self._numbered("params")

    @property
    def grads(self):
        """All layers' gradients, under the names of their parameters."""
        return self._numbered("grads")

    def _numbered(self, attribute):
        dicts = [getattr(layer, attribute) for layer in self.layers]
        return {f"{place}.{name}": array for place, own in enumerate(dicts) for name, array in own.items()}


def sigmoid(x):
    """Return 1 / (1 + e⁻ˣ), computed so that no exponential overflows (lesson 02).

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


def log_softmax(logits):
    """Return the logarithm of `softmax(logits)`, finite where the probability rounds to 0 (lesson 02).

    >>> log_softmax(np.array([[0.0, 1000.0]]))
    array([[-1000.,     0.]])
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax(logits):
    """Return one probability per logit, e to its power, scaled so that each row adds up to 1 (lesson 02).

    >>> softmax(np.array([[0.0, np.log(3.0)], [1000.0, 1000.0]]))
    array([[0.25, 0.75],
           [0.5 , 0.5 ]])
    """
    return np.exp(log_softmax(logits))


def softmax_cross_entropy(logits, labels):
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


def _mean_product(a, b):
    """Return the mean of a·b over the rows, without writing a·b down."""
    return np.einsum("nc,nc->c", a, b) / len(a)


def _expect_gradient(dy, shape):
    """Raise ValueError unless `dy` has the shape that forward returned."""
    if dy.shape != shape:
        raise ValueError(f"backward takes a gradient of the output's shape {shape}, not {dy.shape}")


def _expect_labels(labels, shape):
    """Raise ValueError unless `labels` are integers, one per row of logits, each one of the columns."""
    if len(shape) != 2 or labels.shape != shape[:1] or labels.dtype.kind not in "iu" or not labels.size:
        raise ValueError(
            f"logits (N, classes) go with N integer labels, not {shape} with {labels.dtype} {labels.shape}; "
            "one-hot rows become labels by .argmax(axis=1)"
        )
    if labels.min() < 0 or labels.max() >= shape[1]:
        raise ValueError(
            f"labels run from {labels.min()} to {labels.max()}, but classes from 0 to {shape[1] - 1}"
        )
