"""A convolutional network in plain `tf.nn`: the one that a lecture of 2016 draws for MNIST (lesson 08).

Its parameters are variables in a dict, under the names that `networks.mnist_conv`, the same network in Keras,
gives its layers; the network itself is a function of them and of the images. Importing this imports
TensorFlow.
"""

from math import prod, sqrt

import tensorflow as tf

KERNELS = {
    "conv1": (3, 3, 1, 32),
    "conv2": (3, 3, 32, 64),
    "conv3": (3, 3, 64, 128),
    "fc1": (4 * 4 * 128, 625),
    "logits": (625, 10),
}
"""The shape of each layer's kernel: (height, width, channels, filters), or (inputs, outputs)."""


def new_parameters(seed: int = 0) -> dict[str, tf.Variable]:
    """Return fresh variables {"conv1/kernel": …, "conv1/bias": …, …, "logits/bias": …}: 1,379,557 values.

    Kernels are truncated normal with a deviation of sqrt(2 / fan_in), He's (lesson 04); biases are 0. A seed
    gives the same values every time. Built in lesson 08.

    >>> parameters = new_parameters()
    >>> parameters["conv2/kernel"].shape.as_list(), sum(int(tf.size(value)) for value in parameters.values())
    ([3, 3, 32, 64], 1379557)
    """
    parameters = {}
    for place, (name, shape) in enumerate(KERNELS.items()):
        spread = sqrt(2 / prod(shape[:-1]))
        kernel = tf.random.stateless_truncated_normal(shape, seed=(seed, place), stddev=spread)
        parameters[f"{name}/kernel"] = tf.Variable(kernel, name=f"{name}/kernel")
        parameters[f"{name}/bias"] = tf.Variable(tf.zeros(shape[-1:]), name=f"{name}/bias")
    return parameters


def forward(parameters: dict[str, tf.Variable], images: tf.Tensor, dropout: float = 0.0) -> tf.Tensor:
    """Return the logits (N, 10) of images (N, 28, 28, 1), floats from 0 to 1.

    dropout: the share of the hidden layer that is set to 0, in training only. Built in lesson 08.

    >>> forward(new_parameters(), tf.zeros((2, 28, 28, 1))).shape.as_list()
    [2, 10]
    """
    x = images
    for name in ("conv1", "conv2", "conv3"):
        x = tf.nn.conv2d(x, parameters[f"{name}/kernel"], strides=1, padding="SAME")
        x = tf.nn.relu(tf.nn.bias_add(x, parameters[f"{name}/bias"]))
        x = tf.nn.max_pool2d(x, 2, strides=2, padding="SAME")  # 28 → 14 → 7 → 4
    x = tf.reshape(x, [-1, 4 * 4 * 128])
    x = tf.nn.relu(x @ parameters["fc1/kernel"] + parameters["fc1/bias"])
    x = tf.nn.dropout(x, dropout)
    return x @ parameters["logits/kernel"] + parameters["logits/bias"]
