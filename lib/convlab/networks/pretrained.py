"""The networks of the course that come trained on photographs: SqueezeNet, and the first layers of VGG-16.

F. Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", arXiv:1602.07360, version
1.1 of the authors' repository (lesson 17). K. Simonyan and A. Zisserman, "Very deep convolutional networks
for large-scale image recognition", arXiv:1409.1556 (lesson 22). Their weights lie in data/weights, as int8
with a scale for each kernel; data/README.md says where they come from.
"""

from collections.abc import Container
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from convlab import DATA_FOLDER
from convlab.files import write_whole

SIDE = 227
"""Pixels along each side of the images that the network was trained on."""

MEAN_BGR = (104.006, 116.669, 122.679)
"""What is subtracted from the blue, green and red channel, in this order."""

FIRES = {2: 16, 3: 16, 4: 32, 5: 32, 6: 48, 7: 48, 8: 64, 9: 64}
"""The fire modules and their number of squeeze maps; each expands to eight times as many."""

STAGES = ("conv1", *(f"fire{number}" for number in FIRES))
"""The layers whose maps can be taken as features, from the front."""

TRUNK = {
    "block1_conv1": 64,
    "block1_conv2": 64,
    "block2_conv1": 128,
    "block2_conv2": 128,
    "block3_conv1": 256,
}
"""VGG-16's first convolutions and their number of maps; a block halves the sides of the one before."""

_FOLDER = DATA_FOLDER / "weights"


def squeezenet(classes: int = 1000, trained: bool = True) -> keras.Model:
    """Return SqueezeNet 1.1 with ImageNet's weights: images from `prepare` in, logits (N, classes) out.

    It has 1,235,496 parameters with 1,000 classes and takes images of any size from 31 pixels on. With
    another number of classes the last layer, conv10, starts from random weights; without `trained` all layers
    do. The layers are named as in the authors' file: `fire2_squeeze1x1`, and `fire2` for the maps of the
    whole module. Iandola et al. 2016, table 1. Lesson 17.

    >>> squeezenet(trained=False).count_params()
    1235496
    """
    x = images = layers.Input((None, None, 3), name="images")
    x = _convolution(x, 64, 3, "conv1", strides=2, padding="valid")
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    for number, squeezed in FIRES.items():
        x = fire(x, squeezed, f"fire{number}")
        if number in (3, 5):
            x = layers.MaxPooling2D(3, 2, name=f"pool{number}")(x)
    x = layers.Dropout(0.5, name="drop9")(x)
    x = _convolution(x, classes, 1, "conv10")
    logits = layers.GlobalAveragePooling2D(name="logits", dtype="float32")(x)
    model = keras.Model(images, logits, name="squeezenet")
    return (
        load_int8(model, "squeezenet", leave_out=() if classes == 1000 else ("conv10",)) if trained else model
    )


def fire(x: keras.KerasTensor, squeezed: int, name: str) -> keras.KerasTensor:
    """Squeeze to few maps by 1x1 kernels, then expand by 1x1 and 3x3 kernels, side by side.

    x: (N, H, W, C), symbolic; returns (N, H, W, 8 * squeezed). Iandola et al. 2016, section 3.2. Lesson 17.

    >>> fire(layers.Input((13, 13, 64)), 16, "fire2").shape
    (None, 13, 13, 128)
    """
    x = _convolution(x, squeezed, 1, f"{name}_squeeze1x1")
    expanded = [_convolution(x, 4 * squeezed, size, f"{name}_expand{size}x{size}") for size in (1, 3)]
    return layers.Concatenate(name=name)(expanded)


def _convolution(x, maps, size, name, strides=1, padding="same"):
    return layers.Conv2D(
        maps, size, strides, padding, activation="relu", kernel_initializer="he_normal", name=name
    )(x)


def vgg_trunk(trained: bool = True, pooling: str = "average") -> keras.Model:
    """Return VGG-16 up to its fifth convolution, block3_conv1: images from `centred` in, its maps out.

    It has 555,328 parameters and takes images of any size from 4 pixels on. The maps are (N, H / 4, W / 4,
    256); `keras.Model(trunk.inputs[0], ...)` gives those of other layers. The weights began as ImageNet's and
    were trained on to find edges, so they are near VGG-16's and not equal to them. Without `trained` they are
    random. `pooling` is "average", as Gatys et al. 2016 recommend for style, or "max", as in VGG-16;
    ValueError for anything else. Simonyan and Zisserman 2014, table 1, column D. Lesson 22.

    >>> vgg_trunk(trained=False).count_params()
    555328
    """
    pools = {"average": layers.AveragePooling2D, "max": layers.MaxPooling2D}
    if pooling not in pools:
        raise ValueError(f'pooling {pooling!r}: give "average" or "max"')
    x = images = layers.Input((None, None, 3), name="images")
    block = "block1"
    for name, maps in TRUNK.items():
        if not name.startswith(block):
            x = pools[pooling](2, name=f"{block}_pool")(x)
            block = name.partition("_")[0]
        x = _convolution(x, maps, 3, name)
    model = keras.Model(images, x, name="vgg_trunk")
    return load_int8(model, "vgg_trunk") if trained else model


def prepare(images: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Return images as SqueezeNet was trained on them: (N, side, side, 3) float32, blue first, less the mean.

    images: (N, H, W, 3) uint8, red first. They are resized bilinearly if they have another size. ValueError
    for anything else: a network that is fed other numbers than in its training answers without a warning.

    >>> prepare(np.full((1, 227, 227, 3), 255, "uint8"))[0, 0, 0].round(1)
    array([151. , 138.3, 132.3], dtype=float32)
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise ValueError(
            f"images of shape {images.shape} and type {images.dtype}: give (N, H, W, 3) uint8 with red first"
        )
    pixels = images.astype("float32")
    if pixels.shape[1:3] != (side, side):
        pixels = keras.ops.convert_to_numpy(keras.ops.image.resize(pixels, (side, side), "bilinear"))
    return centred(pixels)


def centred(images: np.ndarray) -> np.ndarray:
    """Return images (N, H, W, 3), red first, at their own size: float32, blue first, less the mean.

    >>> centred(np.full((1, 2, 2, 3), 255, "uint8"))[0, 0, 0].round(1)
    array([151. , 138.3, 132.3], dtype=float32)
    """
    return images[..., ::-1].astype("float32") - np.array(MEAN_BGR, np.float32)


@cache
def class_names() -> tuple[str, ...]:
    """Return the names of ImageNet's 1,000 classes, in the order of the logits.

    >>> class_names()[281]
    'tabby'
    """
    return tuple((_FOLDER / "imagenet_classes.txt").read_text(encoding="utf-8").splitlines())


def to_int8(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a kernel (..., F) as int8 and its scales (F,) float32, one a filter: kernel ≈ int8 * scale.

    The largest weight of each filter becomes 127 or -127, so the rounding error is at most half a scale.

    >>> whole, scale = to_int8(np.array([[2.0, 0.1], [-1.0, 0.2]]))
    >>> whole.tolist(), scale.round(4)
    ([[127, 64], [-64, 127]], array([0.0157, 0.0016], dtype=float32))
    """
    largest = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1)))
    scale = np.where(largest > 0, largest / 127, 1).astype("float32")
    return np.round(kernel / scale).astype("int8"), scale


def save_int8(model: keras.Model, path: str | Path) -> None:
    """Write the kernels of a model's convolutions as int8 with their scales, and the biases as float32."""
    arrays: dict[str, Any] = {}
    for layer in _convolutions(model):
        kernel, bias = layer.get_weights()
        arrays[f"{layer.name}.kernel"], arrays[f"{layer.name}.scale"] = to_int8(kernel)
        arrays[f"{layer.name}.bias"] = bias.astype("float32")
    write_whole(path, lambda file: np.savez_compressed(file, **arrays))


def load_int8(model: keras.Model, name: str | Path, leave_out: Container[str] = ()) -> keras.Model:
    """Put the weights that `save_int8` wrote into a model's convolutions, by their names; return the model.

    `name` is a name in data/weights/ or a path. Layers in `leave_out` stay as they are. ValueError, naming
    the layer, where the file has no weights for it or others; FileNotFoundError for no file.
    """
    path = _FOLDER / f"{name}.npz" if isinstance(name, str) and not name.endswith(".npz") else name
    with np.load(path, allow_pickle=False) as file:
        for layer in _convolutions(model):
            if layer.name in leave_out:
                continue
            if f"{layer.name}.kernel" not in file.files:
                raise ValueError(f"{name} has no weights for the layer {layer.name}: give it another model")
            kernel = file[f"{layer.name}.kernel"] * file[f"{layer.name}.scale"]
            if kernel.shape != tuple(layer.kernel.shape):
                raise ValueError(
                    f"{layer.name} has a kernel of {tuple(layer.kernel.shape)}, {name} one of "
                    f"{kernel.shape}: build the model as it was saved"
                )
            layer.set_weights([kernel, file[f"{layer.name}.bias"]])
    return model


def _convolutions(model):
    return [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
