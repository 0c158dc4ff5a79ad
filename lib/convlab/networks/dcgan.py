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
    classes: int = 10,
    latent: int = 32,
    width: int = 32,
    normalize: bool = True,
    slope: float = 0.0,
    last: str = "tanh",
    transposed: bool = True,
) -> keras.Model:
    """Return a network from noise (N, latent) and labels (N, classes) to images (N, 28, 28, 1) from -1 to 1.

    A dense layer makes maps of 7x7, and two transposed convolutions enlarge them to 14x14 and 28x28. Kernels
    of 4x4 with stride 2 overlap evenly. As in DCGAN, nothing is pooled, batch normalisation and ReLU stand
    behind all but the last layer, and tanh ends it. Other than there, weights start as Keras's do. The last
    four arguments each break one of these rules. Radford et al. 2015, section 3. Lesson 23.

    Args:
        classes: length of a label; 0 for a generator that takes noise alone.
        latent: numbers of noise for each image.
        width: maps of 7x7; the maps of 14x14 are half as many.
        normalize: False leaves batch normalisation out.
        slope: of a leaky ReLU in the place of ReLU; 0 is ReLU.
        last: activation of the last layer; with "linear" the values have no limits.
        transposed: False repeats each pixel and then convolves, in the place of transposed convolutions.

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
    x = _activated(layers.Reshape((7, 7, width), name="maps")(x), "fc", normalize, slope)
    x = _enlarged(x, width // 2, "up1", transposed, use_bias=not normalize)
    x = _activated(x, "up1", normalize, slope)
    x = _enlarged(x, 1, "images", transposed, activation=last)
    return keras.Model(inputs, x, name="dcgan_generator")


def dcgan_discriminator(
    classes: int = 10,
    width: int = 24,
    normalize: bool = False,
    slope: float = 0.2,
    strided: bool = True,
    hidden: int = 0,
) -> keras.Model:
    """Return a network from images (N, 28, 28, 1) to logits (N, 1 + classes): "real", then each class.

    Convolutions with stride 2 take the place of pooling, with leaky ReLU of slope 0.2, as in DCGAN. Other
    than there, nothing is normalised: the network is small enough to learn without. The last four arguments
    each change one of these choices. The logits of classes are the auxiliary classifier of Odena et al. 2016
    (arXiv:1610.09585, section 3). Lesson 23.

    Args:
        classes: how many classes it tells apart; 0 for "real" alone.
        width: maps of 14x14; the maps of 7x7 are twice as many.
        normalize: batch normalisation behind all but the first convolution, as DCGAN has it.
        slope: of leaky ReLU; 0 is ReLU.
        strided: False convolves with stride 1, and takes the largest value of 2x2 behind each activation.
        hidden: units of a dense layer before the logits, which DCGAN forbids; 0 for none.

    >>> dcgan_discriminator().output.shape, dcgan_discriminator(classes=0).output.shape
    ((None, 11), (None, 1))
    """
    x = images = keras.Input((28, 28, 1), name="images")
    for place, maps in enumerate((width, 2 * width), start=1):
        name, bare = f"conv{place}", not normalize or place == 1
        x = layers.Conv2D(maps, 4, 2 if strided else 1, "same", use_bias=bare, name=name)(x)
        x = _leaky(x if bare else normalized(x, name, None), slope)
        if not strided:
            x = layers.MaxPooling2D(2, name=f"pool{place}")(x)
    x = layers.Flatten(name="flatten")(x)
    if hidden:
        x = _leaky(layers.Dense(hidden, name="hidden")(x), slope)
    return keras.Model(images, layers.Dense(1 + classes, name="logits")(x), name="dcgan_discriminator")


def _enlarged(x, maps, name, transposed, **how):
    """Return maps of twice the height and width."""
    if transposed:
        return layers.Conv2DTranspose(maps, 4, 2, "same", name=name, **how)(x)
    return layers.Conv2D(maps, 4, 1, "same", name=name, **how)(layers.UpSampling2D(2, name=f"{name}_size")(x))


def _activated(x, name, normalize, slope):
    """Return x behind batch normalisation, if it is asked for, and leaky ReLU of this slope."""
    return _leaky(normalized(x, name, None) if normalize else x, slope)


def _leaky(x, slope):
    """Return leaky ReLU of x; Keras's own, in TensorFlow, makes its optimizer print errors."""
    return ops.maximum(x, slope * x) if slope else ops.relu(x)
