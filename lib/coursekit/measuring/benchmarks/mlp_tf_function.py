"""Lesson 03's network from Keras in a training loop of its own: one `tf.function` per batch."""

from coursekit.measuring.benchmarks import mlp, mlp_keras

TITLE = "Keras, own tf.function"
UNIT, ITEMS, FLOPS = mlp.UNIT, mlp.ITEMS, mlp.FLOPS


def prepare():
    """Return a round: every image once, in a new order; it returns a loss."""
    import keras
    import tensorflow as tf

    images, labels = map(tf.constant, mlp.data())
    model, optimizer = mlp_keras.network(), keras.optimizers.Adam()
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            loss = cross_entropy(tf.gather(labels, batch), model(tf.gather(images, batch), training=True))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    def run():
        for batch in tf.split(tf.random.shuffle(tf.range(ITEMS)), ITEMS // mlp.BATCH):
            loss = step(batch)
        return float(loss)

    return run
