"""Detection: boxes and their overlap, average precision, R-CNN and its two successors, a one-stage detector.

R. Girshick et al. 2014 (R-CNN, arXiv:1311.2524), R. Girshick 2015 (Fast R-CNN, arXiv:1504.08083), S. Ren et
al. 2015 (Faster R-CNN, arXiv:1506.01497), K. He et al. 2017 (RoIAlign, arXiv:1703.06870), Z. Tian et al. 2019
(FCOS, arXiv:1904.01355). A box is x_min, y_min, x_max, y_max in pixels: edges, so that a box from 0 to 3 is 3
pixels wide. Lesson 18.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from convlab.applications.transfer import Probe, fit_probe
from convlab.datasets.boxes import Boxed
from convlab.layers import softmax
from convlab.networks import detectors
from convlab.networks.pretrained import centred, prepare
from convlab.training import batch_rows

__all__ = [
    "THRESHOLDS",
    "Found",
    "OneStage",
    "RegionHead",
    "RegionProposer",
    "anchor_sizes",
    "area",
    "assign",
    "augment",
    "average_precision",
    "contrast_proposals",
    "count_error",
    "crop_features",
    "decode",
    "encode",
    "evaluate",
    "fit_head",
    "iou",
    "label_regions",
    "matches",
    "nms",
    "precision_recall",
    "resize",
    "roi_align",
    "shared_maps",
    "windows",
]

THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10))
"""The overlaps at which COCO asks whether an object was found; AP is the mean over them, AP50 the first."""


# --- boxes


def area(boxes: np.ndarray) -> np.ndarray:
    """Return the area of each box in square pixels, (N,); boxes: (N, 4).

    >>> area([[0, 0, 4, 3]])
    array([12.])
    """
    boxes = _as_boxes(boxes)
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _as_boxes(boxes):
    """Return boxes as floats (N, 4); ValueError for another shape."""
    boxes = np.asarray(boxes, float)
    if boxes.size == 0:
        return np.zeros((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes of shape {boxes.shape}: give (N, 4), each x_min, y_min, x_max, y_max")
    return boxes


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each box of `a` with each of `b`, (A, B), from 0 to 1.

    a: (A, 4), b: (B, 4). Two boxes without any area have an overlap of 0. ValueError for other shapes.
    Everingham et al. 2010 (the PASCAL VOC challenge), section 4.2. Lesson 18.

    >>> iou([[0, 0, 4, 4]], [[2, 0, 6, 4], [4, 4, 8, 8]]).round(3)
    array([[0.333, 0.   ]])
    """
    a, b = _as_boxes(a), _as_boxes(b)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    union = area(a)[:, None] + area(b)[None] - shared
    return shared / np.where(union > 0, union, 1)


def nms(boxes: np.ndarray, scores: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Return the rows that non-maximum suppression keeps, the best one first: int64 (K,).

    The best box stays, and all that overlap it by more than `threshold` go; then the best of what is left.
    Of equal scores the earlier row is the better one. Girshick et al. 2014, section 2.2. Lesson 18.

    Args:
        boxes: (N, 4).
        scores: (N,).
        threshold: an IoU; 1 keeps all.

    >>> nms([[0, 0, 4, 4], [1, 0, 5, 4], [9, 9, 12, 12]], [0.8, 0.9, 0.3]).tolist()
    [1, 2]
    """
    boxes, scores = _as_boxes(boxes), np.asarray(scores, float)
    if scores.shape != (len(boxes),):
        raise ValueError(
            f"{len(boxes)} boxes and scores of shape {scores.shape}: give one score for each box"
        )
    kept, left = [], np.argsort(-scores, kind="stable")
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[iou(boxes[[best]], boxes[left])[0] <= threshold]
    return np.array(kept, np.int64)


def encode(regions: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return what leads from each region to its box, (N, 4): shift over size, and logarithm of the growth.

    Girshick et al. 2014, appendix C. `decode` is the inverse. Lesson 18.

    >>> encode([[0, 0, 10, 10]], [[5, 0, 15, 20]]).round(3)
    array([[0.5  , 0.5  , 0.   , 0.693]])
    """
    regions, boxes = _as_boxes(regions), _as_boxes(boxes)
    sizes, wanted = regions[:, 2:] - regions[:, :2], boxes[:, 2:] - boxes[:, :2]
    middles = (boxes[:, :2] + boxes[:, 2:] - regions[:, :2] - regions[:, 2:]) / 2
    return np.concatenate([middles / sizes, np.log(wanted / sizes)], axis=1)


def decode(regions: np.ndarray, deltas: np.ndarray) -> np.ndarray:
    """Return the boxes to which `deltas` lead from `regions`, (N, 4); no box grows more than 16 times.

    >>> decode([[0, 0, 10, 10]], [[0.5, 0.5, 0, np.log(2)]])
    array([[ 5.,  0., 15., 20.]])
    """
    regions, deltas = _as_boxes(regions), np.asarray(deltas, float)
    sizes = regions[:, 2:] - regions[:, :2]
    middles = (regions[:, :2] + regions[:, 2:]) / 2 + deltas[:, :2] * sizes
    halves = sizes * np.exp(np.minimum(deltas[:, 2:], np.log(16))) / 2
    return np.concatenate([middles - halves, middles + halves], axis=1)


def _clipped(boxes, height, width):
    """Return the part of each box that lies in the image."""
    return boxes.clip(0, [width, height, width, height])


# --- how good detections are


@dataclass(frozen=True, eq=False)
class Found:
    """What a detector finds in one image, the best first: `boxes` (n, 4), `labels` (n,), `scores` (n,)."""

    boxes: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    scores: np.ndarray = field(repr=False)

    def above(self, score: float) -> "Found":
        """Return the detections with this score or a higher one."""
        rows = self.scores >= score
        return Found(self.boxes[rows], self.labels[rows], self.scores[rows])

    def of(self, label: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes and scores of one class."""
        rows = self.labels == label
        return self.boxes[rows], self.scores[rows]


def matches(boxes: np.ndarray, scores: np.ndarray, true: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Return which boxes are right, bool (N,): each true box counts once, for the best that reaches it.

    In the order of the scores, a box takes the true box that it overlaps most among those that no better one
    has taken, if the overlap reaches the threshold. Of equal overlaps it takes the last, as pycocotools do.
    Lin et al. 2014 (COCO, arXiv:1405.0312). Lesson 18.

    Args:
        boxes: (N, 4), of one class and in one image.
        scores: (N,).
        true: (M, 4).
        threshold: an IoU.

    >>> matches([[0, 0, 4, 4], [0, 0, 4, 3]], [0.9, 0.8], [[0, 0, 4, 4]]).tolist()
    [True, False]
    """
    overlaps = iou(boxes, true)
    right, taken = np.zeros(len(overlaps), bool), np.zeros(len(_as_boxes(true)), bool)
    for row in np.argsort(-np.asarray(scores, float), kind="stable"):
        free = np.where(taken, -1, overlaps[row])
        if len(free) and free.max() >= threshold:
            taken[np.flatnonzero(free == free.max())[-1]] = right[row] = True
    return right


def precision_recall(
    found: Sequence[tuple[np.ndarray, np.ndarray]], true: Sequence[np.ndarray], threshold: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Return precision and recall after each detection, from the best score down: two arrays (D,).

    ValueError if there is no true box at all: recall has no meaning then.

    Args:
        found: for each image the boxes (n, 4) and scores (n,) of one class.
        true: for each image the true boxes (m, 4) of that class.
        threshold: an IoU.

    >>> precision, recall = precision_recall([([[0, 0, 4, 4], [5, 5, 6, 6]], [0.9, 0.8])], [[[0, 0, 4, 4]]])
    >>> precision.tolist(), recall.tolist()
    ([1.0, 0.5], [1.0, 1.0])
    """
    if len(found) != len(true):
        raise ValueError(
            f"detections in {len(found)} images and true boxes in {len(true)}: give the same images"
        )
    count = sum(len(boxes) for boxes in true)
    if count == 0:
        raise ValueError("no image has a true box, so recall has no meaning: leave this class out")
    right = [
        matches(boxes, scores, boxes_there, threshold) for (boxes, scores), boxes_there in zip(found, true)
    ]
    # within an image, too, the better one comes first: images are sorted before they are joined
    orders = [np.argsort(-np.asarray(scores, float), kind="stable") for _, scores in found]
    scores = np.concatenate([np.asarray(scores, float)[order] for (_, scores), order in zip(found, orders)])
    hit = np.concatenate([one[order] for one, order in zip(right, orders)])
    hits = np.cumsum(hit[np.argsort(-scores, kind="stable")])
    return hits / np.arange(1, len(hits) + 1), hits / count


def average_precision(
    found: Sequence[tuple[np.ndarray, np.ndarray]], true: Sequence[np.ndarray], threshold: float = 0.5
) -> float:
    """Return the average precision of one class, from 0 to 1, equal to that of pycocotools.

    It is the mean, over the recalls 0, 0.01 … 1, of the highest precision with which that recall or a higher
    one is reached; 0 where none is. At most 100 detections an image should be given, as pycocotools take no
    more. Arguments as of `precision_recall`. Lin et al. 2014. Lesson 18.

    >>> average_precision([([[0, 0, 4, 4], [5, 5, 6, 6]], [0.9, 0.8])], [[[0, 0, 4, 4]]])
    1.0
    """
    precision, recall = precision_recall(found, true, threshold)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return float(np.mean(np.append(best_from_here, 0)[places]))


def evaluate(found: Sequence[Found], part: Boxed, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return AP50 and AP of each class, two arrays (classes,): at an overlap of 0.5, and over `THRESHOLDS`.

    A class without true boxes has NaN. Their means over the classes are what papers call mAP.
    """
    rows = np.full((classes, len(THRESHOLDS)), np.nan)
    for label in range(classes):
        true = [boxes[labels == label] for boxes, labels in zip(part.boxes, part.labels)]
        if sum(map(len, true)):
            one = [each.of(label) for each in found]
            rows[label] = [average_precision(one, true, threshold) for threshold in THRESHOLDS]
    return rows[:, 0], rows.mean(axis=1)


def count_error(
    found: Sequence[Found], part: Boxed, classes: int, score: float | Sequence[float]
) -> np.ndarray:
    """Return, for each class, by how many the count in an image is wrong on average, (classes,).

    Args:
        found: the detections in each image.
        part: the images and what is true of them.
        classes: how many there are.
        score: detections below it do not count; one number, or one for each class.
    """
    least = np.broadcast_to(score, classes)
    errors = [
        [
            (one.scores[one.labels == label] >= least[label]).sum() - (labels == label).sum()
            for label in range(classes)
        ]
        for one, labels in zip(found, part.labels)
    ]
    return np.abs(errors).mean(axis=0)


# --- images


def resize(part: Boxed, height: int, width: int) -> Boxed:
    """Return the images at another size, each pixel a mean of those that it replaces, and their boxes."""
    tall, wide = part.images.shape[1:3]
    small = [
        np.asarray(Image.fromarray(one).resize((width, height), Image.Resampling.BOX)) for one in part.images
    ]
    scale = np.array([width / wide, height / tall] * 2)
    return Boxed(np.stack(small), tuple(boxes * scale for boxes in part.boxes), part.labels)


def augment(
    image: np.ndarray,
    boxes: np.ndarray,
    labels: np.ndarray,
    size: tuple[int, int],
    random: np.random.Generator,
    least: float = 0.75,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a random part of an image with the boxes and labels in it: mirrored or not, colours changed.

    A box that is cut keeps what is left of it, and goes if that is less than 30 %.

    Args:
        image: (H, W, 3) uint8.
        boxes: (n, 4).
        labels: (n,).
        size: height and width of the result.
        random: a generator.
        least: the smallest part of each side.
    """
    (height, width), (tall, wide) = size, image.shape[:2]
    w, h = np.array([wide, tall]) * random.uniform(least, 1)
    x, y = random.uniform(0, wide - w), random.uniform(0, tall - h)
    picture = Image.fromarray(image).resize(
        (width, height), Image.Resampling.BILINEAR, (x, y, x + w, y + h), 2
    )
    moved = (boxes - [x, y, x, y]) * [width / w, height / h, width / w, height / h]
    inside = _clipped(moved, height, width)
    stays = area(inside) > 0.3 * area(moved)
    pixels, boxes = np.asarray(picture), inside[stays]
    if random.integers(2):
        pixels, boxes = pixels[:, ::-1], (boxes * [-1, 1, -1, 1] + [width, 0, width, 0])[:, [2, 1, 0, 3]]
    if random.integers(2):
        pixels, boxes = pixels[::-1], (boxes * [1, -1, 1, -1] + [0, height, 0, height])[:, [0, 3, 2, 1]]
    pixels = (pixels * random.uniform(0.85, 1.15, 3)).clip(0, 255).astype("uint8")
    return pixels, boxes, labels[stays]


# --- R-CNN: proposals, features of each, a classifier and a better box


def windows(height: int, width: int, sizes: np.ndarray, stride: int = 8) -> np.ndarray:
    """Return all windows of some sizes that lie in an image, a step apart, (N, 4).

    Args:
        height: of the image.
        width: of the image.
        sizes: (K, 2): width and height of the windows.
        stride: pixels from one window to the next.

    >>> len(windows(120, 160, [[32, 32]], stride=8)) == 12 * 17
    True
    """
    every = []
    for w, h in np.asarray(sizes, float):
        y, x = np.mgrid[0 : height - h + 1e-6 : stride, 0 : width - w + 1e-6 : stride]
        corners = np.stack([x.ravel(), y.ravel()], axis=1)
        every.append(np.concatenate([corners, corners + np.array([w, h])], axis=1))
    return np.concatenate(every)


def contrast_proposals(image: np.ndarray, sizes: np.ndarray, most: int = 100, stride: int = 8) -> np.ndarray:
    """Return the windows whose colour differs most from that of their frame, (n, 4), at most `most`.

    They take the place of R-CNN's selective search: something that finds regions without knowing classes. The
    frame is a third of the window wide. Sums over windows come from an integral image (Viola & Jones 2001).
    Windows that overlap a better one by more than 0.7 go. Lesson 18.

    Args:
        image: (H, W, 3) uint8.
        sizes: (K, 2): width and height of the windows, as from `anchor_sizes`.
        most: how many to return.
        stride: pixels from one window to the next.
    """
    height, width = image.shape[:2]
    sums = np.zeros((height + 1, width + 1, image.shape[2]))
    sums[1:, 1:] = image.astype(float).cumsum(axis=0).cumsum(axis=1)

    def total(boxes):
        x0, y0, x1, y1 = boxes.T
        return sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]

    every = windows(height, width, np.round(sizes), stride)
    margin = np.round((every[:, 2:] - every[:, :2]) / 3)
    frames = _clipped(np.concatenate([every[:, :2] - margin, every[:, 2:] + margin], axis=1), height, width)
    inner, outer = total(every.astype(int)), total(frames.astype(int))
    rest = np.maximum(area(frames) - area(every), 1)[:, None]
    contrast = np.linalg.norm(inner / area(every)[:, None] - (outer - inner) / rest, axis=1)
    best = np.argsort(-contrast, kind="stable")[: 10 * most]
    return every[best[nms(every[best], contrast[best], 0.7)[:most]]]


def crop_features(
    trunk: keras.Model, image: np.ndarray, boxes: np.ndarray, side: int = 63, batch: int = 50
) -> np.ndarray:
    """Return features of each box, (N, 2, 2, maps): the trunk sees each one alone, enlarged or reduced.

    This is R-CNN's way: as many passes as there are boxes. Girshick et al. 2014, section 2.1. Lesson 18.

    Args:
        trunk: `detectors.trunk()`.
        image: (H, W, 3) uint8.
        boxes: (N, 4).
        side: pixels of each side that a box is brought to.
        batch: boxes in a pass.
    """
    picture = Image.fromarray(image)
    inside = _clipped(_as_boxes(boxes), *image.shape[:2])
    crops = [
        np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR, tuple(box))) for box in inside
    ]
    features = []
    for start in range(0, len(crops), batch):
        maps = trunk(prepare(np.stack(crops[start : start + batch]), side), training=False)
        features.append(keras.ops.convert_to_numpy(keras.ops.average_pool(maps, 4, 3)))
    return np.concatenate(features)


def shared_maps(trunk: keras.Model, images: np.ndarray, batch: int = 8) -> np.ndarray:
    """Return the trunk's maps of whole images, (N, H', W', maps) float32: one pass serves all boxes."""
    parts = []
    for start in range(0, len(images), batch):
        pixels = centred(images[start : start + batch])
        parts.append(keras.ops.convert_to_numpy(trunk(pixels, training=False)))
    return np.concatenate(parts)


def roi_align(maps: np.ndarray, boxes: np.ndarray, size: int = 2, samples: int = 3) -> np.ndarray:
    """Return features of each box from the maps of the whole image, (N, size, size, maps).

    Each box is divided into size x size bins, and each bin is the mean of samples x samples points, each
    interpolated between the four places around it. Nothing is rounded, unlike in RoI pooling. He et al. 2017,
    section 3. Lesson 18.

    Args:
        maps: (H, W, maps), of one image.
        boxes: (N, 4), in pixels of the image.
        size: bins along each side.
        samples: points along each side of a bin.

    >>> maps = np.arange(4.0)[None, :, None] * np.ones((3, 1, 1))  # the column, in each place
    >>> roi_align(maps, [[7.5, 7.5, 23.5, 23.5]], size=2)[0, :, :, 0]
    array([[0.5, 1.5],
           [0.5, 1.5]])
    """
    boxes, points = _as_boxes(boxes), size * samples
    shares = (np.arange(points) + 0.5) / points
    along = []  # for x and y: the place before, the one after, and how far between
    for axis, count in ((0, maps.shape[1]), (1, maps.shape[0])):
        pixels = boxes[:, [axis]] + shares * (boxes[:, [axis + 2]] - boxes[:, [axis]])
        place = ((pixels - detectors.FIRST) / detectors.STRIDE).clip(0, count - 1)
        before = np.minimum(place.astype(int), max(count - 2, 0))
        along.append((before, np.minimum(before + 1, count - 1), (place - before)[..., None]))
    (x0, x1, right), (y0, y1, low) = along
    right, low = right[:, None].astype(maps.dtype), low[:, :, None].astype(maps.dtype)

    def at(y, x):
        return maps[y[:, :, None], x[:, None, :]]

    upper = at(y0, x0) * (1 - right) + at(y0, x1) * right
    lower = at(y1, x0) * (1 - right) + at(y1, x1) * right
    values = upper * (1 - low) + lower * low
    return values.reshape(len(boxes), size, samples, size, samples, -1).mean(axis=(2, 4))


def label_regions(
    regions: np.ndarray, boxes: np.ndarray, labels: np.ndarray, background: int, least: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Return the label of each region (N,), and the true box that it overlaps most (N, 4).

    A region that overlaps no true box by `least` is background. Girshick 2015, section 2.3. Lesson 18.

    Args:
        regions: (N, 4).
        boxes: (M, 4), the true ones.
        labels: (M,).
        background: the label of what is nothing: the number of classes.
        least: an IoU.
    """
    if len(boxes) == 0:
        return np.full(len(regions), background), _as_boxes(regions)
    overlaps = iou(regions, boxes)
    best = overlaps.argmax(axis=1)
    return np.where(overlaps.max(axis=1) >= least, labels[best], background), boxes[best]


@dataclass(frozen=True, eq=False)
class RegionHead:
    """What R-CNN and Fast R-CNN do with a region's features: name a class, and give a better box.

    Attributes:
        probe: a linear layer to the classes and the background, as in lesson 17.
        regression: (features + 1, 4), a linear layer to the numbers of `encode`.
        mean, spread: of the training features.
    """

    probe: Probe = field(repr=False)
    regression: np.ndarray = field(repr=False)
    mean: np.ndarray = field(repr=False)
    spread: np.ndarray = field(repr=False)

    def detect(
        self,
        features: np.ndarray,
        regions: np.ndarray,
        size: tuple[int, int],
        least: float = 0.02,
        threshold: float = 0.4,
    ) -> Found:
        """Return what is found in one image.

        Args:
            features: of each region, (N, 2, 2, maps).
            regions: (N, 4).
            size: height and width of the image.
            least: scores below it are left out.
            threshold: for non-maximum suppression, class by class.
        """
        flat = features.reshape(len(features), -1)
        shares = softmax(self.probe.logits(flat))[:, :-1]  # without the background's
        scaled = np.append((flat - self.mean) / self.spread, np.ones((len(flat), 1)), axis=1)
        boxes = _clipped(decode(regions, scaled @ self.regression), *size)
        return _best(np.repeat(boxes[:, None], shares.shape[1], axis=1), shares, least, threshold)


def _best(boxes, scores, least, threshold, most=100):
    """Return `Found` after non-maximum suppression in each class; boxes (N, classes, 4), scores (N, classes).

    Of each class only the 400 best are looked at.
    """
    chosen = []
    for label in range(scores.shape[1]):
        rows = np.argsort(-scores[:, label], kind="stable")[:400]
        rows = rows[scores[rows, label] >= least]
        kept = rows[nms(boxes[rows, label], scores[rows, label], threshold)]
        chosen += [(boxes[row, label], label, scores[row, label]) for row in kept]
    chosen = sorted(chosen, key=lambda one: -one[2])[:most]
    return Found(
        np.array([box for box, _, _ in chosen]).reshape(-1, 4),
        np.array([label for _, label, _ in chosen], np.int64),
        np.array([score for _, _, score in chosen], float),
    )


def fit_head(
    features: Sequence[np.ndarray],
    regions: Sequence[np.ndarray],
    part: Boxed,
    classes: int,
    penalty: float = 0.03,
    background_share: float = 3.0,
    seed: int = 0,
) -> RegionHead:
    """Return a `RegionHead`, trained on the regions of some images.

    The classes are learned by `transfer.fit_probe`, the boxes by ridge regression, as in R-CNN's appendix C.

    Args:
        features: for each image (n, 2, 2, maps).
        regions: for each image (n, 4).
        part: the images and what is true of them.
        classes: how many there are.
        penalty: of the linear layer's weights.
        background_share: so many regions of background for each other one, at most.
        seed: which regions of background are taken.
    """
    named = [label_regions(r, b, labels, classes) for r, b, labels in zip(regions, part.boxes, part.labels)]
    x = np.concatenate([one.reshape(len(one), -1) for one in features])
    y, true = (np.concatenate(column) for column in zip(*named))
    places = np.concatenate(regions)
    rows, nothing = np.flatnonzero(y < classes), np.flatnonzero(y == classes)
    few = min(len(nothing), int(background_share * len(rows)))
    taken = np.append(rows, np.random.default_rng(seed).choice(nothing, few, replace=False))
    probe = fit_probe(x[taken], y[taken], classes + 1, penalty, steps=150)
    mean, spread = x[rows].mean(axis=0), x[rows].std(axis=0) + 1e-6
    z = np.append((x[rows] - mean) / spread, np.ones((len(rows), 1), x.dtype), axis=1)
    squares = z.T @ z + 100 * np.eye(z.shape[1])  # 100: the ridge, small beside some thousand regions
    regression = np.linalg.solve(squares, z.T @ encode(places[rows], true[rows]))
    return RegionHead(probe, regression, mean, spread)


# --- Faster R-CNN: anchors, and a network that proposes


def anchor_sizes(boxes: Sequence[np.ndarray], count: int = 5) -> np.ndarray:
    """Return typical widths and heights of boxes, (count, 2), by k-means of their logarithms, small first.

    Redmon & Farhadi 2016 (YOLO9000, arXiv:1612.08242), section 2, choose anchors by k-means, too. Lesson 18.

    >>> anchor_sizes([np.array([[0, 0, 9, 9], [0, 0, 10, 10.0]]), np.array([[5, 5, 45, 35.0]])], 2).round(1)
    array([[ 9.5,  9.5],
           [40. , 30. ]])
    """
    every = np.concatenate([one for one in boxes if len(one)])
    sizes = np.log(np.maximum(every[:, 2:] - every[:, :2], 1))
    small, large = np.quantile(sizes, [0.02, 0.98], axis=0)
    middles = np.linspace(small, large, count)  # where it begins: no chance
    for _ in range(50):
        nearest = ((sizes[:, None] - middles) ** 2).sum(axis=2).argmin(axis=1)
        middles = np.stack(
            [sizes[nearest == i].mean(axis=0) if (nearest == i).any() else middles[i] for i in range(count)]
        )
    return np.exp(middles[middles.sum(axis=1).argsort()])


def assign(
    anchors: np.ndarray, boxes: np.ndarray, low: float = 0.3, high: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Return what each anchor learns (N,): 1 thing, 0 background, -1 nothing; and the row of its box (N,).

    An anchor whose best overlap reaches `high` is a thing, below `low` it is background, between them it does
    not count. The best anchors of each true box are things in any case, so that each box has one. Ren et al.
    2015, section 3.1.2 (with 0.3 and 0.7). Lesson 18.

    Args:
        anchors: (N, 4).
        boxes: (M, 4), the true ones.
        low: an IoU.
        high: an IoU.

    >>> assign([[0, 0, 4, 4], [2, 0, 6, 4], [9, 9, 12, 12]], [[0, 0, 4, 5]])[0].tolist()
    [1, 0, 0]
    """
    anchors, boxes = _as_boxes(anchors), _as_boxes(boxes)
    if len(boxes) == 0:
        return np.zeros(len(anchors), int), np.zeros(len(anchors), int)
    overlaps = iou(anchors, boxes)
    best = overlaps.argmax(axis=1)
    wanted = np.where(overlaps.max(axis=1) >= high, 1, np.where(overlaps.max(axis=1) < low, 0, -1))
    most = overlaps.max(axis=0)
    rows, columns = np.nonzero((overlaps == most) & (most > 0))
    wanted[rows], best[rows] = 1, columns
    return wanted, best


class RegionProposer:
    """Faster R-CNN's region proposal network: at each place of the maps, is there a thing, and where exactly?

    Args:
        sizes: (K, 2), widths and heights of the anchors: one of each at each place.
        size: height and width of the images.
        steps: of the training, for the falling learning rate.
        seed: of the weights and batches.
        rate: the highest learning rate.
    """

    def __init__(
        self, sizes: np.ndarray, size: tuple[int, int], steps: int, seed: int = 0, rate: float = 3e-3
    ):
        keras.utils.set_random_seed(seed)
        self.size, self.seed = size, seed
        rows, columns = detectors.places(*size)
        middles = np.repeat(detectors.centres(rows, columns), len(sizes), axis=0)
        halves = np.tile(np.asarray(sizes, float) / 2, (rows * columns, 1))
        self.anchors = np.concatenate([middles - halves, middles + halves], axis=1)
        self.model = detectors.region_proposals(len(sizes))
        self.optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))
        self.optimizer.build(self.model.trainable_variables)
        self._learn = tf.function(self._update)

    def step(self, maps: np.ndarray, boxes: Sequence[np.ndarray], batch: int = 8) -> Callable[[int], dict]:
        """Return a step for `training.train`: two losses, of objectness and of the boxes.

        Both kinds of anchors weigh the same, though background is far more frequent; the paper draws as many
        of either instead.

        Args:
            maps: of the training images, (N, H', W', maps).
            boxes: the true ones of each image.
            batch: images in a step.
        """
        wanted, deltas = [], []
        for true in boxes:
            things, best = assign(self.anchors, true)
            there = things == 1
            delta = np.zeros((len(self.anchors), 4), "float32")
            delta[there] = encode(self.anchors[there], true[best[there]])
            wanted.append(things)
            deltas.append(delta)

        def step(number):
            rows = batch_rows(len(maps), batch, self.seed, number)
            goals = np.stack([wanted[i] for i in rows]), np.stack([deltas[i] for i in rows])
            losses = self._learn(tf.constant(maps[rows]), *map(tf.constant, goals))
            return {"objectness": float(losses[0]), "box": float(losses[1])}

        return step

    def _update(self, maps, wanted, deltas):
        """Take one step; return the two losses."""
        with tf.GradientTape() as tape:
            logits, given = self._numbers(maps, training=True)
            thing, nothing = (tf.cast(wanted == kind, tf.float32) for kind in (1, 0))
            entropy = tf.nn.sigmoid_cross_entropy_with_logits(thing, logits)
            objectness = _mean(entropy, thing) + _mean(entropy, nothing)
            error = tf.abs(given - deltas)
            smooth = tf.where(error < 1, error**2 / 2, error - 0.5)  # Girshick 2015, equation 3
            box = _mean(tf.reduce_sum(smooth, axis=2), thing)
            loss = objectness + box
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return objectness, box

    def _numbers(self, maps, training=False):
        """Return a logit for each anchor, (N, anchors), and four numbers, (N, anchors, 4)."""
        logits, deltas = self.model(maps, training=training)
        count = len(self.anchors)
        return tf.reshape(logits, (-1, count)), tf.reshape(deltas, (-1, count, 4))

    def propose(self, maps: np.ndarray, most: int = 100, threshold: float = 0.7) -> list[np.ndarray]:
        """Return the best regions of each image, (n, 4), at most `most` after non-maximum suppression."""
        logits, deltas = (numbers.numpy() for numbers in self._numbers(tf.constant(maps)))
        regions = []
        for score, delta in zip(logits, deltas):
            top = np.argsort(-score, kind="stable")[: 5 * most]
            boxes = _clipped(decode(self.anchors[top], delta[top]), *self.size)
            large = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= 4
            boxes, top = boxes[large], top[large]
            regions.append(boxes[nms(boxes, score[top], threshold)[:most]])
        return regions


def _mean(values, weights):
    """Return the mean of values with these weights, 0 if all weights are."""
    return tf.reduce_sum(values * weights) / tf.maximum(tf.reduce_sum(weights), 1.0)


# --- one stage


class OneStage:
    """A detector that needs no proposals and no anchors, trained from end to end.

    Each place of the maps near the middle of a thing learns its class and the distances to the four sides of
    its box. The loss of the class is the focal loss (Lin et al. 2017, arXiv:1708.02002): a place that is
    right already counts little, so that the many places of background do not drown the few others.

    Args:
        class_names: their number is that of the classes.
        size: height and width of the images that it sees.
        steps: of the training, for the learning rate, which first rises and then falls.
        seed: of the weights, batches and augmentation.
        rate: the highest learning rate; the trunk, which is trained already, has a quarter of it.
        batch: images in a step.
    """

    def __init__(
        self,
        class_names: Sequence[str],
        size: tuple[int, int],
        steps: int,
        seed: int = 0,
        rate: float = 2e-3,
        batch: int = 8,
    ):
        keras.utils.set_random_seed(seed)
        self.class_names, self.size, self.seed, self.batch = tuple(class_names), size, seed, batch
        self.model = detectors.one_stage(len(class_names))
        self.places = detectors.places(*size)
        front = {
            id(v)
            for layer in self.model.layers
            if layer.name.startswith(("conv1", "fire"))
            for v in layer.variables
        }
        every = self.model.trainable_variables
        self.groups = [[v for v in every if id(v) in front], [v for v in every if id(v) not in front]]
        self.optimizers = [self._optimizer(rate / 4, steps), self._optimizer(rate, steps)]
        for optimizer, group in zip(self.optimizers, self.groups):
            optimizer.build(group)
        self._learn = tf.function(self._update)

    @staticmethod
    def _optimizer(rate, steps):
        rise = max(1, steps // 20)
        return keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(
                rate / 10, max(1, steps - rise), warmup_target=rate, warmup_steps=rise
            )
        )

    def step(self, part: Boxed, least: float = 0.75) -> Callable[[int], dict]:
        """Return a step for `training.train` on images of any size, augmented: two losses, class and box."""

        def step(number):
            random, batch = np.random.default_rng([self.seed, number]), []
            for i in batch_rows(len(part), self.batch, self.seed, number):
                image, boxes, labels = augment(
                    part.images[i], part.boxes[i], part.labels[i], self.size, random, least
                )
                batch.append((image, *self.goals(boxes, labels)))
            images, wanted, sides = map(np.stack, zip(*batch))
            losses = self._learn(tf.constant(centred(images)), tf.constant(wanted), tf.constant(sides))
            return {"class": float(losses[0]), "box": float(losses[1])}

        return step

    def goals(
        self, boxes: np.ndarray, labels: np.ndarray, radius: float = 1.5
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the label of each place (H', W'), -1 for background, and its distances (H', W', 4).

        A place belongs to a box if it lies in it and within `radius` strides of its middle; if it does so for
        several boxes, to the smallest. Tian et al. 2019, section 3.1, and their centre sampling.
        """
        places = detectors.centres(*self.places)
        wanted = np.full(len(places), -1, np.int32)
        sides = np.zeros((len(places), 4), np.float32)
        for row in np.argsort(-area(boxes), kind="stable"):  # the smallest one last, so that it wins
            low, high = boxes[row, :2], boxes[row, 2:]
            distances = np.concatenate([places - low, high - places], axis=1)
            reach = np.clip((high - low) / 2, detectors.STRIDE / 2, radius * detectors.STRIDE)
            near = (np.abs(places - (low + high) / 2) <= reach).all(axis=1) & (distances.min(axis=1) > 0)
            wanted[near], sides[near] = labels[row], distances[near]
        return wanted.reshape(self.places), sides.reshape(*self.places, 4)

    def _update(self, images, wanted, sides):
        """Take one step; return the two losses."""
        with tf.GradientTape() as tape:
            logits, distances = self.model(images, training=True)
            there = tf.cast(wanted >= 0, tf.float32)
            fit = _overlap(distances, sides)
            box = _mean(-tf.math.log(tf.maximum(fit, 1e-3)), there)
            goal = tf.one_hot(wanted, len(self.class_names))  # all 0 where nothing is
            entropy = tf.nn.sigmoid_cross_entropy_with_logits(goal, logits)
            wrong = tf.stop_gradient(tf.abs(goal - tf.sigmoid(logits)))
            focus = wrong**2  # what is right already counts little
            kind = tf.reduce_sum(focus * entropy) / tf.maximum(tf.reduce_sum(there), 1.0)
            loss = kind + box
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, self.groups[0] + self.groups[1]), 10.0)
        self.optimizers[0].apply(gradients[: len(self.groups[0])], self.groups[0])
        self.optimizers[1].apply(gradients[len(self.groups[0]) :], self.groups[1])
        return kind, box

    def detect(
        self, images: np.ndarray, least: float = 0.05, threshold: float = 0.45, batch: int = 8
    ) -> list[Found]:
        """Return what is found in each image, (N, height, width, 3) uint8.

        Args:
            images: of the size that the detector was made for.
            least: scores below it are left out.
            threshold: for non-maximum suppression, class by class.
            batch: images in a pass.
        """
        if images.shape[1:3] != tuple(self.size):
            raise ValueError(
                f"images of {images.shape[1:3]}, and a detector for {self.size}: use `resize` first"
            )
        places, found = detectors.centres(*self.places), []
        for start in range(0, len(images), batch):
            logits, distances = self.model(centred(images[start : start + batch]), training=False)
            shares = tf.sigmoid(logits).numpy().reshape(-1, len(places), len(self.class_names))
            far = distances.numpy().reshape(-1, len(places), 4)
            boxes = np.concatenate([places - far[..., :2], places + far[..., 2:]], axis=2)
            for box, share in zip(_clipped(boxes, *self.size), shares):
                found.append(_best(np.repeat(box[:, None], share.shape[1], axis=1), share, least, threshold))
        return found


def _overlap(a, b):
    """Return the IoU of boxes that are given by their distances (…, 4) from one place."""
    shared = tf.reduce_prod(tf.minimum(a, b)[..., :2] + tf.minimum(a, b)[..., 2:], axis=-1)
    areas = [tf.reduce_prod(one[..., :2] + one[..., 2:], axis=-1) for one in (a, b)]
    return shared / tf.maximum(areas[0] + areas[1] - shared, 1e-6)
