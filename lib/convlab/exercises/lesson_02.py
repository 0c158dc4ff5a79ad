"""Lesson 02: a softmax that does not overflow, the gradient of its cross-entropy, a confusion matrix read."""

import numpy as np

from convlab.exercises.exercise import Exercise, Mistake, exercise

# Never as many rows as columns: broadcasting along the wrong axis then shows.
SMALL = np.array([[2.0, 1.0, -1.0], [0.0, 3.0, 1.0]])
SOFTMAX_CASES = [
    (SMALL,),
    (np.array([[1000.0, 999.0, 0.0], [-5.0, 0.0, 5.0]]),),
    (np.array([[-1001.0, -1000.0, -1003.0, -1002.0]]),),
    (np.array([[0.0, 0.5], [800.0, -800.0], [7.0, 3.0]]),),
]


@exercise(
    insight="Adding a number to all logits changes nothing, so the maximum may always be subtracted.",
    question="What is the softmax of each row of the logits, even where they are in the thousands?",
    cases=SOFTMAX_CASES,
    hints=[
        "Two steps: shift every row so that no exponential can overflow, then exponentiate and share out.",
        "The shift that always works is the row's own maximum: `logits.max(axis=1, keepdims=True)`. "
        "After it the largest exponential is e⁰ = 1.",
        "`powers = np.exp(logits - logits.max(axis=1, keepdims=True))`, then divide `powers` by its own sum "
        "along axis 1, with keepdims again.",
    ],
)
def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))  # (N, classes), none above 1
    return powers / powers.sum(axis=1, keepdims=True)


@softmax.mistake(
    "overflow",
    "right for small logits, but e to the power of 1000 is infinite and infinity / infinity is NaN "
    "(and e to the power of -1000 is 0, so 0 / 0). Shift each row before you exponentiate.",
)
def _naive(logits):
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True)


@softmax.mistake(
    "one maximum for the whole batch",
    "this takes away the largest logit of the *whole batch*. A row far below it becomes all zeros, "
    "and 0 / 0 is NaN: one image's logits must not decide another's. Each row has its own maximum.",
)
def _(logits):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum(axis=1, keepdims=True)


@softmax.mistake(
    "mean instead of maximum",
    "taking away the mean leaves logits that can still be hundreds above 0, and they overflow. "
    "Only the maximum makes sure that nothing stands above 0.",
)
def _(logits):
    powers = np.exp(logits - logits.mean(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@softmax.mistake(
    "one sum for the whole batch",
    "the whole batch adds up to 1 here; each *row* must, for each image has its own probabilities.",
)
def _(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum()


@softmax.mistake(
    "the lesson's softmax",
    "this is the lesson's softmax for *one* image: on a batch `sum()` adds up all images. Sum each row "
    "(`axis=1, keepdims=True`), and shift it first, or large logits overflow.",
)
def _softmax_of_one_image(logits):
    powers = np.exp(logits)
    return powers / powers.sum()


@softmax.mistake(
    "the lesson's softmax, shifted",
    "right for *one* image. On a batch, `max()` and `sum()` without an axis go over all images; "
    "each row has its own maximum and its own sum: `axis=1, keepdims=True`.",
)
def _(logits):
    return _softmax_of_one_image(logits - logits.max())


@softmax.mistake(
    "clipped",
    "clipping avoids the overflow, but makes 1000 and 999 the same, and only differences count. "
    "A shift keeps them.",
)
def _(logits):
    return _naive(np.clip(logits, -700, 700))


@softmax.mistake(
    "along the batch",
    "this goes down the columns: the images compete with each other for one class. "
    "The classes of one image stand along axis 1.",
)
def _(logits):
    powers = np.exp(logits - logits.max(axis=0))
    return powers / powers.sum(axis=0)


@softmax.mistake(
    "keepdims forgotten",
    "maximum and sum along axis 1 have the shape (N,), which does not line up with (N, classes) "
    "(and lines up *wrongly* if N equals the number of classes). `keepdims=True` makes it (N, 1).",
)
def _(logits):
    powers = np.exp(logits - logits.max(axis=1))
    return powers / powers.sum(axis=1)


@softmax.mistake(
    "not shared out",
    "the powers are right, and safe, but a row does not add up to 1 yet: divide it by its own sum.",
)
def _(logits):
    return np.exp(logits - logits.max(axis=1, keepdims=True))


@softmax.mistake(
    "logarithms", "these are the logarithms of the probabilities. The exponential of them is asked for."
)
def _(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


@softmax.mistake(
    "argument overwritten",
    "the values are right, but `-=` changed the caller's own logits. "
    "Write `shifted = logits - …`, which makes a new array.",
)
def _(logits):
    logits -= logits.max(axis=1, keepdims=True)
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True)


# Labels repeat and are not in order; one case has logits that overflow unless they are shifted.
GRADIENT_CASES = [
    (SMALL, np.array([1, 0])),
    (np.array([[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 2.0, 0.5], [0.0, -1.0, 0.0, 3.0]]), np.array([2, 2, 0])),
    (
        np.array([[0.5, -0.5, 2.0], [3.0, 1.0, 1.0], [0.0, 2.0, -2.0], [1.0, 4.0, 2.0]]),
        np.array([1, 0, 1, 2]),
    ),
    (np.array([[1000.0, 2.0, 999.0], [0.0, -1000.0, 1.0]]), np.array([2, 0])),
    (
        np.array([[1.0, 0.0, 3.0], [2.0, 2.0, -1.0], [0.5, 1.0, 0.0]]),
        np.array([2, 0, 2]),
    ),  # as many rows as classes
]


@exercise(
    insight="Probability minus truth is never larger than 1, so even a very wrong answer gives a gradient of safe size.",
    question="What is the gradient of the batch's mean cross-entropy with respect to the logits?",
    cases=GRADIENT_CASES,
    hints=[
        "You know it for one image: probability minus truth. For a batch, each row has its own label, "
        "and the loss is the mean over the rows.",
        "`probabilities[np.arange(N), labels]` is one entry of each row: that of its own label. "
        "From these, and only these, 1 is taken away.",
        "Softmax of every row (shifted by its maximum), then `[np.arange(N), labels] -= 1` in that new "
        "array, then divide by N.",
    ],
)
def cross_entropy_gradient(logits, labels):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    gradient = powers / powers.sum(axis=1, keepdims=True)  # the probabilities, (N, classes)
    gradient[np.arange(len(labels)), labels] -= 1
    return gradient / len(labels)


@cross_entropy_gradient.mistake(
    "labels subtracted",
    "this subtracts `labels` itself, the *numbers* of the classes, of shape (N,). The truth is a row of zeros "
    "with a single 1 for each image: subtract 1 at `[np.arange(N), labels]`, or `np.eye(classes)[labels]`.",
)
def _(logits, labels):
    return (softmax.reference(logits) - labels) / len(labels)


@cross_entropy_gradient.mistake(
    "labels subtracted, not divided",
    "this subtracts `labels` itself, the *numbers* of the classes, of shape (N,). The truth is a row of zeros "
    "with a single 1 for each image. Then divide by N, for the loss is a mean.",
)
def _(logits, labels):
    return softmax.reference(logits) - labels


@cross_entropy_gradient.mistake(
    "sum instead of mean",
    "this is the gradient of the summed loss: divide by the number of images, "
    "or the right learning rate changes with the batch size.",
)
def _gradient_of_sum(logits, labels):
    return _truth_out_of(softmax.reference(logits), labels)


@cross_entropy_gradient.mistake(
    "mean over classes too",
    "this divides by the number of images times the number of classes. "
    "The loss is one number for each image; its mean divides by N only.",
)
def _(logits, labels):
    return _truth_out_of(softmax.reference(logits), labels) / logits.size


@cross_entropy_gradient.mistake(
    "sign turned round",
    "the sign is turned round: truth minus probability points downhill. "
    "The gradient points uphill, and training subtracts it.",
)
def _(logits, labels):
    return -_truth_out_of(softmax.reference(logits), labels) / len(labels)


@cross_entropy_gradient.mistake(
    "truth not taken away",
    "these are the probabilities alone. The loss must fall when the true class's logit rises: "
    "where is the 1 taken away?",
)
def _(logits, labels):
    return softmax.reference(logits) / len(labels)


@cross_entropy_gradient.mistake(
    "every label in every row",
    "`[:, labels]` means *all* rows at those columns, so each image loses a 1 at the label of every image. "
    "`[np.arange(N), labels]` picks one entry per row.",
)
def _(logits, labels):
    change = softmax.reference(logits)
    change[:, labels] -= 1
    return change / len(labels)


@cross_entropy_gradient.mistake(
    "labels taken for rows",
    "`[labels]` picks whole *rows*, those of the images numbered like the labels. "
    "`[np.arange(N), labels]` picks one entry of each row: that of its own label.",
)
def _(logits, labels):
    change = softmax.reference(logits)
    change[labels] -= 1
    return change / len(labels)


@cross_entropy_gradient.mistake(
    "one slope per image",
    "this is one slope for each image, that of its true class. Every logit has a slope: "
    "the result has the shape of the logits, and the mean's 1/N belongs to it too.",
)
def _(logits, labels):
    return softmax.reference(logits)[np.arange(len(labels)), labels] - 1


@cross_entropy_gradient.mistake(
    "averaged over the images",
    "this averages the slopes over the images, one row for all. The *loss* is a mean; its gradient "
    "has a row for each image, with 1/N in every entry.",
)
def _(logits, labels):
    return _gradient_of_sum(logits, labels).mean(axis=0)


@cross_entropy_gradient.mistake(
    "labels taken for numbers",
    "the label itself is subtracted: 2 for class 2. The truth is 1 at the right class and 0 elsewhere.",
)
def _(logits, labels):
    return (softmax.reference(logits) - labels[:, None]) / len(labels)


@cross_entropy_gradient.mistake(
    "truth in every entry",
    "1 is taken away from every entry. The truth is 1 at the right class only, and 0 elsewhere.",
)
def _(logits, labels):
    return (softmax.reference(logits) - 1) / len(labels)


@cross_entropy_gradient.mistake(
    "only the true class",
    "the entries of the other classes are 0 here. But softmax shares out: raising a wrong class's "
    "logit takes probability from the truth, so the loss has a slope there too.",
)
def _(logits, labels):
    each = np.arange(len(labels))
    change = np.zeros(logits.shape)
    change[each, labels] = softmax.reference(logits)[each, labels] - 1
    return change / len(labels)


@cross_entropy_gradient.mistake(
    "overflow",
    "right for small logits; for those around 1000 the exponential overflows to infinity and "
    "NaN comes out. Shift each row by its maximum first.",
)
def _(logits, labels):
    return _truth_out_of(_naive(logits), labels) / len(labels)


@cross_entropy_gradient.mistake(
    "softmax forgotten",
    "this takes the 1 away from the logits themselves. Turn them into probabilities first.",
)
def _(logits, labels):
    return _truth_out_of(logits, labels) / len(labels)


@cross_entropy_gradient.mistake(
    "with respect to the probabilities",
    "-1/p is the slope of -log p along the *probability*. Asked for is the slope along the logits, "
    "so the chain rule must go on through softmax.",
)
def _(logits, labels):
    each = np.arange(len(labels))
    change = np.zeros(logits.shape)
    change[each, labels] = -1 / softmax.reference(logits)[each, labels]
    return change / len(labels)


def _truth_out_of(probabilities, labels):
    """Return probabilities minus one at each row's own label."""
    change = probabilities.copy()
    change[np.arange(len(labels)), labels] -= 1
    return change


# One hundred images of three classes, unequal on purpose; truth down, prediction across.
MATRIX_NAMES = ("3", "5", "8")
MATRIX = np.array([[42, 6, 2], [12, 24, 4], [0, 2, 8]])

read_matrix = Exercise(
    lesson="lesson_02",
    name="read_matrix",
    insight="Recall reads a row of the matrix, precision a column: two different questions about one class.",
    question="What are (the accuracy, the recall of class 5, the precision of class 5) of this matrix?",
    reference=(0.74, 0.6, 0.75),
    hints=(
        "Each row is a true class, each column an answer. The right answers stand on the diagonal.",
        "Accuracy: the diagonal's sum over the sum of all. Recall looks along a *row* (all true 5s), "
        "precision down a *column* (all that were called 5).",
        "The row of 5 is 12, 24, 4; its column is 6, 24, 2. In both, 24 are right.",
    ),
    tolerance=1e-3,
    mistakes=(
        Mistake(
            "rows and columns swapped",
            (0.74, 0.75, 0.6),
            "recall and precision are swapped: truth runs down, prediction across. Recall asks of the true "
            "5s (a row) how many were found; precision of those called 5 (a column) how many are 5s.",
        ),
        Mistake(
            "per cent",
            (74, 60, 75),
            "these are the right three as percentages; give them as shares of 1, like 0.25.",
        ),
        Mistake(
            "mean of the recalls",
            (224 / 300, 0.6, 0.75),
            "recall and precision are right, but the accuracy is the mean of the three recalls. The classes "
            "are not equally frequent here: accuracy is all right answers over all images.",
        ),
        Mistake(
            "shares of all images",
            (0.74, 0.24, 0.24),
            "recall and precision divide by all 100 images here. Recall divides by the true 5s alone, "
            "precision by those called 5 alone.",
        ),
        Mistake(
            "errors instead of right answers",
            (0.26, 0.4, 0.25),
            "these are the shares that went wrong. Asked for are the shares that are right: 1 minus each.",
        ),
        Mistake(
            "errors for recall and precision",
            (0.74, 0.4, 0.25),
            "the accuracy is right; the other two are the shares that went wrong. Take 1 minus each.",
        ),
        Mistake(
            "accuracy of one class",
            (0.24, 0.6, 0.75),
            "recall and precision are right, but the accuracy counts the 5s alone: add up the whole diagonal.",
        ),
        Mistake(
            "first class taken",
            (0.74, 0.84, 42 / 54),
            "recall and precision are those of class 3, the first row and column; class 5 is the second.",
        ),
    ),
)
