"""Lesson 06: sizes, the padding that keeps them, receptive fields, parameters, and a lecture's table."""

from functools import partial

from convlab.exercises.exercise import Exercise, Mistake, exercise

# Asymmetric on purpose: remainders, gaps, padding, kernels that only just fit, and one that does not.
SIZE_CASES = [
    (6, 3, 2, 0, 1),
    (7, 3, 1, 1, 1),
    (5, 4, 1, 2, 1),
    (28, 5, 3, 2, 1),
    (32, 3, 2, 1, 3),
    (9, 3, 1, 0, 4),
    (2, 3, 1, 1, 1),
    (3, 5, 1, 0, 1),
    (6, 3, 4, 0, 3),
    (6, 3, 1, 0, 5),
]


def _remainder(i, f, s, p, d):
    return (i + 2 * p - d * (f - 1) - 1) % s


NO_REFUSAL = "Where the kernel does not fit, the formula still gives a number: `raise ValueError(...)` there."


@exercise(
    insight="Places are steps plus one, as a fence has one post more than it has gaps.",
    question="In how many places along one axis can a kernel stand, with stride, padding and dilation?",
    tolerance=0,
    cases=SIZE_CASES,
    hints=[
        "Three questions, one after the other: how wide is the padded image, how far does the kernel reach, "
        "how many steps lie between its first and its last place?",
        "A kernel of f pixels, d apart, has f - 1 gaps of d: it reaches over d · (f - 1) + 1 pixels. "
        "Padding p stands on both sides. If the reach is larger than the padded image, `raise ValueError`.",
        "`reach = dilation * (kernel_size - 1) + 1`, `padded = input_size + 2 * padding`, and then "
        "`(padded - reach) // stride + 1`.",
    ],
)
def output_size(input_size, kernel_size, stride, padding, dilation):
    reach = dilation * (kernel_size - 1) + 1
    padded = input_size + 2 * padding
    if reach > padded:
        raise ValueError(f"kernel reaching over {reach} does not fit into {padded} pixels")
    return (padded - reach) // stride + 1


def _size(i, f, s, p, d):
    return (i + 2 * p - d * (f - 1) - 1) // s + 1


def _with_and_without_refusal(name, says):
    """Return a decorator that adds a wrong formula twice: with the reference's refusal, and without any.

    The formula's first argument, `size`, is the right formula, which refuses a kernel that does not fit or not.
    """

    def add(formula):
        output_size.mistake(name, says, answer=partial(formula, output_size.reference))
        output_size.mistake(f"{name}, no refusal", f"{says} {NO_REFUSAL}", answer=partial(formula, _size))
        return formula

    return add


@_with_and_without_refusal(
    "fence post forgotten",
    "one too few every time: you have counted the steps. There is one place more than there are steps, "
    "as a fence has one post more than it has gaps.",
)
def _(size, *sizes):
    return size(*sizes) - 1


@_with_and_without_refusal(
    "rounded up",
    "this rounds up. A step that does not fit completely is not made, so the division rounds down: `//`.",
)
def _(size, *sizes):
    return size(*sizes) + bool(_remainder(*sizes))


@_with_and_without_refusal(
    "a fraction of a place",
    "there are no fractions of a place: `/` leaves a remainder in the answer, `//` drops it.",
)
def _(size, *sizes):
    return size(*sizes) + _remainder(*sizes) / sizes[2]


@_with_and_without_refusal(
    "padded on one side only",
    "the padding is counted once, but it stands on both sides: i + 2p.",
)
def _(size, i, f, s, p, d):
    return size(i + p, f, s, 0, d)


@_with_and_without_refusal(
    "padding forgotten",
    "the padding is not used: it makes the image wider by 2p.",
)
def _(size, i, f, s, p, d):
    return size(i, f, s, 0, d)


@_with_and_without_refusal(
    "dilation forgotten",
    "the dilation is not used: with gaps in it a kernel reaches further, over d · (f - 1) + 1 pixels.",
)
def _(size, i, f, s, p, d):
    return size(i, f, s, p, 1)


@_with_and_without_refusal(
    "the lesson's first formula",
    "this is the lesson's first formula, before the border and the gaps: padding makes the image wider "
    "by 2p, and dilation makes the kernel reach over d · (f - 1) + 1 pixels.",
)
def _(size, i, f, s, p, d):
    return size(i, f, s, 0, 1)


@_with_and_without_refusal(
    "dilated kernel too long",
    "the dilated kernel is too long: f pixels have f - 1 gaps between them, so it reaches over d · (f - "
    "1) + 1 pixels, not over d · f.",
)
def _(size, i, f, s, p, d):
    return size(i, d * f, s, p, 1)


@_with_and_without_refusal(
    "reach one too short",
    "the kernel is one pixel too short: f - 1 gaps of d, and the last pixel itself, d · (f - 1) + 1.",
)
def _(size, i, f, s, p, d):
    return size(i, d * (f - 1), s, p, 1)


@_with_and_without_refusal(
    "dilation taken for the gap",
    "you leave d pixels free between neighbours. With dilation d they stand d apart, so d - 1 are free: "
    "the kernel reaches over d · (f - 1) + 1 pixels.",
)
def _(size, i, f, s, p, d):
    return size(i, f + d * (f - 1), s, p, 1)


@_with_and_without_refusal(
    "one added before the division",
    "the + 1 is inside the division. Divide the way from the first place to the last by s, then add 1.",
)
def _(size, i, f, s, p, d):
    return size(i, f, s, p, d) * 0 + (_size(i, f, 1, p, d) // s)


@_with_and_without_refusal(
    "squared",
    "this is the number of places in the whole image. Asked is the number along one axis: do not square it.",
)
def _(size, *sizes):
    return size(*sizes) ** 2


@output_size.mistake(
    "0 places let through",
    "you refuse a result below 0. With a stride the formula can give exactly 0 where the kernel does not "
    "fit: refuse that, too.",
)
def _(i, f, s, p, d):
    if _size(i, f, s, p, d) < 0:
        raise ValueError("does not fit")
    return _size(i, f, s, p, d)


@output_size.mistake(
    "refusal before the padding",
    "you compare the kernel with the image as it comes. A kernel may be larger than that and still "
    "fit: it stands on the padded image, i + 2p.",
)
def _(i, f, s, p, d):
    if d * (f - 1) + 1 > i:
        raise ValueError("does not fit")
    return _size(i, f, s, p, d)


@output_size.mistake(
    "exact fit refused",
    "you refuse a kernel that reaches exactly over the whole image. It fits, in one place: refuse "
    "with `>`, not with `>=`.",
)
def _(i, f, s, p, d):
    if d * (f - 1) + 1 >= i + 2 * p:
        raise ValueError("does not fit")
    return _size(i, f, s, p, d)


@output_size.mistake(
    "refusal by the kernel's size",
    "you compare the kernel's own size with the padded image. A dilated kernel reaches further: "
    "refuse by its reach, d · (f - 1) + 1.",
)
def _(i, f, s, p, d):
    if f > i + 2 * p:
        raise ValueError("does not fit")
    return _size(i, f, s, p, d)


@output_size.mistake(
    "no refusal",
    "right wherever the kernel fits. Where it does not, a wrong size that nobody notices is worse "
    "than an "
    "error. " + NO_REFUSAL,
)
def _(i, f, s, p, d):
    return _size(i, f, s, p, d)


PADDING_CASES = [(3, 1), (5, 1), (4, 1), (3, 2), (7, 3), (4, 2), (2, 3), (1, 1)]


@exercise(
    insight="With an odd kernel the padding is the same on both sides: one reason why kernels are odd.",
    question="How many pixels of padding on each side keep the size at stride 1?",
    tolerance=0,
    cases=PADDING_CASES,
    hints=[
        "Write the formula with s = 1, set the output equal to the input, and solve for p.",
        "i + 2p - reach + 1 = i, so 2p = reach - 1. What is the reach of a dilated kernel? "
        "And what if reach - 1 is odd?",
        "2p = d · (f - 1). If that is even, return half of it; if it is odd, no whole number of pixels on "
        "each side will do: `raise ValueError(...)`.",
    ],
)
def keep_size(kernel_size, dilation):
    both_sides = dilation * (kernel_size - 1)
    if both_sides % 2:
        raise ValueError(f"{both_sides} pixels cannot be split evenly over two sides")
    return both_sides // 2


@keep_size.mistake(
    "half the kernel",
    "f // 2 is right for odd kernels without dilation. It ignores the gaps of a dilated kernel, and "
    "a kernel of 4 with padding 2 makes the image one larger, as in the lesson's 5, 4, 2 → 6.",
)
def _(kernel_size, dilation):
    return kernel_size // 2


@keep_size.mistake(
    "half the gaps",
    "(f - 1) // 2 is right for odd kernels without dilation. The gaps of a dilated kernel count, "
    "too; and where the half is no whole number, `raise ValueError(...)` instead of rounding.",
)
def _(kernel_size, dilation):
    return (kernel_size - 1) // 2


@keep_size.mistake(
    "half the gaps with a fraction",
    "(f - 1) / 2 is right for odd kernels without dilation. Two things are missing: the dilation, "
    "and a `raise ValueError(...)` where the half is no whole number.",
)
def _(kernel_size, dilation):
    return (kernel_size - 1) / 2


@keep_size.mistake(
    "half the kernel, spread",
    "the dilation is in, and odd kernels are right. But the reach is d · (f - 1) + 1, so both sides "
    "together need d · (f - 1), not d · f; and if that is odd, `raise ValueError(...)`.",
)
def _(kernel_size, dilation):
    return dilation * (kernel_size // 2)


@keep_size.mistake(
    "both sides together", "this is the padding of both sides together; half of it stands on each."
)
def _(kernel_size, dilation):
    keep_size.reference(kernel_size, dilation)
    return dilation * (kernel_size - 1)


@keep_size.mistake(
    "both sides together, no refusal",
    "this is the padding of both sides together; half of it stands on each, and where the half is no "
    "whole number, `raise ValueError(...)`.",
)
def _(kernel_size, dilation):
    return dilation * (kernel_size - 1)


@keep_size.mistake(
    "dilated kernel too long", "a dilated kernel reaches over d · (f - 1) + 1 pixels, not over d · f."
)
def _(kernel_size, dilation):
    return keep_size.reference(dilation * kernel_size, 1)


@keep_size.mistake(
    "dilated kernel too long, rounded down",
    "a dilated kernel reaches over d · (f - 1) + 1 pixels, not over d · f; and where reach - 1 is odd, "
    "`raise ValueError(...)` instead of rounding.",
)
def _(kernel_size, dilation):
    return (dilation * kernel_size - 1) // 2


@keep_size.mistake(
    "dilation forgotten", "the dilation is not used: a dilated kernel reaches further and needs more padding."
)
def _(kernel_size, dilation):
    return keep_size.reference(kernel_size, 1)


@keep_size.mistake(
    "halved and rounded down",
    "right where it can be done. Where 2p would have to be odd, rounding down makes the image one "
    "smaller: there is no such padding, so `raise ValueError(...)`.",
)
def _(kernel_size, dilation):
    return dilation * (kernel_size - 1) // 2


@keep_size.mistake(
    "half a pixel",
    "half a pixel cannot be added to each side. Where 2p would have to be odd, `raise ValueError(...)`.",
)
def _(kernel_size, dilation):
    return dilation * (kernel_size - 1) / 2


@keep_size.mistake(
    "every even kernel refused",
    "this refuses every even kernel. With dilation 2 a kernel of 4 reaches over 7 pixels, which is "
    "odd, and padding 3 keeps the size. Look at the reach, not at the kernel.",
)
def _(kernel_size, dilation):
    if kernel_size % 2 == 0:
        raise ValueError("even kernel")
    return keep_size.reference(kernel_size, dilation)


FIELD_CASES = [
    ([(3, 1), (3, 1)],),
    ([(3, 1), (2, 2), (3, 1)],),
    ([(7, 2), (3, 2), (3, 1), (5, 1)],),
    ([(5, 3)],),
    ([(2, 2), (2, 2), (3, 3), (3, 1)],),
]


@exercise(
    insight="A stride widens what every later layer sees, so one early stride counts for the whole network.",
    question="How many input pixels along one axis does one output pixel see through a stack of layers?",
    tolerance=0,
    cases=FIELD_CASES,
    hints=[
        "Without any layer a pixel sees one pixel: itself. How many does a kernel of 3 add to that? "
        "And a second one, directly on it?",
        "Neighbouring pixels of a map lie one *step* apart in the input. The step is 1 at first, and each "
        "stride multiplies it, for the layers above.",
        "Go through the layers from the input on, with `field = step = 1`: `field += (kernel_size - 1) * "
        "step`, then `step *= stride`.",
    ],
)
def receptive_field(layers):
    field = step = 1
    for kernel_size, stride in layers:
        field += (kernel_size - 1) * step
        step *= stride
    return field


@receptive_field.mistake(
    "kernels added up",
    "the kernels are added up, but they overlap: the second 3x3 adds one pixel on each side, not "
    "three in all. And strides are not used.",
)
def _(layers):
    return sum(kernel_size for kernel_size, _ in layers)


@receptive_field.mistake(
    "strides forgotten",
    "right at stride 1. Behind a stride of 2, neighbouring pixels lie two input pixels apart, so "
    "every later layer adds twice as much.",
)
def _(layers):
    return 1 + sum(kernel_size - 1 for kernel_size, _ in layers)


@receptive_field.mistake(
    "stride taken too early",
    "a layer's own stride does not widen what it sees: it spreads the pixels of its *output*, so it "
    "counts from the next layer on. Add first, multiply afterwards.",
)
def _(layers):
    field, step = 1, 1
    for kernel_size, stride in layers:
        step *= stride
        field += (kernel_size - 1) * step
    return field


@receptive_field.mistake(
    "own stride only",
    "each layer is widened by its own stride alone. A stride counts for the layers *above* it, and "
    "strides multiply: keep a running `step`.",
)
def _(layers):
    return 1 + sum((kernel_size - 1) * stride for kernel_size, stride in layers)


@receptive_field.mistake(
    "only the last stride",
    "only the stride directly below is used. Strides multiply: behind two of 2, a step is four input pixels.",
)
def _(layers):
    field, step = 1, 1
    for kernel_size, stride in layers:
        field += (kernel_size - 1) * step
        step = stride
    return field


@receptive_field.mistake(
    "started at zero", "one too few: with no layer at all a pixel still sees one pixel, itself. Start at 1."
)
def _(layers):
    return receptive_field.reference(layers) - 1


@receptive_field.mistake(
    "whole kernels added",
    "each layer adds one pixel too many: a kernel of 3 stands on the pixel that is there already and "
    "adds two, kernel_size - 1, times the step.",
)
def _(layers):
    field = step = 1
    for kernel_size, stride in layers:
        field += kernel_size * step
        step *= stride
    return field


@receptive_field.mistake(
    "kernels multiplied",
    "the kernels are multiplied. That would need a stride as large as the kernel in each layer; "
    "at stride 1 windows overlap.",
)
def _(layers):
    field = 1
    for kernel_size, _ in layers:
        field *= kernel_size
    return field


@receptive_field.mistake(
    "return inside the loop",
    "this is the first layer alone: does `return` stand inside the loop? Move it behind the loop.",
)
def _(layers):
    return layers[0][0]


@receptive_field.mistake(
    "from the wrong end",
    "the layers are taken from the wrong end: the list begins at the input, and a stride counts for "
    "the layers above it.",
)
def _(layers):
    return receptive_field.reference(layers[::-1])


@receptive_field.mistake(
    "squared", "this is how many pixels the whole square has. Asked is its side: do not square it."
)
def _(layers):
    return receptive_field.reference(layers) ** 2


STACK_CASES = [
    (1, [(3, 32), (3, 64), (3, 128)]),
    (3, [(5, 6)]),
    (3, [(11, 96), (5, 256), (1, 10)]),
    (64, [(1, 32), (3, 128)]),
]


@receptive_field.mistake(
    "last layer only",
    "what the earlier layers added is lost: is there a `=` where `+=` must stand?",
)
def _(layers):
    field = step = 1
    for kernel_size, stride in layers:
        field = 1 + (kernel_size - 1) * step
        step *= stride
    return field


@exercise(
    insight="Each layer's filters are as deep as the layer before has filters: most weights sit where both are large.",
    question="How many parameters (weights and biases) does a stack of convolutions have?",
    tolerance=0,
    cases=STACK_CASES,
    hints=[
        "One filter first: how many weights does it have, if it is f pixels wide, f high, and as deep as its "
        "input?",
        "f · f · channels weights and one bias for each filter. What the next layer finds as its channels is "
        "the number of filters of this one.",
        "In a loop: `total += (kernel_size**2 * channels + 1) * filters`, then `channels = filters`.",
    ],
)
def stack_parameters(channels, layers):
    total = 0
    for kernel_size, filters in layers:
        total += (kernel_size**2 * channels + 1) * filters
        channels = filters
    return total


@stack_parameters.mistake(
    "depth of the first input everywhere",
    "every layer is counted with the channels of the image. From the second layer on, a filter is as "
    "deep as the layer below has filters.",
)
def _(channels, layers):
    return sum(kernel_size**2 * channels * filters + filters for kernel_size, filters in layers)


@stack_parameters.mistake(
    "depth forgotten",
    "the depth is missing: a filter has a weight for each channel of its input, f · f · channels in all.",
)
def _(channels, layers):
    return sum(kernel_size**2 * filters + filters for kernel_size, filters in layers)


@stack_parameters.mistake(
    "depth of the first input everywhere, no biases",
    "two things: from the second layer on, a filter is as deep as the layer below has filters; and "
    "each filter has a bias.",
)
def _(channels, layers):
    return sum(kernel_size**2 * channels * filters for kernel_size, filters in layers)


@stack_parameters.mistake("biases forgotten", "the weights are right; each filter has a bias, too.")
def _stack_without_biases(channels, layers):
    return stack_parameters.reference(channels, layers) - sum(filters for _, filters in layers)


@stack_parameters.mistake(
    "one bias per layer", "one bias for each layer is too few: each *filter* has its own."
)
def _(channels, layers):
    return _stack_without_biases(channels, layers) + len(layers)


@stack_parameters.mistake(
    "one bias per channel",
    "too many biases: a filter adds one number after summing over its channels, not one for each. "
    "Where does the bracket close?",
)
def _(channels, layers):
    total = 0
    for kernel_size, filters in layers:
        total += (kernel_size**2 + 1) * channels * filters
        channels = filters
    return total


@stack_parameters.mistake(
    "as many biases as input channels",
    "the weights are right. A bias belongs to a filter: a layer has as many biases as filters, not as its "
    "input has channels.",
)
def _(channels, layers):
    depths = [channels, *(filters for _, filters in layers)]
    return _stack_without_biases(channels, layers) + sum(depths[:-1])


@stack_parameters.mistake(
    "depth added",
    "the depth is added to the kernel's pixels. A filter has f · f weights for *each* channel of its input: "
    "multiply.",
)
def _(channels, layers):
    depths = [channels, *(filters for _, filters in layers)]
    return sum((size**2 + depth + 1) * filters for depth, (size, filters) in zip(depths, layers))


@stack_parameters.mistake("kernel not squared", "a filter of 3 is 3 wide *and* 3 high: kernel_size**2.")
def _(channels, layers):
    total = 0
    for kernel_size, filters in layers:
        total += kernel_size * channels * filters + filters
        channels = filters
    return total


@stack_parameters.mistake(
    "last layer only",
    "this is the last layer alone: add up all of them (is the `return` inside the loop, or `total =` "
    "where `total +=` is meant?).",
)
def _(channels, layers):
    return stack_parameters.reference(([channels] + [filters for _, filters in layers])[-2], layers[-1:])


@stack_parameters.mistake(
    "return inside the loop",
    "this is the first layer alone: does `return` stand inside the loop? Move it behind the loop.",
)
def _(channels, layers):
    return stack_parameters.reference(channels, layers[:1])


@stack_parameters.mistake(
    "channels changed too early",
    "`channels = filters` comes one line too early: a layer's filters are as deep as its *input*. "
    "Count first, then change `channels`.",
)
def _(channels, layers):
    return sum((kernel_size**2 * filters + 1) * filters for kernel_size, filters in layers)


@stack_parameters.mistake(
    "a list of layers",
    "these are the right numbers, one for each layer. One number is wanted: add them up.",
)
def _(channels, layers):
    depths = [channels, *(filters for _, filters in layers)]
    return [stack_parameters.reference(depth, [layer]) for depth, layer in zip(depths, layers)]


lecture_table = Exercise(
    lesson="lesson_06",
    name="lecture_table",
    insight="A sum that is right proves nothing about its rows: check each row by the same formula.",
    question="What should the weights of the lecture's five rows be, and their total?",
    reference=(288, 18_432, 73_728, 1_280_000, 6_250, 1_378_698),
    tolerance=0,
    hints=(
        "Ask each row the same question: how deep is its input? Take the answer from the row above it.",
        "A filter of conv64 looks at 32 maps, one of conv128 at 64. And the dense rows should be those of "
        "the sentence above the table: 2048 inputs to 625, then 625 to 10.",
        "conv64 has 3 · 3 · 32 · 64 weights, conv128 3 · 3 · 64 · 128, the dense layers 2048 · 625 and 625 · "
        "10. No biases, as in the lecture; the total is the sum of your five.",
    ),
    mistakes=(
        Mistake(
            "nothing changed",
            (288, 576, 1_152, 4_194_304, 20_480, 4_216_800),
            "these are the lecture's own numbers. Its sum is right, too: right sums of wrong rows are what "
            "makes such a table hard to doubt.",
        ),
        Mistake(
            "dense rows left",
            (288, 18_432, 73_728, 4_194_304, 20_480, 4_307_232),
            "the convolutions are right now. Compare the dense rows with the sentence above the table: from 2048 to what?",
        ),
        Mistake(
            "convolutions left",
            (288, 576, 1_152, 1_280_000, 6_250, 1_288_266),
            "the dense rows are right now. How many channels does a filter of conv64 look at? Not 1.",
        ),
        Mistake(
            "depth taken from the wrong row",
            (288, 18_432, 36_864, 1_280_000, 6_250, 1_341_834),
            "conv128 is counted as if its input had 32 maps; the layer below it has 64.",
        ),
        Mistake(
            "own filters taken for the depth",
            (288, 36_864, 147_456, 1_280_000, 6_250, 1_470_858),
            "conv64 and conv128 are counted as if their input had 64 and 128 maps. A filter is as deep as its "
            "*input*: look at the row above.",
        ),
        Mistake(
            "second dense row left",
            (288, 18_432, 73_728, 1_280_000, 20_480, 1_392_928),
            "four rows are right. The last dense layer gets what the one before gives: 625 values, not 2048.",
        ),
        Mistake(
            "before the last pooling",
            (288, 18_432, 73_728, 3_920_000, 6_250, 4_018_698),
            "the dense layer reads what the last pooling gives, 4x4x128, not the 7x7x128 that go into it.",
        ),
        Mistake(
            "biases counted",
            (320, 18_496, 73_856, 1_280_625, 6_260, 1_379_557),
            "these are right with biases, and a framework would report them. The lecture counts weights "
            "only; leave the biases out.",
        ),
        Mistake(
            "total missing",
            (288, 18_432, 73_728, 1_280_000, 6_250),
            "all five rows are right; the sixth number, their total, is missing.",
        ),
        Mistake(
            "rows right, total not",
            (288, 18_432, 73_728, 1_280_000, 6_250, 4_216_800),
            "all five rows are right; the total is still the lecture's.",
        ),
    ),
)
