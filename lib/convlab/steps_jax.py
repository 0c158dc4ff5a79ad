"""Steps on JAX: an epoch in one compiled scan, because a GPU would wait for Python after each step."""

import jax
import jax.numpy as jnp
import numpy as np

from convlab.steps import cut, descend, factors, look_ahead, objective


class JaxSteps:
    """Trains a model an epoch at a time on JAX; made by `steps.start`."""

    chunk = None

    def __init__(self, model, images, labels, scale, recipe):
        self.model, self.scale, self.recipe = model, scale, recipe
        self.images, self.labels = jnp.asarray(images), jnp.asarray(labels)
        weights = [jnp.array(w.value) for w in model.trainable_variables]
        others = [jnp.array(v.value) for v in model.non_trainable_variables]
        averaged = [*weights, *(v for v in others if v.dtype == "float32")] if recipe.lookahead else []
        velocities, slow = [jnp.zeros_like(w) for w in weights], [jnp.array(v) for v in averaged]
        self.state = weights, others, velocities, slow
        self.factors = factors(model.trainable_variables, recipe)
        self.scan = jax.jit(self._scan, donate_argnums=0)

    def advance(self, plan):
        """Take the steps of the plan; return losses and hits, one per step."""
        self.state, (losses, hits) = self.scan(self.state, plan, self.images, self.labels)
        self._show()
        return np.array(losses), np.array(hits)

    def read(self):
        """Return all that a resumed run needs, a list of arrays."""
        return [np.array(value) for value in jax.tree.leaves(self.state)]

    def write(self, arrays):
        """Put back what `read` returned."""
        leaves = [jnp.array(array) for array in arrays]
        self.state = jax.tree.unflatten(jax.tree.structure(self.state), leaves)
        self._show()

    def _show(self):
        """Give the model a copy of the weights: the next step overwrites our own in place."""
        variables = [*self.model.trainable_variables, *self.model.non_trainable_variables]
        for variable, value in zip(variables, [*self.state[0], *self.state[1]]):
            variable.assign(jnp.array(value))

    def _scan(self, state, plan, images, labels):
        def step(state, row):
            return self._step(state, row, *cut(images, labels, self.scale, row, self.recipe))

        return jax.lax.scan(step, state, plan)

    def _step(self, state, row, pixels, labels):
        weights, others, velocities, slow = state

        def loss_of(weights):
            logits, changed, extra = self.model.stateless_call(
                weights, others, pixels, training=True, return_losses=True
            )
            loss, hits = objective(logits, labels, self.recipe.label_smoothing)
            return loss + sum(extra), (loss, hits, changed)

        gradients, (loss, hits, others) = jax.grad(loss_of, has_aux=True)(weights)
        weights, velocities = descend(weights, velocities, gradients, row["rate"], self.factors, self.recipe)
        if slow:
            keep = row["keep"]
            averages = jax.lax.cond(
                keep >= 0, _average, lambda *lists: lists[:3], weights, others, slow, keep
            )
            weights, others, slow = averages
        return (weights, others, velocities, slow), (loss, hits)


def _average(weights, others, slow, keep):
    """Return weights, statistics and slow copies after a look ahead; what is no float stays."""
    places = [i for i, value in enumerate(others) if value.dtype == "float32"]
    fast = [*weights, *(others[i] for i in places)]
    slow = [look_ahead(value, average, keep) for value, average in zip(fast, slow)]
    others = list(others)
    for i, value in zip(places, slow[len(weights) :]):
        others[i] = value
    return slow[: len(weights)], others, slow


def forward(model):
    """Return a function from images to logits, NumPy to NumPy."""
    answer = jax.jit(
        lambda weights, others, images: model.stateless_call(weights, others, images, training=False)[0]
    )

    def call(images):
        weights = [w.value for w in model.trainable_variables]
        return np.array(answer(weights, [v.value for v in model.non_trainable_variables], images), "float32")

    return call


def accelerator():
    """Return the model name of the first GPU or TPU, "" where there is none."""
    device = jax.devices()[0]
    return "" if device.platform == "cpu" else device.device_kind
