"""Lesson 10: Grad-CAM from maps and gradients, and the occlusion map."""

import numpy as np

from convlab.exercises.exercise import exercise


def _drawn(height, width, channels, seed):
    """Return maps, none negative, and gradients of any sign, (height, width, channels) each."""
    rng = np.random.default_rng(seed)
    maps = np.maximum(rng.normal(size=(height, width, channels)), 0)
    return maps.round(2), rng.normal(0.2, 1, (height, width, channels)).round(2)


CAM_CASES = [
    (  # small whole numbers, which can be followed by hand: the maps' weights are 1 and -2
        np.array([[[1.0, 0.0], [4.0, 1.0], [3.0, 0.0]], [[2.0, 3.0], [5.0, 2.0], [0.0, 1.0]]]),
        np.array([[[1.0, -1.0], [2.0, -3.0], [0.0, -2.0]], [[3.0, -4.0], [-1.0, 0.0], [1.0, -2.0]]]),
    ),
    _drawn(2, 3, 2, 0),
    _drawn(4, 3, 5, 1),
    _drawn(1, 6, 3, 2),
    _drawn(5, 5, 1, 5),
]


@exercise(
    insight="The ReLU keeps what speaks for the class; what speaks against it needs a map of its own.",
    question="What is the Grad-CAM heat map for these feature maps and gradients?",
    cases=CAM_CASES,
    hints=[
        "Three steps: a weight for each map; the sum of the weighted maps; what is negative becomes 0.",
        "The weight of a map is the mean of its gradient over all places: `gradients.mean(axis=(0, 1))`, one "
        "number for each channel.",
        "`maps * weights` multiplies each map by its weight, because the channels come last. Sum over axis 2, "
        "then `np.maximum(..., 0)`.",
    ],
)
def grad_cam(maps, gradients):
    weights = gradients.mean(axis=(0, 1))  # (C,)
    return np.maximum((maps * weights).sum(axis=2), 0)


@grad_cam.mistake(
    "ReLU forgotten", "right but for the negative values: what speaks *against* the class is cut off at 0."
)
def _without_relu(maps, gradients):
    return _weighted(maps, gradients).sum(axis=2)


@grad_cam.mistake(
    "absolute value for ReLU",
    "what speaks against the class is made positive here, so that it looks like evidence for it. Cut it "
    "off at 0.",
)
def _(maps, gradients):
    return np.abs(_without_relu(maps, gradients))


@grad_cam.mistake(
    "ReLU before the sum",
    "the ReLU comes too early, or negative weights are cut off: maps that speak against the class must be "
    "able to outweigh others. Add up first.",
)
def _(maps, gradients):
    return np.maximum(_weighted(maps, gradients), 0).sum(axis=2)


@grad_cam.mistake(
    "place by place",
    "each place is multiplied by its own gradient. Grad-CAM gives a *map* one weight, the mean of its "
    "gradient over all places.",
)
def _(maps, gradients):
    return np.maximum((maps * gradients).sum(axis=2), 0)


@grad_cam.mistake(
    "the axes of a batch",
    "`axis=(1, 2)` is right for a batch (N, H, W, C), as in the lesson. These gradients are (H, W, C): "
    "their rows and columns are the axes 0 and 1.",
)
def _(maps, gradients):
    return np.maximum((maps * gradients.mean(axis=(1, 2))).sum(axis=2), 0)


@grad_cam.mistake(
    "maps and gradients exchanged",
    "maps and gradients are exchanged: the *gradients* are averaged into weights, the *maps* are weighted.",
)
def _(maps, gradients):
    return np.maximum((gradients * maps.mean(axis=(0, 1))).sum(axis=2), 0)


@grad_cam.mistake(
    "no weights", "the maps are added up as they are: this shows where something is, whatever the class."
)
def _(maps, gradients):
    return np.maximum(maps.sum(axis=2), 0)


@grad_cam.mistake(
    "summed gradients",
    "the weights are sums over all places; the paper takes the mean. The picture is the same, the numbers "
    "grow with the size of the map.",
)
def _(maps, gradients):
    return np.maximum((maps * gradients.sum(axis=(0, 1))).sum(axis=2), 0)


@grad_cam.mistake(
    "mean over the channels",
    "the weighted maps are averaged; they should be added up, or a layer with more maps looks colder.",
)
def _(maps, gradients):
    return np.maximum(_weighted(maps, gradients).mean(axis=2), 0)


@grad_cam.mistake(
    "positive gradients only",
    "negative gradients are cut off before the mean is taken. They count: only the *sum* of the weighted "
    "maps is cut off at 0.",
)
def _(maps, gradients):
    return np.maximum((maps * np.maximum(gradients, 0).mean(axis=(0, 1))).sum(axis=2), 0)


@grad_cam.mistake(
    "size of the gradients",
    "the gradients have lost their sign, so that maps which speak against the class speak for it. Average "
    "them as they are.",
)
def _(maps, gradients):
    return np.maximum((maps * np.abs(gradients).mean(axis=(0, 1))).sum(axis=2), 0)


@grad_cam.mistake(
    "scaled to 1",
    "the heat is divided by its largest value. For drawing that is usual; here return it as it is.",
)
def _(maps, gradients):
    heat = np.maximum(_without_relu(maps, gradients), 0)
    return heat / max(heat.max(), 1e-12)


@grad_cam.mistake(
    "scaled to 1, even by 0",
    "the heat is divided by its largest value, which may be 0. For drawing that is usual; return it as it is.",
)
def _(maps, gradients):
    heat = np.maximum(_without_relu(maps, gradients), 0)
    return heat / heat.max()


@grad_cam.mistake(
    "averaged over the rows only",
    "the gradient is averaged over the rows only. A map has *one* weight: average over axes 0 and 1.",
)
def _(maps, gradients):
    return np.maximum((maps * gradients.mean(axis=0)).sum(axis=2), 0)


@grad_cam.mistake(
    "one weight for all maps",
    "all maps get the same weight, the mean of *all* gradients. Each map has a weight of its own: "
    "`gradients.mean(axis=(0, 1))`.",
)
def _(maps, gradients):
    return np.maximum((maps * gradients.mean()).sum(axis=2), 0)


@grad_cam.mistake(
    "gradients alone",
    "the maps are not used: the gradient says what *would* help, the map whether it is there.",
)
def _(maps, gradients):
    return np.maximum(gradients.sum(axis=2), 0)


@grad_cam.mistake(
    "weights along the channels",
    "the gradient is averaged over the channels. Average over rows and columns, axes 0 and 1: one weight "
    "for each channel.",
)
def _(maps, gradients):
    return np.maximum((maps * gradients.mean(axis=2, keepdims=True)).sum(axis=2), 0)


@grad_cam.mistake("not added up", "this is still one picture for each channel: add them up over axis 2.")
def _(maps, gradients):
    return np.maximum(_weighted(maps, gradients), 0)


def _weighted(maps, gradients):
    return maps * gradients.mean(axis=(0, 1))


class Score:
    """A network's score, much simplified: the pixels, weighted, and not in proportion to what is left."""

    def __init__(self, weights):
        self.weights = np.asarray(weights)

    def __call__(self, image):
        return float(np.sum(self.weights * image) ** 2 / 100)

    def __repr__(self):
        return "a function from an image to a number"


def _case(height, width, size, stride, seed):
    rng = np.random.default_rng(seed)
    image = rng.uniform(1, 9, (height, width)).round(1)
    return Score(rng.normal(0.5, 1, (height, width)).round(1)), image, size, stride


OCCLUSION_CASES = [_case(3, 4, 2, 1, 0), _case(5, 7, 2, 2, 1), _case(6, 5, 3, 1, 2), _case(4, 4, 1, 3, 3)]


@exercise(
    insight="Occlusion needs no gradient, only answers: it works for any model, at the price of many passes.",
    question="By how much does the score fall when a square is hidden, for each place of the square?",
    cases=OCCLUSION_CASES,
    hints=[
        "How many places are there along each side? Lesson 06 knows: (side - size) // stride + 1, starting at "
        "0, stride, 2 · stride, …",
        "For each place: a fresh copy of the image, the square in it set to 0, and the difference `score(image) - "
        "score(hidden)`.",
        "`rows = range(0, image.shape[0] - size + 1, stride)`, the same for columns; two loops; in them `hidden = "
        "image.copy()` and `hidden[row : row + size, column : column + size] = 0`.",
    ],
)
def occlusion(score, image, size, stride):
    rows, columns = (range(0, side - size + 1, stride) for side in image.shape)
    falls = np.zeros((len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            hidden = image.copy()
            hidden[row : row + size, column : column + size] = 0
            falls[i, j] = score(image) - score(hidden)
    return falls


@occlusion.mistake(
    "sign turned round",
    "the sign is turned round: a *fall* is the score of the whole image minus that of the hidden one.",
)
def _(score, image, size, stride):
    return -_falls(score, image, size, stride)


@occlusion.mistake("score instead of fall", "this is the score that is left; asked is by how much it falls.")
def _(score, image, size, stride):
    return score(image) - _falls(score, image, size, stride)


@occlusion.mistake(
    "last place missing",
    "the last place is missing: `range` stops before its end, so the end is side - size + 1.",
)
def _(score, image, size, stride):
    return _falls(score, image, size, stride, end=0)


@occlusion.mistake(
    "over the edge",
    "the square runs over the edge, where less of it hides anything. The last place starts at side - size.",
)
def _(score, image, size, stride):
    return _falls(score, image, size, stride, end=size)


@occlusion.mistake("stride not used", "the square moves by one pixel; it should move by `stride`.")
def _without_stride(score, image, size, stride):
    return _falls(score, image, size, stride, step=1)


@occlusion.mistake("moved by its own size", "the square moves by its own size; it should move by `stride`.")
def _(score, image, size, stride):
    return _falls(score, image, size, stride, step=size)


@occlusion.mistake(
    "filled with the mean",
    "the square is filled with the image's mean. That is a good idea in practice; here it is to be 0.",
)
def _(score, image, size, stride):
    return _falls(score, image, size, stride, fill=image.mean())


@occlusion.mistake(
    "places taken for pixels",
    "there are as many places as there should be, but the square stands at pixel (i, j) for place (i, j). "
    "It begins at i · stride, j · stride.",
)
def _(score, image, size, stride):
    """Count the places rightly, but hide place (i, j) at pixel (i, j)."""
    rows, columns = ((side - size) // stride + 1 for side in image.shape)
    return _without_stride(score, image, size, stride)[:rows, :columns]


@occlusion.mistake(
    "written at pixels",
    "each fall is written at the pixel where its square begins. The result has one value for each *place*: with "
    "stride 2, the square that begins at row 4 is place 2.",
)
def _(score, image, size, stride):
    falls = np.zeros([(side - size) // stride + 1 for side in image.shape])
    for row in range(0, image.shape[0] - size + 1, stride):
        for column in range(0, image.shape[1] - size + 1, stride):
            hidden = image.copy()
            hidden[row : row + size, column : column + size] = 0
            falls[row, column] = score(image) - score(hidden)
    return falls


@occlusion.mistake(
    "squares that end at size",
    "the square ends at `size`, wherever it begins: `hidden[row : row + size, column : column + size]`.",
)
def _(score, image, size, stride):
    rows, columns = (range(0, side - size + 1, stride) for side in image.shape)
    falls = np.zeros((len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            hidden = image.copy()
            hidden[row:size, column:size] = 0
            falls[i, j] = score(image) - score(hidden)
    return falls


@occlusion.mistake(
    "as large as the image",
    "this has the shape of the image, with zeros where no square begins. Return one value for each "
    "*place* of the square.",
)
def _(score, image, size, stride):
    falls = _falls(score, image, size, stride)
    large = np.zeros(image.shape)
    large[: stride * falls.shape[0] : stride, : stride * falls.shape[1] : stride] = falls
    return large


@occlusion.mistake(
    "relative fall", "each fall is divided by the score of the whole image. Return the difference as it is."
)
def _(score, image, size, stride):
    return _falls(score, image, size, stride) / score(image)


@occlusion.mistake(
    "made positive",
    "the falls have lost their sign: where hiding something makes the score rise, the fall is negative.",
)
def _(score, image, size, stride):
    return np.abs(_falls(score, image, size, stride))


@occlusion.mistake(
    "negative falls cut off",
    "negative falls are set to 0 here. Keep them: there the score *rises* when something is hidden.",
)
def _(score, image, size, stride):
    return np.maximum(_falls(score, image, size, stride), 0)


@occlusion.mistake(
    "filled with the darkest value",
    "the square is filled with the image's smallest value. For the lesson's images that is black; here "
    "it is to be 0.",
)
def _(score, image, size, stride):
    return _falls(score, image, size, stride, fill=image.min())


@occlusion.mistake("filled with one", "the square is filled with 1; it is to be 0.")
def _(score, image, size, stride):
    return _falls(score, image, size, stride, fill=1.0)


@occlusion.mistake(
    "never uncovered",
    "the squares pile up: once hidden, a place stays hidden. Take a fresh copy of the image for each place.",
)
def _(score, image, size, stride):
    rows, columns = (range(0, side - size + 1, stride) for side in image.shape)
    falls, hidden = np.zeros((len(rows), len(columns))), image.copy()
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            hidden[row : row + size, column : column + size] = 0
            falls[i, j] = score(image) - score(hidden)
    return falls


@occlusion.mistake(
    "on the image itself",
    "this paints into the image itself, so that every square stays and the caller's image is gone. Take "
    "`image.copy()` for each place.",
)
def _(score, image, size, stride):
    whole = score(image)
    rows, columns = (range(0, side - size + 1, stride) for side in image.shape)
    falls = np.zeros((len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            hidden = image
            hidden[row : row + size, column : column + size] = 0
            falls[i, j] = whole - score(hidden)
    return falls


@occlusion.mistake(
    "rows and columns swapped", "rows and columns are swapped: the first axis of the map goes down the image."
)
def _(score, image, size, stride):
    return _falls(score, image, size, stride).T


@occlusion.mistake(
    "in one row", "the values are right, but in one row: give them the shape (rows, columns) of the places."
)
def _(score, image, size, stride):
    return _falls(score, image, size, stride).ravel()


@occlusion.mistake(
    "all but the square hidden",
    "everything *but* the square is hidden here. Hide the square and leave the rest.",
)
def _(score, image, size, stride):
    rows, columns = (range(0, side - size + 1, stride) for side in image.shape)
    falls = np.zeros((len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            shown = np.zeros_like(image)
            shown[row : row + size, column : column + size] = image[row : row + size, column : column + size]
            falls[i, j] = score(image) - score(shown)
    return falls


def _falls(score, image, size, stride, fill=0.0, end=1, step=None):
    """Return what the reference does, with other squares: that is what some wrong answers share."""
    step = step or stride
    rows, columns = (range(0, side - size + end, step) for side in image.shape)
    falls = np.zeros((len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            hidden = image.copy()
            hidden[row : row + size, column : column + size] = fill
            falls[i, j] = score(image) - score(hidden)
    return falls


_draw = np.random.default_rng(10)
FGSM_CASES = [
    (np.array([[0.0, 0.5], [0.95, 0.3]]), np.array([[-3.0, 0.001], [2.0, 0.0]]), 0.1),
    (_draw.random((3, 4)).round(2), _draw.normal(size=(3, 4)).round(2), 0.2),
    (_draw.random((2, 5)).round(2), 100 * _draw.normal(size=(2, 5)).round(3), 0.05),
]


@exercise(
    insight="Only the sign counts, so every pixel moves by the same small amount, and all push the loss up.",
    question="Which image does the fast gradient sign method make?",
    cases=FGSM_CASES,
    hints=[
        "Each pixel moves by epsilon, up or down. Which of the two raises the loss?",
        "The loss rises where a pixel moves in the direction of its gradient's sign: `np.sign(gradient)`.",
        "`image + epsilon * np.sign(gradient)`; then cut off what lies below 0 or above 1, with `np.clip`.",
    ],
)
def fgsm(image, gradient, epsilon):
    return np.clip(image + epsilon * np.sign(gradient), 0, 1)


@fgsm.mistake(
    "not clipped",
    "right, but some values lie below 0 or above 1, which no image has: cut them off with `np.clip`.",
)
def _(image, gradient, epsilon):
    return image + epsilon * np.sign(gradient)


@fgsm.mistake(
    "gradient for sign",
    "this adds the gradient itself. The method uses only its sign, so that each pixel moves equally far.",
)
def _(image, gradient, epsilon):
    return np.clip(image + epsilon * gradient, 0, 1)


@fgsm.mistake(
    "downhill",
    "this lowers the loss, as training does with weights. Here the loss is to rise: add, not subtract.",
)
def _(image, gradient, epsilon):
    return np.clip(image - epsilon * np.sign(gradient), 0, 1)


@fgsm.mistake(
    "gradient for sign, not clipped",
    "two things: the method uses only the gradient's sign, so that each pixel moves equally far; and values "
    "below 0 or above 1 are to be cut off.",
)
def _(image, gradient, epsilon):
    return image + epsilon * gradient


@fgsm.mistake(
    "downhill, not clipped",
    "two things: this lowers the loss, and it is to rise, so add; and values below 0 or above 1 are to be cut off.",
)
def _(image, gradient, epsilon):
    return image - epsilon * np.sign(gradient)


@fgsm.mistake("epsilon left out", "`epsilon` is not used: each pixel moves by 1, from black to white.")
def _(image, gradient, epsilon):
    return np.clip(image + np.sign(gradient), 0, 1)


@fgsm.mistake(
    "gradient scaled to one",
    "the gradient is divided by its largest value, so most pixels move by less than epsilon. Use its sign.",
)
def _(image, gradient, epsilon):
    return np.clip(image + epsilon * gradient / np.abs(gradient).max(), 0, 1)


@fgsm.mistake("the change alone", "this is the change of the image. Return the changed image.")
def _(image, gradient, epsilon):
    return epsilon * np.sign(gradient)


@fgsm.mistake(
    "clipped at one end only",
    "values above 1 are cut, those below 0 are not: `np.clip(…, 0, 1)` does both.",
)
def _(image, gradient, epsilon):
    return np.minimum(image + epsilon * np.sign(gradient), 1)


@fgsm.mistake(
    "clipped at 255",
    "the image holds values from 0 to 1, so white is 1 and not 255: `np.clip(…, 0, 1)`.",
)
def _(image, gradient, epsilon):
    return np.clip(image + epsilon * np.sign(gradient), 0, 255)


@fgsm.mistake(
    "raised everywhere",
    "every pixel gets brighter here. Where the gradient is negative, a *darker* pixel raises the loss: "
    "`np.sign` keeps the sign, `np.abs` and `> 0` lose it.",
)
def _(image, gradient, epsilon):
    return np.clip(image + epsilon * (gradient != 0), 0, 1)


@fgsm.mistake(
    "only where the gradient is positive",
    "pixels with a negative gradient stay as they are. They must get darker by epsilon: `np.sign` gives -1 there.",
)
def _(image, gradient, epsilon):
    return np.clip(image + epsilon * (gradient > 0), 0, 1)


@fgsm.mistake(
    "a zero counted as positive",
    "a pixel whose gradient is exactly 0 gets brighter here. It stays as it is: `np.sign` gives 0 there.",
)
def _(image, gradient, epsilon):
    return np.clip(np.where(gradient >= 0, image + epsilon, image - epsilon), 0, 1)


@fgsm.mistake(
    "a zero counted as negative",
    "where the gradient is exactly 0, the pixel stays as it is: `np.sign` gives 0 there.",
)
def _(image, gradient, epsilon):
    return np.clip(np.where(gradient > 0, image + epsilon, image - epsilon), 0, 1)
