"""A generator and a discriminator for 28x28 grey images, after DCGAN. Lesson 23.

A. Radford, L. Metz and S. Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks", arXiv:1511.06434; A. Odena, C. Olah and J. Shlens, "Conditional Image Synthesis With
Auxiliary Classifier GANs", arXiv:1610.09585. Both are small here, for one core. Images are from -1 (black) to
1 (white), and labels are one-hot vectors.
"""

import keras
from keras import layers, ops

from convlab.networks.blocks import normalized


def dcgan_generator(
    classes: int = 10, latent: int = 32, width: int = 32, normalize: bool = True
) -> keras.Model:
    """Return a network from noise (N, latent) and labels (N, classes) to images (N, 28, 28, 1) from -1 to 1.

    A dense layer makes maps of 7x7, and two transposed convolutions enlarge them to 14x14 and 28x28. Kernels
    of 4x4 with stride 2 overlap evenly. As in DCGAN, nothing is pooled, batch normalisation and ReLU stand
    behind all but the last layer, and tanh ends it. Other than there, weights start as Keras's do. Radford et
    al. 2015, section 3. Lesson 23.

    Args:
        classes: length of a label; 0 for a generator that takes noise alone.
        latent: numbers of noise for each image.
        width: maps of 7x7; the maps of 14x14 are half as many.
        normalize: False leaves batch normalisation out.

    >>> dcgan_generator().output.shape, len(dcgan_generator(classes=0).inputs)
    ((None, 28, 28, 1), 1)
    """
    if width < 2 or width % 2:
        raise ValueError(f"a width of {width} cannot be halved: give an even number")
    inputs = [keras.Input((latent,), name="noise")]
    x = inputs[0]
    if classes:
        inputs.append(keras.Input((classes,), name="label"))
        x = layers.Concatenate(name="noise_and_label")(inputs)
    x = layers.Dense(49 * width, use_bias=not normalize, name="fc")(x)
    x = _activated(layers.Reshape((7, 7, width), name="maps")(x), "fc", normalize)
    x = layers.Conv2DTranspose(width // 2, 4, 2, "same", use_bias=not normalize, name="up1")(x)
    x = _activated(x, "up1", normalize)
    x = layers.Conv2DTranspose(1, 4, 2, "same", activation="tanh", name="images")(x)
    return keras.Model(inputs, x, name="dcgan_generator")


def dcgan_discriminator(classes: int = 10, width: int = 24) -> keras.Model:
    """Return a network from images (N, 28, 28, 1) to logits (N, 1 + classes): "real", then each class.

    Convolutions with stride 2 take the place of pooling, with leaky ReLU of slope 0.2, as in DCGAN. Other
    than there, nothing is normalised: the network is small enough to learn without. The logits of classes are
    the auxiliary classifier of Odena et al. 2016 (arXiv:1610.09585, section 3). Lesson 23.

    Args:
        classes: how many classes it tells apart; 0 for "real" alone.
        width: maps of 14x14; the maps of 7x7 are twice as many.

    >>> dcgan_discriminator().output.shape, dcgan_discriminator(classes=0).output.shape
    ((None, 11), (None, 1))
    """
    x = images = keras.Input((28, 28, 1), name="images")
    for place, maps in enumerate((width, 2 * width), start=1):
        x = layers.Conv2D(maps, 4, 2, "same", name=f"conv{place}")(x)
        x = ops.maximum(x, 0.2 * x)  # leaky ReLU: TensorFlow's own makes its optimizer print errors
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(images, layers.Dense(1 + classes, name="logits")(x), name="dcgan_discriminator")


def _activated(x, name, normalize):
    """Return x behind batch normalisation, if it is asked for, and ReLU."""
    return normalized(x, name) if normalize else layers.ReLU(name=f"{name}_relu")(x)
