"""Lesson 23: a layer that enlarges evenly, gradients of the generator's two losses, a collapse, a distance."""

import numpy as np

from convlab.exercises.exercise import exercise

_rng = np.random.default_rng(23)


@exercise(
    question="Which kernel size, stride and padding make every map `factor` times as large, kernel twice the stride?",
    insight="Each output pixel is then reached by the same number of kernels, so there is no checkerboard.",
    tolerance=0,
    cases=[(2,), (4,), (6,)],
    hints=[
        "The output has (i - 1)·s + f - 2p pixels. For which stride does it grow by `factor` pixels with each "
        "pixel of the input?",
        "The stride is the factor, and the kernel is twice as long. Now (i - 1)·s + 2s - 2p must be i·s, for any i.",
        "`s + … - 2p = 0`: half of the stride is cut off each side. Return `kernel, stride, padding`.",
    ],
)
def enlarging(factor):
    return 2 * factor, factor, factor // 2


@enlarging.mistake("padding forgotten", "each side has too many pixels: cut some off by the padding.")
def _(factor):
    return 2 * factor, factor, 0


@enlarging.mistake("padding twice", "too much is cut off: the padding is `p` pixels on *each* side.")
def _(factor):
    return 2 * factor, factor, factor


@enlarging.mistake(
    "padding of a stride of 1",
    '(f - 1) // 2 is the padding of a "same" convolution with a stride of 1: here f - 2p must be equal to the stride.',
)
def _(factor):
    return 2 * factor, factor, factor - 1


@enlarging.mistake(
    "padding always 1", "a padding of 1 is right for a factor of 2 alone: it grows with the factor."
)
def _(factor):
    return 2 * factor, factor, 1


@enlarging.mistake(
    "kernel two longer than the stride",
    "the sizes fit, but the kernels do not overlap evenly: the kernel must be twice as large as the stride.",
)
def _(factor):
    return factor + 2, factor, 1


@enlarging.mistake(
    "kernel as the stride", "the kernels do not overlap: make each twice as long as the stride."
)
def _(factor):
    return factor, factor, 0


@enlarging.mistake("kernel of 3", "a kernel of 3 overlaps unevenly, which gives a checkerboard (lesson 19).")
def _(factor):
    return 3, factor, 1


@enlarging.mistake("always twice", "these three are right for a factor of 2 alone: the stride is the factor.")
def _(factor):
    return 4, 2, 1


@enlarging.mistake("factor and kernel swapped", "the first number is the kernel size, the second the stride.")
def _(factor):
    return factor, 2 * factor, factor // 2


@enlarging.mistake(
    "stride of 1", "with a stride of 1 each input pixel adds one pixel to the output, not `factor`."
)
def _(factor):
    return 2, 1, 0


def _sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


@exercise(
    question="What are the gradients of log(1 - σ(s)) and of -log σ(s) for the logit s, in this order?",
    insight="At a logit of -9, where the discriminator is sure, the first is nearly 0 and the second nearly -1.",
    cases=[
        (np.array([-9.0, -2.0, 0.0, 0.7, 3.0]),),
        (np.array([-4.0, 1.5]),),
        (np.array([5.0, -0.3, -6.0]),),
    ],
    hints=[
        "Lesson 02: the derivative of σ(s) is σ(s)·(1 - σ(s)). Both losses are a logarithm of σ or of 1 - σ.",
        "The derivative of log u is u'/u. For 1 - σ(s), u' is -σ(s)·(1 - σ(s)). What is left after dividing?",
        "`p = 1 / (1 + np.exp(-s))`, then `-p` for the first, and `p - 1` for the second.",
    ],
)
def generator_gradients(s):
    p = 1 / (1 + np.exp(-s))
    return -p, p - 1


@generator_gradients.mistake("swapped", "the two have changed places: the saturating loss comes first.")
def _(s):
    return _sigmoid(s) - 1, -_sigmoid(s)


@generator_gradients.mistake(
    "signs turned round", "both signs are turned round: each loss *falls* as the logit grows."
)
def _(s):
    return _sigmoid(s), 1 - _sigmoid(s)


@generator_gradients.mistake(
    "the same twice",
    "both are the gradient of the loss that does not saturate: the first one falls to 0 with σ.",
)
def _(s):
    return _sigmoid(s) - 1, _sigmoid(s) - 1


@generator_gradients.mistake(
    "the saturating one twice",
    "both are the gradient of the loss that saturates: the second one falls to 0 with 1 - σ.",
)
def _(s):
    return -_sigmoid(s), -_sigmoid(s)


@generator_gradients.mistake(
    "second sign turned round",
    "the first is right, and the second has the wrong sign: both losses *fall* as the logit grows.",
)
def _(s):
    return -_sigmoid(s), 1 - _sigmoid(s)


@generator_gradients.mistake(
    "of the mean",
    "these are divided by the number of images: each logit has a loss of its own here, and no mean is taken.",
)
def _(s):
    return -_sigmoid(s) / len(s), (_sigmoid(s) - 1) / len(s)


@generator_gradients.mistake(
    "discriminator's loss",
    "the first is the gradient of -log(1 - σ(s)), the *discriminator's* loss: the generator wants the opposite.",
)
def _(s):
    return _sigmoid(s), _sigmoid(s) - 1


@generator_gradients.mistake(
    "for the probability",
    "these are gradients for the probability: multiply by its derivative σ(s)·(1 - σ(s)).",
)
def _(s):
    return -1 / (1 - _sigmoid(s)), -1 / _sigmoid(s)


@generator_gradients.mistake(
    "derivative of the sigmoid",
    "this is the derivative of σ alone, with a minus: the logarithm divides by its argument.",
)
def _(s):
    inner = _sigmoid(s) * (1 - _sigmoid(s))
    return -inner, -inner


@generator_gradients.mistake("losses", "these are the losses themselves: differentiate them for s.")
def _(s):
    return np.log(1 - _sigmoid(s)), -np.log(_sigmoid(s))


def _answers(*counts):
    return _rng.permutation(np.repeat(np.arange(len(counts)), counts)), len(counts)


@exercise(
    question="How many classes have at least a tenth of an even share of the labels?",
    insight="It sees that digits are missing. It does not see that all sevens are the same seven.",
    tolerance=0,
    cases=[
        _answers(50, 3, 5, 42, 0, 0, 0, 0, 0, 0),
        _answers(0, 40, 10, 4, 26),
        _answers(300, 8, 12, 0, 1, 2, 60, 37, 0, 0),
        _answers(55, 2, 1, 22),
        _answers(115, 3, 2, 0, 0),
    ],
    hints=[
        "`np.bincount(labels, minlength=classes)` counts each class. What would each count be if all were equal?",
        "An even share is `len(labels) / classes`. A class counts from a tenth of it on.",
        "`np.sum(counts >= 0.1 * len(labels) / classes)`.",
    ],
)
def surviving_modes(labels, classes):
    counts = np.bincount(labels, minlength=classes)
    return int(np.sum(counts >= 0.1 * len(labels) / classes))


@surviving_modes.mistake(
    "any occurrence",
    "a class counts here if it occurs at all: a single image may be a slip of the classifier.",
)
def _(labels, classes):
    return len(np.unique(labels))


@surviving_modes.mistake(
    "a full share", "only classes with a whole even share count here: a tenth of it is enough."
)
def _(labels, classes):
    return int(np.sum(np.bincount(labels, minlength=classes) >= len(labels) / classes))


@surviving_modes.mistake(
    "a tenth of all", "a tenth of all labels is asked for here: a tenth of an *even share* is less."
)
def _(labels, classes):
    return int(np.sum(np.bincount(labels, minlength=classes) >= 0.1 * len(labels)))


@surviving_modes.mistake(
    "more than a tenth", "a class with exactly a tenth of an even share counts, too: `>=`, not `>`."
)
def _(labels, classes):
    return int(np.sum(np.bincount(labels, minlength=classes) > 0.1 * len(labels) / classes))


@surviving_modes.mistake(
    "share of those that occur",
    "the even share is taken over the classes that occur: a collapse makes it larger. Divide by all `classes`.",
)
def _(labels, classes):
    occurring = len(np.unique(labels))
    return int(np.sum(np.bincount(labels, minlength=classes) >= 0.1 * len(labels) / occurring))


@surviving_modes.mistake(
    "a tenth of the largest",
    "a tenth of the most frequent class is asked for here: compare with a tenth of an even share.",
)
def _(labels, classes):
    counts = np.bincount(labels, minlength=classes)
    return int(np.sum(counts >= 0.1 * counts.max()))


@surviving_modes.mistake(
    "whole numbers", "`//` rounds the share down, and some classes count that have too few: divide by `/`."
)
def _(labels, classes):
    return int(np.sum(np.bincount(labels, minlength=classes) >= len(labels) // classes // 10))


@surviving_modes.mistake(
    "always ten classes", "the even share of ten classes is taken here: divide by `classes`."
)
def _(labels, classes):
    return int(np.sum(np.bincount(labels, minlength=classes) >= 0.1 * len(labels) / 10))


@surviving_modes.mistake(
    "a fixed count",
    "a class counts here from 10 labels on: that is right only where an even share is 100 labels.",
)
def _(labels, classes):
    return int(np.sum(np.bincount(labels, minlength=classes) >= 10))


@surviving_modes.mistake("the missing ones", "these are the classes that are missing: count the others.")
def _(labels, classes):
    return classes - surviving_modes.reference(labels, classes)


@surviving_modes.mistake("all classes", "this is the number of all classes, whatever the labels are.")
def _(labels, classes):
    return classes


@surviving_modes.mistake(
    "the largest", "this is the count of the most frequent class: how many classes are left?"
)
def _(labels, classes):
    return int(np.bincount(labels).max())


def _features(count, *deviations):
    return _rng.normal(size=(count, len(deviations))) * deviations + _rng.normal(size=len(deviations))


@exercise(
    question="What is the squared Fréchet distance of two sets of features, if the features are independent?",
    insight="With independent features no root of a matrix is needed: each feature adds its own two squares.",
    cases=[
        (_features(40, 1.0, 3.0), _features(25, 2.0, 0.5)),
        (_features(30, 0.2, 1.0, 4.0), _features(30, 0.1, 2.0, 1.0)),
        (_features(20, 1.0, 1.0, 0.3, 2.0), _features(35, 0.5, 3.0, 0.3, 1.0)),
    ],
    hints=[
        "Each of the sets becomes one mean and one standard deviation for each feature (over axis 0).",
        "For one feature: the squared difference of the means, and the variances v + v' - 2·√(v·v').",
        "v + v' - 2·√(v·v') is (√v - √v')², so add up `(mean - other_mean)**2 + (std - other_std)**2`.",
    ],
)
def frechet(features, other):
    means = features.mean(axis=0) - other.mean(axis=0)
    deviations = features.std(axis=0) - other.std(axis=0)
    return float(np.sum(means**2 + deviations**2))


@frechet.mistake("means only", "only the means count here: two sets may differ in how far they spread.")
def _(features, other):
    return float(np.sum((features.mean(axis=0) - other.mean(axis=0)) ** 2))


@frechet.mistake(
    "deviations only", "only the deviations count here: add the squared differences of the means."
)
def _(features, other):
    return float(np.sum((features.std(axis=0) - other.std(axis=0)) ** 2))


@frechet.mistake("variances", "the squared difference of the *variances* is here: take their roots first.")
def _(features, other):
    spread = features.var(axis=0) - other.var(axis=0)
    return float(np.sum((features.mean(axis=0) - other.mean(axis=0)) ** 2 + spread**2))


@frechet.mistake("cross term forgotten", "the two variances are added here: subtract 2·√(v·v'), too.")
def _(features, other):
    spread = features.var(axis=0) + other.var(axis=0)
    return float(np.sum((features.mean(axis=0) - other.mean(axis=0)) ** 2 + spread))


@frechet.mistake("cross term once", "√(v·v') is subtracted once here: subtract it twice.")
def _(features, other):
    v, w = features.var(axis=0), other.var(axis=0)
    return float(np.sum((features.mean(axis=0) - other.mean(axis=0)) ** 2 + v + w - np.sqrt(v * w)))


@frechet.mistake("root of the product forgotten", "2·v·v' is subtracted here: take the root, 2·√(v·v').")
def _(features, other):
    v, w = features.var(axis=0), other.var(axis=0)
    return float(np.sum((features.mean(axis=0) - other.mean(axis=0)) ** 2 + v + w - 2 * v * w))


@frechet.mistake(
    "divided by N - 1",
    "the variances are divided by N - 1: that is `ddof=1`, or `np.cov`. Divide by N, as `np.var` does.",
)
def _(features, other):
    deviations = features.std(axis=0, ddof=1) - other.std(axis=0, ddof=1)
    return float(np.sum((features.mean(axis=0) - other.mean(axis=0)) ** 2 + deviations**2))


@frechet.mistake(
    "with all covariances",
    "this is the distance with the covariances: here the features are independent. Use the variances alone.",
)
def _(features, other):
    c, k = np.cov(features.T), np.cov(other.T)
    root = np.sqrt(np.linalg.eigvals(c @ k).astype(complex)).real.sum()
    return float(
        np.sum((features.mean(axis=0) - other.mean(axis=0)) ** 2) + np.trace(c) + np.trace(k) - 2 * root
    )


@frechet.mistake(
    "one mean for all features",
    "all features share one mean and one deviation here: each has its own, over axis 0.",
)
def _(features, other):
    return float((features.mean() - other.mean()) ** 2 + (features.std() - other.std()) ** 2)


@frechet.mistake("means not squared", "the differences of the means are not squared here: square them.")
def _(features, other):
    means = np.abs(features.mean(axis=0) - other.mean(axis=0))
    return float(np.sum(means + (features.std(axis=0) - other.std(axis=0)) ** 2))


@frechet.mistake("root taken", "this is the root of it: the squared distance is asked for, as in the field.")
def _(features, other):
    return frechet.reference(features, other) ** 0.5


@frechet.mistake("mean over features", "this is the mean over the features: add them up.")
def _(features, other):
    return frechet.reference(features, other) / features.shape[1]


@frechet.mistake("one value a feature", "there is one number for each feature here: add them up.")
def _(features, other):
    means = features.mean(axis=0) - other.mean(axis=0)
    return means**2 + (features.std(axis=0) - other.std(axis=0)) ** 2
