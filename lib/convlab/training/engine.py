"""Steps on TensorFlow: one `tf.function` each, variables updated in place, also by `tf.distribute`."""

import numpy as np
import tensorflow as tf

from convlab.training.fused import fused
from convlab.training.updates import cut, descend, factors, look_ahead, objective

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
