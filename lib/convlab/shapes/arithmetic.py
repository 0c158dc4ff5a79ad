"""Sizes, receptive fields, parameters and products of a layer, with whole numbers alone (lesson 06)."""

import operator
from collections.abc import Iterable


def output_size(
    input_size: int, kernel_size: int, stride: int = 1, padding: int | str = 0, dilation: int = 1
) -> int:
    """Return how many places along one axis a kernel can stand in (lesson 06).

    That is floor((i + 2p - r) / s) + 1, where a kernel of f pixels, d apart, reaches over r = d(f - 1) + 1 of
    them; pixels that the last step cannot reach are not read. Convolution and pooling share the formula
    (Dumoulin and Visin 2016, chapters 2 to 5). TensorFlow's operation follows it for a stride and a dilation
    over 1 together as well, although Keras's layers refuse that pair.

    Args:
        input_size: i, pixels along the axis.
        kernel_size: f, pixels of the kernel along the axis.
        stride: s, pixels from one place to the next.
        padding: p, pixels on each side; or "valid", which is 0; or "same", with which TensorFlow pads for
            ceil(i / s) places. "SAME" and "VALID" are accepted as well.
        dilation: d, pixels from one of the kernel's to the next.

    ValueError for a kernel that does not fit, for sizes, strides and dilations under 1, for a negative
    padding and for whatever is no whole number.

    >>> output_size(227, 11, stride=4), output_size(28, 3, padding="same"), output_size(5, 4, padding=2)
    (55, 28, 6)
    """
    before, after = padding_sides(input_size, kernel_size, stride, padding, dilation)
    reach, stride = _reach(kernel_size, dilation), _whole("stride", stride)
    padded_size = _whole("input", input_size) + before + after
    if reach > padded_size:
        spread = f" with dilation {dilation} (it reaches over {reach})" if dilation > 1 else ""
        raise ValueError(
            f"kernel of {kernel_size}{spread} does not fit an input of {input_size} with padding {padding}: "
            f"pad more, or take a kernel that reaches over at most {padded_size}"
        )
    return (padded_size - reach) // stride + 1


def padding_sides(
    input_size: int, kernel_size: int, stride: int = 1, padding: int | str = 0, dilation: int = 1
) -> tuple[int, int]:
    """Return the pixels (before, after) that a padding adds along one axis (lesson 06).

    Arguments and errors are those of `output_size`, but the kernel need not fit.

    >>> padding_sides(28, 3, padding=2), padding_sides(28, 2, padding="same")
    ((2, 2), (0, 1))
    """
    if not isinstance(padding, str):
        return (_whole("padding", padding, 0),) * 2
    if padding.lower() == "same":
        return same_padding(input_size, kernel_size, stride, dilation)
    if padding.lower() == "valid":
        return 0, 0
    raise ValueError(f'padding is a number of pixels per side, "valid" or "same", not {padding!r}')


def same_padding(input_size: int, kernel_size: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Return the pixels that "same" adds (before, after) along one axis, as TensorFlow does it (lesson 06).

    Just enough for ceil(i / s) places; an odd one goes after, to the bottom and the right. With a stride of 1
    and an odd kernel both are (f - 1) / 2. Arguments and ValueError as in `output_size`.

    >>> same_padding(28, 3), same_padding(28, 3, stride=2), same_padding(28, 1, stride=2)
    ((1, 1), (0, 1), (0, 0))
    """
    input_size, stride = _whole("input", input_size), _whole("stride", stride)
    last = (-(-input_size // stride) - 1) * stride
    total = max(last + _reach(kernel_size, dilation) - input_size, 0)
    return total // 2, total - total // 2


def transposed_size(input_size: int, kernel_size: int, stride: int = 1, padding: int | str = 0) -> int:
    """Return the size of a transposed convolution's output along one axis (lesson 19).

    That is (i - 1)s + f - 2p, `output_size` turned round: a convolution of that output has i places. Several
    larger outputs have i places, too, if s is over 1; this is the smallest. "valid" is p = 0; "same" gives
    i · s. Dumoulin and Visin 2016, chapter 4. ValueError where nothing is left, and as in `output_size`.

    Args:
        input_size: i, pixels along the axis.
        kernel_size: f, pixels of the kernel along the axis.
        stride: s, pixels of the output from one place to the next.
        padding: p, pixels cut off each side of the output; or "valid", or "same".

    >>> transposed_size(7, 4, stride=2, padding=1), transposed_size(7, 3, stride=2), output_size(15, 3, 2)
    (14, 15, 7)
    """
    input_size, stride = _whole("input", input_size), _whole("stride", stride)
    if isinstance(padding, str) and padding.lower() == "same":
        _whole("kernel", kernel_size)
        return input_size * stride
    before, after = padding_sides(1, kernel_size, stride, padding)
    size = (input_size - 1) * stride + _whole("kernel", kernel_size) - before - after
    if size < 1:
        raise ValueError(
            f"a padding of {padding} cuts off all of the {size + before + after} pixels that an input of "
            f"{input_size} and a kernel of {kernel_size} give: cut off less"
        )
    return size


def receptive_field(layers: Iterable[tuple[int, int]]) -> int:
    """Return how many input pixels one output pixel sees along an axis, through all `layers` (lesson 06).

    `layers` lists (kernel_size, stride) from the input on, pooling included. Each layer adds f - 1 steps, a
    step being as many input pixels as the strides before it multiply to (Araujo et al. 2019, "Computing
    receptive fields"). ValueError for a size or stride that is not a whole number of at least 1.

    >>> stack = [(3, 1), (3, 1), (2, 2), (3, 1)]
    >>> [receptive_field(stack[:depth]) for depth in (1, 2, 3, 4)]
    [3, 5, 6, 10]
    """
    field = step = 1
    for kernel_size, stride in layers:
        field += (_whole("kernel", kernel_size) - 1) * step
        step *= _whole("stride", stride)
    return field


def conv_parameters(kernel_size: int, inputs: int, outputs: int, bias: bool = True) -> int:
    """Return the parameters of a convolution, f·f·inputs·outputs + outputs (lessons 05, 06).

    Args:
        kernel_size: f, pixels of the square kernel along each side.
        inputs: channels of the input.
        outputs: feature maps.
        bias: whether each map has a bias.

    >>> conv_parameters(5, 3, 6), conv_parameters(3, 32, 64, bias=False)
    (456, 18432)
    """
    return kernel_size**2 * inputs * outputs + bool(bias) * outputs


def conv_macs(output_size: int, kernel_size: int, inputs: int, outputs: int) -> int:
    """Return the multiply-adds of a convolution, o·o·f·f·inputs·outputs (lesson 06).

    For one example; the bias is not counted.

    Args:
        output_size: o, pixels of the square maps along each side.
        kernel_size: f, pixels of the square kernel along each side.
        inputs: channels of the input.
        outputs: feature maps.

    >>> conv_macs(14, 3, 32, 64)
    3612672
    """
    return output_size**2 * kernel_size**2 * inputs * outputs


def dense_parameters(inputs: int, outputs: int, bias: bool = True) -> int:
    """Return the parameters of a dense layer: inputs·outputs + outputs (lessons 03, 06).

    >>> dense_parameters(784, 256) + dense_parameters(256, 10)
    203530
    """
    return inputs * outputs + bool(bias) * outputs


def dense_macs(inputs: int, outputs: int) -> int:
    """Return the multiply-adds of a dense layer, one per weight (lesson 06).

    >>> dense_macs(2048, 625)
    1280000
    """
    return inputs * outputs


def _reach(kernel_size, dilation):
    return (_whole("kernel", kernel_size) - 1) * _whole("dilation", dilation) + 1


def _whole(what, value, least=1):
    """Return `value` as a plain int; ValueError unless it is a whole number of at least `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < least:
        raise ValueError(f"{what} must be a whole number of at least {least}, not {value!r}")
    return number
