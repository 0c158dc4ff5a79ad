"""Steps on TensorFlow: one `tf.function` each, variables updated in place, also by `tf.distribute`."""

from contextlib import contextmanager
from functools import partial

import numpy as np
import tensorflow as tf
from keras import layers

from convlab.networks.fast import gelu
from convlab.steps import cut, descend, factors, look_ahead, objective

INPUTS = ("order", "shift", "mirror", "hole", "rate")


class TensorFlowSteps:
    """Trains a model step by step on TensorFlow; made by `steps.start`."""

    chunk = 1

    def __init__(self, model, images, labels, scale, recipe, compiled=False, strategy=None):
        self.model, self.scale, self.recipe = model, scale, recipe
        self.strategy = strategy or tf.distribute.get_strategy()
        self.images, self.labels = tf.constant(images), tf.constant(labels)
        self.weights, others = model.trainable_variables, model.non_trainable_variables
        floats = [v for v in others if "float" in v.dtype]
        self.averaged = [*self.weights, *floats] if recipe.lookahead else []
        with self.strategy.scope():
            self.velocities = [_local(tf.zeros(w.shape)) for w in self.weights]
            self.slow = [_local(variable.value) for variable in self.averaged]
        self.state = [*self.weights, *others, *self.velocities, *self.slow]
        self.step = tf.function(self._step, jit_compile=compiled)
        self.average = tf.function(self._average)

    def advance(self, plan):
        """Take the steps of the plan; return losses and hits, one per step."""
        losses, hits = [], []
        for i, keep in enumerate(plan["keep"]):
            loss, right = self.step({name: plan[name][i] for name in INPUTS})
            if keep >= 0:
                self.average(tf.constant(keep))
            losses.append(float(loss))
            hits.append(int(right))
        return np.array(losses), np.array(hits)

    def read(self):
        """Return all that a resumed run needs, a list of arrays."""
        return [tf.convert_to_tensor(variable).numpy() for variable in self.state]

    def write(self, arrays):
        """Put back what `read` returned."""
        for variable, array in zip(self.state, arrays, strict=True):
            variable.assign(array)

    def _step(self, row):
        results = self.strategy.run(self._replica, (row,))
        return [self.strategy.reduce("SUM", result, axis=None) for result in results]

    def _replica(self, row):
        """Take one replica's part of a step: every n-th image of the batch, then the sum of all gradients."""
        context, replicas = tf.distribute.get_replica_context(), self.strategy.num_replicas_in_sync
        mine = {
            k: row[k] if k == "rate" else row[k][context.replica_id_in_sync_group :: replicas] for k in row
        }
        pixels, labels = cut(self.images, self.labels, self.scale, mine, self.recipe)
        with tf.GradientTape() as tape, fused(self.model):
            loss, hits = objective(self.model(pixels, training=True), labels, self.recipe.label_smoothing)
            total = (loss + sum(self.model.losses)) / replicas
        values = [weight.value for weight in self.weights]
        gradients = tape.gradient(total, values, unconnected_gradients="zero")
        if replicas > 1:
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        self._descend(values, gradients, row["rate"])
        return loss / replicas, hits

    def _descend(self, values, gradients, rate):
        scaled = factors(self.weights, self.recipe)
        weights, velocities = descend(values, self.velocities, gradients, rate, scaled, self.recipe)
        for variable, value in zip([*self.weights, *self.velocities], [*weights, *velocities]):
            variable.assign(value)

    def _average(self, keep):
        for variable, slow in zip(self.averaged, self.slow):
            slow.assign(look_ahead(variable.value, slow, keep))
            variable.assign(slow)


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


def _local(value):
    """Return a variable that each replica keeps and updates for itself."""
    aggregation = tf.VariableAggregation.ONLY_FIRST_REPLICA
    return tf.Variable(
        value, trainable=False, synchronization=tf.VariableSynchronization.ON_READ, aggregation=aggregation
    )


def forward(model):
    """Return a function from images to logits, NumPy to NumPy."""
    answer = tf.function(lambda images: model(images, training=False))
    return lambda images: answer(tf.constant(images)).numpy().astype("float32")


def accelerator():
    """Return the model name of the first GPU, "" where there is none."""
    found = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(found[0]).get("device_name", "GPU") if found else ""
