"""The layers of a network in NumPy, each with its forward and its backward pass.

Every layer has `forward(x, training=False) -> y`, `backward(dy) -> dx` and two dicts, name -> array: `params`
and `grads`, which `backward` fills. The first axis of `x` counts the examples; `dy` is the gradient of the
loss with respect to `y`. Images are NHWC, as in TensorFlow. float32 stays float32, float64 stays float64, and
no argument is changed; but a layer keeps what it was given until `backward`, so change nothing in between.
"""

from convlab.layers.activations import ReLU, Sigmoid, sigmoid
from convlab.layers.convolution import Conv2D, conv2d, conv2d_gradients
from convlab.layers.dense import Dense, Flatten
from convlab.layers.losses import log_softmax, softmax, softmax_cross_entropy
from convlab.layers.normalization import BatchNorm
from convlab.layers.pooling import AvgPool2D, MaxPool2D, avg_pool2d, max_pool2d
from convlab.layers.recurrent import LSTM, RNN, Embedding
from convlab.layers.regularization import Dropout
from convlab.layers.sequential import Sequential
from convlab.layers.temporal import Conv1D, MaxOverTime, conv1d, conv1d_gradients, max_over_time
from convlab.layers.transposed import Conv2DTranspose, conv2d_transpose
from convlab.layers.unpooling import max_pool2d_with_indices, max_unpool2d

__all__ = [
    "LSTM",
    "RNN",
    "AvgPool2D",
    "BatchNorm",
    "Conv1D",
    "Conv2D",
    "Conv2DTranspose",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "MaxOverTime",
    "MaxPool2D",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "avg_pool2d",
    "conv1d",
    "conv1d_gradients",
    "conv2d",
    "conv2d_gradients",
    "conv2d_transpose",
    "log_softmax",
    "max_over_time",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_unpool2d",
    "sigmoid",
    "softmax",
    "softmax_cross_entropy",
]
