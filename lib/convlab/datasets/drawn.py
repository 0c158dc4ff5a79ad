"""Ten classes of drawn 32x32 colour images, for a machine that has no CIFAR-10.

Each image shows one figure of random place, size, tilt and colour on a cluttered background. Nothing tells
the class but the figure's form: not the mean colour, nor any one pixel. So a dense network does badly and a
convolutional one well. They are not the images of CIFAR-10: a score on them compares with nothing published.

The arithmetic is `+ - * /`, `sqrt`, `floor`, comparisons and integers, which every processor rounds alike (it
does not `sin` and `exp`): the same seed draws the same bytes everywhere.
"""

import numpy as np

SIDE = 32
BLOCK = 100  # images drawn at a time: their arrays stay in the processor's cache


# A form takes coordinates in which its figure has radius 1 and returns the depth within the edge, or below 0.


def _disk(u, v):
    return 1 - np.sqrt(u * u + v * v)


def _ring(u, v):
    return 0.2 - abs(np.sqrt(u * u + v * v) - 0.8)


def _square(u, v):
    return 0.85 - np.maximum(abs(u), abs(v))


def _triangle(u, v):
    return 0.55 - np.maximum(v, 0.866 * abs(u) - 0.5 * v)


def _cross(u, v):
    u, v = abs(u), abs(v)
    return np.minimum(0.3 - np.minimum(u, v), 1 - np.maximum(u, v))


def _star(u, v):
    return 1.1 - np.sqrt(abs(u)) - np.sqrt(abs(v))


def _crescent(u, v):
    return np.minimum(_disk(u, v), np.sqrt((u - 0.5) * (u - 0.5) + v * v) - 0.75)


def _wave(u):
    """Return a zigzag of period 2/3 between -1/6 and 1/6."""
    u = 1.5 * u
    return abs(u - np.floor(u) - 0.5) / 1.5 - np.float32(1 / 6)


def _stripes(u, v):
    return np.minimum(_disk(u, v), _wave(u))


def _checks(u, v):
    return np.minimum(_disk(u, v), 8 * _wave(u) * _wave(v))


def _dots(u, v):
    a, b = _wave(u) + 1 / 6, _wave(v) + 1 / 6
    return np.minimum(_disk(u, v), 0.22 - np.sqrt(a * a + b * b))


FORMS = {
    "disk": _disk,
    "ring": _ring,
    "square": _square,
    "triangle": _triangle,
    "cross": _cross,
    "star": _star,
    "crescent": _crescent,
    "stripes": _stripes,
    "checks": _checks,
    "dots": _dots,
}
CLASS_NAMES = tuple(FORMS)


def make(train: int = 50_000, test: int = 10_000, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Return x_train, y_train, x_test, y_test shaped as CIFAR-10's: (N, 32, 32, 3) uint8 and (N,) int64.

    The default sizes are CIFAR-10's too, so that a lesson's split fits both.

    >>> [array.shape for array in make(train=20, test=10)]
    [(20, 32, 32, 3), (20,), (10, 32, 32, 3), (10,)]
    """
    return *draw(train, 2 * seed), *draw(test, 2 * seed + 1)


def draw(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `n` images (n, 32, 32, 3) uint8 and their labels (n,) int64: the same for the same `n` and seed.

    Each run of 100 images holds ten of each class, in random order. ValueError if `n` is below 1.

    >>> images, labels = draw(10, seed=0)
    >>> images.shape, sorted(labels.tolist())
    ((10, 32, 32, 3), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    if n < 1:
        raise ValueError(f"cannot draw {n} images: ask for 1 or more")
    rng = np.random.Generator(np.random.PCG64(seed))
    images, labels = np.empty((n, SIDE, SIDE, 3), np.uint8), np.arange(n) % len(CLASS_NAMES)
    for start in range(0, n, BLOCK):
        labels[start : start + BLOCK] = rng.permutation(labels[start : start + BLOCK])
        images[start : start + BLOCK] = _block(labels[start : start + BLOCK], rng)
    return images, labels


def _block(labels, rng):
    """Return one image per label: a background, clutter over it, the figure over both, noise over all."""
    n = len(labels)
    canvas = _background(n, rng)
    for _ in range(2):
        canvas = _painted(canvas, _bar(n, rng), rng.integers(0, 256, (n, 3), np.int16))
    u, v, radius = _frame(n, rng)
    canvas = _painted(canvas, _figures(labels, u, v, radius), _unlike(canvas, u, v, rng))
    noise = rng.integers(0, 256, canvas.shape, np.uint8) >> 3  # one random byte each is the fast case
    return (canvas + noise - 16).clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1)


def _uniform(rng, low, high, *shape):
    """Return float32 numbers between `low` and `high`."""
    return low + (high - low) * rng.random(shape, dtype=np.float32)


def _background(n, rng, cell=8):
    """Return (n, 3, 32, 32) int16 fields of colour, linear between random colours at the corners of cells."""
    grid = (n, 3, SIDE // cell + 1, SIDE // cell + 1)
    colour = rng.integers(40, 216, (n, 3, 1, 1), np.int16)
    contrast = rng.integers(1, 4, (n, 1, 1, 1), np.int16)
    corners = (colour + contrast * rng.integers(-40, 41, grid, np.int16)).clip(0, 255)
    low, part = np.divmod(np.arange(SIDE, dtype=np.int16), cell)
    rows = ((cell - part)[:, None] * corners.take(low, 2) + part[:, None] * corners.take(low + 1, 2)) // cell
    return ((cell - part) * rows.take(low, 3) + part * rows.take(low + 1, 3)) // cell


def _tilt(n, rng, most):
    """Return cosines and sines of random tilts, tan(tilt / 2) up to `most`: the circle's rational points."""
    t = _uniform(rng, -most, most, n, 1, 1)
    return (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)


def _axes(n, rng, margin, most):
    """Return (n, 32, 32) coordinates of the pixels, in pixels from a random centre, in tilted axes."""
    centre = _uniform(rng, margin, SIDE - margin, 2, n, 1, 1)
    cosine, sine = _tilt(n, rng, most)
    pixel = np.arange(SIDE, dtype=np.float32) + np.float32(0.5)
    x, y = pixel - centre[0], pixel[:, None] - centre[1]
    return cosine * x + sine * y, cosine * y - sine * x


def _bar(n, rng):
    """Return the (n, 32, 32) cover of one bar in each image."""
    u, v = _axes(n, rng, margin=0, most=1)
    length, width = _uniform(rng, 4, 12, n, 1, 1), _uniform(rng, 0.5, 2, n, 1, 1)
    return _cover(np.minimum(length - abs(u), width - abs(v)))


def _frame(n, rng):
    """Return coordinates (n, 32, 32) in which the figure has radius 1, and its radius (n, 1, 1) in pixels."""
    radius = _uniform(rng, 6, 11, n, 1, 1)
    u, v = _axes(n, rng, margin=8, most=0.4)
    return u / radius, v / radius, radius


def _cover(depth):
    """Return how much of a pixel is covered, int16 0 to 127, if it lies `depth` pixels within an edge."""
    return (127 * (depth + np.float32(0.5)).clip(0, 1)).astype(np.int16)


def _figures(labels, u, v, radius):
    """Return the (n, 32, 32) cover of the figure that each label names."""
    depth = np.empty_like(u)
    for label, name in enumerate(CLASS_NAMES):
        chosen = labels == label
        depth[chosen] = FORMS[name](u[chosen], v[chosen])
    return _cover(depth * radius)


def _unlike(canvas, u, v, rng):
    """Return one colour (n, 3) per image, unlike the canvas at the figure's centre in each channel."""
    n = len(canvas)
    centre = (u * u + v * v).reshape(n, -1).argmin(axis=1)
    there = canvas.reshape(n, 3, -1)[np.arange(n), :, centre]
    return (there + rng.integers(60, 196, (n, 3), np.int16)) % 256


def _painted(canvas, cover, colour):
    """Return the canvas (n, 3, 32, 32) with a colour (n, 3) laid over it as the cover (n, 32, 32) says."""
    # 255 * 127 is the most that this product reaches, and int16 holds it
    return canvas + ((colour[..., None, None] - canvas) * cover[:, None] >> 7)
