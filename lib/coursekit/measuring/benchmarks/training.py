"""Training CIFAR-10's networks in three ways: the course's `fit`, a bare `tf.function` loop, Keras's `fit`.

The bare loop and Keras train the same network of Keras's own layers, without the course's fused ones.
All see the same noise in the shape of CIFAR-10. `fit`'s way is what it does for each step, augmentation and
figures included, without what it does once (tracing, validating). The bare loop computes in the precision
that `fit` chooses on this machine; Keras is as shipped, float32.
"""

from dataclasses import replace

import numpy as np

UNIT = "images/s"
NETWORKS = {  # builder, batch size, batches per round, multiply-adds forward for one image
    "resnet20": ("cifar_resnet", 128, 8, 40_551_040),
    "fast": ("cifar_fast", 500, 2, 118_147_360),
}
WAYS = {"ours": "convlab.training.fit", "bare": "bare tf.function loop", "keras": "Keras, fit as shipped"}
RATE = 1e-4  # so small that noise cannot blow up the weights


def tables():
    """Return table -> (title, rows), for `coursekit.measuring.bench`."""
    return {
        f"{name}_training": (
            f"Training {builder} on 32x32x3, batch {batch}",
            [f"training:{way}:{name}" for way in WAYS],
        )
        for name, (builder, batch, *_) in NETWORKS.items()
    }


def describe(way, name):
    """Return what the benchmark needs to know of a row; an image is three passes of two operations a MAC."""
    _, batch, batches, macs = NETWORKS[name]
    title = WAYS[way] if way == "keras" else f"{WAYS[way]}, {_precision()}"
    return {"title": title, "unit": UNIT, "items": batch * batches, "flops": 6 * macs}


def prepare(way, name):
    """Return a round over a few batches, whose weights have been made and whose step has been traced."""
    import keras

    from convlab import networks

    builder, batch, batches, _ = NETWORKS[name]
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch * batches, 32, 32, 3), dtype="uint8")
    labels = rng.integers(0, 10, len(images)).astype("int32")
    keras.utils.set_random_seed(0)
    model = getattr(networks, builder)()
    return ROUNDS[way](model, name, images, labels, batch)


def ours(model, name, images, labels, batch):
    """Return a round of the steps that `fit` takes, by the recipe that goes with the network."""
    from convlab.training.fitting import Classifier
    from convlab.training.precision import computing_in
    from convlab.training.recipes import FAST, RESNET2015

    recipe = replace(FAST if name == "fast" else RESNET2015, schedule="constant", learning_rate=RATE)
    with computing_in(model, _precision()):
        scale = np.array([128], "float32"), np.array([64], "float32")
        classifier = Classifier(model, images, labels, scale, recipe, batch)
        classifier.step(0)
    return lambda: [classifier.step(number)["loss"] for number in range(classifier.steps)]


def bare(model, name, images, labels, batch):
    """Return a round of a loop that one writes by hand, the images standardized beforehand."""
    import keras
    import tensorflow as tf

    from convlab.training.precision import computing_in

    model = _of_keras_layers(model)
    pixels, truth = tf.constant(_standardized(images)), tf.constant(labels)
    optimizer, loss_of = _usual(keras)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(pixels, truth):
        with tf.GradientTape() as tape:
            loss = loss_of(truth, model(pixels, training=True))
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return loss

    def run():
        return [
            float(step(pixels[i : i + batch], truth[i : i + batch])) for i in range(0, len(images), batch)
        ]

    with computing_in(model, _precision()):
        run()
    return run


def as_shipped(model, name, images, labels, batch):
    """Return an epoch of Keras's own `fit`, with accuracy, as tutorials have it."""
    import keras

    model, pixels = _of_keras_layers(model), _standardized(images)
    model.compile(*_usual(keras), metrics=["accuracy"])
    return lambda: model.fit(pixels, labels, batch_size=batch, verbose=0).history["loss"]


ROUNDS = {"ours": ours, "bare": bare, "keras": as_shipped}


def _of_keras_layers(model):
    """Return the same network with Keras's batch normalisation, and with GELU composed of its operations."""
    import keras

    from convlab.networks import FusedBatchNormalization, gelu
    from convlab.networks.gelu import composed

    def plain(layer):
        config = layer.get_config()
        if isinstance(layer, FusedBatchNormalization):
            return keras.layers.BatchNormalization.from_config(config)
        if isinstance(layer, keras.layers.Activation) and layer.activation is gelu:
            return keras.layers.Activation(composed, name=layer.name, dtype=layer.dtype_policy)
        return type(layer).from_config(config)

    return keras.models.clone_model(model, clone_function=plain)


def _usual(keras):
    """Return Nesterov's descent and the cross-entropy of logits, as Keras has them."""
    rule = keras.optimizers.SGD(RATE, momentum=0.9, nesterov=True)
    return rule, keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _standardized(images):
    return (images.astype("float32") - 128) / 64


def _precision():
    """Return the precision that `fit` chooses on this machine."""
    from convlab.training.precision import fastest

    return fastest()[0]
