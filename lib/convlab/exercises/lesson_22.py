"""Lesson 22: the Gram matrix, the gradient of the style loss, and what a weight of 0 leaves."""

import numpy as np

from convlab.exercises.exercise import exercise

_rng = np.random.default_rng(22)


@exercise(
    question="What is the Gram matrix (C, C) of maps (H, W, C)?",
    insight="The sum runs over all places, so their order does not count: the matrix knows texture and no place.",
    cases=[(_rng.normal(size=(2, 3, 4)),), (_rng.normal(size=(5, 2, 3)),), (_rng.normal(size=(3, 3, 2)),)],
    hints=[
        "For each two channels, multiply their values at the same place, and add up over all places.",
        "First make a matrix with a row for each place and a column for each channel.",
        "`values = maps.reshape(-1, maps.shape[-1])`, then `values.T @ values`.",
    ],
)
def gram(maps):
    values = maps.reshape(-1, maps.shape[-1])
    return values.T @ values


@gram.mistake(
    "places by places",
    "this has a row for each place: it compares places, not channels. The transposed factor comes first.",
)
def _(maps):
    values = maps.reshape(-1, maps.shape[-1])
    return values @ values.T


@gram.mistake("mean over places", "this is the mean over the places: the Gram matrix is their sum.")
def _(maps):
    return gram.reference(maps) / (maps.shape[0] * maps.shape[1])


@gram.mistake(
    "channels mixed up",
    "`reshape(C, -1)` puts values of different channels into one row: keep the channels as the last axis.",
)
def _(maps):
    values = maps.reshape(maps.shape[-1], -1)
    return values @ values.T


@gram.mistake(
    "covariance", "the mean of each channel is subtracted: that is a covariance. The Gram matrix has it."
)
def _(maps):
    values = maps.reshape(-1, maps.shape[-1])
    values = values - values.mean(axis=0)
    return values.T @ values


@gram.mistake(
    "NumPy's covariance",
    "`np.cov` subtracts the mean of each channel and divides: the Gram matrix does neither.",
)
def _(maps):
    return np.cov(maps.reshape(-1, maps.shape[-1]).T)


@gram.mistake(
    "NumPy's correlation",
    "`np.corrcoef` subtracts the mean of each channel and divides by its standard deviation: the Gram matrix does "
    "neither.",
)
def _(maps):
    return np.corrcoef(maps.reshape(-1, maps.shape[-1]).T)


@gram.mistake(
    "means first", "the channels are averaged before the product: multiply at each place, then add up."
)
def _(maps):
    means = maps.mean(axis=(0, 1))
    return np.outer(means, means)


@gram.mistake(
    "sums first", "the channels are added up before the product: multiply at each place, then add up."
)
def _(maps):
    sums = maps.sum(axis=(0, 1))
    return np.outer(sums, sums)


@gram.mistake(
    "correlation",
    "each channel is divided by its length: that is a cosine, and how strong a channel is is lost.",
)
def _(maps):
    values = maps.reshape(-1, maps.shape[-1])
    values = values / np.sqrt((values**2).sum(axis=0))
    return values.T @ values


@gram.mistake("diagonal only", "only squares are here: pairs of different channels count, too.")
def _(maps):
    return np.diag((maps**2).sum(axis=(0, 1)))


def _values(places, channels):
    """Return maps (places, C), and a target (C, C) that is a Gram matrix divided by its places."""
    painted = _rng.normal(size=(places + 2, channels))
    return _rng.normal(size=(places, channels)), painted.T @ painted / (places + 2)


@exercise(
    question="What is the gradient of the style loss with respect to the maps, (places, C)?",
    insight="Each place gets its own maps times one and the same matrix: no place has a target of its own.",
    cases=[_values(5, 3), _values(4, 2), _values(3, 4)],
    hints=[
        "The loss is the sum of (G - A)² / (4 C²), with G = Fᵀ F / M. Change one value of F: where does it occur "
        "in G?",
        "It occurs in a row and, by symmetry, in a column. With the square that makes a factor of 4, and the 4 "
        "below cancels.",
        "`places, channels = maps.shape`, then `maps @ (maps.T @ maps / places - target) / (channels**2 * places)`.",
    ],
)
def style_gradient(maps, target):
    places, channels = maps.shape
    return maps @ (maps.T @ maps / places - target) / (channels**2 * places)


@style_gradient.mistake(
    "uphill and downhill swapped", "the sign is turned round: it is G - A, what is there less what is wanted."
)
def _(maps, target):
    return -style_gradient.reference(maps, target)


@style_gradient.mistake(
    "only half", "this is half of it: a value occurs in a row *and* in a column of the Gram matrix."
)
def _(maps, target):
    return style_gradient.reference(maps, target) / 2


@style_gradient.mistake(
    "square forgotten", "this is a quarter of it: the square gives a factor of 2, row and column another one."
)
def _(maps, target):
    return style_gradient.reference(maps, target) / 4


@style_gradient.mistake("the 4 forgotten", "this is four times too much: the loss has a 4 below.")
def _(maps, target):
    return 4 * style_gradient.reference(maps, target)


@style_gradient.mistake(
    "the outer mean forgotten",
    "the Gram matrix is divided by the places, and so its derivative is, too: divide once more by their number.",
)
def _(maps, target):
    return style_gradient.reference(maps, target) * len(maps)


@style_gradient.mistake("channels forgotten", "the loss is divided by C², and the gradient must be, too.")
def _(maps, target):
    return style_gradient.reference(maps, target) * maps.shape[1] ** 2


@style_gradient.mistake("channels not squared", "this is divided by C: the loss is divided by C *squared*.")
def _(maps, target):
    return style_gradient.reference(maps, target) * maps.shape[1]


@style_gradient.mistake(
    "no factor",
    "the direction is right, and the factor is missing: divide by C², and by the number of places.",
)
def _(maps, target):
    return style_gradient.reference(maps, target) * maps.shape[1] ** 2 * len(maps)


@style_gradient.mistake(
    "divided by the places twice",
    "this is divided once too often by the number of places: once inside G, and once for its derivative.",
)
def _(maps, target):
    return style_gradient.reference(maps, target) / len(maps)


@style_gradient.mistake(
    "sum for mean", "G is the sum over the places here: the target is a mean, so divide `maps.T @ maps`."
)
def _(maps, target):
    places, channels = maps.shape
    return maps @ (maps.T @ maps - target) / (channels**2 * places)


@style_gradient.mistake(
    "sum for mean, everywhere",
    "the number of places is missing twice: G is divided by it, and so its derivative is.",
)
def _(maps, target):
    return maps @ (maps.T @ maps - target) / maps.shape[1] ** 2


@style_gradient.mistake(
    "gradient for the Gram matrix",
    "this is the gradient for G, (C, C): one more step of the chain rule goes on to the maps.",
)
def _(maps, target):
    places, channels = maps.shape
    return (maps.T @ maps / places - target) / (2 * channels**2)


_ZERO_OR_NOT = [(c, s, v) for c in (0, 1) for s in (0, 10) for v in (0, 2)]


@exercise(
    question="Which picture has the smallest loss, for these three weights?",
    insight="A loss says only what it is given a weight for; where all are 0 every picture is as good as another.",
    cases=_ZERO_OR_NOT,
    hints=[
        "Ask of each part alone: which picture makes it 0? Then put together those whose weight is not 0.",
        "Content alone is 0 for the photograph, style alone for the painting's texture, variation alone for one "
        "even colour. Two or more of them must agree on a compromise.",
        "Count the weights above 0. For none: `any`; for two or more: `compromise`; for one: the picture of "
        "that part.",
    ],
)
def smallest(content, style, variation):
    alone = {"photograph": content, "texture": style, "one colour": variation}
    counting = [picture for picture, weight in alone.items() if weight > 0]
    return counting[0] if len(counting) == 1 else "compromise" if counting else "any"


@smallest.mistake(
    "content and style swapped",
    "photograph and texture have changed places: a style weight of 0 leaves the photograph.",
)
def _(content, style, variation):
    return smallest.reference(style, content, variation)


@smallest.mistake(
    "variation forgotten", "the third weight does not count here: variation alone has a minimum, too."
)
def _(content, style, variation):
    return smallest.reference(content, style, 0)


@smallest.mistake(
    "black for nothing",
    "where all weights are 0 the loss is 0 for each picture, and not for one colour alone.",
)
def _(content, style, variation):
    return smallest.reference(content, style, variation if content or style else 1)


@smallest.mistake(
    "the photograph for nothing",
    "the optimisation may start at the photograph; but where all weights are 0 every picture has the loss 0.",
)
def _(content, style, variation):
    return smallest.reference(content if style or variation else 1, style, variation)


@smallest.mistake(
    "the largest weight wins",
    "here one part decides alone: with two weights above 0 the smallest loss is a compromise.",
)
def _(content, style, variation):
    if not (content or style or variation):
        return "any"
    return max([(content, "photograph"), (style, "texture"), (variation, "one colour")])[1]


@smallest.mistake("always a compromise", "a part with the weight 0 says nothing: which parts are left?")
def _(content, style, variation):
    return "compromise"


@smallest.mistake(
    "a compromise of nothing",
    "where all weights are 0 there is nothing to agree on: every picture has the loss 0.",
)
def _(content, style, variation):
    return smallest.reference(content, style, variation) if content or style or variation else "compromise"


@smallest.mistake(
    "variation beside another",
    "variation counts alone here, but not beside another weight: with two weights above 0 it is a compromise.",
)
def _(content, style, variation):
    return smallest.reference(content, style, 0 if content or style else variation)


@smallest.mistake(
    "the smallest weight wins",
    "the smallest *weight* decides here: a part with the weight 0 is the one that does not count.",
)
def _(content, style, variation):
    return min([(content, 0, "photograph"), (style, 1, "texture"), (variation, 2, "one colour")])[2]
