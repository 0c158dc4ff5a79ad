"""Lesson 08: a convolutional layer in tf.nn, the four numbers of its strides, and what "SAME" stands for."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from unittest import mock

import numpy as np

from convlab.exercises.exercise import exercise
from convlab.layers import conv2d

_rng = np.random.default_rng(8)


def _case(images, kernels, stride):
    """Return a case of small whole numbers, about half of whose maps are negative before the ReLU."""
    images = _rng.integers(-3, 4, images).astype(np.float32)
    return images, *(_rng.integers(-3, 4, n).astype(np.float32) for n in (kernels, kernels[3:])), stride


@contextmanager
def _four_axes() -> Iterator[None]:
    """Make `tf.nn.conv2d` raise a ValueError for images of fewer than four axes while an answer runs.

    TensorFlow itself (2.21, eager) does not raise there: it aborts the process, and the kernel with it.
    """
    import tensorflow as tf

    convolve = tf.nn.conv2d

    def conv2d(input, filters, *arguments, **named):  # TensorFlow's own names
        shape = tf.TensorShape(input.shape if hasattr(input, "shape") else np.shape(input))
        if shape.rank is not None and shape.rank < 4:
            raise ValueError(
                f"`tf.nn.conv2d` needs images of four axes, (N, H, W, C), and these have the shape {tuple(shape)}; "
                "`images[0]` takes the first axis away, `images[:1]` leaves it. (In a cell of your own this call "
                "ends the kernel.)"
            )
        return convolve(input, filters, *arguments, **named)

    with mock.patch.object(tf.nn, "conv2d", conv2d):
        yield


# Odd and even sizes at strides that divide them and that do not; kernels that are not square.
LAYER_CASES = [
    _case((2, 6, 5, 2), (3, 3, 2, 3), 1),
    _case((1, 6, 7, 2), (3, 3, 2, 3), 2),
    _case((2, 5, 8, 3), (3, 3, 3, 4), 3),
    _case((1, 4, 6, 2), (2, 3, 2, 2), 1),
]


@exercise(
    insight="SAME counts the places for you: ceil(size / stride), whatever the kernel.",
    question="What does a convolutional layer with padding SAME, a bias and ReLU return for its images?",
    cases=LAYER_CASES,
    guard=_four_axes,
    hints=[
        "Three functions of `tf.nn`, one after the other: the lesson's `forward` has all of them.",
        '`tf.nn.conv2d(images, kernels, strides=…, padding="SAME")`, then `tf.nn.bias_add`, then '
        "`tf.nn.relu`.",
        '`maps = tf.nn.conv2d(images, kernels, strides=stride, padding="SAME")` and '
        "`return tf.nn.relu(tf.nn.bias_add(maps, biases))`.",
    ],
)
def conv_layer(images, kernels, biases, stride):
    import tensorflow as tf

    maps = tf.nn.conv2d(images, kernels, strides=stride, padding="SAME")
    return tf.nn.relu(tf.nn.bias_add(maps, biases))


@conv_layer.mistake(
    "ReLU forgotten",
    "convolution and bias are right, and the negative values are still there: the ReLU is missing.",
)
def _(images, kernels, biases, stride):
    return conv2d(images, kernels, biases, stride, "same")


@conv_layer.mistake(
    "bias forgotten",
    "the biases are not used. Each filter's bias is added to all of its map, before the ReLU.",
)
def _(images, kernels, biases, stride):
    return _relu(conv2d(images, kernels, None, stride, "same"))


@conv_layer.mistake(
    "bias and ReLU forgotten", "this is the convolution alone. Add the biases, then cut off what is negative."
)
def _(images, kernels, biases, stride):
    return conv2d(images, kernels, None, stride, "same")


@conv_layer.mistake(
    "bias after the ReLU",
    "the bias comes after the ReLU, so values under 0 get out. A bias moves the point at which the "
    "ReLU opens: it must come before.",
)
def _(images, kernels, biases, stride):
    return _relu(conv2d(images, kernels, None, stride, "same")) + biases


@conv_layer.mistake("bias subtracted", "the biases are subtracted. They are added.")
def _(images, kernels, biases, stride):
    return _relu(conv2d(images, kernels, -biases, stride, "same"))


@conv_layer.mistake(
    "sigmoid for ReLU",
    "this ends with a sigmoid, which squeezes everything between 0 and 1. A ReLU only cuts off what is negative.",
)
def _(images, kernels, biases, stride):
    return 1 / (1 + np.exp(-conv2d(images, kernels, biases, stride, "same")))


@conv_layer.mistake("stride forgotten", "right at stride 1, but the stride is not used: `strides=stride`.")
def _(images, kernels, biases, stride):
    return _relu(conv2d(images, kernels, biases, 1, "same"))


@conv_layer.mistake(
    "the wrong two of four numbers",
    "you step over images or channels. Of the four numbers of `strides` the two in the middle are the steps "
    "down and across; the others are 1. (Or a single number: `strides=stride`.)",
)
def _(images, kernels, biases, stride):
    """Return the layer with the stride on the wrong two of four numbers: an error, but at stride 1."""
    import tensorflow as tf

    return _relu(tf.nn.conv2d(images, kernels, [stride, stride, 1, 1], "SAME") + biases)


@conv_layer.mistake(
    "valid for same",
    'the maps are too small: this is padding "VALID". "SAME" adds the zeros that it takes for '
    "ceil(size / stride) places.",
)
def _(images, kernels, biases, stride):
    return _relu(conv2d(images, kernels, biases, stride, "valid"))


@conv_layer.mistake(
    "padding 1 for same",
    'this pads one pixel on each side, whatever the size, stride and kernel. "SAME" adds no more '
    "than it takes, and an odd zero goes to the bottom and the right (lesson 06): let TensorFlow "
    'do it, `padding="SAME"`.',
)
def _(images, kernels, biases, stride):
    """Return the layer with padding 1 on each side, as one would write it where padding is a number."""
    return _relu(conv2d(images, kernels, biases, stride, 1))


@conv_layer.mistake(
    "skipped instead of strided",
    'you have taken every stride-th value of the maps at stride 1. With "SAME" the padding depends on '
    "the stride, so the kernel stands on other pixels: hand the stride to `tf.nn.conv2d`.",
)
def _(images, kernels, biases, stride):
    return _relu(conv2d(images, kernels, biases, 1, "same"))[:, ::stride, ::stride]


def _relu(x):
    return np.maximum(x, 0)


STRIDE_CASES = [
    ((2, 4, 5, 1), 3, (1, 2, 1, 1)),
    ((32, 28, 30, 3), 16, (1, 2, 4, 1)),
    ((5, 7, 10, 6), 4, (1, 3, 2, 1)),
    ((8, 9, 12, 4), 6, (2, 3, 1, 1)),
    ((4, 6, 9, 8), 2, (1, 1, 2, 2)),
    ((4, 6, 9, 8), 2, (2, 1, 1, 2)),
]
NO_REFUSAL = "And where TensorFlow would refuse, your function still names a shape: `raise ValueError(...)`."


@exercise(
    insight="TensorFlow has one stride for each axis of (images, height, width, channels); the first and the last stay 1.",
    question="What is the shape of the maps of `filters` filters with padding SAME and these four strides?",
    tolerance=0,
    cases=STRIDE_CASES,
    hints=[
        "Each of the four numbers belongs to one axis of NHWC. Which of the axes does a filter step along?",
        "TensorFlow refuses any step but 1 over images and over channels. Down and across, there are "
        "ceil(size / stride) places.",
        "If `strides[0] != 1 or strides[3] != 1`: `raise ValueError(...)`. Otherwise `(shape[0], "
        "-(-shape[1] // strides[1]), -(-shape[2] // strides[2]), filters)`.",
    ],
)
def strides(shape, filters, strides):
    images, height, width, _ = shape
    if strides[0] != 1 or strides[3] != 1:
        raise ValueError(f"strides {strides}: the first and the last must be 1")
    return images, -(-height // strides[1]), -(-width // strides[2]), filters


def _with_and_without_refusal(name, says):
    """Return a decorator that adds a wrong shape twice: with the reference's refusal, and without any."""

    def add(shape):
        strides.mistake(name, says, answer=partial(_refusing, shape))
        strides.mistake(f"{name}, no refusal", f"{says} {NO_REFUSAL}", answer=shape)
        return shape

    return add


def _refusing(wrong, shape, filters, strides):
    if strides[0] != 1 or strides[3] != 1:
        raise ValueError("strides over images or channels")
    return wrong(shape, filters, strides)


@_with_and_without_refusal(
    "rounded down",
    'this rounds down. "SAME" pads as much as it takes for ceil(size / stride) places: the last step '
    "counts even if it only half fits. `-(-size // stride)` rounds up.",
)
def _(shape, filters, strides):
    return (shape[0], shape[1] // strides[1], shape[2] // strides[2], filters)


@_with_and_without_refusal(
    "height and width exchanged",
    "the two strides in the middle are exchanged. They stand in the order of NHWC: first down, then across.",
)
def _(shape, filters, strides):
    return _maps(shape, filters, [strides[i] for i in (0, 2, 1, 3)])


@_with_and_without_refusal(
    "the first two numbers",
    "you read the first two numbers as the steps down and across. There is one number for each axis of "
    "NHWC: the steps are the two in the middle.",
)
def _(shape, filters, strides):
    return _maps(shape, filters, [1, *strides[:2], 1])


@_with_and_without_refusal(
    "channels kept",
    "the maps have as many channels as there are filters, however many the images have.",
)
def _(shape, filters, strides):
    return _maps(shape, shape[3], strides)


@_with_and_without_refusal(
    "valid for same",
    'this is padding "VALID" for a kernel of 3. With "SAME" the kernel plays no part: ceil(size / stride).',
)
def _(shape, filters, strides):
    return (
        shape[0],
        (shape[1] - 3) // strides[1] + 1,
        (shape[2] - 3) // strides[2] + 1,
        filters,
    )


@_with_and_without_refusal(
    "not rounded",
    "there is no half place: with SAME the last step counts even if it only half fits. `-(-size // stride)` "
    "rounds up, to a whole number.",
)
def _(shape, filters, strides):
    return (shape[0], shape[1] / strides[1], shape[2] / strides[2], filters)


@_with_and_without_refusal(
    "filters times channels",
    "a filter adds up over all channels and gives *one* map: as many as there are filters, however many "
    "channels come in.",
)
def _(shape, filters, strides):
    return _maps(shape, filters * shape[3], strides)


@_with_and_without_refusal(
    "strides not used",
    '"SAME" keeps height and width only at stride 1. With larger steps there are ceil(size / stride).',
)
def _(shape, filters, strides):
    return (*shape[:3], filters)


@strides.mistake(
    "no refusal",
    "right wherever TensorFlow computes anything. Steps over images or channels it refuses: "
    "`raise ValueError(...)` there.",
)
def _maps(shape, filters, strides):
    return (shape[0], -(-shape[1] // strides[1]), -(-shape[2] // strides[2]), filters)


@strides.mistake(
    "images and channels divided",
    "this would be the logic of it: every other image, every other channel. But TensorFlow does not "
    "do that: `raise ValueError(...)` where the first or the last number is not 1.",
)
def _(shape, filters, strides):
    return (
        -(-shape[0] // strides[0]),
        *_maps(shape, filters, strides)[1:3],
        -(-filters // strides[3]),
    )


@strides.mistake(
    "every axis divided",
    "you divide all four numbers of the images. The last number of the maps is that of the filters; and "
    "where the first or the last stride is not 1 TensorFlow refuses: `raise ValueError(...)`.",
)
def _(shape, filters, strides):
    return tuple(-(-n // stride) for n, stride in zip(shape, strides))


@strides.mistake(
    "an assertion",
    "right, but the refusal is an AssertionError. `assert` is for what cannot happen; an argument that "
    "does not fit asks for `raise ValueError(...)`.",
)
def _(shape, filters, strides):
    assert strides[0] == strides[3] == 1
    return _maps(shape, filters, strides)


@strides.mistake(
    "and for or",
    "you refuse only where the first *and* the last number are not 1. One of them is enough: `or`.",
)
def _(shape, filters, strides):
    if strides[0] != 1 and strides[3] != 1:
        raise ValueError("strides over images and channels")
    return _maps(shape, filters, strides)


@strides.mistake(
    "only unequal refused",
    "you refuse where the first and the last number differ. Both must be 1; 2 and 2 are refused, too.",
)
def _(shape, filters, strides):
    if strides[0] != strides[3]:
        raise ValueError("strides over images or channels")
    return _maps(shape, filters, strides)


@strides.mistake(
    "images not refused", "steps over channels are refused, steps over images are not. Both must be 1."
)
def _(shape, filters, strides):
    return _refusing(_maps, shape, filters, (1, *strides[1:]))


@strides.mistake(
    "channels not refused", "steps over images are refused, steps over channels are not. Both must be 1."
)
def _(shape, filters, strides):
    return _refusing(_maps, shape, filters, (*strides[:3], 1))


# Even and odd sums of zeros, another one down than across, a stride over the kernel's size.
PADDING_CASES = [(4, 5, 3, 2), (28, 28, 3, 1), (7, 10, 5, 3), (6, 9, 4, 1), (8, 5, 2, 4), (224, 227, 11, 4)]


@exercise(
    insight="The odd zero comes at the end, so SAME with a stride shifts an image by half a pixel: frameworks differ here.",
    question="Which four pairs [before, after] give the same result as padding SAME?",
    tolerance=0,
    cases=PADDING_CASES,
    hints=[
        "One axis after the other. How many places does SAME promise along it, and over how many pixels do so "
        "many places reach?",
        "ceil(size / stride) places reach over (places - 1) · stride + kernel_size pixels. The missing "
        "pixels are padding: half of them before, the rest after. If their number is odd, one more goes after.",
        "`zeros = max((-(-size // stride) - 1) * stride + kernel_size - size, 0)`, and the pair is "
        "`[zeros // 2, zeros - zeros // 2]`. Images and channels get [0, 0].",
    ],
)
def padding(height, width, kernel_size, stride):
    pairs = []
    for size in (height, width):
        zeros = max((-(-size // stride) - 1) * stride + kernel_size - size, 0)
        pairs.append([zeros // 2, zeros - zeros // 2])
    return [[0, 0], *pairs, [0, 0]]


@padding.mistake(
    "odd zero first",
    "the right number of zeros, but an odd one stands at the top and the left. TensorFlow puts it at "
    "the bottom and the right.",
)
def _(*case):
    return _pairs(*case, lambda zeros: _same(zeros)[::-1])


@padding.mistake(
    "equal on both sides",
    "both sides get the same number. If the number of zeros is odd, that is one too many: the side "
    "before gets one less.",
)
def _(*case):
    return _pairs(*case, lambda zeros: (_same(zeros)[1],) * 2)


@padding.mistake(
    "odd zero dropped",
    "both sides get the same number. If the number of zeros is odd, one is missing now, and with it "
    "the last place: the side after gets one more.",
)
def _(*case):
    return _pairs(*case, lambda zeros: (_same(zeros)[0],) * 2)


@padding.mistake(
    "all after",
    "all zeros stand at the bottom and the right. They are shared out, and only an odd one goes there.",
)
def _(*case):
    return _pairs(*case, lambda zeros: (0, max(zeros, 0)))


@padding.mistake(
    "stride forgotten",
    "this is right at stride 1: kernel_size - 1 zeros. With larger steps the last place may stand "
    "elsewhere, and it takes fewer.",
)
def _(height, width, kernel_size, stride):
    return _pairs(height, width, kernel_size, 1, _same)


@padding.mistake(
    "half the kernel",
    "half a kernel on each side, that is what one does where padding is a number. It is SAME only for "
    "odd kernels at stride 1; otherwise it is too much, or on the wrong side.",
)
def _(height, width, kernel_size, stride):
    return [[0, 0], *[[kernel_size // 2] * 2 for _ in range(2)], [0, 0]]


@padding.mistake(
    "half of the kernel less one",
    "(kernel_size - 1) // 2 on each side is right only for an odd kernel with stride 1. SAME counts the zeros "
    "that the last place needs: they depend on the size and the stride, too.",
)
def _(height, width, kernel_size, stride):
    half = [(kernel_size - 1) // 2] * 2
    return [[0, 0], half, half, [0, 0]]


@padding.mistake(
    "kernel forgotten",
    "you fill the image up to a whole number of strides. What has to fit is the kernel at its last place: "
    "(places - 1) · stride + kernel_size pixels.",
)
def _(height, width, kernel_size, stride):
    return _pairs(height, width, stride, stride, _same)


@padding.mistake(
    "a step too many", "a step too many: from the first place to the last there are places - 1 steps."
)
def _(height, width, kernel_size, stride):
    return _pairs(height, width, kernel_size + stride, stride, _same)


@padding.mistake(
    "half a zero",
    "the sum is right, but there is no half a zero: of an odd number the side after gets one more.",
)
def _(*case):
    return _pairs(*case, lambda zeros: (max(zeros, 0) / 2,) * 2)


@padding.mistake(
    "less than nothing",
    "where the stride is larger than the kernel, pixels may be left over, and you pad by less than 0. "
    "No padding is 0: `max(…, 0)`.",
)
def _(*case):
    return _pairs(*case, lambda zeros: (zeros // 2, zeros - zeros // 2))


@padding.mistake(
    "rows and columns exchanged",
    "the pairs for rows and columns are exchanged. NHWC: rows, with the zeros above and below, come first.",
)
def _(height, width, kernel_size, stride):
    return _pairs(width, height, kernel_size, stride, _same)


@padding.mistake(
    "images padded",
    "these would be pairs for images and rows. NHWC: the first pair belongs to the images and is "
    "[0, 0], as is the last.",
)
def _(*case):
    return [*_pairs(*case, _same)[1:3], [0, 0], [0, 0]]


@padding.mistake(
    "the word itself",
    "`tf.nn.conv2d` would be content with that. But what does it stand for here? Four pairs of numbers.",
)
def _(*case):
    return "SAME"


@padding.mistake(
    "two pairs",
    "right, but `tf.nn.conv2d` wants a pair for each of the four axes: [0, 0] for images and for channels.",
)
def _(*case):
    return _pairs(*case, _same)[1:3]


def _zeros(size, kernel_size, stride):
    """Return how many zeros "SAME" adds along an axis; less than 0 where pixels are left over."""
    return (-(-size // stride) - 1) * stride + kernel_size - size


def _pairs(height, width, kernel_size, stride, split):
    """Return the four pairs, `split` saying how the zeros of an axis are shared out."""
    return [[0, 0], *(list(split(_zeros(size, kernel_size, stride))) for size in (height, width)), [0, 0]]


def _same(zeros):
    zeros = max(zeros, 0)
    return zeros // 2, zeros - zeros // 2
