"""Scenes composed of cut-out photographs: images with exact boxes, masks and facts, drawn as fast as needed.

256 photographs of animals, fruit, flowers, vehicles and other things are laid on coloured backgrounds, as
in D. Dwibedi, I. Misra and M. Hebert, "Cut, Paste and Learn", ICCV 2017. The photographs are in data/stamps,
under their own licence. The same seed draws the same scenes. Lessons 18, 19 and 20.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from PIL import Image

from convlab import DATA_FOLDER

__all__ = ["CATEGORIES", "Scenes", "Stamp", "Thing", "background", "cut", "divide", "draw", "lay", "stamps"]

TILE, COLUMNS = 64, 16  # of the sheet data/stamps/stamps.webp
TRIALS = 20  # places that are tried for a thing before it is left out
OPAQUE = 127  # a pixel whose alpha is above it belongs to the thing

CATEGORIES = (
    "mammals",
    "birds",
    "sea animals",
    "insects",
    "fruit",
    "vegetables",
    "flowers",
    "vehicles",
    "tools",
    "instruments",
)
"""The ten kinds of things with the most photographs: the classes of `draw` unless others are asked for."""


@dataclass(frozen=True, eq=False)
class Stamp:
    """A photograph, cut out: `pixels` (h, w, 4) uint8 RGBA of at most 64x64; names in three languages."""

    number: int
    en: str
    ko: str
    ja: str
    category: str
    pixels: np.ndarray = field(repr=False)


@dataclass(frozen=True, eq=False)
class Thing:
    """One thing in a scene: its stamp and label, where it is, and how much of it can be seen.

    `box` is tight around the pixels that can be seen, `whole_box` around all, hidden or not; both are
    x_min, y_min, x_max, y_max in pixels. `visible` is the share of its pixels that can be seen. Later things
    in a scene lie before earlier ones.
    """

    stamp: Stamp = field(repr=False)
    name: str
    label: int
    box: tuple[float, float, float, float]
    whole_box: tuple[float, float, float, float]
    visible: float
    flipped: bool


@dataclass(frozen=True, eq=False)
class Scenes:
    """Scenes and what is true of them.

    Attributes:
        images: (N, H, W, 3) uint8.
        boxes: for each image float (n, 4): x_min, y_min, x_max, y_max in pixels, around what can be seen.
        labels: for each image int64 (n,), numbers into `class_names`.
        masks: (N, H, W) uint8, the class of each pixel: 0 for the background, label + 1 for a thing.
        instances: (N, H, W) uint8, the thing of each pixel: 0 for the background, 1 for the first thing.
        things: for each image a tuple of `Thing`, the facts of which captions are made.
        class_names: the name of each label.
        genuine: always False, as nobody has published figures on these images.
    """

    images: np.ndarray = field(repr=False)
    boxes: tuple[np.ndarray, ...] = field(repr=False)
    labels: tuple[np.ndarray, ...] = field(repr=False)
    masks: np.ndarray = field(repr=False)
    instances: np.ndarray = field(repr=False)
    things: tuple[tuple[Thing, ...], ...] = field(repr=False)
    class_names: tuple[str, ...]
    name: str = "scenes"
    title: str = "Composed scenes"
    source: str = "stand-in"
    genuine: bool = False


def draw(
    n: int,
    seed: int,
    size: int | tuple[int, int] = 96,
    classes: Sequence[str] = CATEGORIES,
    among: Sequence[Stamp] | None = None,
    count: tuple[int, int] = (1, 4),
    length: tuple[float, float] = (0.25, 0.5),
    least_visible: float = 0.5,
    choose: Callable[[np.random.Generator], Sequence[str]] | None = None,
) -> Scenes:
    """Return `n` scenes, the same ones for the same arguments.

    A thing that would hide too much of another is tried at other places, and left out if none is found. So
    a scene may have fewer things than were chosen, but it has one or more. ValueError for a class that no
    stamp has, for sizes below 16 and for ranges that are empty.

    Args:
        n: the number of scenes.
        seed: of the random numbers.
        size: pixels of a side, or (height, width).
        classes: categories ("birds") or English names ("lion") of stamps; their order gives the labels.
        among: the stamps that may be used, all by default; `divide` makes two sets for training and test.
        count: the least and the greatest number of things in a scene.
        length: the longer side of a thing, least and greatest, as shares of the scene's shorter side.
        least_visible: each thing shows at least this share of its pixels.
        choose: a function of a random generator that returns the classes of one scene's things, in place of
            `count` drawn at random; so a lesson can withhold combinations.

    >>> scenes = draw(2, seed=0, classes=("lion", "apple"))
    >>> scenes.images.shape, int(scenes.masks.max()) <= 2, [len(boxes) for boxes in scenes.boxes]
    ((2, 96, 96, 3), True, [4, 3])
    """
    height, width = (size, size) if isinstance(size, int) else size
    _check(n, (height, width), count, length, least_visible)
    by_class = _by_class(classes, stamps() if among is None else among)
    rng = np.random.Generator(np.random.PCG64(seed))
    images = np.empty((n, height, width, 3), np.uint8)
    instances = np.zeros((n, height, width), np.uint8)
    masks, things = np.empty_like(instances), []
    for i in range(n):
        names = choose(rng) if choose else rng.choice(len(by_class), rng.integers(count[0], count[1] + 1))
        labels = [_label(name, classes) for name in names]
        images[i] = background(height, width, rng)
        placed = _place(images[i], instances[i], labels, by_class, length, least_visible, rng)
        things.append(tuple(_facts(instances[i], placed, classes)))
        masks[i] = np.array([0, *(label + 1 for label, *_ in placed)], np.uint8)[instances[i]]
    return Scenes(
        images=images,
        boxes=tuple(np.array([thing.box for thing in scene], float).reshape(-1, 4) for scene in things),
        labels=tuple(np.array([thing.label for thing in scene], np.int64) for scene in things),
        masks=masks,
        instances=instances,
        things=tuple(things),
        class_names=tuple(classes),
    )


@cache
def stamps() -> tuple[Stamp, ...]:
    """Return the 256 cut-out photographs; FileNotFoundError where data/stamps is missing.

    >>> lion = next(stamp for stamp in stamps() if stamp.en == "lion")
    >>> lion.ko, lion.ja, lion.category, lion.pixels.shape[2]
    ('사자', 'ライオン', 'mammals', 4)
    """
    folder = DATA_FOLDER / "stamps"
    if not (folder / "stamps.webp").exists():
        raise FileNotFoundError(
            "data/stamps is missing, which is part of the repository: `git checkout data/stamps` brings it"
        )
    rows = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    with Image.open(folder / "stamps.webp") as file:
        sheet = np.asarray(file.convert("RGBA"))
    found = []
    for number, row in enumerate(rows):
        top, left = number // COLUMNS * TILE, number % COLUMNS * TILE
        pixels = sheet[top : top + row["height"], left : left + row["width"]]
        found.append(Stamp(number, row["en"], row["ko"], row["ja"], row["category"], pixels))
    return tuple(found)


def divide(among: Sequence[Stamp] | None = None, every: int = 4) -> tuple[list[Stamp], list[Stamp]]:
    """Return stamps for training and, one in four of each category, stamps for the test; none is in both.

    >>> train, test = divide()
    >>> len(train), len(test)
    (198, 58)
    """
    train: list[Stamp] = []
    test: list[Stamp] = []
    seen: dict[str, int] = {}
    for stamp in stamps() if among is None else among:
        seen[stamp.category] = seen.get(stamp.category, 0) + 1
        (test if seen[stamp.category] % every == 0 else train).append(stamp)
    return train, test


def _check(n, size, count, length, least_visible):
    """ValueError for arguments of `draw` that no scene fits."""
    if n < 1:
        raise ValueError(f"cannot draw {n} scenes: ask for 1 or more")
    if min(size) < 16:
        raise ValueError(f"a scene of {size[0]}x{size[1]} is too small: its sides need 16 pixels or more")
    if not 1 <= count[0] <= count[1] <= 255:
        raise ValueError(f"count={count} is no range from 1 to 255 things")
    if not 0 < length[0] <= length[1] <= 1:
        raise ValueError(f"length={length} is no range of shares between 0 and 1")
    if not 0 <= least_visible <= 1:
        raise ValueError(f"least_visible={least_visible} is no share between 0 and 1")


def _by_class(classes, among):
    """Return, for each class, its stamps."""
    found = [[stamp for stamp in among if name in (stamp.category, stamp.en)] for name in classes]
    for name, members in zip(classes, found):
        if not members:
            raise ValueError(f"no stamp is called {name!r}: scenes.stamps() lists their names and categories")
    return found


def _label(name, classes):
    """Return the number of a class that was drawn as a number or chosen by its name."""
    if not isinstance(name, str):
        return int(name)
    if name not in classes:
        raise ValueError(f"{name!r} was chosen, and is not among the classes {', '.join(classes)}")
    return list(classes).index(name)


def background(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Return (height, width, 3) uint8: soft fields of two or three colours, and noise over them.

    >>> background(20, 30, np.random.default_rng(0)).shape
    (20, 30, 3)
    """
    colour = rng.integers(40, 216, 3)
    contrast = rng.integers(5, 80)
    corners = (colour + rng.integers(-contrast, contrast + 1, (4, 5, 3))).clip(0, 255).astype(np.uint8)
    field = np.asarray(Image.fromarray(corners).resize((width, height), Image.Resampling.BICUBIC), np.int16)
    noise = rng.integers(0, 256, (height, width, 1), np.uint8) >> rng.integers(2, 5)
    return (field + noise - noise.max() // 2).clip(0, 255).astype(np.uint8)


def _place(image, instances, labels, by_class, length, least_visible, rng):
    """Lay things on an image, in place; return label, stamp, flipped, whole box and pixels of each."""
    placed = []
    for label in labels:
        stamp = by_class[label][rng.integers(len(by_class[label]))]
        side = rng.uniform(*length) * min(image.shape[:2])
        flipped = bool(rng.integers(2))
        pixels = cut(stamp, side, flipped)
        opaque = _opaque(pixels)
        place = _free_place(instances, opaque, placed, least_visible, rng)
        if place is None:
            continue
        top, left = place
        height, width = opaque.shape
        lay(image, pixels, top, left, light=rng.uniform(0.8, 1.2))
        instances[top : top + height, left : left + width][opaque] = len(placed) + 1
        box = float(left), float(top), float(left + width), float(top + height)
        placed.append((label, stamp, flipped, box, int(opaque.sum())))
    return placed


def cut(stamp: Stamp, side: float, flipped: bool) -> np.ndarray:
    """Return RGBA pixels of a stamp, `side` pixels long, mirrored or not, cropped to what is opaque.

    >>> bus = next(stamp for stamp in stamps() if stamp.en == "bus")
    >>> cut(bus, side=20, flipped=True).shape
    (8, 20, 4)
    """
    pixels = stamp.pixels
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    shape = max(4, round(width * scale)), max(4, round(height * scale))
    resized = np.asarray(Image.fromarray(pixels).resize(shape, Image.Resampling.BILINEAR))
    opaque = _opaque(resized)
    rows, columns = np.flatnonzero(opaque.any(axis=1)), np.flatnonzero(opaque.any(axis=0))
    resized = resized[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return resized[:, ::-1] if flipped else resized


def _opaque(pixels):
    """Return which pixels belong to a thing; of a thin thing made very small, those that are opaque most."""
    alpha = pixels[..., 3]
    return alpha > min(OPAQUE, int(alpha.max()) // 2)


def _free_place(instances, opaque, placed, least_visible, rng):
    """Return (top, left) where a thing hides no other too much; None if it has not been found."""
    height, width = opaque.shape
    counts = np.bincount(instances.ravel(), minlength=len(placed) + 1)
    whole = np.array([1, *(pixels for *_, pixels in placed)])
    for _ in range(TRIALS):
        top = int(rng.integers(instances.shape[0] - height + 1))
        left = int(rng.integers(instances.shape[1] - width + 1))
        under = instances[top : top + height, left : left + width][opaque]
        seen = (counts - np.bincount(under, minlength=len(counts))) / whole
        if not placed or seen[1:].min() >= max(least_visible, 1e-9):
            return top, left
    return None


def lay(image: np.ndarray, pixels: np.ndarray, top: int, left: int, light: float = 1.0) -> None:
    """Lay RGBA pixels over an image (H, W, 3) uint8, in place, brighter or darker by the factor `light`.

    >>> image = np.zeros((2, 2, 3), np.uint8)
    >>> lay(image, np.full((1, 1, 4), 255, np.uint8), top=1, left=0, light=0.5)
    >>> image[..., 0]
    array([[  0,   0],
           [128,   0]], dtype=uint8)
    """
    window = image[top : top + pixels.shape[0], left : left + pixels.shape[1]]
    alpha = pixels[..., 3:].astype(np.float32) / 255
    colour = (pixels[..., :3] * np.float32(light)).clip(0, 255)
    window[:] = (window + (colour - window) * alpha + 0.5).astype(np.uint8)


def _facts(instances, placed, classes):
    """Yield one `Thing` for each thing that was placed."""
    for number, (label, stamp, flipped, whole_box, pixels) in enumerate(placed, start=1):
        rows, columns = np.nonzero(instances == number)
        box = float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1)
        visible = len(rows) / pixels
        yield Thing(stamp, classes[label], label, box, whole_box, visible, flipped)
