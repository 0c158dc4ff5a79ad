"""Lesson 03's network as the lesson trains it, in NumPy."""

import numpy as np

from coursekit.measuring.benchmarks import mlp

TITLE = "convlab.layers (NumPy)"
UNIT, ITEMS, FLOPS = mlp.UNIT, mlp.ITEMS, mlp.FLOPS


def prepare():
    """Return a round: every image once, in a new order; it returns a loss."""
    from convlab.layers import Dense, ReLU, Sequential, softmax_cross_entropy
    from convlab.optimizers import Adam

    inputs, hidden, outputs = mlp.LAYERS
    images, labels = mlp.data()
    model = Sequential([Dense(inputs, hidden, rng=0), ReLU(), Dense(hidden, outputs, rng=1)])
    optimizer, rng = Adam(), np.random.default_rng(0)

    def run():
        for batch in np.split(rng.permutation(ITEMS), ITEMS // mlp.BATCH):
            logits = model.forward(images[batch], training=True)
            loss, dlogits = softmax_cross_entropy(logits, labels[batch])
            model.backward(dlogits)
            optimizer.step(model.params, model.grads)
        return loss

    return run
