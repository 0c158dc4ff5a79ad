"""Lesson 15: a residual block, the layers of ResNet-152, the gradient through shortcuts, and one rate for all."""

import numpy as np

from convlab.exercises.exercise import exercise

_rng = np.random.default_rng(15)


def _whole(*shape):
    return _rng.integers(-3, 4, shape).astype(float)


# An identity block, one that widens, one that widens and strides over an odd number of pixels, one that only
# strides, and not by 2.
BLOCK_CASES = [
    (_whole(2, 3, 2), _whole(2, 2), _whole(2, 2), 1),
    (_whole(3, 2, 2), _whole(2, 3), _whole(3, 3), 1),
    (_whole(5, 3, 2), _whole(2, 4), _whole(4, 4), 2),
    (_whole(4, 5, 2), _whole(2, 2), _whole(2, 2), 3),
]


@exercise(
    insight="The last ReLU comes after the addition, so a block can pass its input on unchanged.",
    question="What does a residual block return, if F is two 1x1 convolutions with a ReLU between them?",
    cases=BLOCK_CASES,
    hints=[
        "Three things in this order: F(x), the shortcut, and one ReLU over their sum. A 1x1 convolution is "
        "a matrix product over the channels: `x @ first`.",
        "The stride belongs to the first convolution *and* to the shortcut: thin x once, `x[::stride, "
        "::stride]`, and use it for both. Where F gives more maps than x has, the shortcut gets maps of "
        "zeros behind its own.",
        "`thin = x[::stride, ::stride]`; `change = np.maximum(thin @ first, 0) @ second`; `more = "
        "change.shape[2] - thin.shape[2]`; `shortcut = np.pad(thin, ((0, 0), (0, 0), (0, more)))`; the "
        "answer is `np.maximum(change + shortcut, 0)`.",
    ],
)
def block_forward(x, first, second, stride):
    thin = x[::stride, ::stride]
    change = np.maximum(thin @ first, 0) @ second
    shortcut = np.pad(thin, ((0, 0), (0, 0), (0, change.shape[2] - thin.shape[2])))
    return np.maximum(change + shortcut, 0)


@block_forward.mistake("no shortcut", "this is the plain block, ReLU(F(x)): the input is not added.")
def _(*case):
    return _block(*case, join=lambda change, shortcut: change)


@block_forward.mistake(
    "ReLU before the addition",
    "the ReLU comes before the addition: then a block can only make its input larger, never smaller. "
    "Add first, ReLU last.",
)
def _(*case):
    return _block(*case, join=lambda change, x: _relu(change) + x, outer=_nothing)


@block_forward.mistake(
    "ReLU before the addition and after",
    "one ReLU too many: F ends without one. Otherwise a block can only make its input larger, never smaller.",
)
def _(*case):
    return _block(*case, join=lambda change, x: _relu(change) + x)


@block_forward.mistake("no ReLU at the end", "the last ReLU, over the sum, is missing.")
def _(*case):
    return _block(*case, outer=_nothing)


@block_forward.mistake(
    "no ReLU between", "the ReLU between the two convolutions is missing: without it, the two are one matrix."
)
def _(*case):
    return _block(*case, inner=_nothing)


@block_forward.mistake(
    "no ReLU at all", "there is no ReLU: one stands between the two convolutions, one over the sum."
)
def _(*case):
    return _block(*case, inner=_nothing, outer=_nothing)


@block_forward.mistake(
    "zeros in front",
    "the maps of zeros stand before those of x: the old maps stay the first ones, the new come behind.",
)
def _(*case):
    return _block(*case, fill=_zeros_in_front)


@block_forward.mistake(
    "maps repeated", "the missing maps of the shortcut are copies of x. Option A fills up with zeros."
)
def _(*case):
    return _block(*case, fill=_maps_again)


@block_forward.mistake(
    "a product instead of a sum", "F(x) and the shortcut are multiplied; a residual block adds them."
)
def _(*case):
    return _block(*case, join=lambda change, shortcut: change * shortcut)


@block_forward.mistake(
    "stride forgotten",
    "right at stride 1, but the stride is not used: take every stride-th pixel, each way, before "
    "anything else.",
)
def _(x, first, second, stride):
    return _block(x, first, second, 1)


@block_forward.mistake(
    "shortcut not thinned",
    "F is thinned by its stride and the shortcut is not, so that they do not fit together: take every "
    "stride-th pixel of x for both.",
)
def _(x, first, second, stride):
    return _block(x, first, second, stride, fill=lambda _, more: np.pad(x, ((0, 0), (0, 0), (0, more))))


@block_forward.mistake(
    "shortcut thinned only where widened",
    "where x has as many maps as F gives, the shortcut is not thinned. The stride belongs to it in any case.",
)
def _(x, first, second, stride):
    widens = second.shape[1] > x.shape[2]
    return _block(x, first, second, stride, fill=None if widens else lambda thin, more: x)


@block_forward.mistake(
    "always every second pixel",
    "this takes every second pixel, whatever the stride: `x[::stride, ::stride]`.",
)
def _(x, first, second, stride):
    return _block(x, first, second, 2 if stride > 1 else 1)


@block_forward.mistake(
    "shortcut not widened",
    "F gives more maps than x has, so that the two cannot be added: option A puts maps of zeros behind "
    "those of x.",
)
def _(*case):
    return _block(*case, fill=lambda x, more: x)


@block_forward.mistake(
    "side by side instead of a sum",
    "F(x) and the shortcut stand side by side, as in an inception block; a residual block adds them.",
)
def _(*case):
    return _block(*case, join=lambda change, shortcut: np.concatenate([change, shortcut], axis=2))


def _relu(x):
    return np.maximum(x, 0)


def _block(x, first, second, stride, *, join=None, inner=_relu, outer=_relu, fill=None):
    """Return a block whose parts can be got wrong one by one."""
    x = x[::stride, ::stride]
    change = inner(x @ first) @ second
    more = second.shape[1] - x.shape[2]
    shortcut = np.pad(x, ((0, 0), (0, 0), (0, more))) if fill is None else fill(x, more)
    return outer(change + shortcut if join is None else join(change, shortcut))


def _zeros_in_front(x, more):
    return np.pad(x, ((0, 0), (0, 0), (more, 0)))


def _maps_again(x, more):
    return np.concatenate([x, x, x], axis=2)[:, :, : x.shape[2] + more]


def _nothing(x):
    return x


@exercise(
    insight="By convention only layers on the longest path with weights count: no pooling, no projections.",
    question="How many layers with weights does a ResNet have, given the blocks of each stage?",
    tolerance=0,
    cases=[((3, 8, 36, 3), 3), ((3, 4, 6, 3), 2), ((9, 9, 9), 2), ((3, 4, 23, 3), 3)],
    hints=[
        "How many blocks are there in all, and how many convolutions are in each?",
        "Two layers with weights stand outside the blocks: one before the first, one after the last.",
        "`sum(blocks) * convolutions + 2`: conv1 and the dense layer.",
    ],
)
def resnet_layers(blocks, convolutions):
    return sum(blocks) * convolutions + 2


@resnet_layers.mistake(
    "only the blocks",
    "this counts the blocks' layers only. What stands before the first block, and behind the last?",
)
def _(blocks, convolutions):
    return sum(blocks) * convolutions


@resnet_layers.mistake(
    "one outside the blocks",
    "one too few: outside the blocks there are two, the first convolution and the dense layer at the end.",
)
def _(blocks, convolutions):
    return sum(blocks) * convolutions + 1


@resnet_layers.mistake(
    "pooling counted", "two too many: pooling, the first and the last, has no weights and is not counted."
)
def _(blocks, convolutions):
    return sum(blocks) * convolutions + 4


@resnet_layers.mistake("first pooling counted", "one too many: pooling has no weights and is not counted.")
def _(blocks, convolutions):
    return sum(blocks) * convolutions + 3


@resnet_layers.mistake(
    "return inside the loop",
    "this counts the first stage alone: does `return` stand inside the loop? Move it behind the loop.",
)
def _(blocks, convolutions):
    return blocks[0] * convolutions + 2


@resnet_layers.mistake(
    "last stage only",
    "this counts the last stage alone: is there a `=` where `+=` must stand?",
)
def _(blocks, convolutions):
    return blocks[-1] * convolutions


@resnet_layers.mistake(
    "projections between the stages counted",
    "this counts a projection for each change of stage. They do have weights, but lie beside F, not on the "
    "longest way through: the names leave them out.",
)
def _(blocks, convolutions):
    return sum(blocks) * convolutions + 2 + len(blocks) - 1


@resnet_layers.mistake(
    "projections counted",
    "this counts a projection for each stage. They do have weights, but lie beside F, not on the "
    "longest way through: the names leave them out.",
)
def _(blocks, convolutions):
    return sum(blocks) * convolutions + 2 + len(blocks)


@resnet_layers.mistake(
    "blocks instead of layers", "this counts a block as one layer; each has `convolutions` of them."
)
def _(blocks, convolutions):
    return sum(blocks) + 2


@resnet_layers.mistake(
    "always two convolutions",
    "this takes two convolutions for each block. A bottleneck has three: use `convolutions`.",
)
def _(blocks, convolutions):
    return sum(blocks) * 2 + 2


@resnet_layers.mistake(
    "shortcut in each block counted",
    "this counts the shortcut of each block as a layer. Most have no weights, and projections lie beside F: the "
    "names count neither.",
)
def _(blocks, convolutions):
    return sum(blocks) * (convolutions + 1) + 2


@resnet_layers.mistake(
    "two blocks outside",
    "outside the blocks there are two *layers*, each with one set of weights, and not two blocks: do not multiply "
    "them by `convolutions`.",
)
def _(blocks, convolutions):
    return (sum(blocks) + 2) * convolutions


@resnet_layers.mistake(
    "stages instead of blocks",
    "this counts one block for each stage. Each number in `blocks` says how many a stage has: add them up.",
)
def _(blocks, convolutions):
    return len(blocks) * convolutions + 2


@resnet_layers.mistake(
    "always three convolutions",
    "this takes three convolutions for each block. A plain block has two: use `convolutions`.",
)
def _(blocks, convolutions):
    return sum(blocks) * 3 + 2


@resnet_layers.mistake(
    "only the number of blocks",
    "this is the number of blocks. Each has `convolutions` layers, and two layers stand outside.",
)
def _(blocks, convolutions):
    return sum(blocks)


@resnet_layers.mistake(
    "normalisations counted",
    "this counts a batch normalisation behind each convolution. The names count convolutions and dense layers only.",
)
def _(blocks, convolutions):
    return sum(blocks) * convolutions * 2 + 2


GRADIENT_CASES = [
    (np.array([1.0, -2]), [np.array([[0.0, 0.5], [-1, 2]])]),
    (np.array([3.0, 1]), [np.array([[0.0, 1], [0, 0]]), np.array([[1.0, 0], [2, -1]])]),
    (np.array([1.0, 0, 2]), [_whole(3, 3), _whole(3, 3), _whole(3, 3)]),
    (np.array([2.0, 5]), [np.zeros((2, 2))] * 4),
]


@exercise(
    insight="If all Jacobians are zero, the gradient arrives unchanged. In a plain stack nothing arrives.",
    question="What is the gradient at the input of a stack of blocks y = x + F(x), when `gradient` is that of its output?",
    cases=GRADIENT_CASES,
    hints=[
        "One block first: if y = x + F(x), how much does y change when x does? Two ways lead from x to y.",
        "The derivative of x is the identity, that of F is its Jacobian J. So the gradient at the block's input "
        "is `gradient + gradient @ J`. Begin with the *last* block.",
        "`for jacobian in reversed(jacobians): gradient = gradient + gradient @ jacobian`.",
    ],
)
def gradient_at_the_input(gradient, jacobians):
    for jacobian in reversed(jacobians):
        gradient = gradient + gradient @ jacobian
    return gradient


@gradient_at_the_input.mistake(
    "no shortcut",
    "this is the plain stack, a product of Jacobians only. If all Jacobians are zero, no gradient arrives. "
    "Where is the gradient that goes through the shortcut?",
)
def _(gradient, jacobians):
    return _back(gradient, jacobians[::-1], lambda b, j: b @ j)


@gradient_at_the_input.mistake(
    "front to back",
    "the right step, in the wrong order. The gradient comes from the end, so the last block is the first.",
)
def _(gradient, jacobians):
    return _back(gradient, jacobians, lambda b, j: b + b @ j)


@gradient_at_the_input.mistake(
    "Jacobian transposed",
    "the Jacobian is transposed. `jacobian[i, j]` says how output i moves with input j, so the gradient of the "
    "outputs stands on the left: `gradient @ jacobian`.",
)
def _(gradient, jacobians):
    return _back(gradient, jacobians[::-1], lambda b, j: b + j @ b)


@gradient_at_the_input.mistake(
    "front to back, Jacobian transposed",
    "this goes forward: it is what a small change of the *input* does to the output. The gradient goes the "
    "other way: last block first, `gradient @ jacobian`.",
)
def _(gradient, jacobians):
    return _back(gradient, jacobians, lambda b, j: b + j @ b)


@gradient_at_the_input.mistake(
    "only ways through one block",
    "this has the way around all blocks and those through *one* of them. There are more: through two "
    "blocks, through three… each block doubles the number of ways.",
)
def _(gradient, jacobians):
    return gradient + sum(gradient @ jacobian for jacobian in jacobians)


@gradient_at_the_input.mistake(
    "one shortcut around everything", "this adds one shortcut around the whole stack. Each block has its own."
)
def _(gradient, jacobians):
    return gradient + _back(gradient, jacobians[::-1], lambda b, j: b @ j)


@gradient_at_the_input.mistake(
    "only the shortcuts", "this is what the shortcuts alone let through. Gradient comes back through F, too."
)
def _(gradient, jacobians):
    return gradient


def _back(gradient, jacobians, step):
    for jacobian in jacobians:
        gradient = step(gradient, jacobian)
    return gradient


# (networks, rates, seeds), accuracies in %. One run that is best by luck alone; the common rate first, in the
# middle, last; a network that it suits; a best rate that differs from network to network.
RATE_CASES = [
    (np.array([[[77.0, 77.6], [78.4, 78.8]], [[74.2, 74.8], [78.0, 79.0]]]), 0),
    (
        np.array(
            [
                [[70.0, 71.0, 69.0], [69.0, 66.0, 75.0], [40.0, 42.0, 41.0]],
                [[52.0, 50.0, 51.0], [60.0, 61.0, 62.0], [66.0, 65.0, 67.0]],
                [[33.0, 35.0, 34.0], [38.0, 36.0, 37.0], [30.0, 31.0, 29.0]],
            ]
        ),
        1,
    ),
    (np.array([[[90.0, 90.5], [91.0, 92.0], [91.0, 90.0], [88.0, 89.0]]]), 3),
]


@exercise(
    insight="A comparison at one common rate also measures how well the rate fits each network. In this lesson, "
    "0.05 favoured VGG-16.",
    question="By how many points does one common learning rate hold back each network?",
    cases=RATE_CASES,
    hints=[
        "A rate is judged by the mean over its seeds. Take that mean first; it leaves (networks, rates).",
        "Each network has a best rate of its own: the largest mean in *its* row. Compare that with the mean "
        "at the common rate.",
        "`means = accuracies.mean(axis=2)`; the answer is `means.max(axis=1) - means[:, common]`.",
    ],
)
def common_rate_cost(accuracies, common):
    means = accuracies.mean(axis=2)
    return means.max(axis=1) - means[:, common]


@common_rate_cost.mistake(
    "best single run",
    "you take the best *run*, of all rates and seeds. One of them is best by luck alone: a rate is judged by "
    "the mean over its seeds.",
)
def _(accuracies, common):
    return accuracies.max(axis=(1, 2)) - accuracies[:, common].mean(axis=1)


@common_rate_cost.mistake(
    "best seed of each rate",
    "you take the best seed of each rate, where the mean over the seeds is wanted: the best of three is "
    "mostly luck.",
)
def _(accuracies, common):
    best = accuracies.max(axis=2)
    return best.max(axis=1) - best[:, common]


@common_rate_cost.mistake(
    "one best rate for all",
    "you look for one rate that is best for all networks together. That is a common rate again: let each "
    "network have its own.",
)
def _(accuracies, common):
    means = accuracies.mean(axis=2)
    return means[:, means.mean(axis=0).argmax()] - means[:, common]


@common_rate_cost.mistake(
    "sign turned round",
    "the right numbers with the wrong sign: what is lost is best minus common, 0 or more.",
)
def _(accuracies, common):
    means = accuracies.mean(axis=2)
    return means[:, common] - means.max(axis=1)


@common_rate_cost.mistake(
    "best against worst",
    "you compare the best rate with the worst. The common rate is the one at the index `common`.",
)
def _(accuracies, common):
    means = accuracies.mean(axis=2)
    return means.max(axis=1) - means.min(axis=1)


@common_rate_cost.mistake(
    "only the best",
    "these are the accuracies at each network's best rate. Subtract those at the common rate.",
)
def _(accuracies, common):
    return accuracies.mean(axis=2).max(axis=1)


@common_rate_cost.mistake(
    "best of all networks",
    "you compare each network with the best of *all* networks. Take the best rate of its own row: `max(axis=1)`.",
)
def _(accuracies, common):
    means = accuracies.mean(axis=2)
    return means.max() - means[:, common]


@common_rate_cost.mistake(
    "place instead of value",
    "`argmax` gives *which* rate is best, as a place. The cost needs the accuracy there: `max`.",
)
def _(accuracies, common):
    means = accuracies.mean(axis=2)
    return means.argmax(axis=1) - means[:, common]


@common_rate_cost.mistake(
    "best rate of each seed",
    "you let each seed have a rate of its own, and take the mean afterwards. That picks lucky runs: first the mean "
    "over the seeds, then the best rate.",
)
def _(accuracies, common):
    return (accuracies.max(axis=1) - accuracies[:, common]).mean(axis=1)


@common_rate_cost.mistake(
    "no mean over the seeds",
    "this has a number for each network and each *seed*. A rate is judged by the mean over its seeds: take "
    "`mean(axis=2)` first.",
)
def _(accuracies, common):
    return accuracies.max(axis=1) - accuracies[:, common]


@common_rate_cost.mistake(
    "mean over the rates",
    "axis 1 holds the rates, so this takes the mean of all rates for each seed. The seeds are axis 2: `mean(axis=2)`.",
)
def _(accuracies, common):
    means = accuracies.mean(axis=1)
    return means.max(axis=1) - means[:, common]


@common_rate_cost.mistake(
    "mean of the rates",
    "you compare with the mean of all rates. The question is for each network's *best* rate: `max(axis=1)`.",
)
def _(accuracies, common):
    means = accuracies.mean(axis=2)
    return means.mean(axis=1) - means[:, common]


@common_rate_cost.mistake(
    "mean over the networks",
    "the costs are right, but you have taken their mean. Return one number for each network.",
)
def _(accuracies, common):
    means = accuracies.mean(axis=2)
    return (means.max(axis=1) - means[:, common]).mean()


@common_rate_cost.mistake(
    "in per cent of the best",
    "this is the loss in per cent of the best accuracy. The question is for *points*: the plain difference of the "
    "two accuracies.",
)
def _(accuracies, common):
    means = accuracies.mean(axis=2)
    return 100 * (means.max(axis=1) - means[:, common]) / means.max(axis=1)


@common_rate_cost.mistake(
    "only the common rate",
    "these are the accuracies at the common rate. Subtract them from those at each network's best rate.",
)
def _(accuracies, common):
    return accuracies.mean(axis=2)[:, common]


@common_rate_cost.mistake(
    "rates counted from 1",
    "`common` is an index and counts from 0: you take the rate before it.",
)
def _(accuracies, common):
    means = accuracies.mean(axis=2)
    return means.max(axis=1) - means[:, common - 1]


@gradient_at_the_input.mistake(
    "return inside the loop",
    "this goes through one block only, the last one: does `return` stand inside the loop? Move it behind the loop.",
)
def _(gradient, jacobians):
    return gradient + gradient @ jacobians[-1]
