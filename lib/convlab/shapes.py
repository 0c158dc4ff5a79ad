"""Arithmetic on shapes: how large the output of a layer is, what it sees, and what it costs.

All of it is whole numbers. Nothing here imports TensorFlow; `count` reads a Keras model that the caller
built.
"""

import math
import operator
from typing import NamedTuple

__all__ = [
    "Row",
    "conv_macs",
    "conv_parameters",
    "count",
    "dense_macs",
    "dense_parameters",
    "output_size",
    "receptive_field",
    "same_padding",
    "table",
    "total",
]


def output_size(input_size, kernel_size, stride=1, padding=0, dilation=1):
    """Return how many places along one axis a kernel can stand in (lesson 06).

    That is floor((i + 2p - r) / s) + 1, where a kernel of f pixels, d apart, reaches over r = d(f - 1) + 1 of
    them; pixels that the last step cannot reach are not read. `padding` is a number of pixels on each side,
    "valid" (0) or "same", with which TensorFlow pads for ceil(i / s) places; convolution and pooling share
    the formula (Dumoulin and Visin 2016, chapters 2 to 5). ValueError for a kernel that does not fit, for
    sizes, strides and dilations under 1, for a negative padding and for whatever is no whole number.
    TensorFlow's operation follows the formula for a stride and a dilation over 1 together as well, although
    Keras's layers refuse that pair.

    >>> output_size(227, 11, stride=4), output_size(28, 3, padding="same"), output_size(5, 4, padding=2)
    (55, 28, 6)
    """
    if isinstance(padding, str):
        before, after = _named_padding(input_size, kernel_size, stride, padding, dilation)
    else:
        before = after = _whole("padding", padding, 0)
    reach, stride = _reach(kernel_size, dilation), _whole("stride", stride)
    room = _whole("input", input_size) + before + after
    if reach > room:
        spread = f" with dilation {dilation} (it reaches over {reach})" if dilation > 1 else ""
        raise ValueError(
            f"kernel of {kernel_size}{spread} does not fit an input of {input_size} with padding {padding}: "
            f"pad more, or take a kernel that reaches over at most {room}"
        )
    return (room - reach) // stride + 1


def same_padding(input_size, kernel_size, stride=1, dilation=1):
    """Return the pixels that "same" adds (before, after) along one axis, as TensorFlow does it (lesson 06).

    Just enough for ceil(i / s) places; an odd one goes after, to the bottom and the right. With a stride of 1
    and an odd kernel both are (f - 1) / 2. ValueError as in `output_size`.

    >>> same_padding(28, 3), same_padding(28, 3, stride=2), same_padding(28, 1, stride=2)
    ((1, 1), (0, 1), (0, 0))
    """
    input_size, stride = _whole("input", input_size), _whole("stride", stride)
    last = (-(-input_size // stride) - 1) * stride
    total = max(last + _reach(kernel_size, dilation) - input_size, 0)
    return total // 2, total - total // 2


def receptive_field(layers):
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


def conv_parameters(kernel_size, inputs, outputs, bias=True):
    """Return the parameters of a convolution, f·f·inputs·outputs + outputs (lessons 05, 06).

    >>> conv_parameters(5, 3, 6), conv_parameters(3, 32, 64, bias=False)
    (456, 18432)
    """
    return kernel_size**2 * inputs * outputs + bool(bias) * outputs


def conv_macs(output_size, kernel_size, inputs, outputs):
    """Return the multiply-adds of a convolution, o·o·f·f·inputs·outputs (lesson 06).

    For square outputs, square kernels and one example; the bias is not counted.

    >>> conv_macs(14, 3, 32, 64)
    3612672
    """
    return output_size**2 * kernel_size**2 * inputs * outputs


def dense_parameters(inputs, outputs, bias=True):
    """Return the parameters of a dense layer: inputs·outputs + outputs (lessons 03, 06).

    >>> dense_parameters(784, 256) + dense_parameters(256, 10)
    203530
    """
    return inputs * outputs + bool(bias) * outputs


def dense_macs(inputs, outputs):
    """Return the multiply-adds of a dense layer, one per weight (lesson 06).

    >>> dense_macs(2048, 625)
    1280000
    """
    return inputs * outputs


class Row(NamedTuple):
    """What one layer of a network gives and costs, for one example, as `count` lists it."""

    name: str
    kind: str
    output_shape: tuple
    parameters: int
    activations: int
    macs: int


def count(model):
    """Return a `Row` per layer of a Keras model: what it gives and what it costs (lesson 06).

    `model` is Sequential or Functional, its input size known; the rows stand as in `model.summary()`, with
    the layers of a nested model in its place, as "model/layer". `parameters` adds up to
    `model.count_params()`: a layer used twice has a row for each use and its parameters in the first.
    `activations` is the number of values that come out for one example; `macs` counts the products in
    convolutions and dense layers, where nearly all the work is, and takes the rest (biases, pooling,
    normalisation) as 0. ValueError for a model without sizes and for a layer with weights that is neither.

    >>> import keras
    >>> net = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(6, 5, name="conv")])
    >>> count(net)[0].output_shape, count(net)[0].parameters, count(net)[0].macs
    ((None, 24, 24, 6), 156, 86400)
    """
    if not getattr(model, "inputs", None):
        raise ValueError(
            f"{model.name!r} has no sizes yet: give it a keras.Input, or call build, before count"
        )
    rows, met = [], set()
    for name, layer, given, came in _calls(model, model.inputs):
        rows.append(_row(name, layer, given, came, first=id(layer) not in met))
        met.add(id(layer))
    return rows


def total(rows):
    """Return the sums (parameters, activations, macs) over `rows`, each value in memory once (lesson 06).

    Flatten, Reshape and Dropout only pass on what another layer made, so their activations are left out.

    >>> conv = Row("conv", "Conv2D", (None, 2, 2, 3), 30, 12, 108)
    >>> total([conv, Row("flatten", "Flatten", (None, 12), 0, 12, 0)])
    (30, 12, 108)
    """
    made = sum(row.activations for row in rows if row.kind not in ("Flatten", "Reshape", "Dropout"))
    return sum(row.parameters for row in rows), made, sum(row.macs for row in rows)


def table(rows):
    """Return `rows` as the lines of a table, one layer each, with the sums of `total` below (lesson 06).

    >>> print(table([Row("conv", "Conv2D", (None, 24, 24, 6), 156, 3456, 86400)]))
    layer  output   parameters  activations    MACs
    conv   24×24×6         156        3,456  86,400
    total                  156        3,456  86,400
    """
    lines = [("layer", "output", "parameters", "activations", "MACs")]
    lines += [(row.name, _by(row.output_shape), *(f"{number:,}" for number in row[3:])) for row in rows]
    lines += [("total", "", *(f"{number:,}" for number in total(rows)))]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join(
        "  ".join(f"{cell:{'<' if i < 2 else '>'}{widths[i]}}" for i, cell in enumerate(line))
        for line in lines
    )


def _by(shape):
    """Return (None, 24, 24, 6) as 24×24×6; several outputs side by side."""
    if isinstance(shape[0], tuple):
        return " ".join(map(_by, shape))
    return "×".join(map(str, shape[1:]))


def _calls(model, inputs, prefix=""):
    """Return (name, layer, input shapes, output shapes) of every layer call of `model` on `inputs`."""
    graph = getattr(model, "_functional", model)  # a Sequential model keeps its graph inside
    calls = []
    if model is graph and not prefix:  # `summary` shows the input layers of a Functional model only
        calls = [(x, [(x.name, x, [], [x.batch_shape])]) for x in model.layers if hasattr(x, "batch_shape")]

    def watched(layer):
        def call(*args, **kwargs):
            outputs = layer.compute_output_spec(*args, **kwargs)
            inner = [(prefix + layer.name, layer, _shapes((args, kwargs)), _shapes(outputs))]
            if hasattr(layer, "operations") or hasattr(layer, "_functional"):
                inner = _calls(layer, args[0], f"{prefix}{layer.name}/")
            calls.append((layer, inner))
            return outputs

        return call

    graph._run_through_graph(inputs, operation_fn=watched)
    order = {id(layer): place for place, layer in enumerate(graph.operations)}
    calls.sort(key=lambda call: order[id(call[0])])
    return [one for _, inner in calls for one in inner]


def _shapes(tensors):
    from keras import tree

    return [tuple(tensor.shape) for tensor in tree.flatten(tensors) if hasattr(tensor, "shape")]


def _row(name, layer, given, came, first):
    if any(None in shape[1:] for shape in came):
        raise ValueError(f"{name!r} gives {came[0]}: count needs a model whose input has fixed sizes")
    parameters = layer.count_params() if first and hasattr(layer, "count_params") else 0
    shape = came[0] if len(came) == 1 else tuple(came)
    return Row(name, type(layer).__name__, shape, parameters, _values(came), _macs(layer, given, came))


def _values(shapes):
    return sum(math.prod(shape[1:]) for shape in shapes)


def _macs(layer, given, came):
    """Return how many products a layer makes for one example; `given` and `came` are its shapes."""
    from keras import layers

    if isinstance(layer, (layers.Dense, layers.Conv1D, layers.Conv2D, layers.Conv3D)):
        return _values(came) * math.prod(layer.kernel.shape[:-1])
    if isinstance(layer, (layers.DepthwiseConv1D, layers.DepthwiseConv2D)):
        return _values(came) * math.prod(layer.kernel.shape[:-2])
    if isinstance(layer, (layers.SeparableConv1D, layers.SeparableConv2D)):
        each = math.prod(layer.depthwise_kernel.shape) + math.prod(layer.pointwise_kernel.shape)
        return _values(came) // layer.filters * each
    if isinstance(layer, (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)):
        return _values(given) * math.prod(layer.kernel.shape[:-1])
    elementwise = isinstance(layer, (layers.PReLU, layers.LayerNormalization, layers.Embedding))
    if not elementwise and any(len(weight.shape) > 1 for weight in getattr(layer, "weights", ())):
        raise ValueError(
            f"count knows the products of convolutions and dense layers, not those of {layer.name!r}, "
            f"a {type(layer).__name__}"
        )
    return 0


def _named_padding(input_size, kernel_size, stride, padding, dilation):
    if padding == "same":
        return same_padding(input_size, kernel_size, stride, dilation)
    if padding == "valid":
        return 0, 0
    raise ValueError(f'padding is a number of pixels per side, "valid" or "same", not {padding!r}')


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
