"""Batch normalisation in one pass over the maps: Keras takes several, which is slow on a CPU (lesson 16)."""

import keras
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable("convlab")
class FusedBatchNormalization(layers.BatchNormalization):
    """Keras's `BatchNormalization`, which trains in one pass over the maps.

    It has the arguments, the weights and the results of `keras.layers.BatchNormalization`. Keras composes it
    of a dozen operations, and each is a pass over the maps: normalisation was 40 % of a ResNet-20's training
    step on two cores. TensorFlow's fused operation does the same in one. Where that operation does not fit,
    this layer calls Keras's: in inference, for inputs that are not (N, H, W, C), with a mask, and on a GPU,
    which refuses epsilons below 1e-5. Lesson 16.

    >>> layer = FusedBatchNormalization(epsilon=1e-12)
    >>> maps = keras.ops.reshape(keras.ops.arange(4, dtype="float32"), (1, 2, 2, 1))
    >>> layer(maps, training=True).numpy().ravel().round(2)
    array([-1.34, -0.45,  0.45,  1.34], dtype=float32)
    """

    def call(
        self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Return the normalised maps; in training, move the averages of mean and variance too."""
        if not (training and self.trainable and mask is None and self._fits(inputs)):
            return super().call(inputs, training=training, mask=mask)
        channels, nothing = inputs.shape[-1], tf.zeros(0)
        gamma = tf.convert_to_tensor(self.gamma) if self.scale else tf.ones(channels)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=gamma,
            offset=tf.convert_to_tensor(self.beta),
            mean=nothing,
            variance=nothing,
            epsilon=self.epsilon,
        )
        count = tf.cast(tf.size(inputs) // channels, tf.float32)
        # Keras divides the squares by their number, the operation by one less
        biased = variance * (count - 1) / count
        for average, value in ((self.moving_mean, mean), (self.moving_variance, biased)):
            average.assign(average * self.momentum + value * (1 - self.momentum))
        return outputs

    def _fits(self, inputs):
        """Whether the fused operation computes what this layer is set to, on this machine."""
        usual = self.center and not self.synchronized and not getattr(self, "renorm", False)
        last_of_four = len(inputs.shape) == 4 and self.axis in (-1, 3)
        return usual and last_of_four and not tf.config.list_physical_devices("GPU")
