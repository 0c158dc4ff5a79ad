"""Lesson 09: the parameters of a network before `summary()`, and the loss that fits the labels."""

import numpy as np

from convlab.exercises.exercise import exercise

# Sizes that halve evenly and sizes that do not; one and three channels; one block and four.
NETWORKS = [
    (28, 1, [32, 64, 128], 625, 10),
    (32, 3, [16, 32], 50, 10),
    (28, 1, [16, 32, 64], 76, 10),
    (9, 2, [4], 5, 3),
    (50, 3, [8, 8, 16, 16], 20, 7),
]


@exercise(
    insight="Pooling has no parameters, but it decides how many the first dense layer has.",
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
)
def parameters(size, channels, filters, units, classes):
    total = 0
    for maps in filters:
        total += 9 * channels * maps + maps
        channels, size = maps, -(-size // 2)
    total += size * size * channels * units + units
    return total + units * classes + classes


@parameters.mistake(
    "rounded down",
    'the pooling of an odd size is rounded down here. These layers pool with "same" padding, which '
    "rounds up: 7 → 4, 9 → 5.",
)
def _(*network):
    return _counted(*network, halve=lambda size: size // 2)


@parameters.mistake(
    "not rounded",
    'the maps are halved without rounding, and nothing has 3.5 rows. "same" pooling rounds up: 7 → 4.',
)
def _(*network):
    return _counted(*network, halve=lambda size: size / 2)


@parameters.mistake(
    "rounded half to even",
    'Python\'s `round` takes a half to the even neighbour: 3.5 becomes 4, but so does 4.5. "same" pooling '
    "always rounds up: 9 → 5.",
)
def _(*network):
    return _counted(*network, halve=lambda size: round(size / 2))


@parameters.mistake(
    "convolutions shrink the maps",
    'every convolution takes two rows and columns off the maps here. With padding "same" only the '
    "pooling makes them smaller.",
)
def _(*network):
    return _counted(*network, halve=lambda size: -(-(size - 2) // 2))


@parameters.mistake(
    "one bias for each layer",
    "each layer is counted with a single bias. It has one for each filter, or for each unit.",
)
def _(size, channels, filters, units, classes):
    weights = _without_biases(size, channels, filters, units, classes)
    return weights + len(filters) + 2


@parameters.mistake(
    "filters without depth",
    "each filter is counted with 9 weights. It is as deep as its input has channels: 9 · channels.",
)
def _(size, channels, filters, units, classes):
    depths = [channels, *filters]
    lost = sum(9 * (depth - 1) * maps for depth, maps in zip(depths, filters))
    return _counted(size, channels, filters, units, classes) - lost


@parameters.mistake(
    "flattened before the last pooling",
    "the dense layer is counted with the maps that go *into* the last pooling. It gets what comes out.",
)
def _(*network):
    return _counted(*network, flat="before the last")


@parameters.mistake(
    "flattened at the image's size",
    "the dense layer is counted with maps as large as the image. Each pooling halves them.",
)
def _(*network):
    return _counted(*network, flat="input")


@parameters.mistake(
    "maps left out after flattening",
    "the dense layer gets size · size values *for each map*: multiply by the number of maps of the last "
    "convolution.",
)
def _(size, channels, filters, units, classes):
    total = 0
    for maps in filters:
        total += 9 * channels * maps + maps
        channels, size = maps, -(-size // 2)
    total += size * size * units + units
    return total + units * classes + classes


@parameters.mistake(
    "only the last convolution",
    "only the last convolution is counted: the others are overwritten. Write `+=` inside the loop, not `=`.",
)
def _(size, channels, filters, units, classes):
    total = 0
    for maps in filters:
        total = 9 * channels * maps + maps
        channels, size = maps, -(-size // 2)
    total += size * size * channels * units + units
    return total + units * classes + classes


@parameters.mistake(
    "one value for each map",
    "the dense layer is counted with one value for each map. `Flatten` passes on every pixel of every "
    "map: size · size · channels.",
)
def _(*network):
    return _counted(*network, flat="one")


@parameters.mistake("one side only", "a map has size · size pixels, not size of them.")
def _(*network):
    return _counted(*network, sides=1)


@parameters.mistake("biases forgotten", "the weights are right; each filter and unit has a bias.")
def _without_biases(*network):
    return _counted(*network, conv_bias=0, dense_bias=0)


@parameters.mistake(
    "rounded down, biases forgotten",
    'two things: "same" pooling rounds up, 7 → 4; and each filter and unit has a bias.',
)
def _(*network):
    return _counted(*network, conv_bias=0, dense_bias=0, halve=lambda size: size // 2)


@parameters.mistake(
    "biases of the dense layers forgotten",
    "the convolutions are right; each unit of a dense layer has a bias, too.",
)
def _(*network):
    return _counted(*network, dense_bias=0)


@parameters.mistake(
    "biases of the last layer forgotten",
    "only the last layer's biases are missing: one for each class.",
)
def _(size, channels, filters, units, classes):
    return parameters.reference(size, channels, filters, units, classes) - classes


@parameters.mistake(
    "as many biases as input channels",
    "the weights are right. A convolution has one bias for each *filter*, not for each channel of its input.",
)
def _(size, channels, filters, units, classes):
    biases = sum(before - maps for before, maps in zip((channels, *filters), filters))
    return parameters.reference(size, channels, filters, units, classes) + biases


@parameters.mistake(
    "filters as large as the image",
    "the filters are counted as large as the maps. A filter is 3x3, however large the image is: 9 · channels "
    "weights.",
)
def _(size, channels, filters, units, classes):
    total = 0
    for maps in filters:
        total += size * size * channels * maps + maps
        channels, size = maps, -(-size // 2)
    return total + (size * size * channels + 1) * units + (units + 1) * classes


@parameters.mistake(
    "depth of the image everywhere",
    "every convolution is counted with the channels of the image. From the second on, a filter is as "
    "deep as the layer below has filters.",
)
def _(*network):
    return _counted(*network, first_depth=True)


@parameters.mistake(
    "weights for pooling",
    "pooling is counted with weights. It takes a maximum; there is nothing in it to learn.",
)
def _(*network):
    return _counted(*network, pool=4)


@parameters.mistake(
    "convolutions only",
    "this is the share of the convolutions. The dense layers, most of the parameters as a rule, are missing.",
)
def _(size, channels, filters, units, classes):
    return sum(9 * c * maps + maps for c, maps in zip([channels, *filters], filters))


@parameters.mistake(
    "last layer missing",
    "the last dense layer is missing: units · classes weights and a bias for each class.",
)
def _(size, channels, filters, units, classes):
    return _counted(size, channels, filters, units, classes) - units * classes - classes


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


@exercise(
    insight="Decide by what a label *means*: one class out of several, or several that may hold at once.",
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
)
def choose_loss(labels, activation):
    if labels.ndim == 1:
        name = "sparse_categorical_crossentropy"
    elif (labels.sum(axis=1) == 1).all():
        name = "categorical_crossentropy"
    else:
        name = "binary_crossentropy"
    return name, activation is None


def _one_hot_if(test):
    """Return a wrong answer: one-hot where `test(labels)` says so."""

    def answer(labels, activation):
        table = CATEGORICAL if labels.ndim == 2 and test(labels) else BINARY
        return SPARSE if labels.ndim == 1 else table, activation is None

    return answer


@choose_loss.mistake(
    "logits turned round",
    "`from_logits` is the wrong way round: it is True where the last layer has no activation.",
)
def _(labels, activation):
    return _loss(labels, activation), activation is not None


@choose_loss.mistake(
    "other order", "the values are right, the order is not: first the loss's name, then `from_logits`."
)
def _(labels, activation):
    return choose_loss.reference(labels, activation)[::-1]


@choose_loss.mistake(
    "never logits",
    "with no activation the last layer gives logits, any numbers at all, and the loss takes them for "
    "probabilities. `from_logits` must be True there.",
)
def _(labels, activation):
    return _loss(labels, activation), False


@choose_loss.mistake(
    "always logits",
    "after softmax or sigmoid the outputs are probabilities already. With `from_logits=True` they go "
    "through it twice: it trains, badly, and nothing complains.",
)
def _(labels, activation):
    return _loss(labels, activation), True


@choose_loss.mistake(
    "sparse and one-hot swapped",
    'swapped: "sparse" is for labels that are class numbers, without it for one-hot rows.',
)
def _(labels, activation):
    swapped = {SPARSE: CATEGORICAL, CATEGORICAL: SPARSE, BINARY: BINARY}
    return swapped[_loss(labels, activation)], activation is None


@choose_loss.mistake(
    "always sparse",
    "sparse fits class numbers only: it reads each label as the number of a class, and a row is none.",
)
def _(labels, activation):
    return SPARSE, activation is None


@choose_loss.mistake(
    "always categorical",
    "categorical fits one-hot rows only. For class numbers there is the sparse one, and where several "
    "things may be true at once, classes must not compete.",
)
def _(labels, activation):
    return CATEGORICAL, activation is None


@choose_loss.mistake(
    "every table taken for one-hot",
    "a row with two ones, or none, is not one-hot: several answers are true at once. That is a yes or "
    "no for each column, binary_crossentropy.",
)
def _(labels, activation):
    return SPARSE if labels.ndim == 1 else CATEGORICAL, activation is None


@choose_loss.mistake(
    "every table taken for yes and no",
    "a row with exactly one 1 names a class, and exactly one can be right: categorical_crossentropy. "
    "Only rows with any number of ones are independent questions.",
)
def _(labels, activation):
    """Take every table of zeros and ones for yes and no."""
    return SPARSE if labels.ndim == 1 else BINARY, activation is None


choose_loss.mistake(
    "first row only",
    "only the first row is looked at. One row with a single 1 proves nothing: *all* rows must have exactly "
    "one.",
    answer=_one_hot_if(lambda rows: rows[0].sum() == 1),
)

choose_loss.mistake(
    "last row only",
    "only the last row decides here. *Every* row must have exactly one 1.",
    answer=_one_hot_if(lambda rows: rows[-1].sum() == 1),
)

choose_loss.mistake(
    "one row is enough",
    "one row with a single 1 settles it here (`any`); one-hot means that it is so in all rows (`all`).",
    answer=_one_hot_if(lambda rows: (rows.sum(axis=1) == 1).any()),
)

choose_loss.mistake(
    "as many ones as rows",
    "there are as many ones as rows, but a row with two and a row with none even out. Count row by row: "
    "`sum(axis=1)`.",
    answer=_one_hot_if(lambda rows: rows.sum() == len(rows)),
)

choose_loss.mistake(
    "empty rows let through",
    "a row without any 1 names no class, so it is not one-hot: *exactly* one, not at most one.",
    answer=_one_hot_if(lambda rows: (rows.sum(axis=1) <= 1).all()),
)

choose_loss.mistake(
    "ones counted down the columns",
    "the ones are counted down the columns, that is, for each class. Count along each row: `axis=1`.",
    answer=_one_hot_if(lambda rows: (rows.sum(axis=0) == 1).all()),
)


@choose_loss.mistake(
    "loss chosen by the activation",
    "right wherever an activation gives it away. Without one, only the labels tell: rows with two ones "
    "are independent questions.",
)
def _(labels, activation):
    table = BINARY if activation == "sigmoid" else CATEGORICAL
    return SPARSE if labels.ndim == 1 else table, activation is None


@choose_loss.mistake(
    "categorical after a softmax only",
    "right wherever an activation gives it away. Without one, only the labels tell: rows with a single 1 "
    "each name one class, categorical_crossentropy.",
)
def _(labels, activation):
    table = CATEGORICAL if activation == "softmax" else BINARY
    return SPARSE if labels.ndim == 1 else table, activation is None


@choose_loss.mistake(
    "sigmoid taken for logits",
    "right but for the sigmoid: what comes out of it are probabilities, too, so `from_logits` is False.",
)
def _(labels, activation):
    return _loss(labels, activation), activation != "softmax"


@choose_loss.mistake(
    "names of the classes",
    "right, but these are the names of Keras's classes. Give the text that `compile` takes, such as "
    '"binary_crossentropy".',
)
def _(labels, activation):
    return "".join(part.capitalize() for part in _loss(labels, activation).split("_")), activation is None


@choose_loss.mistake("name only", "the names are right; return the pair (name, from_logits).")
def _(labels, activation):
    return _loss(labels, activation)


def _loss(labels, activation):
    return choose_loss.reference(labels, activation)[0]


@parameters.mistake(
    "return inside the loop",
    "this counts the first convolution alone: does `return` stand inside the loop? Move it behind the loop.",
)
def _(size, channels, filters, units, classes):
    return 9 * channels * filters[0] + filters[0]


@parameters.mistake(
    "channels changed too early",
    "`channels` is set to the filters of this layer before its weights are counted. A filter is as deep as the "
    "maps that come *in*: count first, then set `channels`.",
)
def _(size, channels, filters, units, classes):
    early = sum(
        9 * maps * maps + maps - (9 * before * maps + maps)
        for before, maps in zip((channels, *filters), filters)
    )
    return parameters.reference(size, channels, filters, units, classes) + early


@parameters.mistake(
    "the image's places, without maps",
    "the first dense layer does not get the image. It gets what the last pooling leaves: a smaller size, and "
    "size · size values of *every* map.",
)
def _(size, channels, filters, units, classes):
    convolutions = sum(9 * before * maps + maps for before, maps in zip((channels, *filters), filters))
    return convolutions + size * size * units + units + units * classes + classes
