"""Lesson 14: what a bottleneck saves, and the channels and the parameters of an inception block."""

from convlab.exercises.exercise import exercise

# The lecture's own, then other kernels, and one bottleneck that saves nothing.
BOTTLENECK_CASES = [(128, 32, 128, 3), (192, 16, 32, 5), (256, 64, 512, 3), (16, 24, 8, 1)]


@exercise(
    insight="The expensive layer reads fewer channels behind a bottleneck. A bottleneck does not always save "
    "weights: if it is not narrow, its own weights are more than it saves.",
    question="How many weights does a convolution have, alone and with a 1x1 convolution before it that "
    "narrows?",
    tolerance=0,
    cases=BOTTLENECK_CASES,
    hints=[
        "Two answers, (direct, behind a bottleneck). A filter has a weight for each of its f·f places *and* "
        "each channel that it reads. Biases are not counted.",
        "Behind the bottleneck there are two layers: a 1x1 from `inputs` to `narrow`, and the f x f from "
        "`narrow` to `outputs`. Their weights are added up.",
        "`size**2 * inputs * outputs`, and `inputs * narrow + size**2 * narrow * outputs`.",
    ],
)
def bottleneck(inputs, narrow, outputs, size):
    return size**2 * inputs * outputs, inputs * narrow + size**2 * narrow * outputs


@bottleneck.mistake(
    "the lecture's formula",
    "this is the lecture's formula: its second layer lost a factor. An f x f filter has f·f places, not f.",
)
def _(i, n, o, f):
    return (f * f * i * o, i * n + f * n * o)


@bottleneck.mistake(
    "sides instead of squares", "a filter of f x f has f·f places, and a weight for each; you have taken f."
)
def _(i, n, o, f):
    return (f * i * o, i * n + f * n * o)


@bottleneck.mistake(
    "1x1 taken for f x f",
    "the layer before is a 1x1 convolution: it has one weight for each input and output, without size².",
)
def _(inputs, narrow, outputs, size):
    return size**2 * inputs * outputs, size**2 * inputs * narrow + size**2 * narrow * outputs


@bottleneck.mistake(
    "1x1 forgotten",
    "the 1x1 convolution in front has weights too: one for each pair of an input and a narrow map.",
)
def _(i, n, o, f):
    return (f * f * i * o, f * f * n * o)


@bottleneck.mistake(
    "only the 1x1", "this is the 1x1 alone. The f x f convolution behind it is still there, on fewer maps."
)
def _(i, n, o, f):
    return (f * f * i * o, i * n)


@bottleneck.mistake(
    "the f x f on all inputs",
    "behind the bottleneck the f x f reads `narrow` maps, not `inputs`: that saves the weights.",
)
def _(i, n, o, f):
    return (f * f * i * o, i * n + f * f * i * o)


@bottleneck.mistake(
    "a product instead of a sum", "two layers, one after the other: their weights are added, not multiplied."
)
def _(i, n, o, f):
    return (f * f * i * o, i * n * f * f * n * o)


@bottleneck.mistake(
    "with biases", "right, with the biases; the question leaves them out, as the lecture does."
)
def _(i, n, o, f):
    return (f * f * i * o + o, i * n + n + f * f * n * o + o)


@bottleneck.mistake(
    "the saving",
    "this is how many times fewer weights there are. Return the two numbers themselves, (direct, behind "
    "a bottleneck).",
)
def _(i, n, o, f):
    return f * f * i * o / (i * n + f * f * n * o)


@bottleneck.mistake(
    "turned round", "the right two numbers, in the wrong order: first direct, then behind the bottleneck."
)
def _(i, n, o, f):
    return (i * n + f * f * n * o, f * f * i * o)


@bottleneck.mistake(
    "1x1 behind instead of before",
    "your f x f still reads all `inputs`, and a 1x1 stands behind it. The bottleneck stands *before* it: 1x1 from "
    "`inputs` to `narrow`, then f x f from `narrow` to `outputs`.",
)
def _(i, n, o, f):
    return (f * f * i * o, f * f * i * n + n * o)


@bottleneck.mistake(
    "channels that are read forgotten",
    "this is one weight for each place of each filter. A filter has a weight for each place *in each channel* that "
    "it reads: multiply by the channels that come in.",
)
def _(i, n, o, f):
    return (f * f * o, n + f * f * o)


@bottleneck.mistake(
    "channels added",
    "channels that come in and channels that go out are multiplied: every filter reads all channels. You have added "
    "them.",
)
def _(i, n, o, f):
    return (f * f * (i + o), i + n + f * f * (n + o))


@bottleneck.mistake(
    "biases of the outputs", "this has biases for the `outputs` filters. The question leaves all biases out."
)
def _(i, n, o, f):
    return (f * f * i * o + o, i * n + f * f * n * o + o)


@bottleneck.mistake(
    "weights saved",
    "this is how many weights are saved. Return the two numbers themselves, (direct, behind a bottleneck).",
)
def _(i, n, o, f):
    return f * f * i * o - (i * n + f * f * n * o)


@bottleneck.mistake(
    "weights saved as the second number",
    "the first number is right; the second is how many weights are saved. Return how many there are.",
)
def _(i, n, o, f):
    return (f * f * i * o, f * f * i * o - (i * n + f * f * n * o))


@bottleneck.mistake(
    "always 3x3", "this takes a 3x3 filter in every case: `size` is its side, so it has size² places."
)
def _(i, n, o, f):
    return (9 * i * o, i * n + 9 * n * o)


# (#1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj): two rows of table 1, one drawn, one without projection.
CHANNEL_CASES = [
    (192, (64, 96, 128, 16, 32, 32)),
    (832, (384, 192, 384, 48, 128, 128)),
    (10, (1, 2, 4, 8, 16, 32)),
    (192, (64, 96, 128, 16, 32, 0)),
]


@exercise(
    insight="Concatenation adds channels, so only the last layer of each branch counts.",
    question="How many channels does the output of an inception block have?",
    tolerance=0,
    cases=CHANNEL_CASES,
    hints=[
        "Four branches stand side by side: their channels are added up. Which of the six numbers are the *last* "
        "layer of a branch?",
        'The two "reduce" numbers are inside a branch: the next convolution reads them, the output does not '
        "have them. And what leaves a pooling branch without a projection?",
        "`ones + threes + fives + (projected or inputs)`: max pooling keeps all its `inputs` channels if "
        "nothing projects them.",
    ],
)
def concatenated(inputs, widths):
    ones, _, threes, _, fives, projected = widths
    return ones + threes + fives + (projected or inputs)


@concatenated.mistake(
    "all six, pooling whole",
    "the reduced maps are counted too. They are inside their branches: the 3x3 and the 5x5 read them, "
    "and only what those make comes out.",
)
def _(inputs, widths):
    return sum(widths) + (0 if widths[5] else inputs)


@concatenated.mistake(
    "all six",
    "the reduced maps are counted too. They are inside their branches, and do not come out. (And "
    "without a projection, pooling passes on all its input channels.)",
)
def _(inputs, widths):
    return sum(widths)


@concatenated.mistake(
    "bottlenecks for outputs, pooling without channels",
    "this counts the 1x1 bottlenecks before the 3x3 and the 5x5: count the 3x3 and the 5x5 convolutions. And where "
    "nothing follows the pooling, it passes on all `inputs` channels.",
)
def _(inputs, widths):
    ones, narrow3, _, narrow5, _, projected = widths
    return ones + narrow3 + narrow5 + projected


@concatenated.mistake(
    "bottlenecks for outputs",
    "this counts the 1x1 bottlenecks before the 3x3 and the 5x5. Their outputs stay inside the block: count "
    "the 3x3 and the 5x5 convolutions instead.",
)
def _(inputs, widths):
    ones, narrow3, _, narrow5, _, projected = widths
    return ones + narrow3 + narrow5 + (projected or inputs)


@concatenated.mistake(
    "pooling without channels",
    "right with a projection. Without one (a 0), the pooling branch still has an output: pooling keeps "
    "all of its input channels.",
)
def _(inputs, widths):
    return widths[0] + widths[2] + widths[4] + widths[5]


@concatenated.mistake(
    "pooling branch forgotten",
    "only three branches: pooling is the fourth, and its channels come out as well.",
)
def _(inputs, widths):
    return widths[0] + widths[2] + widths[4]


@concatenated.mistake(
    "pooling never projected",
    "the projection behind the pooling is left out: with it, that branch has `projected` channels "
    "instead of all inputs. (Without it a network would grow wider with each block.)",
)
def _(inputs, widths):
    return widths[0] + widths[2] + widths[4] + inputs


@concatenated.mistake(
    "the inputs come out too",
    "the block's input does not come out beside the branches: it is read by all four, no more.",
)
def _(inputs, widths):
    return inputs + widths[0] + widths[2] + widths[4] + widths[5]


@concatenated.mistake(
    "the widest branch",
    "branches are not added value by value, which would need equal widths: they stand side by side, "
    "and their channels add up.",
)
def _(inputs, widths):
    return max(widths[0], widths[2], widths[4], widths[5] or inputs)


@concatenated.mistake(
    "first branch forgotten",
    "only three branches: the 1x1 convolution alone is the fourth, and its channels come out as well.",
)
def _(inputs, widths):
    return widths[2] + widths[4] + (widths[5] or inputs)


@concatenated.mistake(
    "all six and the inputs",
    "this counts all six convolutions and the block's input. The reduced maps stay inside their branches, and the "
    "input comes out only where nothing follows the pooling.",
)
def _(inputs, widths):
    return sum(widths) + inputs


@concatenated.mistake(
    "projected maps not counted",
    "right without a projection. With one, the pooling branch gives `projected` channels: here it gives none.",
)
def _(inputs, widths):
    return widths[0] + widths[2] + widths[4] + (0 if widths[5] else inputs)


@concatenated.mistake(
    "the widest convolution",
    "this is the widest of the six convolutions. The branches stand side by side: the channels of their last layers "
    "add up.",
)
def _(inputs, widths):
    return max(widths)


@concatenated.mistake(
    "a list of the branches", "the four branches are right. The question is for one number: add them up."
)
def _(inputs, widths):
    return widths[0], widths[2], widths[4], widths[5] or inputs


PARAMETER_CASES = [
    (192, (64, 96, 128, 16, 32, 32)),
    (480, (192, 96, 208, 16, 48, 64)),
    (10, (1, 2, 4, 8, 16, 32)),
    (480, (64, 96, 128, 16, 32, 0)),
]


@exercise(
    insight="The bottlenecks have few weights themselves and save most of those of the large kernels.",
    question="How many parameters, with biases, does an inception block have?",
    tolerance=0,
    cases=PARAMETER_CASES,
    hints=[
        "Six convolutions. Which of them read the block's input, and which read a reduced one?",
        'Four read the input, all of them 1x1: the first, both "reduce" and the projection. The 3x3 reads its '
        "reduced maps, the 5x5 its own. Every map of all six has a bias.",
        "`inputs * (ones + narrow3 + narrow5 + projected) + 9 * narrow3 * threes + 25 * narrow5 * fives + "
        "sum(widths)`.",
    ],
)
def block_parameters(inputs, widths):
    ones, narrow3, threes, narrow5, fives, projected = widths
    reading_inputs = inputs * (ones + narrow3 + narrow5 + projected)
    return reading_inputs + 9 * narrow3 * threes + 25 * narrow5 * fives + sum(widths)


@block_parameters.mistake(
    "biases forgotten",
    "the weights are right. The biases are missing: one for each map, the reduced maps too.",
)
def _(inputs, widths):
    return _weights(inputs, widths)


@block_parameters.mistake(
    "biases of the output only",
    "the weights are right. The reduced maps have biases too, although they do not come out.",
)
def _(inputs, widths):
    return _weights(inputs, widths) + sum(widths[::2]) + widths[5]


@block_parameters.mistake(
    "sides instead of squares", "a 3x3 filter has 9 places and a 5x5 has 25; you have taken 3 and 5."
)
def _(inputs, widths):
    return _weights(inputs, widths, 3, 5) + sum(widths)


@block_parameters.mistake("projection forgotten", "five of six: the 1x1 behind the pooling has weights too.")
def _(inputs, widths):
    return _weights(inputs, (*widths[:5], 0)) + sum(widths[:5])


@block_parameters.mistake(
    "biases for pooled channels",
    "right with a projection. Without one the pooling branch passes on channels, but no filter makes them: "
    "no biases there.",
)
def _(inputs, widths):
    return _weights(inputs, widths) + widths[1] + widths[3] + concatenated.reference(inputs, widths)


@block_parameters.mistake(
    "projection that is not there",
    "right with a projection. A 0 means that there is none: then it has no weights and no biases.",
)
def _(inputs, widths):
    return block_parameters.reference(inputs, (*widths[:5], widths[5] or inputs))


@block_parameters.mistake(
    "no bottleneck",
    "your 3x3 and 5x5 read the whole input. In this block they read the *reduced* maps, which saves weights.",
)
def _(inputs, widths):
    return inputs * (sum(widths) + 8 * widths[2] + 24 * widths[4]) + sum(widths)


@block_parameters.mistake(
    "no reductions",
    "this is the block without its reductions. The 3x3 and the 5x5 read reduced maps, and the "
    "reductions have weights of their own.",
)
def _(inputs, widths):
    return inputs * (widths[0] + 9 * widths[2] + 25 * widths[4] + widths[5]) + sum(widths[::2]) + widths[5]


@block_parameters.mistake(
    "one bias for each convolution",
    "the weights are right. A convolution has a bias for each of its *maps*, not one in all.",
)
def _(inputs, widths):
    return _weights(inputs, widths) + len(widths)


@block_parameters.mistake(
    "one bias for each convolution that is there",
    "the weights are right, and you count only the convolutions that exist. But each of their *maps* has a bias.",
)
def _(inputs, widths):
    return _weights(inputs, widths) + sum(width > 0 for width in widths)


@block_parameters.mistake(
    "weights of the reductions forgotten",
    "the 3x3 and the 5x5 read reduced maps, and the 1x1 convolutions that reduce have weights themselves: "
    "`inputs` · (narrow3 + narrow5) are missing.",
)
def _(inputs, widths):
    return _weights(inputs, widths) - inputs * (widths[1] + widths[3]) + sum(widths)


@block_parameters.mistake(
    "reductions not counted at all",
    "the 3x3 and the 5x5 read reduced maps, but the two 1x1 convolutions that reduce are not counted. They have "
    "weights and biases, too.",
)
def _(inputs, widths):
    reductions = inputs * (widths[1] + widths[3])
    return _weights(inputs, widths) - reductions + sum(widths[::2]) + widths[5]


@block_parameters.mistake(
    "5x5 counted as 3x3", "a filter of the third branch is 5x5: it has 25 places, and you have taken 9."
)
def _(inputs, widths):
    return _weights(inputs, widths, five=9) + sum(widths)


@block_parameters.mistake(
    "3x3 and 5x5 exchanged", "9 and 25 are exchanged: 9 belongs to the 3x3 and 25 to the 5x5."
)
def _(inputs, widths):
    return _weights(inputs, widths, 25, 9) + sum(widths)


@block_parameters.mistake(
    "no bottleneck, biases forgotten",
    "two things: your 3x3 and 5x5 read the whole input instead of the *reduced* maps; and each map has a bias.",
)
def _(inputs, widths):
    return inputs * (sum(widths) + 8 * widths[2] + 24 * widths[4])


@block_parameters.mistake(
    "inputs forgotten",
    "the four 1x1 convolutions that read the input have a weight for each of its channels: multiply them by `inputs`.",
)
def _(inputs, widths):
    return _weights(1, widths) + sum(widths)


def _weights(inputs, widths, three=9, five=25):
    ones, narrow3, threes, narrow5, fives, projected = widths
    wide = three * narrow3 * threes + five * narrow5 * fives
    return inputs * (ones + narrow3 + narrow5 + projected) + wide
