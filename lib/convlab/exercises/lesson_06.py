"""Lesson 06: sizes, the padding that keeps them, receptive fields, parameters, and a lecture's table."""

from functools import partial

from convlab.exercises.engine import Exercise, Mistake, exercise

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


def _size(i, f, s, p, d):
    return (i + 2 * p - d * (f - 1) - 1) // s + 1


def _size_refusing_by_kernel(i, f, s, p, d):
    if f > i + 2 * p:
        raise ValueError("does not fit")
    return _size(i, f, s, p, d)


def _size_refusing_before_padding(i, f, s, p, d):
    if d * (f - 1) + 1 > i:
        raise ValueError("does not fit")
    return _size(i, f, s, p, d)


def _size_refusing_exact_fit(i, f, s, p, d):
    if d * (f - 1) + 1 >= i + 2 * p:
        raise ValueError("does not fit")
    return _size(i, f, s, p, d)


def _size_refusing_below_zero(i, f, s, p, d):
    if _size(i, f, s, p, d) < 0:
        raise ValueError("does not fit")
    return _size(i, f, s, p, d)


def _refusing(wrong, *sizes):
    return wrong(output_size.reference, *sizes)


def _remainder(i, f, s, p, d):
    return (i + 2 * p - d * (f - 1) - 1) % s


# What people write, and what they are told; `size` is the right formula, which may refuse or not.
WRONG_FORMULAS = [
    (
        "fence post forgotten",
        lambda size, *sizes: size(*sizes) - 1,
        "one too few every time: you have counted the steps. There is one place more than there are steps, "
        "as a fence has one post more than it has gaps.",
    ),
    (
        "rounded up",
        lambda size, *sizes: size(*sizes) + bool(_remainder(*sizes)),
        "this rounds up. A step that does not fit completely is not made, so the division rounds down: `//`.",
    ),
    (
        "a fraction of a place",
        lambda size, *sizes: size(*sizes) + _remainder(*sizes) / sizes[2],
        "there are no fractions of a place: `/` leaves a remainder in the answer, `//` drops it.",
    ),
    (
        "padded on one side only",
        lambda size, i, f, s, p, d: size(i + p, f, s, 0, d),
        "the padding is counted once, but it stands on both sides: i + 2p.",
    ),
    (
        "padding forgotten",
        lambda size, i, f, s, p, d: size(i, f, s, 0, d),
        "the padding is not used: it makes the image wider by 2p.",
    ),
    (
        "dilation forgotten",
        lambda size, i, f, s, p, d: size(i, f, s, p, 1),
        "the dilation is not used: with gaps in it a kernel reaches further, over d · (f - 1) + 1 pixels.",
    ),
    (
        "the lesson's first formula",
        lambda size, i, f, s, p, d: size(i, f, s, 0, 1),
        "this is the lesson's first formula, before the border and the gaps: padding makes the image wider "
        "by 2p, and dilation makes the kernel reach over d · (f - 1) + 1 pixels.",
    ),
    (
        "dilated kernel too long",
        lambda size, i, f, s, p, d: size(i, d * f, s, p, 1),
        "the dilated kernel is too long: f pixels have f - 1 gaps between them, so it reaches over d · (f - "
        "1) + 1 pixels, not over d · f.",
    ),
    (
        "reach one too short",
        lambda size, i, f, s, p, d: size(i, d * (f - 1), s, p, 1),
        "the kernel is one pixel too short: f - 1 gaps of d, and the last pixel itself, d · (f - 1) + 1.",
    ),
    (
        "dilation taken for the gap",
        lambda size, i, f, s, p, d: size(i, f + d * (f - 1), s, p, 1),
        "you leave d pixels free between neighbours. With dilation d they stand d apart, so d - 1 are free: "
        "the kernel reaches over d · (f - 1) + 1 pixels.",
    ),
    (
        "one added before the division",
        lambda size, i, f, s, p, d: size(i, f, s, p, d) * 0 + (_size(i, f, 1, p, d) // s),
        "the + 1 is inside the division. Divide the way from the first place to the last by s, then add 1.",
    ),
]
NO_REFUSAL = "Where the kernel does not fit, the formula still gives a number: `raise ValueError(...)` there."


@exercise(
    question="In how many places along one axis can a kernel stand, with stride, padding and dilation?",
    tolerance=0,
    cases=SIZE_CASES,
    hints=[
        "Three questions, one after the other: how wide is the padded image, how far does the kernel reach, "
        "how many steps lie between its first and its last place?",
        "A kernel of f pixels, d apart, has f - 1 gaps of d: it reaches over d · (f - 1) + 1 pixels. "
        "Padding p stands on both sides. If the reach is larger than the padded image, `raise ValueError`.",
        "`reach = dilation * (kernel_size - 1) + 1`, `room = input_size + 2 * padding`, and then "
        "`(room - reach) // stride + 1`.",
    ],
    mistakes=[
        *(Mistake(name, partial(_refusing, wrong), says) for name, wrong, says in WRONG_FORMULAS),
        *(
            Mistake(f"{name}, no refusal", partial(wrong, _size), f"{says} {NO_REFUSAL}")
            for name, wrong, says in WRONG_FORMULAS
        ),
        Mistake(
            "0 places let through",
            _size_refusing_below_zero,
            "you refuse a result below 0. With a stride the formula can give exactly 0 where the kernel does not "
            "fit: refuse that, too.",
        ),
        Mistake(
            "refusal before the padding",
            _size_refusing_before_padding,
            "you compare the kernel with the image as it comes. A kernel may be larger than that and still "
            "fit: it stands on the padded image, i + 2p.",
        ),
        Mistake(
            "exact fit refused",
            _size_refusing_exact_fit,
            "you refuse a kernel that reaches exactly over the whole image. It fits, in one place: refuse "
            "with `>`, not with `>=`.",
        ),
        Mistake(
            "refusal by the kernel's size",
            _size_refusing_by_kernel,
            "you compare the kernel's own size with the padded image. A dilated kernel reaches further: "
            "refuse by its reach, d · (f - 1) + 1.",
        ),
        Mistake(
            "no refusal",
            _size,
            "right wherever the kernel fits. Where it does not, a wrong size that nobody notices is worse "
            "than an "
            "error. " + NO_REFUSAL,
        ),
    ],
)
def output_size(input_size, kernel_size, stride, padding, dilation):
    reach = dilation * (kernel_size - 1) + 1
    room = input_size + 2 * padding
    if reach > room:
        raise ValueError(f"kernel reaching over {reach} does not fit into {room} pixels")
    return (room - reach) // stride + 1


PADDING_CASES = [(3, 1), (5, 1), (4, 1), (3, 2), (7, 3), (4, 2), (2, 3), (1, 1)]


def _padding_half_the_kernel(kernel_size, dilation):
    return kernel_size // 2


def _padding_half_the_gaps(kernel_size, dilation):
    return (kernel_size - 1) // 2


def _padding_half_the_gaps_exactly(kernel_size, dilation):
    return (kernel_size - 1) / 2


def _padding_half_the_kernel_spread(kernel_size, dilation):
    return dilation * (kernel_size // 2)


def _padding_in_all(kernel_size, dilation):
    keep_size.reference(kernel_size, dilation)
    return dilation * (kernel_size - 1)


def _padding_in_all_always(kernel_size, dilation):
    return dilation * (kernel_size - 1)


def _padding_of_too_long_a_kernel(kernel_size, dilation):
    return keep_size.reference(dilation * kernel_size, 1)


def _padding_of_too_long_a_kernel_rounded(kernel_size, dilation):
    return (dilation * kernel_size - 1) // 2


def _padding_without_dilation(kernel_size, dilation):
    return keep_size.reference(kernel_size, 1)


def _padding_halved_down(kernel_size, dilation):
    return dilation * (kernel_size - 1) // 2


def _padding_with_a_fraction(kernel_size, dilation):
    return dilation * (kernel_size - 1) / 2


def _padding_for_odd_kernels(kernel_size, dilation):
    if kernel_size % 2 == 0:
        raise ValueError("even kernel")
    return keep_size.reference(kernel_size, dilation)


@exercise(
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
    mistakes=[
        Mistake(
            "half the kernel",
            _padding_half_the_kernel,
            "f // 2 is right for odd kernels without dilation. It ignores the gaps of a dilated kernel, and "
            "a kernel of 4 with padding 2 makes the image one larger, as in the lesson's 5, 4, 2 → 6.",
        ),
        Mistake(
            "half the gaps",
            _padding_half_the_gaps,
            "(f - 1) // 2 is right for odd kernels without dilation. The gaps of a dilated kernel count, "
            "too; and where the half is no whole number, `raise ValueError(...)` instead of rounding.",
        ),
        Mistake(
            "half the gaps with a fraction",
            _padding_half_the_gaps_exactly,
            "(f - 1) / 2 is right for odd kernels without dilation. Two things are missing: the dilation, "
            "and a `raise ValueError(...)` where the half is no whole number.",
        ),
        Mistake(
            "half the kernel, spread",
            _padding_half_the_kernel_spread,
            "the dilation is in, and odd kernels are right. But the reach is d · (f - 1) + 1, so both sides "
            "together need d · (f - 1), not d · f; and if that is odd, `raise ValueError(...)`.",
        ),
        Mistake(
            "both sides together",
            _padding_in_all,
            "this is the padding of both sides together; half of it stands on each.",
        ),
        Mistake(
            "both sides together, no refusal",
            _padding_in_all_always,
            "this is the padding of both sides together; half of it stands on each, and where the half is no "
            "whole number, `raise ValueError(...)`.",
        ),
        Mistake(
            "dilated kernel too long",
            _padding_of_too_long_a_kernel,
            "a dilated kernel reaches over d · (f - 1) + 1 pixels, not over d · f.",
        ),
        Mistake(
            "dilated kernel too long, rounded down",
            _padding_of_too_long_a_kernel_rounded,
            "a dilated kernel reaches over d · (f - 1) + 1 pixels, not over d · f; and where reach - 1 is odd, "
            "`raise ValueError(...)` instead of rounding.",
        ),
        Mistake(
            "dilation forgotten",
            _padding_without_dilation,
            "the dilation is not used: a dilated kernel reaches further and needs more padding.",
        ),
        Mistake(
            "halved and rounded down",
            _padding_halved_down,
            "right where it can be done. Where 2p would have to be odd, rounding down makes the image one "
            "smaller: there is no such padding, so `raise ValueError(...)`.",
        ),
        Mistake(
            "half a pixel",
            _padding_with_a_fraction,
            "half a pixel cannot be added to each side. Where 2p would have to be odd, `raise "
            "ValueError(...)`.",
        ),
        Mistake(
            "every even kernel refused",
            _padding_for_odd_kernels,
            "this refuses every even kernel. With dilation 2 a kernel of 4 reaches over 7 pixels, which is "
            "odd, and padding 3 keeps the size. Look at the reach, not at the kernel.",
        ),
    ],
)
def keep_size(kernel_size, dilation):
    both_sides = dilation * (kernel_size - 1)
    if both_sides % 2:
        raise ValueError(f"{both_sides} pixels cannot be split evenly over two sides")
    return both_sides // 2


FIELD_CASES = [
    ([(3, 1), (3, 1)],),
    ([(3, 1), (2, 2), (3, 1)],),
    ([(7, 2), (3, 2), (3, 1), (5, 1)],),
    ([(5, 3)],),
    ([(2, 2), (2, 2), (3, 3), (3, 1)],),
]


def _field_summed(layers):
    return sum(kernel_size for kernel_size, _ in layers)


def _field_without_strides(layers):
    return 1 + sum(kernel_size - 1 for kernel_size, _ in layers)


def _field_with_own_stride(layers):
    field, step = 1, 1
    for kernel_size, stride in layers:
        step *= stride
        field += (kernel_size - 1) * step
    return field


def _field_with_last_stride(layers):
    field, step = 1, 1
    for kernel_size, stride in layers:
        field += (kernel_size - 1) * step
        step = stride
    return field


def _field_with_own_stride_only(layers):
    return 1 + sum((kernel_size - 1) * stride for kernel_size, stride in layers)


def _field_of_nothing(layers):
    return receptive_field.reference(layers) - 1


def _field_with_whole_kernels(layers):
    field = step = 1
    for kernel_size, stride in layers:
        field += kernel_size * step
        step *= stride
    return field


def _field_multiplied(layers):
    field = 1
    for kernel_size, _ in layers:
        field *= kernel_size
    return field


def _field_from_the_wrong_end(layers):
    return receptive_field.reference(layers[::-1])


@exercise(
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
    mistakes=[
        Mistake(
            "kernels added up",
            _field_summed,
            "the kernels are added up, but they overlap: the second 3x3 adds one pixel on each side, not "
            "three in all. And strides are not used.",
        ),
        Mistake(
            "strides forgotten",
            _field_without_strides,
            "right at stride 1. Behind a stride of 2, neighbouring pixels lie two input pixels apart, so "
            "every later layer adds twice as much.",
        ),
        Mistake(
            "stride taken too early",
            _field_with_own_stride,
            "a layer's own stride does not widen what it sees: it spreads the pixels of its *output*, so it "
            "counts from the next layer on. Add first, multiply afterwards.",
        ),
        Mistake(
            "own stride only",
            _field_with_own_stride_only,
            "each layer is widened by its own stride alone. A stride counts for the layers *above* it, and "
            "strides multiply: keep a running `step`.",
        ),
        Mistake(
            "only the last stride",
            _field_with_last_stride,
            "only the stride directly below is used. Strides multiply: behind two of 2, a step is four input "
            "pixels.",
        ),
        Mistake(
            "started at zero",
            _field_of_nothing,
            "one too few: with no layer at all a pixel still sees one pixel, itself. Start at 1.",
        ),
        Mistake(
            "whole kernels added",
            _field_with_whole_kernels,
            "each layer adds one pixel too many: a kernel of 3 stands on the pixel that is there already and "
            "adds two, kernel_size - 1, times the step.",
        ),
        Mistake(
            "kernels multiplied",
            _field_multiplied,
            "the kernels are multiplied. That would need a stride as large as the kernel in each layer; "
            "at stride 1 windows overlap.",
        ),
        Mistake(
            "from the wrong end",
            _field_from_the_wrong_end,
            "the layers are taken from the wrong end: the list begins at the input, and a stride counts for "
            "the layers above it.",
        ),
    ],
)
def receptive_field(layers):
    field = step = 1
    for kernel_size, stride in layers:
        field += (kernel_size - 1) * step
        step *= stride
    return field


STACK_CASES = [
    (1, [(3, 32), (3, 64), (3, 128)]),
    (3, [(5, 6)]),
    (3, [(11, 96), (5, 256), (1, 10)]),
    (64, [(1, 32), (3, 128)]),
]


def _stack_with_first_depth(channels, layers):
    return sum(kernel_size**2 * channels * filters + filters for kernel_size, filters in layers)


def _stack_with_depth_one(channels, layers):
    return sum(kernel_size**2 * filters + filters for kernel_size, filters in layers)


def _stack_without_biases(channels, layers):
    return stack_parameters.reference(channels, layers) - sum(filters for _, filters in layers)


def _stack_with_first_depth_without_biases(channels, layers):
    return sum(kernel_size**2 * channels * filters for kernel_size, filters in layers)


def _stack_with_one_bias_each(channels, layers):
    return _stack_without_biases(channels, layers) + len(layers)


def _stack_with_flat_kernels(channels, layers):
    total = 0
    for kernel_size, filters in layers:
        total += kernel_size * channels * filters + filters
        channels = filters
    return total


def _stack_with_bias_per_channel(channels, layers):
    total = 0
    for kernel_size, filters in layers:
        total += (kernel_size**2 + 1) * channels * filters
        channels = filters
    return total


def _stack_of_last_layer(channels, layers):
    return stack_parameters.reference(([channels] + [filters for _, filters in layers])[-2], layers[-1:])


@exercise(
    question="How many parameters, weights and biases, does a stack of convolutions have?",
    tolerance=0,
    cases=STACK_CASES,
    hints=[
        "One filter first: how many weights does it have, if it is f pixels wide, f high, and as deep as its "
        "input?",
        "f · f · channels weights and one bias for each filter. What the next layer finds as its channels is "
        "the number of filters of this one.",
        "In a loop: `total += (kernel_size**2 * channels + 1) * filters`, then `channels = filters`.",
    ],
    mistakes=[
        Mistake(
            "depth of the first input everywhere",
            _stack_with_first_depth,
            "every layer is counted with the channels of the image. From the second layer on, a filter is as "
            "deep as the layer below has filters.",
        ),
        Mistake(
            "depth forgotten",
            _stack_with_depth_one,
            "the depth is missing: a filter has a weight for each channel of its input, f · f · channels in "
            "all.",
        ),
        Mistake(
            "depth of the first input everywhere, no biases",
            _stack_with_first_depth_without_biases,
            "two things: from the second layer on, a filter is as deep as the layer below has filters; and "
            "each filter has a bias.",
        ),
        Mistake(
            "biases forgotten", _stack_without_biases, "the weights are right; each filter has a bias, too."
        ),
        Mistake(
            "one bias per layer",
            _stack_with_one_bias_each,
            "one bias for each layer is too few: each *filter* has its own.",
        ),
        Mistake(
            "one bias per channel",
            _stack_with_bias_per_channel,
            "too many biases: a filter adds one number after summing over its channels, not one for each. "
            "Where does the bracket close?",
        ),
        Mistake(
            "kernel not squared",
            _stack_with_flat_kernels,
            "a filter of 3 is 3 wide *and* 3 high: kernel_size**2.",
        ),
        Mistake(
            "last layer only",
            _stack_of_last_layer,
            "this is the last layer alone: add up all of them (is the `return` inside the loop, or `total =` "
            "where `total +=` is meant?).",
        ),
    ],
)
def stack_parameters(channels, layers):
    total = 0
    for kernel_size, filters in layers:
        total += (kernel_size**2 * channels + 1) * filters
        channels = filters
    return total


lecture_table = Exercise(
    lesson="lesson_06",
    name="lecture_table",
    question="What should the weights of the lecture's five rows be, and their total?",
    reference=(288, 18_432, 73_728, 1_280_000, 6_250, 1_378_698),
    tolerance=0,
    hints=(
        "Ask each row the same question: how deep is its input? Take the answer from the row above it.",
        "A filter of conv64 looks at 32 maps, one of conv128 at 64. And the dense rows should be those of "
        "the diagram: 2048 inputs to 625, then 625 to 10.",
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
            "the convolutions are right now. Hold the dense rows against the diagram: from 2048 to what?",
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
