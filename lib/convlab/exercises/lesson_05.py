"""Lesson 05: a filter by hand, a filter that moves, a layer in loops, and the parameters of a layer."""

import numpy as np

from convlab.exercises.exercise import Exercise, Mistake, exercise

# Digits of pi, so that no row, column or diagonal looks like another.
IMAGE = np.array([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3], [5, 8, 9, 7, 9], [3, 2, 3, 8, 4]])
KERNEL = np.array([[0, 0, 2], [0, 0, 0], [0, -1, 0]])

by_hand = Exercise(
    lesson="lesson_05",
    name="by_hand",
    insight="Most weights were 0, and they cost a computer as much as the others.",
    question="What are the six numbers that this kernel gives for this image?",
    reference=np.array([[0, -7, 3], [10, 7, -2]]),
    hints=(
        "Only two of the nine weights are not zero. Which two pixels of a window do they look at?",
        "At each place: twice the pixel in the window's top right corner, minus the one in the middle of its "
        "bottom row. The kernel is not turned.",
        "The first window is [[3, 1, 4], [9, 2, 6], [5, 8, 9]]: 2 · 4 - 8 = 0. One step to the right, "
        "2 · 1 - 9 = -7.",
    ),
    mistakes=(
        Mistake(
            "kernel turned",
            np.array([[9, 12, 17], [4, -2, 1]]),
            "this is the convolution of mathematics, with the kernel turned by 180 degrees. "
            "Networks lay it on as it is.",
        ),
        Mistake(
            "kernel transposed",
            np.array([[4, 11, 15], [-3, -3, -3]]),
            "rows and columns of the kernel are exchanged: the 2 stands in its *first row, last column*.",
        ),
        Mistake(
            "kernel mirrored",
            np.array([[-2, -7, 1], [16, 1, 4]]),
            "left and right are exchanged: the 2 stands in the kernel's top *right* corner.",
        ),
        Mistake(
            "kernel upside down",
            np.array([[17, 10, 17], [4, 10, 3]]),
            "top and bottom are exchanged: the 2 stands in the kernel's *top* row, the -1 in its bottom row.",
        ),
        Mistake(
            "output transposed",
            np.array([[0, 10], [-7, 7], [3, -2]]),
            "right numbers, wrong arrangement: there are two rows of three places, "
            "as the image has four rows of five.",
        ),
        Mistake(
            "sign lost",
            np.array([[16, 11, 17], [14, 13, 14]]),
            "the weight is -1: take the second pixel away, where you add it.",
        ),
        Mistake(
            "factor 2 forgotten",
            np.array([[-4, -8, -2], [4, 2, -5]]),
            "the weight in the top right corner is 2: count that pixel twice.",
        ),
        Mistake(
            "negative values cut",
            np.array([[0, 0, 3], [10, 7, 0]]),
            "right but for the negative values, which you set to 0. A filter leaves them as they are.",
        ),
    ),
)


@exercise(
    insight="The 1 says where a pixel is taken from: a kernel describes a window, not a movement.",
    question="Which 5x5 kernel moves an image down and to the right by a given number of pixels?",
    cases=[(0, 0), (1, 0), (0, 2), (-2, 1), (2, -1), (-1, -2)],
    hints=[
        "The 1 in the centre copies the image: each output is the pixel in the middle of its window. "
        "From where in its window must an output take its pixel for the content to move *down*?",
        "If the content moves down by one, each place shows what stood one *above* it. So the 1 goes up. "
        "It is the same with right and left.",
        "The centre is [2, 2]: `kernel[2 - down, 2 - right] = 1`.",
    ],
)
def move(down, right):
    kernel = np.zeros((5, 5))
    kernel[2 - down, 2 - right] = 1  # the 1 says where each output takes its pixel from
    return kernel


@move.mistake(
    "the wrong way",
    "this moves the image the opposite way. The 1 says where a pixel is *taken from*: "
    "an image moves down if each place takes the pixel above it.",
)
def _(down, right):
    return _moving(2 + down, 2 + right)


@move.mistake(
    "rows and columns exchanged",
    "down and right are exchanged: the first index of an array counts rows, from the top down.",
)
def _(down, right):
    return _moving(2 - right, 2 - down)


@move.mistake(
    "exchanged, and the wrong way",
    "this is exchanged and the wrong way, too: the first index counts rows, "
    "and the 1 says where a pixel is taken from.",
)
def _(down, right):
    return _moving(2 + right, 2 + down)


@move.mistake(
    "columns the wrong way",
    "up and down are right; left and right are not. To move right, take the pixel from the left.",
)
def _(down, right):
    return _moving(2 - down, 2 + right)


@move.mistake(
    "rows the wrong way",
    "left and right are right; up and down are not. To move down, take the pixel from above.",
)
def _(down, right):
    return _moving(2 + down, 2 - right)


@move.mistake(
    "counted from the corner",
    "you count from the top left corner. No movement is the *centre*, [2, 2]: count from there.",
)
def _(down, right):
    return _moving(down, right)


@move.mistake(
    "the place of the 1 alone",
    "this is the place of the 1. Return the whole kernel: 5x5 zeros with a 1 at this place.",
)
def _(down, right):
    return 2 - down, 2 - right


@move.mistake("down only", "up and down are right; `right` is not used.")
def _(down, right):
    return _moving(2 - down, 2)


@move.mistake("right only", "left and right are right; `down` is not used.")
def _(down, right):
    return _moving(2, 2 - right)


@move.mistake("no movement", "this kernel copies the image, wherever it should go.")
def _(down, right):
    return _moving(2, 2)


def _moving(row, column):
    """Return a kernel that is all 0 but for a 1."""
    kernel = np.zeros((5, 5))
    kernel[row, column] = 1
    return kernel


_rng = np.random.default_rng(5)
LAYER_CASES = [
    # small whole numbers first, so that a wrong value can be followed by hand
    (
        np.array([[1, 2, 0], [0, 3, 1], [2, 0, 1]])[:, :, None] * 1.0,
        np.array([[1, 0], [2, -1]])[:, :, None, None] * 1.0,
        np.array([10.0]),
    ),
    (
        np.array([[[1, 0], [2, 1], [0, 4]], [[3, 1], [0, 2], [1, 0]]]) * 1.0,
        np.array([[[[1, 0], [2, -1]], [[0, 3], [1, 1]]]]) * 1.0,
        np.array([1.0, -2.0]),
    ),
    (_rng.normal(size=(7, 9, 1)), _rng.normal(size=(2, 3, 1, 1)), np.array([0.5])),
    (_rng.normal(size=(5, 4, 2)), _rng.normal(size=(2, 3, 2, 3)), np.array([1.0, -2.0, 0.25])),
    (_rng.integers(0, 256, (4, 6, 3)), _rng.normal(size=(3, 2, 3, 2)), np.array([-30.0, 7.5])),
    (_rng.normal(size=(3, 5, 4)), _rng.normal(size=(1, 1, 4, 2)), np.array([0.0, 3.0])),
]


@exercise(
    insight="Six loops are the whole layer; lesson 07 replaces them by one matrix product.",
    question="What are the maps (H', W', F) of a convolution layer, for an image (H, W, C), kernels (KH, "
    "KW, C, F) and a bias (F,)?",
    cases=LAYER_CASES,
    hints=[
        "Begin with the shape: how many rows of places are there, how many columns, how many maps? "
        "`np.zeros` of that shape is your output.",
        "Six indices: row, column and filter say which output; i, j and channel say which product. "
        "The bias of a filter is added once to each of its outputs.",
        "`maps[row, column, f] += image[row + i, column + j, c] * kernels[i, j, c, f]`, "
        "for row in range(H - KH + 1), column in range(W - KW + 1); `maps + bias` at the end.",
    ],
)
def conv_layer(image, kernels, bias):
    (height, width, channels), (rows, columns, _, filters) = image.shape, kernels.shape
    maps = np.zeros((height - rows + 1, width - columns + 1, filters))
    for row, column, f in np.ndindex(maps.shape):
        for i, j, c in np.ndindex(rows, columns, channels):
            maps[row, column, f] += image[row + i, column + j, c] * kernels[i, j, c, f]
    return maps + bias


@conv_layer.mistake(
    "kernels turned",
    "the kernels are turned by 180 degrees. Mathematics calls that convolution; a layer leaves them.",
)
def _(image, kernels, bias):
    return _maps(image, kernels[::-1, ::-1], bias)


@conv_layer.mistake("bias forgotten", "right but for the bias: each map gets its own number added.")
def _(image, kernels, bias):
    return _maps(image, kernels, 0 * bias)


@conv_layer.mistake(
    "bias once for each channel",
    "the bias is added once for each channel. Add it once, after the sum over the channels.",
)
def _(image, kernels, bias):
    return _maps(image, kernels, bias * image.shape[2])


@conv_layer.mistake(
    "bias once for each product",
    "the bias is added with each product, inside the innermost loop. Add it once, after the sum.",
)
def _(image, kernels, bias):
    return _maps(image, kernels, bias * kernels[..., 0].size)


@conv_layer.mistake(
    "first channel only",
    "only the first channel is read. A filter is as deep as the image: sum over all channels.",
)
def _(image, kernels, bias):
    return _maps(image[:, :, :1], kernels[:, :, :1], bias)


@conv_layer.mistake(
    "filters summed",
    "this adds up the maps of all filters. Each filter gives a map of its own: the output has F maps.",
)
def _(image, kernels, bias):
    return _maps(image, kernels, bias).sum(axis=-1)


@conv_layer.mistake("channels averaged", "the channels are averaged; they must be summed.")
def _(image, kernels, bias):
    return _maps(image, kernels / image.shape[2], bias)


@conv_layer.mistake(
    "products overwritten",
    "each product overwrites the one before, so only the last remains. Add them up: `+=`, not `=`.",
)
def _(image, kernels, bias):
    rows, columns = kernels.shape[:2]
    return image[rows - 1 :, columns - 1 :, -1:] * kernels[-1, -1, -1] + bias


@conv_layer.mistake(
    "negative values cut",
    "right but for the negative values, which you set to 0. That would be a ReLU, a layer of its own.",
)
def _(image, kernels, bias):
    return _maps(image, kernels, bias).clip(0)


@conv_layer.mistake(
    "last places left out",
    "the last row and the last column of places are missing: "
    "there are H - KH + 1 rows, one more than there are steps.",
)
def _(image, kernels, bias):
    return _maps(image, kernels, bias)[:-1, :-1]


@conv_layer.mistake(
    "last places not reached",
    "the last row and the last column of places are still 0: your loops end one too early. There are "
    "H - KH + 1 rows: `range(H - KH + 1)`.",
)
def _(image, kernels, bias):
    maps = _maps(image, kernels, bias)
    maps[-1], maps[:, -1] = 0, 0
    return maps


@conv_layer.mistake(
    "last places with the bias only",
    "the last row and the last column of places have got the bias only: your loops over places end one too "
    "early, at H - KH instead of H - KH + 1.",
)
def _(image, kernels, bias):
    maps = _maps(image, kernels, 0 * bias)
    maps[-1], maps[:, -1] = 0, 0
    return maps + bias


@conv_layer.mistake(
    "filters first",
    "right numbers, but the maps stand first, (F, H', W'). In this course channels are the last axis.",
)
def _(image, kernels, bias):
    return np.moveaxis(_maps(image, kernels, bias), -1, 0)


@conv_layer.mistake(
    "whole numbers",
    "right until the image holds whole numbers, as image files do: then your output does, too, "
    "and the fractions are cut off. Make it with `np.zeros(shape)`, not like the image.",
)
def _(image, kernels, bias):
    return _maps(image, kernels, bias).astype(image.dtype)


def _maps(image, kernels, bias):
    return conv_layer.reference(image, kernels, bias)


@exercise(
    insight="The size of the image does not come in: the same filter is used at every place.",
    question="How many parameters (weights and biases) does a convolution layer have?",
    cases=[
        ((32, 32, 3), (5, 5), 6),
        ((28, 28, 1), (3, 3), 32),
        ((14, 10, 32), (3, 2), 64),
        ((9, 7, 5), (1, 7), 2),
    ],
    hints=[
        "What does one filter have to store? Then how many filters are there?",
        "One filter reads all channels of a window, with a weight each, and adds one bias. "
        "It uses the same numbers at every place.",
        "`(kernel_height * kernel_width * channels + 1) * filters`. Height and width of the image "
        "do not come in.",
    ],
)
def layer_parameters(image_shape, kernel_shape, filters):
    height, width = kernel_shape
    return (height * width * image_shape[2] + 1) * filters


@layer_parameters.mistake(
    "once for each place",
    "you count the weights anew at each place. They are shared: the same filter stands everywhere.",
)
def _(image, kernel, filters):
    return (
        layer_parameters.reference(image, kernel, filters)
        * (image[0] - kernel[0] + 1)
        * (image[1] - kernel[1] + 1)
    )


@layer_parameters.mistake(
    "a dense layer",
    "this is a dense layer with as many outputs: every output sees every pixel. A filter sees a "
    "window, and shares its weights.",
)
def _(image, kernel, filters):
    return (np.prod(image) + 1) * (image[0] - kernel[0] + 1) * (image[1] - kernel[1] + 1) * filters


@layer_parameters.mistake(
    "every pixel to every filter",
    "this joins every value of the image to every filter. A filter reads a window of `kernel_shape` only, "
    "in all channels, and adds a bias.",
)
def _(image, kernel, filters):
    return np.prod(image) * filters


@layer_parameters.mistake(
    "depth forgotten",
    "a filter is as deep as its input: a weight for each *channel* of each pixel of the window.",
)
def _(image, kernel, filters):
    return (kernel[0] * kernel[1] + 1) * filters


@layer_parameters.mistake("biases forgotten", "the weights are right; each filter has a bias, too.")
def _(image, kernel, filters):
    return kernel[0] * kernel[1] * image[2] * filters


@layer_parameters.mistake("one bias for all", "one bias is too few: each filter has its own.")
def _(image, kernel, filters):
    return kernel[0] * kernel[1] * image[2] * filters + 1


@layer_parameters.mistake(
    "a bias for each channel",
    "too many biases: a filter adds one number after summing over all channels, not one for each.",
)
def _(image, kernel, filters):
    return (kernel[0] * kernel[1] + 1) * image[2] * filters


@layer_parameters.mistake(
    "a bias for each output",
    "the weights are right, but you count a bias for each place. It is shared as well: one per filter.",
)
def _(image, kernel, filters):
    return kernel[0] * kernel[1] * image[2] * filters + filters * (image[0] - kernel[0] + 1) * (
        image[1] - kernel[1] + 1
    )


@layer_parameters.mistake(
    "height taken for depth", "`image_shape[0]` is the height. The channels stand last: `image_shape[2]`."
)
def _(image, kernel, filters):
    return (kernel[0] * kernel[1] * image[0] + 1) * filters


@layer_parameters.mistake(
    "kernel taken as square",
    "right for square kernels. This one is `kernel_shape[0]` high and `kernel_shape[1]` wide.",
)
def _(image, kernel, filters):
    return (kernel[0] ** 2 * image[2] + 1) * filters


@layer_parameters.mistake("one filter", "this is one filter; the layer has several.")
def _(image, kernel, filters):
    return kernel[0] * kernel[1] * image[2] + 1
