"""Batch normalisation and GELU in one pass over the maps: what is slow in Keras on a CPU (lesson 16)."""

from contextlib import contextmanager
from functools import partial

import numpy as np
import tensorflow as tf
from keras import layers

from convlab.networks.fast import gelu


@contextmanager
def fused(model):
    """Let what is traced inside normalise batches and take GELU in one pass over the maps, without a GPU.

    Keras composes each of a dozen operations, and each is a pass: normalisation was 40 % of a ResNet-20's
    step on two cores, GELU a seventh of `cifar_fast`'s. (A GPU refuses epsilons below 1e-5.) Lesson 16.
    """
    inner = [] if accelerator() else list(model._flatten_layers(include_self=False))
    ways = {layer: way for layer in inner if (way := _in_one_pass(layer))}
    try:
        for layer, way in ways.items():
            vars(layer)["call"] = way
        yield
    finally:
        for layer in ways:
            vars(layer).pop("call", None)


def _in_one_pass(layer):
    """Return what can stand in for a layer's `call`, None where nothing here can."""
    if _is_plain_normalization(layer):
        return partial(_normalize, layer, layer.call)
    return _gelu if type(layer) is layers.Activation and layer.activation is gelu else None


@tf.custom_gradient
def _gelu(x):
    """Return `gelu(x)`; its slope is worked out anew, which is faster than to fetch what could be kept."""
    return _gelu_values(x), lambda upstream: _gelu_slopes(x, upstream)


@tf.function(jit_compile=True)
def _gelu_values(x):
    return gelu(x)


@tf.function(jit_compile=True)
def _gelu_slopes(x, upstream):
    """Return `upstream` times the derivative Φ(x) + x φ(x), Φ the normal distribution and φ its density."""
    wide = tf.cast(x, tf.float32)
    below = 0.5 * (1 + tf.math.erf(wide / 2**0.5))
    slope = below + wide * tf.exp(-(wide**2) / 2) / (2 * np.pi) ** 0.5
    return tf.cast(tf.cast(upstream, tf.float32) * slope, x.dtype)


def _is_plain_normalization(layer):
    """Whether this is Keras's own layer, over the last of four axes, with its usual options."""
    plain = type(layer) is layers.BatchNormalization and not (
        layer.synchronized or getattr(layer, "renorm", False)
    )
    return plain and layer.center and layer.input_spec.ndim == 4 and layer.axis in (-1, 3)


def _normalize(layer, usual, images, training=None, mask=None):
    """Return what `BatchNormalization.call` returns, and move its statistics as it does."""
    if not training or not layer.trainable:
        return usual(images, training=training, mask=mask)
    scale = tf.convert_to_tensor(layer.gamma) if layer.scale else tf.ones(images.shape[-1])
    shift, empty = tf.convert_to_tensor(layer.beta), tf.zeros(0)
    normalized, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=images, scale=scale, offset=shift, mean=empty, variance=empty, epsilon=layer.epsilon
    )
    count = tf.cast(tf.size(images) // images.shape[-1], tf.float32)
    # Keras divides the squares by their number, the operation by one less
    biased = variance * (count - 1) / count
    for average, value in ((layer.moving_mean, mean), (layer.moving_variance, biased)):
        average.assign(average * layer.momentum + value * (1 - layer.momentum))
    return normalized


def accelerator():
    """Return the model name of the first GPU, "" where there is none."""
    found = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(found[0]).get("device_name", "GPU") if found else ""
