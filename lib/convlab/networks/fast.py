"""Fast on CIFAR-10: Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (arXiv:2404.00498)."""

from collections.abc import Sequence
from functools import partial

import keras
import numpy as np
from keras import layers, ops

from convlab.networks.gelu import gelu
from convlab.networks.normalization import FusedBatchNormalization


def cifar_fast(
    widths: Sequence[int] = (64, 256, 256),
    whitening: bool = True,
    dirac: bool = True,
    activation: str = "gelu",
    momentum: float = 0.6,
    scale: float = 1 / 9,
    classes: int = 10,
) -> keras.Model:
    """Return a network in the manner of the paper's "airbench94", logits out. Lesson 16.

    Images: (N, 32, 32, 3), normalised floats. 1,971,640 weights, 288 of them in the frozen first kernel: call
    `whiten` before training. Each argument but the first and the last is a trick of sections 3.1 to 3.4.

    Args:
        widths: maps of the three blocks.
        whitening: whether the first kernel is set by `whiten` and frozen, or learned and normalised.
        dirac: whether convolutions start as `partly_identity`, or as `uniform`.
        activation: "gelu", or any that Keras knows; without the trick "relu".
        momentum: share of its moving averages that a normalisation retains in a step; 0.9 without the trick.
        scale: factor of the logits; without the trick 1.
        classes: number of logits.

    >>> cifar_fast().get_layer("pool").output.shape
    (None, 1, 1, 256)
    """
    kernels = partly_identity if dirac else uniform
    nonlinearity = gelu if activation == "gelu" else activation
    convolution = partial(
        layers.Conv2D, kernel_size=3, padding="same", use_bias=False, kernel_initializer=kernels
    )

    def normalize(x, name):
        x = FusedBatchNormalization(scale=False, momentum=momentum, epsilon=1e-12, name=f"{name}_norm")(x)
        return layers.Activation(nonlinearity, name=f"{name}_{activation}")(x)

    images = keras.Input((32, 32, 3))
    if whitening:
        x = layers.Activation(nonlinearity)(FrozenKernelConv2D(24, 2, name="whiten")(images))
    else:
        x = layers.Conv2D(24, 2, use_bias=False, kernel_initializer=uniform, name="conv0")(images)
        x = normalize(x, "conv0")
    for block, maps in enumerate(widths, start=1):
        x = layers.MaxPooling2D(2, name=f"pool{block}")(convolution(maps, name=f"conv{block}_1")(x))
        x = normalize(x, f"conv{block}_1")
        x = normalize(convolution(maps, name=f"conv{block}_2")(x), f"conv{block}_2")
    x = layers.Flatten(name="flatten")(layers.MaxPooling2D(3, name="pool")(x))
    x = layers.Dense(classes, use_bias=False, kernel_initializer=uniform, dtype="float32", name="dense")(x)
    return keras.Model(images, layers.Rescaling(scale, dtype="float32", name="logits")(x), name="cifar_fast")


def whiten(model: keras.Model, images: np.ndarray) -> None:
    """Set the frozen first kernel of `cifar_fast` from training images, in place; nothing comes back.

    images: (N, 32, 32, 3), normalised as in training; the paper takes 5,000. Section 3.2. Lesson 16.

    >>> model = cifar_fast()
    >>> whiten(model, np.random.default_rng(0).normal(size=(10, 32, 32, 3)))
    """
    model.get_layer("whiten").kernel.assign(whitening_kernels(images))


def whitening_kernels(images: np.ndarray, epsilon: float = 5e-4) -> np.ndarray:
    """Return (2, 2, 3, 24) kernels that make 2x2 patches uncorrelated with variance 1, and their negatives.

    images: (N, H, W, C). The eigenvectors of the patches' covariance, strongest first, each divided by the
    root of its eigenvalue plus `epsilon`. Section 3.2. Lesson 16.

    >>> whitening_kernels(np.random.default_rng(0).normal(size=(10, 32, 32, 3))).shape
    (2, 2, 3, 24)
    """
    channels = images.shape[-1]
    patches = np.lib.stride_tricks.sliding_window_view(images, (2, 2), axis=(1, 2))  # (N, H-1, W-1, C, 2, 2)
    patches = np.moveaxis(patches, 3, -1).reshape(-1, 4 * channels)
    values, vectors = np.linalg.eigh(patches.T @ patches / len(patches))
    kernels = (vectors / np.sqrt(values + epsilon))[:, ::-1]
    return np.concatenate([kernels, -kernels], axis=1).reshape(2, 2, channels, 8 * channels)


@keras.saving.register_keras_serializable("convlab")
class FrozenKernelConv2D(layers.Conv2D):
    """Convolve with a kernel that training does not change and a bias that it learns.

    >>> layer = FrozenKernelConv2D(24, 2)
    >>> tuple(layer(keras.ops.ones((1, 32, 32, 3))).shape), len(layer.trainable_variables)
    ((1, 31, 31, 24), 1)
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights and freeze the kernel, so that a copied or loaded network keeps it frozen too."""
        super().build(input_shape)
        self.kernel.trainable = False


@keras.saving.register_keras_serializable("convlab")
def uniform(shape: tuple[int, ...], dtype: str | None = None) -> keras.KerasTensor:
    """Return weights uniform within ±1/√(inputs per output), the default of the paper's library.

    >>> bool(keras.ops.max(uniform((3, 3, 4, 8))) <= 1 / 6)
    True
    """
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")(shape, dtype)


@keras.saving.register_keras_serializable("convlab")
def partly_identity(shape: tuple[int, ...], dtype: str | None = None) -> keras.KerasTensor:
    """Return a kernel whose first filters pass their map unchanged; filters beyond them are `uniform`.

    shape: (KH, KW, C, F), KH and KW odd: filter i < C is one at its centre for map i, else zero. Section 3.3.

    >>> float(partly_identity((3, 3, 1, 1))[1, 1, 0, 0])
    1.0
    """
    rows, columns, channels, filters = shape
    identity = np.zeros(shape)
    identity[rows // 2, columns // 2] = np.eye(channels, filters)
    beyond = np.arange(filters) >= channels
    return ops.cast(uniform(shape) * beyond + identity, dtype or "float32")
