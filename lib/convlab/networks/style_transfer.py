"""A network that paints a photograph in one forward pass. Lesson 22.

J. Johnson, A. Alahi and L. Fei-Fei, "Perceptual losses for real-time style transfer and super-resolution",
arXiv:1603.08155, and its supplement; D. Ulyanov, A. Vedaldi and V. Lempitsky, "Instance normalization: the
missing ingredient for fast stylization", arXiv:1607.08022; A. Odena, V. Dumoulin and C. Olah, "Deconvolution
and checkerboard artifacts", Distill 2016.
"""

from collections.abc import Sequence

import keras
from keras import layers, ops


def style_network(widths: Sequence[int] = (16, 48), blocks: int = 3) -> keras.Model:
    """Return an untrained network from photographs to paintings, (N, H, W, 3) from 0 to 255, red first.

    Height and width are multiples of 4, from 16 on. It is Johnson's network, made small: two convolutions
    with a stride of 2, residual blocks, and back to full size. It differs in six ways. Instance normalisation
    stands in the place of batch normalisation (Ulyanov et al. 2016). The maps are enlarged by repeating each
    pixel, and then convolved, as transposed convolutions leave a checkerboard (Odena et al. 2016). There are
    three residual blocks instead of five, and fewer and smaller kernels. The first convolution has a stride,
    too. Each convolution mirrors the border. The last convolution also sees the photograph itself. Lesson 22.

    Args:
        widths: maps at half the size, and at a quarter.
        blocks: residual blocks, each of two convolutions.

    >>> style_network().count_params()
    141604
    """
    photographs = keras.Input((None, None, 3), name="photographs")
    scaled = photographs / 127.5 - 1
    x = _normalized(scaled, widths[0], 5, "down1", strides=2)
    x = _normalized(x, widths[1], 3, "down2", strides=2)
    for number in range(1, blocks + 1):
        y = _normalized(x, widths[1], 3, f"block{number}_conv1")
        x = layers.Add(name=f"block{number}")(
            [x, _normalized(y, widths[1], 3, f"block{number}_conv2", activation=None)]
        )
    x = _normalized(layers.UpSampling2D(2, name="enlarge1")(x), widths[0], 3, "up1")
    x = layers.Concatenate(name="joined")([layers.UpSampling2D(2, name="enlarge2")(x), scaled])
    x = _reflected(x, 3, 5, "paint")
    return keras.Model(photographs, 127.5 * (1 + ops.tanh(x)), name="style_network")


def _normalized(x, maps, size, name, strides=1, activation="relu"):
    """Convolve, then normalise each map of each picture on its own, then apply the activation, if any."""
    x = _reflected(x, maps, size, name, strides, bias=False)
    x = layers.GroupNormalization(groups=-1, epsilon=1e-5, name=f"{name}_norm")(x)  # -1: one map a group
    return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x


def _reflected(x, maps, size, name, strides=1, bias=True):
    """Convolve behind a padding that mirrors the maps: zeros would leave a line along the border."""
    x = ops.pad(x, [(0, 0), (size // 2, size // 2), (size // 2, size // 2), (0, 0)], "reflect")
    return layers.Conv2D(maps, size, strides, use_bias=bias, kernel_initializer="he_normal", name=name)(x)
