"""ResNet: He, Zhang, Ren & Sun 2015, "Deep Residual Learning for Image Recognition" (arXiv:1512.03385)."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers, ops

from convlab.networks.blocks import logits, normalized_convolution

Shape = tuple[int, int, int]

# Table 1: blocks in conv2_x to conv5_x, and the (kernel, maps) of a block's convolutions in conv2_x.
BASIC = [(3, 64), (3, 64)]
BOTTLENECK = [(1, 64), (3, 64), (1, 256)]
IMAGENET = {
    34: ((3, 4, 6, 3), BASIC),
    50: ((3, 4, 6, 3), BOTTLENECK),
    101: ((3, 4, 23, 3), BOTTLENECK),
    152: ((3, 8, 36, 3), BOTTLENECK),
}


def resnet34(classes: int = 1000, input_shape: Shape = (224, 224, 3)) -> keras.Model:
    """Return ResNet-34, logits out: basic blocks, 21,797,672 trainable parameters.

    Images: (N, 224, 224, 3), floats. Table 1, option B of section 4.1. Lesson 15.

    >>> 2 * sum(IMAGENET[34][0]) + 2  # 2 convolutions a block, conv1 and the dense layer
    34
    """
    return _imagenet_resnet(34, classes, input_shape)


def resnet50(classes: int = 1000, input_shape: Shape = (224, 224, 3)) -> keras.Model:
    """Return ResNet-50, logits out: bottleneck blocks, 25,557,032 trainable parameters.

    Images: (N, 224, 224, 3), floats. Table 1 and figure 5; as in the paper, the first 1x1 convolution of a
    stage has the stride (many rebuilds give it to the 3x3). Lesson 15.

    >>> resnet50().get_layer("conv4_6").output.shape
    (None, 14, 14, 1024)
    """
    return _imagenet_resnet(50, classes, input_shape)


def resnet101(classes: int = 1000, input_shape: Shape = (224, 224, 3)) -> keras.Model:
    """Return ResNet-101, logits out: bottleneck blocks, 44,549,160 trainable parameters.

    Images: (N, 224, 224, 3), floats. Table 1. Lesson 15.

    >>> 3 * sum(IMAGENET[101][0]) + 2  # 3 convolutions a block, conv1 and the dense layer
    101
    """
    return _imagenet_resnet(101, classes, input_shape)


def resnet152(classes: int = 1000, input_shape: Shape = (224, 224, 3)) -> keras.Model:
    """Return ResNet-152, logits out: bottleneck blocks, 60,192,808 trainable parameters.

    Images: (N, 224, 224, 3), floats. Table 1. Lesson 15.

    >>> 3 * sum(IMAGENET[152][0]) + 2  # 3 convolutions a block, conv1 and the dense layer
    152
    """
    return _imagenet_resnet(152, classes, input_shape)


def cifar_resnet(
    depth: int = 20, residual: bool = True, projection: bool = False, classes: int = 10
) -> keras.Model:
    """Return the ResNet of `depth` = 6n + 2 layers for 32 x 32 pixels, or its plain twin; logits out.

    Images: (N, 32, 32, 3), floats. Section 4.2: 16, 32 and 64 maps, n blocks each. Plain and residual
    networks have equally many parameters, because shortcuts of option A have none: 269,722 trainable at 20
    layers, 853,018 at 56. Lesson 15. ValueError for another depth.

    Args:
        depth: 8, 14, 20, … layers with weights.
        residual: whether there are shortcuts.
        projection: whether shortcuts that change the shape are learned (option B) or padded (option A).
        classes: number of logits.

    >>> cifar_resnet(56).get_layer("conv4_9").output.shape
    (None, 8, 8, 64)
    """
    if depth < 8 or depth % 6 != 2:
        raise ValueError(
            f"depth {depth} is not 6n + 2 (8, 14, 20, …): try {max(8, round((depth - 2) / 6) * 6 + 2)}"
        )
    shortcut = projected if projection else padded
    images = keras.Input((32, 32, 3))
    x = normalized_convolution(images, 16, 3, "conv1")
    x = _stages(x, [(depth - 2) // 6] * 3, [(3, 16)] * 2, shortcut if residual else None)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(images, logits(x, classes), name=f"cifar_{'resnet' if residual else 'plain'}{depth}")


def residual_block(
    x: keras.KerasTensor,
    convolutions: Sequence[tuple[int, int]],
    strides: int,
    name: str,
    shortcut: Callable[..., keras.KerasTensor] | None,
) -> keras.KerasTensor:
    """Return ReLU(F(x) + shortcut(x)), where F convolves and normalises; with `shortcut=None`, ReLU(F(x)).

    The result is (N, ⌈H/strides⌉, ⌈W/strides⌉, last maps). Figures 2 and 5. Built in lesson 15.

    Args:
        x: (N, H, W, C), symbolic.
        convolutions: (kernel, maps) of each convolution.
        strides: stride of the first convolution.
        name: the name of the last layer, and the beginning of the others' names.
        shortcut: `projected`, `padded` or None.

    >>> residual_block(keras.Input((56, 56, 256)), BOTTLENECK, 1, "conv2_2", projected).shape
    (None, 56, 56, 256)
    """
    y = x
    for number, (size, maps) in enumerate(convolutions):
        last = number == len(convolutions) - 1
        y = normalized_convolution(
            y, maps, size, f"{name}_{'abc'[number]}", 1 if number else strides, None if last else "relu"
        )
    if shortcut is not None:
        y = layers.Add(name=f"{name}_add")([y, shortcut(x, maps, strides, f"{name}_shortcut")])
    return layers.Activation("relu", name=name)(y)


def projected(x: keras.KerasTensor, maps: int, strides: int, name: str) -> keras.KerasTensor:
    """Return x itself where the shape stays, else its 1x1 projection: option B of section 4.1.

    The result is (N, ⌈H/strides⌉, ⌈W/strides⌉, maps). Lesson 15.

    Args:
        x: (N, H, W, C), symbolic.
        maps: number of maps of the result.
        strides: pixels from one that is taken to the next.
        name: the beginning of the layers' names.

    >>> projected(keras.Input((32, 32, 16)), 32, 2, "conv3_1_shortcut").shape
    (None, 16, 16, 32)
    """
    if strides == 1 and x.shape[-1] == maps:
        return x
    return normalized_convolution(x, maps, 1, name, strides, activation=None)


def padded(x: keras.KerasTensor, maps: int, strides: int, name: str) -> keras.KerasTensor:
    """Return x itself where the shape stays, else some pixels and maps of zeros: option A of section 4.1.

    Arguments and shapes as in `projected`. Lesson 15.

    >>> padded(keras.Input((32, 32, 16)), 32, 2, "conv3_1_shortcut").shape
    (None, 16, 16, 32)
    """
    if strides == 1 and x.shape[-1] == maps:
        return x
    return PaddedShortcut(maps, strides, name=name)(x)


@keras.saving.register_keras_serializable("convlab")
class PaddedShortcut(layers.Layer):
    """Keep one pixel in `strides` each way and add maps of zeros until there are `maps`; no parameters.

    >>> tuple(PaddedShortcut(4, 2)(keras.ops.ones((1, 5, 5, 3))).shape)
    (1, 3, 3, 4)
    """

    def __init__(self, maps: int, strides: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.maps, self.strides = maps, strides

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Return every `strides`-th pixel each way, with the added maps."""
        x = x[:, :: self.strides, :: self.strides]
        return ops.pad(x, ((0, 0), (0, 0), (0, 0), (0, self.maps - x.shape[-1])))

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        return {**super().get_config(), "maps": self.maps, "strides": self.strides}


def _imagenet_resnet(depth: int, classes: int, input_shape: Shape) -> keras.Model:
    repeats, convolutions = IMAGENET[depth]
    images = keras.Input(input_shape)
    x = normalized_convolution(images, 64, 7, "conv1", strides=2)
    x = layers.MaxPooling2D(3, 2, "same", name="pool1")(x)
    x = _stages(x, repeats, convolutions, projected)
    x = layers.GlobalAveragePooling2D(name="pool5")(x)
    return keras.Model(images, logits(x, classes, "fc1000"), name=f"resnet{depth}")


def _stages(
    x: keras.KerasTensor,
    repeats: Sequence[int],
    convolutions: Sequence[tuple[int, int]],
    shortcut: Callable[..., keras.KerasTensor] | None,
) -> keras.KerasTensor:
    """Stack conv2_x and what follows: each stage has twice the maps of the one before, and half its size."""
    for stage, blocks in enumerate(repeats, start=2):
        wider = [(size, maps * 2 ** (stage - 2)) for size, maps in convolutions]
        for block in range(1, blocks + 1):
            strides = 2 if stage > 2 and block == 1 else 1
            x = residual_block(x, wider, strides, f"conv{stage}_{block}", shortcut)
    return x
