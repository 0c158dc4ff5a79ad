"""Lesson 03's network in Keras, trained by `fit` as shipped."""

from coursekit.measuring.benchmarks import mlp

TITLE = "Keras, fit"
UNIT, ITEMS, FLOPS = mlp.UNIT, mlp.ITEMS, mlp.FLOPS


def network():
    """Return the network, its logits plain."""
    import keras

    inputs, hidden, outputs = mlp.LAYERS
    relu = keras.layers.Dense(hidden, activation="relu", kernel_initializer="he_normal")
    return keras.Sequential([keras.Input((inputs,)), relu, keras.layers.Dense(outputs)])


def prepare():
    """Return a round: every image once, in a new order; it returns a loss."""
    import keras

    images, labels = mlp.data()
    model = network()
    model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    def run():
        return model.fit(images, labels, batch_size=mlp.BATCH, verbose=0).history["loss"][-1]

    return run
