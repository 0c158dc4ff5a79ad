"""Painting a photograph in the style of a painting: Gram matrices, losses, optimisation, and a network.

L. Gatys, A. Ecker and M. Bethge, "Image style transfer using convolutional neural networks", CVPR 2016, and
their "Texture synthesis using convolutional neural networks", arXiv:1505.07376; J. Johnson, A. Alahi and
L. Fei-Fei, "Perceptual losses for real-time style transfer and super-resolution", arXiv:1603.08155 (2016).
Lesson 22.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from convlab import DATA_FOLDER
from convlab.networks.pretrained import MEAN_BGR, vgg_trunk
from convlab.optimizers import Adam
from convlab.runs import Run
from convlab.training import batch_rows, train

STYLE_LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1")
"""Layers whose Gram matrices are the style, from fine strokes to larger patterns."""

CONTENT_LAYER = "block2_conv2"
"""The layer whose maps are the content."""

PHOTOGRAPHS = ("chelsea", "coffee", "astronaut")
PAINTINGS = ("auvers", "wave", "summertime")
"""The pictures that come with the course; data/README.md says whose they are."""

LARGEST = 100_000_000  # pixels of a picture that is read


def gram(maps: np.ndarray) -> np.ndarray:
    """Return the Gram matrices of maps: for each two channels the sum of their products over all places.

    maps: (N, H, W, C); returns (N, C, C). Gatys et al. 2016, equation 3. ValueError for another number of
    axes. Lesson 22.

    >>> gram(np.array([[[[1.0, 2.0], [3.0, 0.0]]]]))  # two places, two channels
    array([[[10.,  2.],
            [ 2.,  4.]]])
    """
    maps = np.asarray(maps)
    if maps.ndim != 4:
        raise ValueError(f"maps of shape {maps.shape}: give (N, H, W, C)")
    values = maps.reshape(len(maps), -1, maps.shape[3])  # (N, places, C)
    return values.transpose(0, 2, 1) @ values


def style_target(maps: np.ndarray) -> np.ndarray:
    """Return the style of maps (N, H, W, C): their Gram matrices divided by the number of places, (N, C, C).

    So paintings and photographs of other sizes compare. Lesson 22.

    >>> style_target(np.ones((1, 4, 5, 2)))[0]
    array([[1., 1.],
           [1., 1.]])
    """
    return gram(maps) / (np.shape(maps)[1] * np.shape(maps)[2])


def content_loss(maps: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray]:
    """Return half the sum of the squared differences of two arrays of maps, and its gradient for the first.

    Both are (N, H, W, C), as is the gradient. Gatys et al. 2016, equations 1 and 2; they set the gradient to
    zero where a map is 0, and here the ReLU's own backward pass does that. ValueError for unequal shapes.
    Lesson 22.

    >>> loss, gradient = content_loss(np.full((1, 1, 1, 2), 3.0), np.ones((1, 1, 1, 2)))
    >>> loss, gradient.ravel()
    (4.0, array([2., 2.]))
    """
    if np.shape(maps) != np.shape(target):
        raise ValueError(f"maps {np.shape(maps)} and target {np.shape(target)}: give two of the same shape")
    difference = np.asarray(maps) - target
    return float(0.5 * np.sum(difference**2)), difference


def style_loss(maps: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray]:
    """Return how far the style of maps is from a target, and the gradient with respect to the maps.

    The loss is the sum of (G - A)² / (4 C²), with G the style of `maps` and A the target: equation 4 of Gatys
    et al. 2016, with each Gram matrix divided by its own number of places; the gradient is their equation 6.
    ValueError where the target does not fit. Lesson 22.

    Args:
        maps: (N, H, W, C).
        target: (N, C, C) or (1, C, C), from `style_target`.

    >>> maps = np.ones((1, 2, 2, 1))
    >>> loss, gradient = style_loss(maps, np.array([[[3.0]]]))
    >>> loss, gradient.ravel()
    (1.0, array([-0.5, -0.5, -0.5, -0.5]))
    """
    maps = np.asarray(maps)
    found = style_target(maps)
    if np.shape(target)[1:] != found.shape[1:] or len(target) not in (1, len(found)):
        raise ValueError(
            f"target {np.shape(target)} for maps {maps.shape}: give {found.shape}, from style_target"
        )
    count, height, width, channels = maps.shape
    difference = found - target  # (N, C, C), symmetric
    loss = float(np.sum(difference**2) / (4 * channels**2))
    gradient = maps.reshape(count, -1, channels) @ difference / (channels**2 * height * width)
    return loss, gradient.reshape(maps.shape)


def total_variation(images: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the sum of the squared differences of neighbours in images, and its gradient for the images.

    images: (N, H, W, C), as is the gradient; neighbours are one row or one column apart. It is small for
    smooth images. Mahendran and Vedaldi 2015, section 3, with beta = 2. Lesson 22.

    >>> loss, gradient = total_variation(np.array([[[[1.0], [3.0]]]]))
    >>> loss, gradient.ravel()
    (4.0, array([-4.,  4.]))
    """
    images = np.asarray(images)
    rows, columns = np.diff(images, axis=1), np.diff(images, axis=2)
    gradient = np.zeros_like(images)
    gradient[:, 1:] += 2 * rows
    gradient[:, :-1] -= 2 * rows
    gradient[:, :, 1:] += 2 * columns
    gradient[:, :, :-1] -= 2 * columns
    return float(np.sum(rows**2) + np.sum(columns**2)), gradient


def read_picture(path: str | Path, side: int = 224) -> np.ndarray:
    """Return a picture from a file, upright, with a longer side of `side` pixels: (H, W, 3) uint8.

    ValueError for a picture of over 100 million pixels and for a side under 16; OSError for a file that is no
    picture. Lesson 22.
    """
    if side < 16:
        raise ValueError(f"side of {side} pixels: give 16 or more")
    with Image.open(path) as picture:
        if picture.width * picture.height > LARGEST:
            raise ValueError(
                f"{path} has {picture.width} x {picture.height} pixels, over {LARGEST:,}: make it smaller"
            )
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    scale = side / max(upright.size)
    size = max(1, round(upright.width * scale)), max(1, round(upright.height * scale))
    return np.asarray(upright.resize(size, Image.Resampling.LANCZOS))


def bundled(name: str, side: int = 224) -> np.ndarray:
    """Return a photograph or painting that comes with the course, as `read_picture` gives it.

    `name` is one of PHOTOGRAPHS or PAINTINGS; ValueError for another. Lesson 22.

    >>> bundled("wave", 100).shape
    (67, 100, 3)
    """
    if name not in PHOTOGRAPHS + PAINTINGS:
        raise ValueError(f"no picture {name!r}: give one of {', '.join(PHOTOGRAPHS + PAINTINGS)}")
    folder = "photos" if name in PHOTOGRAPHS else "paintings"
    return read_picture(DATA_FOLDER / folder / f"{name}.jpg", side)


@dataclass(frozen=True, eq=False)
class Painting:
    """What `paint` returns.

    Attributes:
        image: the picture, (H, W, 3) uint8.
        history: for each evaluation of the loss the parts "content", "style", "variation", and the "total".
        frames: evaluation -> the picture that was evaluated then.
    """

    image: np.ndarray = field(repr=False)
    history: list[dict[str, float]] = field(repr=False)
    frames: dict[int, np.ndarray] = field(repr=False)


class PerceptualLoss:
    """The parts of the loss of pictures: how far from photographs' content and a painting's style.

    Each part is divided by what stands for "nothing of it", so that a weight means the same in each layer and
    each network: content and style by the loss of maps that are all 0, variation by that of the painting.
    Johnson et al. 2016 (arXiv:1603.08155) call such losses perceptual. Lesson 22.

    Args:
        painting: (H, W, 3) uint8.
        weights: of "content", "style" and "variation"; a part with weight 0 is not computed.
        trunk: the network; `networks.vgg_trunk()` unless it is given.
        style_layers: whose Gram matrices count, each with the same weight.
        content_layer: whose maps count.

    ValueError for other weights, and for a layer that the trunk does not have.
    """

    def __init__(
        self,
        painting: np.ndarray,
        weights: dict[str, float],
        trunk: keras.Model | None = None,
        style_layers: Sequence[str] = STYLE_LAYERS,
        content_layer: str = CONTENT_LAYER,
    ):
        if set(weights) != {"content", "style", "variation"} or min(weights.values()) < 0:
            raise ValueError(f"weights {weights}: give content, style and variation, each 0 or more")
        self.weights = weights
        trunk = trunk or vgg_trunk()
        self.style_layers = tuple(style_layers) if weights["style"] else ()
        self.content_layer = content_layer if weights["content"] else None
        self.layers = tuple(dict.fromkeys((*self.style_layers, *filter(None, [self.content_layer]))))
        known = {layer.name for layer in trunk.layers}
        if missing := [name for name in self.layers if name not in known]:
            raise ValueError(f"{trunk.name} has no layer {missing[0]!r}; it has {', '.join(sorted(known))}")
        outputs = [trunk.get_layer(name).output for name in self.layers]
        self.network = keras.Model(trunk.inputs[0], outputs) if outputs else None
        painted = self.maps(tf.constant(_batch(painting)))
        self.targets = {name: style_target(painted[name].numpy())[0] for name in self.style_layers}
        self.roughness = max(total_variation(_batch(painting))[0] / painting[..., 0].size, 1e-6)  # a pixel

    def maps(self, pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return the maps of each layer, name -> (N, h, w, C).

        pixels: (N, H, W, 3) from 0 to 255, red first.
        """
        if self.network is None:
            return {}
        maps = self.network(tf.reverse(pixels, [3]) - tf.constant(MEAN_BGR), training=False)
        return dict(zip(self.layers, maps if isinstance(maps, list | tuple) else [maps]))

    def content(self, photographs: tf.Tensor) -> tf.Tensor | None:
        """Return the maps of the content of photographs (N, H, W, 3); None if content has no weight."""
        return self.maps(photographs)[self.content_layer] if self.content_layer else None

    def parts(self, pixels: tf.Tensor, content: tf.Tensor | None) -> dict[str, tf.Tensor]:
        """Return the parts of the loss and their weighted sum, "total": name -> mean over the pictures.

        pixels: (N, H, W, 3); content: what `content` returned for their photographs. ValueError for None
        where the content has a weight.
        """
        maps, parts = self.maps(pixels), dict.fromkeys(self.weights, tf.constant(0.0))
        if self.content_layer:
            if content is None:
                raise ValueError("the content has a weight: give the maps of its photographs, from `content`")
            squares = tf.reduce_sum((maps[self.content_layer] - content) ** 2, axis=(1, 2, 3))
            parts["content"] = tf.reduce_mean(squares / tf.reduce_sum(content**2, axis=(1, 2, 3)))
        for name, target in self.targets.items():
            shape = tf.shape(maps[name])
            values = tf.reshape(maps[name], (shape[0], -1, len(target)))  # (N, places, C)
            found = tf.matmul(values, values, transpose_a=True) / tf.cast(shape[1] * shape[2], tf.float32)
            squares = tf.reduce_sum((found - target) ** 2, axis=(1, 2))
            relative = tf.reduce_mean(squares) / np.sum(target**2)
            parts["style"] += relative / len(self.targets)
        if self.weights["variation"]:
            rows, columns = pixels[:, 1:] - pixels[:, :-1], pixels[:, :, 1:] - pixels[:, :, :-1]
            places = tf.cast(tf.size(pixels) // 3, tf.float32)
            parts["variation"] = (
                (tf.reduce_sum(rows**2) + tf.reduce_sum(columns**2)) / places / self.roughness
            )
        parts["total"] = tf.add_n([self.weights[name] * parts[name] for name in self.weights])
        return parts

    def evaluate(self, picture: np.ndarray, photograph: np.ndarray) -> dict[str, float]:
        """Return the parts of the loss of one picture of one photograph, both (H, W, 3) uint8, as numbers.

        ValueError for different shapes.
        """
        if picture.shape != photograph.shape:
            raise ValueError(f"picture {picture.shape} of a photograph {photograph.shape}: give equal shapes")
        content = self.content(tf.constant(_batch(photograph)))
        parts = self.parts(tf.constant(_batch(picture)), content)
        return {name: float(part) for name, part in parts.items()}


class Objective:
    """The loss of a picture, and its gradient: the parts of `PerceptualLoss` for one photograph.

    Calling it with a picture (1, H, W, 3) of pixels from 0 to 255, red first, returns the total and the
    gradient, and adds to `history` and `frames`. Gatys et al. 2016, equation 7. Lesson 22.

    Args:
        content: (H, W, 3) uint8, or None with a content weight of 0.
        painting: as for `PerceptualLoss`, like `weights`, `trunk`, `style_layers` and `content_layer`.
        weights: of "content", "style" and "variation".
        trunk: the network.
        style_layers: whose Gram matrices count.
        content_layer: whose maps count.
        frames: the evaluations, from 0, whose pictures are stored.
    """

    def __init__(
        self,
        content: np.ndarray | None,
        painting: np.ndarray,
        weights: dict[str, float],
        trunk: keras.Model | None = None,
        style_layers: Sequence[str] = STYLE_LAYERS,
        content_layer: str = CONTENT_LAYER,
        frames: Collection[int] = (),
    ):
        if weights.get("content") and content is None:
            raise ValueError(f"weights {weights}: give content 0 where there is no photograph")
        self.wanted_frames = frozenset(frames)
        self.history: list[dict[str, float]] = []
        self.frames: dict[int, np.ndarray] = {}
        self.perceptual_loss = PerceptualLoss(painting, weights, trunk, style_layers, content_layer)
        self.content = None if content is None else self.perceptual_loss.content(tf.constant(_batch(content)))
        # eager, TensorFlow would compute the gradients of the kernels, too
        self.compiled = tf.function(self._evaluate, input_signature=[tf.TensorSpec((1, None, None, 3))])

    def __call__(self, image: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the total loss of a picture (1, H, W, 3), and its gradient in the same shape, float32."""
        if len(self.history) in self.wanted_frames:
            self.frames[len(self.history)] = to_uint8(image)
        parts, gradient = self.compiled(tf.constant(image, tf.float32))
        self.history.append({name: float(part) for name, part in parts.items()})
        return self.history[-1]["total"], gradient.numpy()

    def _evaluate(self, pixels):
        """Return the parts of the loss, name -> number, and the gradient of their weighted sum."""
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            parts = self.perceptual_loss.parts(pixels, self.content)
        gradient = tape.gradient(parts["total"], pixels, unconnected_gradients="zero")
        return parts, gradient


def paint(
    content: np.ndarray | None,
    painting: np.ndarray,
    *,
    steps: int = 150,
    content_weight: float = 1.0,
    style_weight: float = 10.0,
    variation_weight: float = 0.0,
    optimizer: str = "adam",
    learning_rate: float = 4.0,
    start: str | np.ndarray = "content",
    trunk: keras.Model | None = None,
    style_layers: Sequence[str] = STYLE_LAYERS,
    content_layer: str = CONTENT_LAYER,
    frames: Collection[int] = (),
    seed: int = 0,
) -> Painting:
    """Return a `Painting`: a picture with the content of a photograph and the style of a painting.

    The pixels themselves are what the optimiser changes; they stay between 0 and 255. The same arguments give
    the same picture, up to rounding. ValueError for an unknown optimizer or start, for a layer that the trunk
    does not have, and for negative weights. Gatys et al. 2016. Lesson 22.

    Args:
        content: the photograph, (H, W, 3) uint8; None for a texture alone, of the painting's size.
        painting: (H, W, 3) uint8, of any size.
        steps: evaluations of the loss, each with its gradient.
        content_weight: of the relative content loss; 0 for texture alone.
        style_weight: of the relative style loss.
        variation_weight: of the squared differences of neighbours, relative to the painting's.
        optimizer: "adam", or "l-bfgs": SciPy's L-BFGS-B, with limits for the pixels.
        learning_rate: Adam's, in pixel values.
        start: "content", "noise", or a picture (H, W, 3).
        trunk: the network; `networks.vgg_trunk()` unless it is given.
        style_layers: whose Gram matrices count.
        content_layer: whose maps count.
        frames: the evaluations, from 0, whose pictures are stored.
        seed: of the noise.
    """
    weights = {
        "content": content_weight if content is not None else 0.0,
        "style": style_weight,
        "variation": variation_weight,
    }
    objective = Objective(content, painting, weights, trunk, style_layers, content_layer, frames)
    image = _first(start, content, painting, seed)
    if optimizer == "adam":
        adam = Adam(learning_rate)
        for _ in range(steps):
            _, gradient = objective(image)
            adam.step({"image": image}, {"image": gradient})
            np.clip(image, 0, 255, out=image)
    elif optimizer == "l-bfgs":
        image = _minimized(objective, image, steps)
    else:
        raise ValueError(f'optimizer {optimizer!r}: give "adam" or "l-bfgs"')
    objective.frames |= {steps: to_uint8(image)} if steps in frames else {}
    return Painting(to_uint8(image)[0], objective.history, {k: f[0] for k, f in objective.frames.items()})


def _first(start, content, painting, seed):
    """Return the picture from which the optimisation starts, (1, H, W, 3) float32."""
    like = painting if content is None else content
    if isinstance(start, np.ndarray):
        if start.shape != like.shape:
            raise ValueError(
                f"start of shape {start.shape} for a picture of {like.shape}: give the same shape"
            )
        return _batch(start)
    if start == "noise" or (start == "content" and content is None):
        return np.random.default_rng(seed).uniform(0, 255, (1, *like.shape)).astype("float32")
    if start != "content":
        raise ValueError(f'start {start!r}: give "content", "noise" or a picture')
    return _batch(content)


def _minimized(objective, image, steps):
    """Return the picture that L-BFGS-B finds with so many evaluations of the loss."""
    from scipy.optimize import minimize  # here, as it takes a moment to import and Adam needs none of it

    def flat(values):
        loss, gradient = objective(values.reshape(image.shape).astype("float32"))
        return loss, gradient.ravel().astype("float64")

    limits = {"maxfun": steps, "maxiter": steps, "ftol": 0.0, "gtol": 0.0}
    found = minimize(
        flat, image.ravel().astype("float64"), jac=True, method="L-BFGS-B", bounds=[(0, 255)] * image.size,
        options=limits,
    )  # fmt: skip
    return found.x.reshape(image.shape)


class StyleTrainer:
    """A network of one painting's style, and the step that trains it on photographs, by Adam.

    The loss is that of the optimisation, `PerceptualLoss`, of what the network makes of a photograph. Each
    step takes square parts of photographs: of random sizes and resized to `side`, mirrored or not, and with
    the three colours in a random order. The last steps take whole photographs. The learning rate stays
    constant for half of the steps, and then falls to 0. Johnson et al. 2016 (arXiv:1603.08155), section 3.
    Lesson 22.

    Args:
        network: photographs (N, H, W, 3), pixels from 0 to 255, in; pictures of the same size out.
        photographs: (N, H, W, 3) uint8, sides multiples of 4.
        perceptual_loss: what is minimised.
        steps: how many steps there will be.
        batch_size: photographs in a step.
        seed: of order, parts, mirroring and colours.
        learning_rate: of the first half.
        side: of the square parts after resizing, a multiple of 4.
        whole: the share of the steps that take whole photographs, the last ones.

    ValueError for photographs, parts or a share that do not fit.
    """

    def __init__(
        self,
        network: keras.Model,
        photographs: np.ndarray,
        perceptual_loss: PerceptualLoss,
        steps: int,
        batch_size: int = 1,
        seed: int = 0,
        learning_rate: float = 2e-3,
        side: int = 96,
        whole: float = 0.05,
    ):
        if photographs.ndim != 4 or photographs.dtype != np.uint8 or not 0 <= whole <= 1:
            raise ValueError(
                f"photographs {photographs.shape} of {photographs.dtype}, whole {whole}: give (N, H, W, 3) "
                "uint8, and a share from 0 to 1"
            )
        height, width = photographs.shape[1:3]
        if not 16 <= side <= 2 * min(height, width) or any(one % 4 for one in (side, height, width)):
            raise ValueError(
                f"parts of {side} pixels of photographs of {width} x {height}: give multiples of 4, and "
                "parts of 16 pixels or more, at most twice as large as the photographs"
            )
        self.network, self.photographs, self.perceptual_loss = network, photographs, perceptual_loss
        self.steps, self.batch_size, self.seed = steps, batch_size, seed
        self.learning_rate, self.side, self.whole = learning_rate, side, whole
        self.optimizer = keras.optimizers.Adam(learning_rate)
        self.optimizer.build(network.trainable_variables)
        self._update = tf.function(
            self._descend, input_signature=[tf.TensorSpec((batch_size, None, None, 3))]
        )

    def step(self, number: int) -> dict:
        """Train on the batch of step `number`; return {"loss": …, "content": …, "style": …}."""
        share = min(1, 2 * (1 - number / self.steps))
        self.optimizer.learning_rate.assign(share * self.learning_rate)
        return self._update(self.batch(number))

    def batch(self, number: int) -> np.ndarray:
        """Return the photographs, or their parts, of step `number`: (N, H, W, 3) float32."""
        rng = np.random.default_rng([self.seed, number, 2])
        chosen = self.photographs[batch_rows(len(self.photographs), self.batch_size, self.seed, number)]
        whole = number >= (1 - self.whole) * self.steps
        taken = [photograph if whole else self._part(photograph, rng) for photograph in chosen]
        turned = [one[:, :: rng.choice((-1, 1)), rng.permutation(3)] for one in taken]
        return np.stack(turned).astype("float32")

    def _part(self, photograph, rng):
        """Return a random square of a photograph, resized to (side, side, 3).

        It was between side / 2 pixels long and as long as the photograph's shorter side.
        """
        height, width = photograph.shape[:2]
        length = rng.integers(self.side // 2, min(height, width) + 1)
        top, left = (rng.integers(0, full - length + 1) for full in (height, width))
        part = Image.fromarray(photograph[top : top + length, left : left + length])
        return np.asarray(part.resize((self.side, self.side), Image.Resampling.BICUBIC))

    def _descend(self, pixels):
        with tf.GradientTape() as tape:
            parts = self.perceptual_loss.parts(
                self.network(pixels, training=True), self.perceptual_loss.content(pixels)
            )
        gradients = tape.gradient(parts["total"], self.network.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.network.trainable_variables))
        return {"loss": parts["total"], "content": parts["content"], "style": parts["style"]}


def fit(
    network: keras.Model,
    photographs: np.ndarray,
    perceptual_loss: PerceptualLoss,
    steps: int,
    checkpoint: str | Path | None = None,
    steps_per_epoch: int | None = None,
    validate: Callable[[int], dict] | None = None,
    data: Any = None,
    **choices: Any,
) -> Run:
    """Train a network to paint, in place; return the Run, whose history has the parts of the loss. Lesson 22.

    ValueError for photographs, parts or a share that do not fit.

    Args:
        network: as for `StyleTrainer`.
        photographs: (N, H, W, 3) uint8, as for `StyleTrainer`.
        perceptual_loss: what is minimised.
        steps: how many batches it sees.
        checkpoint: path of a file that an interrupted run goes on from.
        steps_per_epoch: as for `training.train`.
        validate: as for `training.train`.
        data: where the photographs are from, as for `training.train`.
        **choices: of `StyleTrainer`: batch_size, seed, learning_rate, side, whole.
    """
    trainer = StyleTrainer(network, photographs, perceptual_loss, steps, **choices)
    settings = ("seed", "batch_size", "learning_rate", "side", "whole")
    return train(
        network,
        trainer.step,
        steps,
        steps_per_epoch=steps_per_epoch,
        state=[trainer.optimizer],
        validate=validate,
        checkpoint=checkpoint,
        settings={
            **{name: getattr(trainer, name) for name in settings},
            "weights": dict(perceptual_loss.weights),
            "style_layers": list(perceptual_loss.style_layers),
            "content_layer": perceptual_loss.content_layer,
        },
        data=data,
        batch_size=trainer.batch_size,
    )


def forward(network: keras.Model, photograph: np.ndarray) -> np.ndarray:
    """Return what a trained network makes of a photograph, in one forward pass: (H, W, 3) uint8.

    photograph: (H, W, 3) uint8 of any size from 16 on. The network takes sides that are multiples of 4, so up
    to three rows and columns are added, copies of the last ones, and cut off again. ValueError for another
    shape, and for a side under 16. Lesson 22.
    """
    pixels = _batch(photograph)
    height, width = pixels.shape[1:3]
    if min(height, width) < 16:
        raise ValueError(f"a photograph of {width} x {height} pixels: give 16 or more each side")
    padded = np.pad(pixels, ((0, 0), (0, -height % 4), (0, -width % 4), (0, 0)), "edge")
    painted = network.predict_on_batch(padded)  # compiled once for the network
    return to_uint8(painted[0, :height, :width])


def to_uint8(pixels: np.ndarray) -> np.ndarray:
    """Return pixels, rounded and cut off at 0 and 255, as uint8.

    >>> to_uint8(np.array([-3.0, 99.6, 300.0]))
    array([  0, 100, 255], dtype=uint8)
    """
    return np.clip(np.round(pixels), 0, 255).astype("uint8")


def _batch(picture):
    """Return a picture (H, W, 3) as a batch of one, float32; ValueError for another shape."""
    picture = np.array(picture, "float32")
    if picture.ndim != 3 or picture.shape[2] != 3 or min(picture.shape[:2]) < 4:
        raise ValueError(f"picture of shape {picture.shape}: give (H, W, 3), 4 pixels or more each side")
    return picture[None]
