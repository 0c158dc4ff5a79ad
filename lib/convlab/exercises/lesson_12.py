"""Lesson 12: a network's table layer by layer, the weights of a grouped convolution, the dense part's share."""

from convlab.exercises.exercise import exercise

# ("conv", maps, kernel, stride, padding) and ("pool", kernel, stride): AlexNet, LeNet-5, and an odd one.
ALEXNET = (
    ("conv", 96, 11, 4, 0),
    ("pool", 3, 2),
    ("conv", 256, 5, 1, 2),
    ("pool", 3, 2),
    ("conv", 384, 3, 1, 1),
)
LENET = (("conv", 6, 5, 1, 0), ("pool", 2, 2), ("conv", 16, 5, 1, 0), ("pool", 2, 2))
TABLE_CASES = [
    (227, 3, ALEXNET),
    (32, 1, LENET),
    (31, 2, (("conv", 7, 4, 3, 1), ("conv", 5, 2, 2, 0), ("pool", 3, 1), ("conv", 4, 1, 1, 2))),
    (224, 3, ALEXNET[:2]),
    (28, 3, (("pool", 2, 2), ("conv", 4, 3, 1, 1))),
]


@exercise(
    insight="Almost all positions are in the first layers, almost all parameters in the last.",
    question="What are (size, maps, parameters) of every layer in the paper's list?",
    tolerance=0,
    cases=TABLE_CASES,
    hints=[
        "Go through the layers and remember two numbers: the size and the maps that the last layer gave out. "
        "Which of the two does a pooling change? Does a pooling have parameters?",
        "A convolution: the size by lesson 06's formula, the maps it names, and kernel · kernel · (maps that "
        "come in) · (maps that go out) weights with a bias for each map that goes out. A pooling: the same "
        "formula without padding, the same maps, 0 parameters.",
        "`for kind, *numbers in layers:`; if it is a pooling, `kernel, stride = numbers`, else `maps, kernel, "
        "stride, padding = numbers`. Append `(size, channels, parameters)` and go on with that size and "
        "those channels.",
    ],
)
def layer_table(size, channels, layers):
    rows = []
    for kind, *numbers in layers:
        if kind == "pool":
            kernel, stride = numbers
            padding = parameters = 0
        else:
            maps, kernel, stride, padding = numbers
            parameters = (kernel * kernel * channels + 1) * maps
            channels = maps
        size = (size + 2 * padding - kernel) // stride + 1
        rows.append((size, channels, parameters))
    return rows


def _table(size, channels, layers, step):
    """Return the rows of a table; `step` gives the next row from the last and a layer."""
    rows = [(size, channels, 0)]
    for layer in layers:
        rows.append(step(*rows[-1][:2], *layer))
    return rows[1:]


def _step(size, channels, kind, *numbers):
    if kind == "pool":
        kernel, stride = numbers
        return (size - kernel) // stride + 1, channels, 0
    maps, kernel, stride, padding = numbers
    return (size + 2 * padding - kernel) // stride + 1, maps, kernel * kernel * channels * maps + maps


def _changed(change):
    """Return the wrong answer of a table whose rows are `change(right row, size, channels, kind, *numbers)`."""

    def answer(size, channels, layers):
        return _table(size, channels, layers, lambda *given: change(_step(*given), *given))

    return answer


@layer_table.mistake(
    "biases forgotten",
    "the sizes are right, and so are the weights; each map that goes out has a bias, too.",
)
@_changed
def _(row, size, channels, kind, *numbers):
    return row if kind == "pool" else (*row[:2], row[2] - row[1])


@layer_table.mistake(
    "one bias for all",
    "there is one bias for the whole layer; each map that goes out has its own.",
)
@_changed
def _(row, size, channels, kind, *numbers):
    return row if kind == "pool" else (*row[:2], row[2] - row[1] + 1)


@layer_table.mistake(
    "flat kernels",
    "each kernel here reads only one map. A kernel reads all maps that come in: kernel · kernel · channels "
    "weights for each map that goes out.",
)
@_changed
def _(row, size, channels, kind, *numbers):
    return row if kind == "pool" else (*row[:2], row[2] // row[1] // channels * row[1] + row[1])


@layer_table.mistake(
    "channels of the image throughout",
    "the weights of every layer are counted with the channels of the image. From the second "
    "convolution on, the maps of the one before come in.",
)
def _(size, channels, layers):
    def step(now, depth, kind, *numbers):
        row = _step(now, channels, kind, *numbers)
        return (row[0], depth, 0) if kind == "pool" else row

    return _table(size, channels, layers, step)


@layer_table.mistake(
    "padding on one side",
    "the padding is counted once; it is added on both sides, so the size grows by twice the padding.",
)
@_changed
def _(row, size, channels, kind, *numbers):
    if kind == "pool":
        return row
    return ((size + numbers[3] - numbers[1]) // numbers[2] + 1, *row[1:])


@layer_table.mistake(
    "padding forgotten",
    "the padding is not used: a convolution reads an image that is wider by twice the padding.",
)
@_changed
def _(row, size, channels, kind, *numbers):
    return row if kind == "pool" else ((size - numbers[1]) // numbers[2] + 1, *row[1:])


@layer_table.mistake(
    "same everywhere",
    'these are the sizes of "same" padding. Here the padding is a number, and pooling has none.',
)
@_changed
def _(row, size, channels, kind, *numbers):
    return (-(-size // numbers[1 if kind == "pool" else 2]), *row[1:])


@layer_table.mistake(
    "fence post forgotten",
    "every size is one too small: (size + 2 · padding - kernel) // stride counts the steps; there is "
    "one place more.",
)
@_changed
def _(row, size, channels, kind, *numbers):
    return (row[0] - 1, *row[1:])


@layer_table.mistake(
    "rounded up",
    "these sizes are rounded up. A step that does not fit is not made: `//`. (Some frameworks round "
    "up in pooling; the paper's sizes do not need it.)",
)
@_changed
def _(row, size, channels, kind, *numbers):
    kernel, stride = numbers if kind == "pool" else numbers[1:3]
    padding = 0 if kind == "pool" else numbers[3]
    return (-(-(size + 2 * padding - kernel) // stride) + 1, *row[1:])


@layer_table.mistake(
    "not rounded",
    "there are sizes with a fraction. A step that does not fit is not made: divide with `//`.",
)
@_changed
def _(row, size, channels, kind, *numbers):
    kernel, stride, padding = (*numbers, 0) if kind == "pool" else numbers[1:]
    return ((size + 2 * padding - kernel) / stride + 1, *row[1:])


@layer_table.mistake(
    "rounded to the nearest",
    "these sizes are rounded to the nearest. A step that does not fit is not made, however nearly it fits: "
    "`//`.",
)
@_changed
def _(row, size, channels, kind, *numbers):
    kernel, stride, padding = (*numbers, 0) if kind == "pool" else numbers[1:]
    return (round((size + 2 * padding - kernel) / stride + 1), *row[1:])


@layer_table.mistake(
    "maps before sizes", "right numbers in another order: each row is (size, maps, parameters)."
)
def _(*case):
    return [(maps, size, count) for size, maps, count in layer_table.reference(*case)]


@layer_table.mistake(
    "pooling with weights",
    "pooling has no parameters: it takes the largest value under a window, and learns nothing.",
)
@_changed
def _(row, size, channels, kind, *numbers):
    return (*row[:2], numbers[0] ** 2 * channels) if kind == "pool" else row


@layer_table.mistake(
    "pooling windows side by side",
    "the size after a pooling is the size divided by its stride, as if windows stood side by side. "
    "AlexNet's overlap, 3x3 at stride 2: use the formula with the kernel.",
)
@_changed
def _(row, size, channels, kind, *numbers):
    return (size // numbers[1], *row[1:]) if kind == "pool" else row


@layer_table.mistake(
    "fence post forgotten in convolutions",
    "the poolings are right, but each convolution is one too small: (size + 2 · padding - kernel) // stride "
    "counts the steps; there is one place more.",
)
@_changed
def _(row, size, channels, kind, *numbers):
    return row if kind == "pool" else (row[0] - 1, *row[1:])


@layer_table.mistake(
    "kernel not squared",
    "sizes and maps are right; a filter is `kernel` wide *and* `kernel` high: kernel · kernel weights for each map.",
)
@_changed
def _(row, size, channels, kind, *numbers):
    return row if kind == "pool" else (*row[:2], numbers[1] * channels * numbers[0] + numbers[0])


@layer_table.mistake(
    "stride of a pooling taken for its kernel",
    "here each pooling takes steps as long as its kernel. Its stride is given, the last number of the layer: "
    "AlexNet's windows of 3 take steps of 2, so they overlap.",
)
@_changed
def _(row, size, channels, kind, *numbers):
    return ((size - numbers[0]) // numbers[0] + 1, *row[1:]) if kind == "pool" else row


@layer_table.mistake(
    "maps not passed on",
    "the maps that come in are the image's channels for every layer here. After a convolution, `maps` is what "
    "the next layer gets: set `channels = maps`.",
)
def _(size, channels, layers):
    rows = []
    for layer in layers:
        size, maps, parameters = _step(size, channels, *layer)
        rows.append((size, maps, parameters))
    return rows


@exercise(
    insight="Each group sees a part of the channels, so weights are divided by the number of groups, biases are not.",
    question="How many parameters does a convolution in groups have, with biases?",
    tolerance=0,
    cases=[(5, 96, 256, 2), (3, 384, 384, 2), (3, 12, 20, 4), (7, 6, 9, 3), (1, 10, 15, 5), (3, 5, 8, 1)],
    hints=[
        "Think of one map that goes out. How many of the maps that come in does it see?",
        "It sees inputs / groups of them, so its kernel has kernel · kernel · inputs / groups weights. And "
        "how many maps go out, in all groups together?",
        "`kernel * kernel * (inputs // groups) * outputs + outputs`.",
    ],
)
def grouped_parameters(kernel, inputs, outputs, groups):
    return kernel * kernel * (inputs // groups) * outputs + outputs


@grouped_parameters.mistake(
    "groups forgotten",
    "this is the convolution in one piece. In groups, a map that goes out sees only its group's share "
    "of the maps that come in.",
)
def _(kernel, inputs, outputs, groups):
    return kernel**2 * inputs * outputs + outputs


@grouped_parameters.mistake(
    "one group only", "this is a single group. There are `groups` of them, side by side."
)
def _(kernel, inputs, outputs, groups):
    return kernel**2 * (inputs // groups) * (outputs // groups) + outputs // groups


@grouped_parameters.mistake(
    "divided twice",
    "the biases are right, the weights are those of a single group: there are `groups` of them, so "
    "only one of the two divisions stays.",
)
def _(kernel, inputs, outputs, groups):
    return kernel**2 * (inputs // groups) * (outputs // groups) + outputs


@grouped_parameters.mistake(
    "biases forgotten", "the weights are right; each map that goes out has a bias, too."
)
def _(kernel, inputs, outputs, groups):
    return kernel**2 * (inputs // groups) * outputs


@grouped_parameters.mistake(
    "biases divided", "the weights are right. Do not divide the biases: each map that goes out has one."
)
def _(kernel, inputs, outputs, groups):
    return kernel**2 * (inputs // groups) * outputs + outputs // groups


@grouped_parameters.mistake(
    "groups with all inputs", "groups make a layer smaller, not larger: divide the maps that come in."
)
def _(kernel, inputs, outputs, groups):
    return kernel**2 * inputs * outputs * groups + outputs


@grouped_parameters.mistake("kernel not squared", "a kernel is a square: kernel · kernel.")
def _(kernel, inputs, outputs, groups):
    return kernel * (inputs // groups) * outputs + outputs


@exercise(
    insight="Later networks dropped these layers: GoogLeNet's mean over each map has no weights at all.",
    question="What share of a network's parameters is in its dense part, fc6 to fc8?",
    cases=[
        (2_334_080, 6, 256, 4096, 1000),
        (14_714_688, 7, 512, 4096, 1000),
        (448_480, 4, 96, 512, 10),
        (50_000, 3, 20, 30, 7),
        (2_334_080, 1, 256, 4096, 1000),
    ],
    hints=[
        "Three dense layers: from what the last pooling leaves to `units`, from `units` to `units`, from "
        "`units` to the classes. How many numbers does the last pooling leave?",
        "It leaves side · side · maps. A dense layer has (inputs + 1) · outputs parameters, the 1 for the "
        "bias. The share is the dense part divided by *everything*.",
        "`inputs = side * side * maps`, `dense = (inputs + 1) * units + (units + 1) * units + (units + 1) * "
        "classes`, `dense / (convolutions + dense)`.",
    ],
    tolerance=1e-7,
)
def dense_share(convolutions, side, maps, units, classes):
    inputs = side * side * maps
    dense = (inputs + 1) * units + (units + 1) * units + (units + 1) * classes
    return dense / (convolutions + dense)


@dense_share.mistake(
    "of the convolutions",
    "you divide the dense parameters by those of the convolutions. A share is a part of *all* parameters, "
    "and cannot be more than 1.",
)
def _(convolutions, side, maps, units, classes):
    return _dense_part(side**2 * maps, units, classes) / convolutions


@dense_share.mistake("the other part", "this is the share of the convolutions.")
def _(convolutions, side, maps, units, classes):
    return 1 - _share(convolutions, _dense_part(side**2 * maps, units, classes))


@dense_share.mistake("in percent", "this is in percent; return a share between 0 and 1.")
def _(convolutions, side, maps, units, classes):
    return 100 * _share(convolutions, _dense_part(side**2 * maps, units, classes))


@dense_share.mistake(
    "side not squared", "each of the last maps is a square: side · side · maps numbers go into fc6."
)
def _(convolutions, side, maps, units, classes):
    return _share(convolutions, _dense_part(side * maps, units, classes))


@dense_share.mistake(
    "one number for each map",
    "fc6 sees every pixel of the last maps, side · side · maps numbers, not one for each map. (What "
    "you have computed is what a mean over each map would leave: lesson 14.)",
)
def _(convolutions, side, maps, units, classes):
    return _share(convolutions, _dense_part(maps, units, classes))


@dense_share.mistake("biases forgotten", "the weights are right; each unit has a bias, too.")
def _(convolutions, side, maps, units, classes):
    return _share(convolutions, side**2 * maps * units + units**2 + units * classes)


@dense_share.mistake("fc7 forgotten", "a layer is missing: fc7 goes from `units` to `units`.")
def _(convolutions, side, maps, units, classes):
    return _share(convolutions, (side**2 * maps + 1) * units + (units + 1) * classes)


@dense_share.mistake("fc8 forgotten", "a layer is missing: fc8 goes from `units` to the classes.")
def _(convolutions, side, maps, units, classes):
    return _share(convolutions, (side**2 * maps + 1) * units + (units + 1) * units)


@dense_share.mistake("fc6 only", "this is the share of fc6 alone. fc7 and fc8 are dense, too.")
def _(convolutions, side, maps, units, classes):
    return (side**2 * maps + 1) * units / (convolutions + _dense_part(side**2 * maps, units, classes))


def _dense_part(inputs, units, classes):
    return (inputs + 1) * units + (units + 1) * units + (units + 1) * classes


def _share(convolutions, dense):
    return dense / (convolutions + dense)
