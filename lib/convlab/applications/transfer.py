"""Transfer learning: features of a trained network, a linear layer on them, and one's own folder of pictures.

J. Yosinski et al., "How transferable are features in deep neural networks?", arXiv:1411.1792, and A. Razavian
et al., "CNN features off-the-shelf", arXiv:1403.6382. Lesson 17.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
from PIL import Image, ImageOps

from convlab.networks.pretrained import prepare
from convlab.optimizers import Adam

__all__ = [
    "Classifier",
    "Photos",
    "Probe",
    "features",
    "few",
    "fit_probe",
    "freeze",
    "read_folder",
    "read_square",
    "trainable",
]

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
LARGEST = 50_000_000  # pixels of a picture; more would fill the memory


def features(
    model: keras.Model,
    images: np.ndarray,
    layer: str | Sequence[str] = "fire9",
    side: int = 160,
    batch: int = 50,
) -> np.ndarray | dict[str, np.ndarray]:
    """Return the mean of each map of a layer, (N, maps) float32: what the network finds in each image.

    For several layers the result is a dict, layer -> array, from one pass. Maps are averaged over all places.
    ValueError for a layer that the model does not have. Lesson 17.

    Args:
        model: `networks.squeezenet(...)`, or one that wants the same input.
        images: (N, H, W, 3) uint8, red first.
        layer: the name of a layer with maps, or several names.
        side: pixels along each side to which images are enlarged; smaller is faster.
        batch: images in a pass.
    """
    names = [layer] if isinstance(layer, str) else list(layer)
    known = {one.name for one in model.layers}
    for name in names:
        if name not in known:
            raise ValueError(f"{model.name} has no layer {name!r}; it has {', '.join(sorted(known))}")
    trunk = keras.Model(model.inputs[0], [model.get_layer(name).output for name in names])
    found: list[list[np.ndarray]] = [[] for _ in names]
    for start in range(0, len(images), batch):
        maps = trunk(prepare(images[start : start + batch], side), training=False)
        for rows, one in zip(found, maps if isinstance(maps, list | tuple) else [maps]):
            rows.append(keras.ops.convert_to_numpy(keras.ops.mean(one, axis=(1, 2))))
    arrays = {name: np.concatenate(rows) for name, rows in zip(names, found)}
    return arrays[layer] if isinstance(layer, str) else arrays


@dataclass(frozen=True, eq=False)
class Probe:
    """A linear layer on features: `logits(features)` (N, classes), `predict(features)` (N,), `accuracy`."""

    weights: np.ndarray = field(repr=False)  # (features, classes)
    bias: np.ndarray = field(repr=False)  # (classes,)
    mean: np.ndarray = field(repr=False)  # of the training features, as is the spread
    spread: np.ndarray = field(repr=False)

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Return a number for each class, (N, classes)."""
        return (features - self.mean) / self.spread @ self.weights + self.bias

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return the class with the highest logit, (N,)."""
        return self.logits(features).argmax(axis=1)

    def accuracy(self, features: np.ndarray, labels: np.ndarray) -> float:
        """Return the share of the images whose class is predicted right."""
        return float(np.mean(self.predict(features) == labels))


def fit_probe(
    features: np.ndarray,
    labels: np.ndarray,
    classes: int | None = None,
    penalty: float = 0.01,
    steps: int = 300,
) -> Probe:
    """Return a `Probe`: multinomial logistic regression, trained by Adam on all features at once.

    It minimises the mean cross-entropy plus `penalty` / 2 times the sum of the squared weights (not of the
    bias), on features with mean 0 and standard deviation 1 over the *training* images. With a penalty above 0
    there is one minimum only, so no seed is needed. ValueError for no rows, for labels that do not fit the
    features, and for a negative penalty. Lesson 17.

    Args:
        features: (N, D) float.
        labels: (N,) integers from 0.
        classes: how many there are; by default as many as the labels name.
        penalty: weight decay; more of it for fewer images.
        steps: of Adam, with a rate that falls in a straight line from 0.05 to 0.

    >>> probe = fit_probe(np.array([[0.0], [1.0], [4.0], [5.0]]), np.array([0, 0, 1, 1]))
    >>> probe.predict(np.array([[0.5], [4.5]])).tolist()
    [0, 1]
    """
    features, labels = np.asarray(features), np.asarray(labels)
    if features.ndim != 2 or len(features) == 0 or labels.shape != (len(features),):
        raise ValueError(
            f"features {features.shape} and labels {labels.shape}: give (N, D) and (N,), with N of 1 or more"
        )
    if penalty < 0:
        raise ValueError(f"penalty {penalty} is negative: give 0 or more")
    classes = classes or int(labels.max()) + 1
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 1e-6, spread, 1)
    x, wanted = (features - mean) / spread, np.eye(classes)[labels]
    params = {"weights": np.zeros((x.shape[1], classes)), "bias": np.zeros(classes)}
    adam = Adam(0.05)
    for step in range(steps):
        adam.learning_rate = 0.05 * (1 - step / steps)
        logits = x @ params["weights"] + params["bias"]
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        errors = (shares / shares.sum(axis=1, keepdims=True) - wanted) / len(x)  # (N, classes)
        gradients = {"weights": x.T @ errors + penalty * params["weights"], "bias": errors.sum(axis=0)}
        adam.step(params, gradients)
    return Probe(params["weights"], params["bias"], mean, spread)


def few(labels: np.ndarray, each: int, seed: int = 0) -> np.ndarray:
    """Return the indices of `each` images of every class, drawn from the seed, in random order.

    ValueError if a class has fewer. Lesson 17.

    >>> labels = np.array([0, 1, 0, 1, 0, 1])
    >>> sorted(labels[few(labels, 2)].tolist())
    [0, 0, 1, 1]
    """
    random, chosen = np.random.default_rng(seed), []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        if len(rows) < each:
            raise ValueError(f"class {label} has {len(rows)} images, fewer than {each}: ask for fewer")
        chosen.append(random.choice(rows, each, replace=False))
    return random.permutation(np.concatenate(chosen))


def freeze(model: keras.Model, last: str | None) -> tuple[int, int]:
    """Freeze a model, in place, up to and with the layer `last`; return how many weights train, how many not.

    With None nothing is frozen. The layers of a fire module stand before the layer that has its name.
    ValueError for a layer that the model does not have. Compile a model, or trace its training step, after
    this. Lesson 17.
    """
    names = [layer.name for layer in model.layers]
    if last is not None and last not in names:
        raise ValueError(f"{model.name} has no layer {last!r}; it has {', '.join(names)}")
    frozen = 0 if last is None else names.index(last) + 1
    for number, layer in enumerate(model.layers):
        layer.trainable = number >= frozen
    return trainable(model), model.count_params() - trainable(model)


def trainable(model: keras.Model) -> int:
    """Return the number of weights that training would change."""
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@dataclass(frozen=True, eq=False)
class Photos:
    """Pictures of a folder, cut square.

    Attributes:
        images: (N, side, side, 3) uint8.
        labels: (N,) int64, numbers into `class_names`.
        class_names: the names of the subfolders.
        files: the path of each picture.
        skipped: a sentence for each file that was left out.
    """

    images: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    class_names: tuple[str, ...]
    files: tuple[Path, ...] = field(repr=False)
    skipped: tuple[str, ...] = ()

    def split(self, share: float = 0.3, seed: int = 0) -> tuple["Photos", "Photos"]:
        """Return the pictures to learn from, and those for the test: a share of every class, by the seed.

        Every class has one picture or more in both. ValueError for a share that is not between 0 and 1.
        """
        if not 0 < share < 1:
            raise ValueError(f"a share of {share} for the test: give one between 0 and 1")
        random = np.random.default_rng(seed)
        test: list[int] = []
        for label in range(len(self.class_names)):
            rows = random.permutation(np.flatnonzero(self.labels == label))
            test.extend(rows[: min(max(1, round(share * len(rows))), len(rows) - 1)])
        held_out = np.isin(np.arange(len(self.labels)), test)
        return self._part(~held_out), self._part(held_out)

    def _part(self, chosen):
        files = tuple(file for file, taken in zip(self.files, chosen) if taken)
        return Photos(self.images[chosen], self.labels[chosen], self.class_names, files)

    def baseline(self) -> float:
        """Return the accuracy of always naming the class with the most pictures here."""
        return float(np.bincount(self.labels).max() / len(self.labels))


def read_folder(folder: str | Path, side: int = 160) -> Photos:
    """Return the pictures of a folder that has a subfolder for each class.

    Pictures are turned upright, their middle is cut out square and resized to `side` pixels. A file that
    cannot be read, that is too large, or that is a copy of an earlier one is left out, and `skipped` says so:
    the same picture on both sides of the split would make the test too easy. ValueError if fewer than two
    subfolders have two pictures or more; FileNotFoundError if there is no such folder. Lesson 17.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"there is no folder {folder}: make one, with a subfolder of pictures for each class"
        )
    images, labels, files, skipped = [], [], [], []
    names: list[str] = []
    seen: dict[str, str] = {}  # digest of the pixels -> name
    for subfolder in sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    ):
        found = []
        for file in sorted(subfolder.iterdir()):
            name = f"{subfolder.name}/{file.name}"
            if not file.is_file() or file.suffix.lower() not in SUFFIXES:
                skipped.append(f"{name} is no picture")
                continue
            try:
                pixels = read_square(file, side)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                skipped.append(f"{name} cannot be read: {type(error).__name__}")
                continue
            digest = hashlib.sha256(pixels.tobytes()).hexdigest()
            if digest in seen:
                skipped.append(f"{name} is a copy of {seen[digest]}")
                continue
            seen[digest] = name
            found.append((file, pixels))
        if len(found) < 2:
            skipped.append(f"{subfolder.name} has {len(found)} pictures, and needs two or more")
            continue
        files += [file for file, _ in found]
        images += [pixels for _, pixels in found]
        labels += [len(names)] * len(found)
        names.append(subfolder.name)
    if len(names) < 2:
        raise ValueError(
            f"{folder} has {len(names)} classes with two pictures or more: make two such subfolders"
            + "".join(f"; {sentence}" for sentence in skipped[:5])
        )
    return Photos(np.stack(images), np.array(labels, "int64"), tuple(names), tuple(files), tuple(skipped))


def read_square(file: Path, side: int) -> np.ndarray:
    """Return the middle of a picture, turned upright, (side, side, 3) uint8.

    ValueError for a picture of more than 50 million pixels; Pillow's errors for a file that is no picture.
    Lesson 17.
    """
    with Image.open(file) as picture:
        if picture.width * picture.height > LARGEST:
            raise ValueError(f"{file.name} has {picture.width} x {picture.height} pixels, over {LARGEST:,}")
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    return np.asarray(ImageOps.fit(upright, (side, side), Image.Resampling.BICUBIC))


class Classifier:
    """A classifier of one's own pictures: a trained network's features, and a linear layer on them.

    Args:
        model: `networks.squeezenet()`.
        photos: the pictures to learn from.
        layer: whose features are taken.
        penalty: as in `fit_probe`.
    """

    def __init__(self, model: keras.Model, photos: Photos, layer: str = "fire9", penalty: float = 0.01):
        self.model, self.layer, self.class_names = model, layer, photos.class_names
        self.probe = fit_probe(self._features(photos.images), photos.labels, len(photos.class_names), penalty)

    def predict(self, images: np.ndarray) -> list[str]:
        """Return the name of a class for each image, (N, H, W, 3) uint8."""
        return [self.class_names[label] for label in self.probe.predict(self._features(images))]

    def accuracy(self, photos: Photos) -> float:
        """Return the share of pictures that are classified right; take some it has not learned from."""
        return self.probe.accuracy(self._features(photos.images), photos.labels)

    def _features(self, images):
        return features(self.model, images, self.layer, side=images.shape[1])
