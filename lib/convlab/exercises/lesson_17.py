"""Lesson 17: what trains when layers are frozen, one step of a linear probe, and an image as in pretraining."""

import numpy as np

from convlab.exercises.exercise import exercise

_rng = np.random.default_rng(17)

# (kernel size, inputs, outputs) of each convolution, from the front
_FIRE2 = ((3, 3, 64), (1, 64, 16), (1, 16, 64), (3, 16, 64))
_PLAIN = ((3, 1, 4), (3, 4, 6), (1, 6, 10))


@exercise(
    insight="The first layers have few weights, so freezing them saves time rather than parameters.",
    question="How many weights still train when the first `frozen` convolutions of a network are frozen?",
    tolerance=0,
    cases=[(_PLAIN, 1), (_FIRE2, 2), (_FIRE2, 0), (_PLAIN, 2)],
    hints=[
        "What is frozen is taken from the front. Which convolutions are left?",
        "A convolution has size · size · inputs weights for each of its outputs, and one bias for each.",
        "`sum(size * size * inputs * outputs + outputs for size, inputs, outputs in layers[frozen:])`",
    ],
)
def trained_weights(layers, frozen):
    return sum(size * size * inputs * outputs + outputs for size, inputs, outputs in layers[frozen:])


@trained_weights.mistake("biases forgotten", "the biases are missing: a convolution has one for each output.")
def _(layers, frozen):
    return sum(size * size * inputs * outputs for size, inputs, outputs in layers[frozen:])


@trained_weights.mistake("the frozen ones", "these are the weights that are frozen: count the others.")
def _(layers, frozen):
    return trained_weights.reference(layers[:frozen], 0)


@trained_weights.mistake("all of them", "this is the whole network: frozen weights do not train.")
def _(layers, frozen):
    return trained_weights.reference(layers, 0)


@trained_weights.mistake(
    "one too many frozen",
    "one convolution too many is frozen: `layers[frozen:]` begins behind the frozen ones.",
)
def _(layers, frozen):
    return trained_weights.reference(layers, frozen + 1)


@trained_weights.mistake(
    "only the last one",
    "only the last convolution is counted: those between it and the frozen ones train, too.",
)
def _(layers, frozen):
    return trained_weights.reference(layers[-1:], 0)


@trained_weights.mistake(
    "frozen from the end",
    "the last convolutions are frozen here. Freeze the first ones, whose features are general.",
)
def _(layers, frozen):
    return trained_weights.reference(layers[: len(layers) - frozen], 0)


@trained_weights.mistake(
    "sides instead of squares", "a kernel has size · size pixels, not size: square the size."
)
def _(layers, frozen):
    return sum(size * inputs * outputs + outputs for size, inputs, outputs in layers[frozen:])


def _probe_case(images, maps, classes, rate):
    labels = _rng.permutation(np.arange(images) % classes)
    return _rng.normal(size=(images, maps)), labels, _rng.normal(size=(maps, classes)), rate


@exercise(
    insight="It is lesson 02's step; only the inputs are features that another network computed.",
    question="What are the weights of a linear probe after one step of gradient descent on the cross-entropy?",
    cases=[_probe_case(5, 4, 3, 0.5), _probe_case(7, 2, 4, 0.1), _probe_case(3, 3, 2, 1.0)],
    hints=[
        "The features do not change, they are data. The logits are `features @ weights`; lesson 02 has the "
        "gradient of softmax and cross-entropy.",
        "The error of each logit is its softmax share, less 1 for the true class. The gradient of the weights is "
        "the features times these errors, as a *mean* over the images.",
        "`errors = softmax(features @ weights) - np.eye(classes)[labels]`; the answer is `weights - rate * "
        "features.T @ errors / len(features)`.",
    ],
)
def probe_step(features, labels, weights, rate):
    logits = features @ weights
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    errors = shares - np.eye(weights.shape[1])[labels]
    return weights - rate * features.T @ errors / len(features)


def _step(
    features, labels, weights, rate, *, softmax=1, errors=lambda shares, wanted: shares - wanted, share=None
):
    """Return the weights after a step whose parts can be got wrong one by one."""
    logits = features @ weights
    if softmax is not None:
        logits = np.exp(logits - logits.max(axis=softmax, keepdims=True))
        logits = logits / logits.sum(axis=softmax, keepdims=True)
    wrong = errors(logits, np.eye(weights.shape[1])[labels])
    return weights - rate * features.T @ wrong / (share or len(features))


@probe_step.mistake("uphill", "this steps up the gradient: the loss grows. Subtract the gradient.")
def _(features, labels, weights, rate):
    return _step(features, labels, weights, -rate)


@probe_step.mistake(
    "sum instead of mean", "the gradient is summed over the images: divide it by their number."
)
def _(*case):
    return _step(*case, share=1)


@probe_step.mistake(
    "mean over classes", "the gradient is divided by the number of classes: divide by that of images."
)
def _(features, labels, weights, rate):
    return _step(features, labels, weights, rate, share=weights.shape[1])


@probe_step.mistake("softmax forgotten", "the logits are compared with 0 and 1: put the softmax between.")
def _(*case):
    return _step(*case, softmax=None)


@probe_step.mistake(
    "softmax over images", "the softmax runs over the images: the shares of one image add up to 1."
)
def _(*case):
    return _step(*case, softmax=0)


@probe_step.mistake(
    "labels forgotten", "the true class is not subtracted from the shares, so the labels do not count."
)
def _(*case):
    return _step(*case, errors=lambda shares, wanted: shares)


@probe_step.mistake("learning rate forgotten", "the step is the whole gradient: multiply it by the rate.")
def _(features, labels, weights, rate):
    return _step(features, labels, weights, 1)


@probe_step.mistake(
    "only the gradient", "this is the gradient alone: subtract it, times the rate, from the weights."
)
def _(features, labels, weights, rate):
    return weights - _step(features, labels, weights, 1)


@probe_step.mistake(
    "weight decay included",
    "this has the weight decay of the lesson's own probe, 0.01. The exercise asks for the step on the cross-entropy "
    "alone: leave `0.01 * weights` out.",
)
def _(features, labels, weights, rate):
    return _step(features, labels, weights, rate) - rate * 0.01 * weights


@probe_step.mistake(
    "weight decay without the rate",
    "this makes the weights 1 % smaller in each step. The exercise asks for the step on the cross-entropy alone, "
    "without weight decay.",
)
def _(features, labels, weights, rate):
    return _step(features, labels, weights, rate) - 0.01 * weights


@probe_step.mistake("only the change", "this is the change alone: add it to the weights.")
def _(features, labels, weights, rate):
    return _step(features, labels, weights, rate) - weights


@probe_step.mistake(
    "unchanged", "the weights are as before: a probe's own weights do train. Its features do not."
)
def _(features, labels, weights, rate):
    return weights


_MEAN = np.array([104.006, 116.669, 122.679])


def _picture(height, width):
    return _rng.integers(0, 256, (height, width, 3), dtype="uint8")


@exercise(
    insight="A wrong order of colours raises no error: compare with the preprocessing of the pretraining.",
    question="What does a network see of a photograph, red first, if its pretraining had blue first, less a mean?",
    cases=[(_picture(2, 3), _MEAN), (_picture(3, 3), _MEAN), (_picture(4, 1), np.array([1.5, 20.0, 90.0]))],
    hints=[
        "Two things happen to each pixel. The mean is in the order of the pretraining: blue, green, red.",
        "Reverse the *last* axis, then subtract. Make floats first: uint8 has no negative numbers.",
        "`image[..., ::-1].astype(float) - mean`",
    ],
)
def as_pretrained(image, mean):
    return image[..., ::-1].astype(float) - mean


@as_pretrained.mistake(
    "colours not reversed", "red still comes first: the network takes it for blue. Reverse the last axis."
)
def _(image, mean):
    return image.astype(float) - mean


@as_pretrained.mistake(
    "reversed after the mean",
    "the mean of blue is subtracted from red: reverse the colours first, then subtract.",
)
def _(image, mean):
    return (image.astype(float) - mean)[..., ::-1]


@as_pretrained.mistake(
    "mean forgotten", "the mean is not subtracted: the network was trained on numbers around 0."
)
def _(image, mean):
    return image[..., ::-1].astype(float)


@as_pretrained.mistake("mean added", "the mean is added: subtract it.")
def _(image, mean):
    return image[..., ::-1].astype(float) + mean


@as_pretrained.mistake(
    "rows reversed", "the picture stands on its head and its colours are as before: reverse the last axis."
)
def _(image, mean):
    return image[::-1].astype(float) - mean


@as_pretrained.mistake(
    "columns reversed",
    "this is the mirror image, its colours as before: reverse the last axis, not the columns.",
)
def _(image, mean):
    return image[:, ::-1].astype(float) - mean


@as_pretrained.mistake(
    "everything reversed",
    "rows and columns are reversed as well: `[..., ::-1]` reverses the last axis alone.",
)
def _(image, mean):
    return image[::-1, ::-1, ::-1].astype(float) - mean


@as_pretrained.mistake(
    "whole numbers",
    "negative numbers have become large ones: uint8 has none. Make floats before you subtract.",
)
def _(image, mean):
    return image[..., ::-1] - mean.astype("uint8")


@as_pretrained.mistake(
    "between 0 and 1", "the pixels are divided by 255: this network was trained on pixels from 0 to 255."
)
def _(image, mean):
    return image[..., ::-1] / 255 - mean / 255


@as_pretrained.mistake(
    "the image's own mean", "the mean of this image is subtracted: take the one of the pretraining."
)
def _(image, mean):
    return image[..., ::-1] - image[..., ::-1].mean(axis=(0, 1))
