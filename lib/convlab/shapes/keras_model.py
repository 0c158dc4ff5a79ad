"""What each layer of a Keras model gives and costs, read off the model that the caller built (lesson 06)."""

import math
from typing import TYPE_CHECKING, NamedTuple

from tabulate import tabulate

if TYPE_CHECKING:
    import keras


class Row(NamedTuple):
    """What one layer of a network gives and costs, for one example, as `count` lists it."""

    name: str
    kind: str
    output_shape: tuple
    parameters: int
    activations: int
    macs: int


def count(model: "keras.Model") -> list[Row]:
    """Return a `Row` per layer of a Keras model: what it gives and what it costs (lesson 06).

    `model` is Sequential or Functional, its input size known; the rows stand as in `model.summary()`, with
    the layers of a nested model in its place, as "model/layer". `parameters` adds up to
    `model.count_params()`: a layer used twice has a row for each use and its parameters in the first.
    `activations` is the number of values that come out for one example; `macs` counts the products in
    convolutions and dense layers, where nearly all the work is, and takes the rest (biases, pooling,
    normalisation) as 0. ValueError for a model without sizes, for a nested model that was built for another
    size than it is called on, and for a layer with weights that is neither.

    >>> import keras
    >>> net = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(6, 5, name="conv")])
    >>> count(net)[0].output_shape, count(net)[0].parameters, count(net)[0].macs
    ((None, 24, 24, 6), 156, 86400)
    """
    rows, met = [], set()
    for name, layer, given, came in _calls(model):
        rows.append(_row(name, layer, given, came, first=layer not in met))
        met.add(layer)
    return rows


def _calls(model, prefix=""):
    """Return (name, layer, input shapes, output shapes) for each time a model calls a layer."""
    if not getattr(model, "inputs", None):
        raise ValueError(
            f"{model.name!r} has no sizes yet: give it a keras.Input, or call build, before count"
        )
    graph = getattr(model, "_functional", model)  # a Sequential model keeps its graph inside
    own = {node for nodes in graph._nodes_by_depth.values() for node in nodes}
    calls = []
    for layer in graph.operations:
        for node in layer._inbound_nodes:  # one for each call, in other models, too
            if node not in own:
                continue
            name, given, came = f"{prefix}{layer.name}", _shapes(node.input_tensors), _shapes(node.outputs)
            if hasattr(layer, "operations") or hasattr(layer, "_functional"):
                _expect_own_size(name, layer, given)
                calls += _calls(layer, f"{name}/")
            elif not node.is_input:
                calls.append((name, layer, given, came))
            elif model is graph and not prefix:  # `summary` shows the input of a Functional model only
                calls.append((name, layer, [], came))
    return calls


def _expect_own_size(name, model, given):
    """Raise ValueError unless a nested model is called on what it was built for."""
    own = _shapes(model.inputs or [])
    if [shape[1:] for shape in own] != [shape[1:] for shape in given]:
        raise ValueError(
            f"the model {name!r} is called on {given}, but its keras.Input is {own}: give it that size"
        )


PASSED_ON = ("Flatten", "Reshape", "Dropout")  # kinds of layers that make no values of their own


def total(rows: list[Row]) -> tuple[int, int, int]:
    """Return the sums (parameters, activations, macs) over `rows`, each value in memory once (lesson 06).

    Flatten, Reshape and Dropout only pass on what another layer made, so their activations are left out.

    >>> conv = Row("conv", "Conv2D", (None, 2, 2, 3), 30, 12, 108)
    >>> total([conv, Row("flatten", "Flatten", (None, 12), 0, 12, 0)])
    (30, 12, 108)
    """
    made = sum(row.activations for row in rows if row.kind not in PASSED_ON)
    return sum(row.parameters for row in rows), made, sum(row.macs for row in rows)


def table(rows: list[Row]) -> str:
    """Return `rows` as the lines of a table, one layer each, with the sums of `total` below (lesson 06).

    A dash stands for activations that `total` leaves out, so that each column adds up.

    >>> print(table([Row("conv", "Conv2D", (None, 24, 24, 6), 156, 3456, 86400)]))
    layer  output   parameters  activations    MACs
    conv   24×24×6         156        3,456  86,400
    total                  156        3,456  86,400
    """
    lines: list[tuple[str, ...]] = [("layer", "output", "parameters", "activations", "MACs")]
    for row in rows:
        made = "–" if row.kind in PASSED_ON else f"{row.activations:,}"
        lines.append((row.name, _by(row.output_shape), f"{row.parameters:,}", made, f"{row.macs:,}"))
    lines += [("total", "", *(f"{number:,}" for number in total(rows)))]
    sides = ("left", "left", "right", "right", "right")
    return tabulate(lines, tablefmt="plain", colalign=sides, disable_numparse=True, preserve_whitespace=True)


def _by(shape):
    """Return (None, 24, 24, 6) as 24×24×6; several outputs side by side."""
    if isinstance(shape[0], tuple):
        return " ".join(map(_by, shape))
    return "×".join(map(str, shape[1:]))


def _shapes(tensors):
    return [tuple(tensor.shape) for tensor in tensors]


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
