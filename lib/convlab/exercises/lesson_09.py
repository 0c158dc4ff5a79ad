"""Lesson 09: the parameters of a network before `summary()`, and the loss that fits the labels."""

import numpy as np

from convlab.exercises.engine import Mistake, exercise

# Sizes that halve evenly and sizes that do not; one and three channels; one block and four.
NETWORKS = [
    (28, 1, [32, 64, 128], 625, 10),
    (32, 3, [16, 32], 50, 10),
    (28, 1, [16, 32, 64], 76, 10),
    (9, 2, [4], 5, 3),
    (50, 3, [8, 8, 16, 16], 20, 7),
]


def _counted(size, channels, filters, units, classes, halve=lambda size: -(-size // 2), **how):
    """Count as the reference does, but for what `how` says: that is what the wrong answers share."""
    total, shrunk, first = 0, size, channels
    for maps in filters:
        depth = first if how.get("first_depth") else channels
        total += 9 * depth * maps + maps * how.get("conv_bias", 1) + how.get("pool", 0) * maps
        channels, before, shrunk = maps, shrunk, halve(shrunk)
    side = {"before the last": before, "input": size, "one": 1}.get(how.get("flat"), shrunk)
    flat = side * how.get("sides", side) * channels
    total += flat * units + units * how.get("dense_bias", 1)
    return total + units * classes + classes * how.get("dense_bias", 1)


def _rounding_down(*network):
    return _counted(*network, halve=lambda size: size // 2)


def _not_rounded(*network):
    return _counted(*network, halve=lambda size: size / 2)


def _convolutions_shrink(*network):
    return _counted(*network, halve=lambda size: -(-(size - 2) // 2))


def _one_bias_each_layer(size, channels, filters, units, classes):
    weights = _without_biases(size, channels, filters, units, classes)
    return weights + len(filters) + 2


def _flat_filters(size, channels, filters, units, classes):
    depths = [channels, *filters]
    lost = sum(9 * (depth - 1) * maps for depth, maps in zip(depths, filters))
    return _counted(size, channels, filters, units, classes) - lost


def _before_the_last_pooling(*network):
    return _counted(*network, flat="before the last")


def _size_of_the_image(*network):
    return _counted(*network, flat="input")


def _channels_alone(*network):
    return _counted(*network, flat="one")


def _one_side(*network):
    return _counted(*network, sides=1)


def _without_biases(*network):
    return _counted(*network, conv_bias=0, dense_bias=0)


def _rounding_down_without_biases(*network):
    return _counted(*network, conv_bias=0, dense_bias=0, halve=lambda size: size // 2)


def _without_dense_biases(*network):
    return _counted(*network, dense_bias=0)


def _with_first_depth(*network):
    return _counted(*network, first_depth=True)


def _with_pooling_weights(*network):
    return _counted(*network, pool=4)


def _convolutions_alone(size, channels, filters, units, classes):
    return sum(9 * c * maps + maps for c, maps in zip([channels, *filters], filters))


def _without_the_last(size, channels, filters, units, classes):
    return _counted(size, channels, filters, units, classes) - units * classes - classes


@exercise(
    question="How many parameters does the network have, before anybody calls `summary()`?",
    tolerance=0,
    cases=NETWORKS,
    hints=[
        "Only convolutions and dense layers have parameters. Pooling has none, but it decides how many values "
        "reach the first dense layer.",
        "A 3x3 convolution: 9 · channels weights and one bias for each filter; its filters are the channels of "
        "the next. A dense layer: inputs · outputs + outputs.",
        'Go through the filters: add up, then `channels = filters` and `size = -(-size // 2)`, because "same" '
        "pooling rounds up: 28, 14, 7, 4. The dense layer then gets size · size · channels values.",
    ],
    mistakes=[
        Mistake(
            "rounded down",
            _rounding_down,
            'the pooling of an odd size is rounded down here. These layers pool with "same" padding, which '
            "rounds up: 7 → 4, 9 → 5.",
        ),
        Mistake(
            "not rounded",
            _not_rounded,
            'the maps are halved without rounding, and nothing has 3.5 rows. "same" pooling rounds up: 7 → 4.',
        ),
        Mistake(
            "rounded half to even",
            lambda *network: _counted(*network, halve=lambda size: round(size / 2)),
            'Python\'s `round` takes a half to the even neighbour: 3.5 becomes 4, but so does 4.5. "same" pooling '
            "always rounds up: 9 → 5.",
        ),
        Mistake(
            "convolutions shrink the maps",
            _convolutions_shrink,
            'every convolution takes two rows and columns off the maps here. With padding "same" only the '
            "pooling makes them smaller.",
        ),
        Mistake(
            "one bias for each layer",
            _one_bias_each_layer,
            "each layer is counted with a single bias. It has one for each filter, or for each unit.",
        ),
        Mistake(
            "filters without depth",
            _flat_filters,
            "each filter is counted with 9 weights. It is as deep as its input has channels: 9 · channels.",
        ),
        Mistake(
            "flattened before the last pooling",
            _before_the_last_pooling,
            "the dense layer is counted with the maps that go *into* the last pooling. It gets what comes out.",
        ),
        Mistake(
            "flattened at the image's size",
            _size_of_the_image,
            "the dense layer is counted with maps as large as the image. Each pooling halves them.",
        ),
        Mistake(
            "one value for each map",
            _channels_alone,
            "the dense layer is counted with one value for each map. `Flatten` passes on every pixel of every "
            "map: size · size · channels.",
        ),
        Mistake(
            "one side only",
            _one_side,
            "a map has size · size pixels, not size of them.",
        ),
        Mistake(
            "biases forgotten", _without_biases, "the weights are right; each filter and unit has a bias."
        ),
        Mistake(
            "rounded down, biases forgotten",
            _rounding_down_without_biases,
            'two things: "same" pooling rounds up, 7 → 4; and each filter and unit has a bias.',
        ),
        Mistake(
            "biases of the dense layers forgotten",
            _without_dense_biases,
            "the convolutions are right; each unit of a dense layer has a bias, too.",
        ),
        Mistake(
            "depth of the image everywhere",
            _with_first_depth,
            "every convolution is counted with the channels of the image. From the second on, a filter is as "
            "deep as the layer below has filters.",
        ),
        Mistake(
            "weights for pooling",
            _with_pooling_weights,
            "pooling is counted with weights. It takes a maximum; there is nothing in it to learn.",
        ),
        Mistake(
            "convolutions only",
            _convolutions_alone,
            "this is the share of the convolutions. The dense layers, most of the parameters as a rule, are "
            "missing.",
        ),
        Mistake(
            "last layer missing",
            _without_the_last,
            "the last dense layer is missing: units · classes weights and a bias for each class.",
        ),
    ],
)
def parameters(size, channels, filters, units, classes):
    total = 0
    for maps in filters:
        total += 9 * channels * maps + maps
        channels, size = maps, -(-size // 2)
    total += size * size * channels * units + units
    return total + units * classes + classes


# labels, and the activation of the last layer (None: it gives logits)
LABELS = [
    (np.array([3, 0, 9, 1]), None),
    (np.array([2, 2, 5]), "softmax"),
    (np.eye(4)[[1, 3, 0]], "softmax"),
    (np.eye(3)[[2, 0]], None),
    (np.array([[1.0, 0, 1], [0, 0, 0], [1, 1, 1]]), "sigmoid"),  # cat and no dog and a sofa; nothing; all
    # a row with two, a row with none; then as many ones as rows; then no row with two; then few classes
    (np.array([[1.0, 0, 0, 0], [0, 1, 1, 0]]), None),
    (np.array([[0.0, 1, 0], [1, 0, 1], [0, 0, 0], [0, 0, 1]]), "sigmoid"),
    (np.array([[0.0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0]]), None),
    (np.array([0, 1, 1, 0]), "softmax"),
    (np.eye(3, dtype=int)[[2, 0, 1]], "softmax"),
]
SPARSE, CATEGORICAL, BINARY = (
    f"{kind}_crossentropy" for kind in ("sparse_categorical", "categorical", "binary")
)


def _loss(labels, activation):
    return choose_loss.reference(labels, activation)[0]


def _logits_turned_round(labels, activation):
    return _loss(labels, activation), activation is not None


def _never_logits(labels, activation):
    return _loss(labels, activation), False


def _always_logits(labels, activation):
    return _loss(labels, activation), True


def _sparse_and_one_hot_swapped(labels, activation):
    swapped = {SPARSE: CATEGORICAL, CATEGORICAL: SPARSE, BINARY: BINARY}
    return swapped[_loss(labels, activation)], activation is None


def _always_sparse(labels, activation):
    return SPARSE, activation is None


def _always_categorical(labels, activation):
    return CATEGORICAL, activation is None


def _rows_are_one_hot(labels, activation):
    return SPARSE if labels.ndim == 1 else CATEGORICAL, activation is None


def _one_hot_if(test):
    """Return a wrong answer: one-hot where `test(labels)` says so."""

    def answer(labels, activation):
        table = CATEGORICAL if labels.ndim == 2 and test(labels) else BINARY
        return SPARSE if labels.ndim == 1 else table, activation is None

    return answer


def _binary_by_values(labels, activation):
    """Take every table of zeros and ones for yes and no."""
    return SPARSE if labels.ndim == 1 else BINARY, activation is None


def _binary_by_activation(labels, activation):
    table = BINARY if activation == "sigmoid" else CATEGORICAL
    return SPARSE if labels.ndim == 1 else table, activation is None


def _categorical_by_softmax(labels, activation):
    table = CATEGORICAL if activation == "softmax" else BINARY
    return SPARSE if labels.ndim == 1 else table, activation is None


def _logits_unless_softmax(labels, activation):
    return _loss(labels, activation), activation != "softmax"


def _name_of_the_class(labels, activation):
    return "".join(part.capitalize() for part in _loss(labels, activation).split("_")), activation is None


def _name_alone(labels, activation):
    return _loss(labels, activation)


@exercise(
    question="Which loss fits these labels and this last layer, and does it get logits?",
    cases=LABELS,
    hints=[
        "Look at the labels first. One number for each image? A row for each image with a single 1 in it? Or a "
        "row with any number of ones, because several things can be true at once?",
        "Class numbers: sparse_categorical_crossentropy. One-hot rows: categorical_crossentropy. Independent "
        "yes or no: binary_crossentropy. And `from_logits` is True exactly where the last layer has no "
        "activation.",
        "`labels.ndim == 1` tells class numbers. For rows, `(labels.sum(axis=1) == 1).all()` tells one-hot. "
        "`activation is None` tells logits.",
    ],
    mistakes=[
        Mistake(
            "logits turned round",
            _logits_turned_round,
            "`from_logits` is the wrong way round: it is True where the last layer has no activation.",
        ),
        Mistake(
            "never logits",
            _never_logits,
            "with no activation the last layer gives logits, any numbers at all, and the loss takes them for "
            "probabilities. `from_logits` must be True there.",
        ),
        Mistake(
            "always logits",
            _always_logits,
            "after softmax or sigmoid the outputs are probabilities already. With `from_logits=True` they go "
            "through it twice: it trains, badly, and nothing complains.",
        ),
        Mistake(
            "sparse and one-hot swapped",
            _sparse_and_one_hot_swapped,
            'swapped: "sparse" is for labels that are class numbers, without it for one-hot rows.',
        ),
        Mistake(
            "always sparse",
            _always_sparse,
            "sparse fits class numbers only: it reads each label as the number of a class, and a row is none.",
        ),
        Mistake(
            "always categorical",
            _always_categorical,
            "categorical fits one-hot rows only. For class numbers there is the sparse one, and where several "
            "things may be true at once, classes must not compete.",
        ),
        Mistake(
            "every table taken for one-hot",
            _rows_are_one_hot,
            "a row with two ones, or none, is not one-hot: several answers are true at once. That is a yes or "
            "no for each column, binary_crossentropy.",
        ),
        Mistake(
            "every table taken for yes and no",
            _binary_by_values,
            "a row with exactly one 1 names a class, and exactly one can be right: categorical_crossentropy. "
            "Only rows with any number of ones are independent questions.",
        ),
        Mistake(
            "first row only",
            _one_hot_if(lambda rows: rows[0].sum() == 1),
            "only the first row is looked at. One row with a single 1 proves nothing: *all* rows must have exactly "
            "one.",
        ),
        Mistake(
            "last row only",
            _one_hot_if(lambda rows: rows[-1].sum() == 1),
            "only the last row decides here. *Every* row must have exactly one 1.",
        ),
        Mistake(
            "one row is enough",
            _one_hot_if(lambda rows: (rows.sum(axis=1) == 1).any()),
            "one row with a single 1 settles it here (`any`); one-hot means that it is so in all rows (`all`).",
        ),
        Mistake(
            "as many ones as rows",
            _one_hot_if(lambda rows: rows.sum() == len(rows)),
            "there are as many ones as rows, but a row with two and a row with none even out. Count row by row: "
            "`sum(axis=1)`.",
        ),
        Mistake(
            "empty rows let through",
            _one_hot_if(lambda rows: (rows.sum(axis=1) <= 1).all()),
            "a row without any 1 names no class, so it is not one-hot: *exactly* one, not at most one.",
        ),
        Mistake(
            "ones counted down the columns",
            _one_hot_if(lambda rows: (rows.sum(axis=0) == 1).all()),
            "the ones are counted down the columns, that is, for each class. Count along each row: `axis=1`.",
        ),
        Mistake(
            "loss chosen by the activation",
            _binary_by_activation,
            "right wherever an activation gives it away. Without one, only the labels tell: rows with two ones "
            "are independent questions.",
        ),
        Mistake(
            "categorical after a softmax only",
            _categorical_by_softmax,
            "right wherever an activation gives it away. Without one, only the labels tell: rows with a single 1 "
            "each name one class, categorical_crossentropy.",
        ),
        Mistake(
            "sigmoid taken for logits",
            _logits_unless_softmax,
            "right but for the sigmoid: what comes out of it are probabilities, too, so `from_logits` is False.",
        ),
        Mistake(
            "names of the classes",
            _name_of_the_class,
            "right, but these are the names of Keras's classes. Give the text that `compile` takes, such as "
            '"binary_crossentropy".',
        ),
        Mistake(
            "name only",
            _name_alone,
            "the names are right; return the pair (name, from_logits).",
        ),
    ],
)
def choose_loss(labels, activation):
    if labels.ndim == 1:
        name = "sparse_categorical_crossentropy"
    elif (labels.sum(axis=1) == 1).all():
        name = "categorical_crossentropy"
    else:
        name = "binary_crossentropy"
    return name, activation is None
