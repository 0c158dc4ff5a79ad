"""In what numbers a model computes, and which of them are fast on this machine (lesson 16)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from convlab.networks.normalization import FusedBatchNormalization

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


@contextmanager
def computing_in(model: keras.Model, precision: str) -> Iterator[None]:
    """Let a built model compute in "float32" or "bfloat16" for a while; its weights stay float32 throughout.

    The last dense layer and what follows it stay as they are: a loss needs its logits whole. The functions
    traced inside keep the precision; afterwards the model is as before. ValueError for another precision.

    >>> model = keras.Sequential([keras.Input((4,)), layers.ReLU(), layers.Dense(2)])
    >>> with computing_in(model, "bfloat16"): [layer.compute_dtype for layer in model.layers]
    ['bfloat16', 'float32']
    """
    if precision not in POLICIES:
        raise ValueError(f"precision {precision!r} is not one of {', '.join(POLICIES)}")
    chosen = _before_logits(model)
    before = [layer.dtype_policy for layer in chosen]
    try:
        for layer in chosen:
            layer.dtype_policy = POLICIES[precision]
        yield
    finally:
        for layer, policy in zip(chosen, before):
            layer.dtype_policy = policy


def _before_logits(model):
    """Return the layers before the last dense one, those inside other layers too."""
    # Keras offers no public way to layers that a layer of one's own contains.
    inner = list(model._flatten_layers(include_self=False))
    dense = [place for place, layer in enumerate(inner) if isinstance(layer, layers.Dense)]
    return inner[: dense[-1]] if dense else inner[:-1]


@cache
def fastest() -> tuple[str, bool]:
    """Return the precision and whether to compile with XLA, (str, bool), that train fastest on this machine.

    Times a few steps of two 3x3 convolutions with 64 maps, in turn, once per process. Lesson 16.
    """
    precision, _ = _quickest([(precision, False) for precision in POLICIES])
    return _quickest([(precision, False), (precision, True)])


def _quickest(choices, trials=5):
    """Return the choice with the fastest step; in turn, so that other work on the machine slows all alike."""
    steps = [_step(*choice) for choice in choices]
    seconds = [[_seconds(step) for step in steps] for _ in range(trials)]
    return choices[int(np.argmin(np.min(seconds, axis=0)))]


def _step(precision, compiled, batch_size=64):
    """Return a function that takes a training step of a small network, traced already."""
    model, images = _small_network(), tf.random.stateless_normal((batch_size, 16, 16, 64), (0, 0))

    @tf.function(jit_compile=compiled)
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(images, training=True) ** 2)
        weights = model.trainable_variables
        for weight, gradient in zip(weights, tape.gradient(loss, weights)):
            weight.assign_sub(0.001 * gradient)
        return loss

    with computing_in(model, precision):
        step()
    return lambda: float(step())


def _seconds(step):
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def _small_network():
    x = images = keras.Input((16, 16, 64))
    for _ in range(2):
        x = FusedBatchNormalization()(layers.Conv2D(64, 3, padding="same", use_bias=False)(x))
        x = layers.ReLU()(x)
    return keras.Model(images, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))
