"""`python -m coursekit record-transfer`: the figures of lesson 17, some hours, each part one Run.

A history has a row for each score: {"experiment", "method", "layer", "each" (training images of a class),
"draw" (the seed of the draw), "rate" (learning rate, or a probe's penalty), "accuracy"}. Every method's rate
is chosen by the same search, on held-out training images and a draw of its own; the 10,000 test images are
looked at with the rate that won. Features are computed once, into build/record/. What is recorded already
is not repeated, so an interrupted recording goes on where it stopped. What int8 costs is recorded where the
authors' float32 weights lie in build/record/, as Keras saves them; and what it costs on photographs of
ImageNet's classes, where such photographs lie in build/record/photographs/, each with the number of its class
at the end of its name (number_class.jpg). data/README.md says where both are from.
"""

import argparse
import json
import os
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from convlab import DATA_FOLDER
from convlab.files import write_whole
from coursekit.measuring import recorder

CACHE = Path("build/record")
FLOAT_WEIGHTS = CACHE / "squeezenet-float32.weights.h5"
PHOTOGRAPHS = CACHE / "photographs"
SIDE = 160
POOL, HELD_OUT = slice(0, 10_000), slice(40_000, 45_000)  # of CIFAR-10's training images
DRAWS, SEARCH_DRAWS = range(5), (10,)
TUNING_DRAWS = range(3)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500)
COMPARED = (10, 50, 100)  # images of each class, where the rivals are recorded, too
EACH = 50  # images of each class, for the depths and for tuning
PENALTIES = (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0)
SCRATCH_RATES = (0.0125, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8)
TUNING_RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)
TUNED = {
    # name: the last frozen layer, the rate of the trunk as a share of the new layer's
    "new layer only": ("drop9", 0.0),
    "from fire8 on": ("fire7", 1.0),
    "all layers": (None, 1.0),
    "all layers, a tenth of the rate": (None, 0.1),
}
SCRATCH_STEPS, SCRATCH_BATCH = 400, 50
TUNING_EPOCHS, TUNING_BATCH, TUNING_TEST = 4, 25, 2000


def main(argv):
    """Record the parts named, each to data/runs/transfer-PART.json; print a line for each score."""
    parser = argparse.ArgumentParser(
        prog="python -m coursekit record-transfer", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; default: all")
    parser.add_argument("--output", type=Path, default=DATA_FOLDER, help="instead of data/")
    chosen = parser.parse_args(argv)
    for part in chosen.parts:
        if part not in PARTS:
            parser.error(f"there is no part {part!r}: name some of {', '.join(PARTS)}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    data = recorder.genuine("cifar10")
    for part in chosen.parts or PARTS:
        if part == "float32" and not FLOAT_WEIGHTS.exists():
            print(f"float32 is left out: there is no {FLOAT_WEIGHTS}")
        else:
            write(part, Study(part, data), chosen.output)
    return 0


class Study:
    """One part: what of it is recorded, in build/record/, and what is still to do.

    `compare` chooses a method's rate and scores it; `rows` are the scores so far, in order, and `notes` what
    else the Run states among its settings.
    """

    def __init__(self, part, data):
        self.part, self.data, self.rows, self.notes = part, data, [], {}
        self.path = CACHE / f"transfer-{part}.json"
        self.known = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else []

    def compare(self, rates, on_held_out, on_test, draws=DRAWS, **wanted):
        """Choose the rate with the best mean accuracy on held-out images; score it on test images by draw.

        Both functions take a rate and a draw, and return an accuracy.
        """
        search = {**wanted, "experiment": f"search {wanted['experiment']}"}
        shares = {
            rate: np.mean([self.score(on_held_out, rate, draw, **search) for draw in SEARCH_DRAWS])
            for rate in rates
        }
        best = max(shares, key=shares.__getitem__)
        for draw in draws:
            self.score(on_test, best, draw, **wanted)

    def score(self, measure, rate, draw, **wanted):
        """Return the accuracy of a setting, from the record, or from `measure(rate, draw)`."""
        wanted |= {"rate": rate, "draw": draw}
        found = next((row for row in self.known if wanted.items() <= row.items()), None)
        if found is None:
            began, cpu = time.perf_counter(), time.process_time()
            found = {**wanted, "accuracy": float(measure(rate, draw))}
            found |= {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
            self.known.append(found)
            write_whole(self.path, lambda file: file.write(json.dumps(self.known).encode()))
            print(", ".join(f"{name} {value}" for name, value in found.items()), flush=True)
        self.rows.append(found)
        return found["accuracy"]


def write(part, study, output):
    """Measure one part and write it as a Run."""
    from convlab import networks, runs

    PARTS[part](study)
    rows = [{"epoch": number, **row} for number, row in enumerate(study.rows, start=1)]
    scores: dict[str, list[float]] = {}
    for row in rows:
        if not row["experiment"].startswith("search"):
            name = f"{row['method']}, {row['layer']}, {row['each']} images of each class"
            scores.setdefault(name, []).append(row["accuracy"])
    run = runs.Run(
        network="squeezenet",
        parameters=networks.squeezenet(10, trained=False).count_params(),
        data=study.data.name,
        source=study.data.source,
        settings={
            "part": part,
            "seed": 0,
            "pool": POOL.stop,
            "held_out": HELD_OUT.stop - HELD_OUT.start,
            "side": SIDE,
            **study.notes,
        },
        machine=runs.machine(),
        history=tuple(rows),
        seconds=sum(row["seconds"] for row in rows),
        test={name: float(np.mean(shares)) for name, shares in scores.items()},
        date=runs.today(),
        cpu_seconds=sum(row["cpu_seconds"] for row in rows),
    )
    runs.save(run, output / "runs" / f"transfer-{part}.json")
    print(f"{part}: {len(rows)} scores in {run.seconds:.0f} s", flush=True)


def probe(study):
    """Linear probes: of the last layer with 1 to 500 images of a class, and of each depth with 50."""
    from convlab.networks.pretrained import STAGES

    found = cached("imagenet", study.data, STAGES)
    for each in SIZES:
        _probed(study, found, "images", "ImageNet", "fire9", each)
    for layer in STAGES:
        _probed(study, found, "depth", "ImageNet", layer, EACH)


def control(study):
    """Probes of the same network untrained, and of a small one that has learned Fashion-MNIST."""
    untrained, clothes = cached("untrained", study.data, ("fire9",)), fashion(study.data)
    for each in COMPARED:
        _probed(study, untrained, "control", "untrained", "fire9", each)
        _probed(study, clothes, "control", "Fashion-MNIST", "mean", each)


def float32(study):
    """The same probes at the same penalties, of the network with its float32 weights, before int8."""
    from convlab import runs
    from convlab.networks.pretrained import STAGES

    found = cached("float32", study.data, ("fire9",))
    pairs = zip(found["test fire9"], cached("imagenet", study.data, STAGES)["test fire9"], strict=True)
    correlations = [np.corrcoef(pair)[0, 1] for pair in pairs]  # each over an image's 512 features
    study.notes["correlation"] = float(np.median(correlations))
    for each in COMPARED:
        wanted = {"experiment": "images", "each": each}.items()
        penalty = next(row["rate"] for row in runs.load("transfer-probe").history if wanted <= row.items())
        _probed(study, found, "int8", "float32", "fire9", each, (penalty,))
    if PHOTOGRAPHS.is_dir():
        study.notes["photographs"] = on_photographs(PHOTOGRAPHS)
    else:
        print(f"the photographs are left out: there is no {PHOTOGRAPHS}")


def on_photographs(folder):
    """Return how both forms of the weights name a folder's photographs, and how often they agree.

    For "int8" and "float32" a dict: how many names are "right", and how many right names are among the "five"
    likeliest. "agree" counts the photographs to which both give the same name, "agree here" those of the
    course's own three. The float32 weights are read from FLOAT_WEIGHTS. ValueError for a file whose name does
    not end with the number of a class.
    """
    from convlab import networks
    from convlab.applications import style, transfer
    from convlab.networks.pretrained import prepare

    files = sorted(folder.glob("*.jpg"))
    numbers = [file.stem.rpartition("_")[2] for file in files]
    for file, number in zip(files, numbers, strict=True):
        if not (number.isdecimal() and int(number) < 1000):
            raise ValueError(f"{file.name} does not end with the number of a class: name it number_class.jpg")
    own = [DATA_FOLDER / "photos" / f"{name}.jpg" for name in style.PHOTOGRAPHS]
    pixels = prepare(np.stack([transfer.read_square(file, 227) for file in [*files, *own]]))
    exact = networks.squeezenet()
    exact.load_weights(FLOAT_WEIGHTS)
    labels, said = np.array(numbers, int), {}
    notes: dict[str, object] = {"count": len(files)}
    for name, model in {"int8": networks.squeezenet(), "float32": exact}.items():
        order = np.asarray(model(pixels, training=False)).argsort(axis=1)[:, ::-1]
        hits = order[: len(files), :5] == labels[:, None]
        said[name] = order[:, 0]
        notes[name] = {"right": int(hits[:, 0].sum()), "five": int(hits.sum())}
    same = said["int8"] == said["float32"]
    return notes | {"agree": int(same[: len(files)].sum()), "agree here": int(same[len(files) :].sum())}


def _probed(study, found, experiment, method, layer, each, penalties=PENALTIES):
    """Compare penalties of a probe on one layer's features, drawn from the pool."""
    data = study.data
    pool = found[f"pool {layer}"], data.y_train[POOL]
    study.compare(
        penalties,
        partial(_probe, each, *pool, found[f"held out {layer}"], data.y_train[HELD_OUT]),
        partial(_probe, each, *pool, found[f"test {layer}"], data.y_test),
        experiment=experiment,
        method=method,
        layer=layer,
        each=each,
    )


def _probe(each, pool, pool_labels, features, labels, penalty, draw):
    """Return the accuracy of a probe that learned from `each` images of every class of the pool."""
    from convlab.applications import transfer

    chosen = transfer.few(pool_labels, each, draw)
    return transfer.fit_probe(pool[chosen], pool_labels[chosen], 10, penalty).accuracy(features, labels)


def cached(name, data, layers):
    """Return the features of pool, held-out and test images: a dict "pool fire9" -> (N, maps), and so on."""
    import keras

    from convlab import networks
    from convlab.applications import transfer

    path = CACHE / f"transfer-{name}.npz"
    if not path.exists():
        keras.utils.set_random_seed(0)
        model = networks.squeezenet(trained=name == "imagenet")
        if name == "float32":
            model.load_weights(FLOAT_WEIGHTS)
        arrays: dict[str, np.ndarray] = {}
        for part, images in parts_of(data).items():
            found = transfer.features(model, images, layers, SIDE)
            arrays |= {f"{part} {layer}": found[layer] for layer in layers}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def parts_of(data):
    """Return the images by part: "pool" to draw from, "held out" to choose rates on, "test"."""
    return {"pool": data.x_train[POOL], "held out": data.x_train[HELD_OUT], "test": data.x_test}


def small_network(name="small"):
    """Return the network that learns from scratch: four normalised 3x3 convolutions, 32x32x3 -> 10."""
    import keras

    from convlab import networks

    x = images = keras.Input((32, 32, 3))
    for number, (maps, strides) in enumerate([(32, 1), (64, 2), (128, 2), (128, 1)], start=1):
        x = networks.normalized_convolution(x, maps, 3, f"conv{number}", strides)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(images, networks.logits(x, 10), name=name)


def scratch(study):
    """The small network trained from random weights on the same draws, each with 400 steps."""
    data = study.data
    held_out = replace(data, x_test=data.x_train[HELD_OUT], y_test=data.y_train[HELD_OUT])
    for each in COMPARED:
        study.compare(
            SCRATCH_RATES,
            partial(_from_scratch, held_out, each),
            partial(_from_scratch, data, each),
            experiment="images",
            method="from scratch",
            layer="all",
            each=each,
        )


def _from_scratch(data, each, rate, draw):
    """Return the accuracy on `data`'s test images of the small network, trained on one draw."""
    import keras

    from convlab import training
    from convlab.applications import transfer

    chosen = transfer.few(data.y_train[POOL], each, draw)
    part = replace(data, x_train=data.x_train[chosen], y_train=data.y_train[chosen])
    keras.utils.set_random_seed(draw)
    model = small_network()
    epochs = SCRATCH_STEPS * SCRATCH_BATCH // len(chosen)
    training.fit(
        model,
        part,
        epochs,
        SCRATCH_BATCH,
        crop=4,
        flip="random",
        seed=draw,
        learning_rate=rate,
        schedule="triangle",
        precision="float32",
        compiled=False,
    )
    return training.accuracy(model, part)


def fashion(data):
    """Return the features of a small network that has learned Fashion-MNIST: {"pool mean": (N, 128), …}."""
    import keras

    from convlab import training
    from convlab.training import augmentation

    clothes = recorder.genuine("fashion_mnist")
    clothes = replace(clothes, x_train=_coloured(clothes.x_train), x_test=_coloured(clothes.x_test))
    keras.utils.set_random_seed(0)
    model = small_network("fashion")
    training.fit(
        model,
        clothes,
        3,
        128,
        flip="random",
        seed=0,
        learning_rate=0.05,
        schedule="triangle",
        precision="float32",
        compiled=False,
    )
    print(f"Fashion-MNIST: {training.accuracy(model, clothes):.1%} of its own test images", flush=True)
    trunk = keras.Model(model.inputs[0], model.get_layer("mean").output)
    scale = augmentation.statistics(data.x_train)

    def found(images):
        batches = (images[start : start + 500] for start in range(0, len(images), 500))
        scaled = (augmentation.standardize(batch, scale) for batch in batches)
        return np.concatenate([keras.ops.convert_to_numpy(trunk(batch, training=False)) for batch in scaled])

    return {f"{part} mean": found(images) for part, images in parts_of(data).items()}


def _coloured(images):
    """Return grey 28x28 images as 32x32 with three equal channels."""
    return np.repeat(np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0))), 3, axis=3)


def tuning(study):
    """The network tuned with 50 images of a class, frozen to different depths, at its own best rate."""
    data = study.data
    for name, (last, share) in TUNED.items():
        study.compare(
            TUNING_RATES,
            partial(_tuned, data, last, share, data.x_train[HELD_OUT], data.y_train[HELD_OUT]),
            partial(_tuned, data, last, share, data.x_test, data.y_test),
            TUNING_DRAWS,
            experiment="tuning",
            method=name,
            layer=last or "none",
            each=EACH,
        )


def _tuned(data, last, share, images, labels, rate, draw):
    """Return the accuracy of the network tuned on one draw, on the first 2,000 images; `rate`: of conv10."""
    import keras

    from convlab import networks
    from convlab.applications import transfer
    from convlab.networks.pretrained import prepare

    keras.utils.set_random_seed(draw)
    model = networks.squeezenet(10)
    transfer.freeze(model, last)
    chosen = transfer.few(data.y_train[POOL], EACH, draw)
    _tune(model, prepare(data.x_train[chosen], SIDE), data.y_train[chosen], rate, share, draw)
    images, labels = images[:TUNING_TEST], labels[:TUNING_TEST]
    right = [
        np.asarray(model(prepare(images[start : start + 50], SIDE), training=False)).argmax(axis=1)
        == labels[start : start + 50]
        for start in range(0, len(images), 50)
    ]
    return np.mean(np.concatenate(right))


def _tune(model, pixels, labels, rate, share, seed):
    """Train by gradient descent with momentum, at a rate that falls to 0; the trunk at `share` of it."""
    import keras
    import tensorflow as tf

    head = {weight.path for weight in model.get_layer("conv10").weights}
    weights = model.trainable_variables
    factors = [1.0 if weight.path in head else share for weight in weights]
    velocities = [tf.Variable(tf.zeros(weight.shape)) for weight in weights]
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def step(images, wanted, now):
        with tf.GradientTape() as tape:
            loss = cross_entropy(wanted, model(images, training=True))
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, [one.value for one in weights]), 5.0)
        for weight, velocity, gradient, factor in zip(weights, velocities, gradients, factors):
            velocity.assign(0.9 * velocity + gradient)
            weight.assign_sub(now * factor * velocity)

    random = np.random.default_rng(seed)
    batches = np.concatenate([random.permutation(len(labels)) for _ in range(TUNING_EPOCHS)]).reshape(
        -1, TUNING_BATCH
    )
    for number, rows in enumerate(batches):
        now = tf.constant(rate * (1 - number / len(batches)), tf.float32)
        step(tf.constant(pixels[rows]), tf.constant(labels[rows]), now)


PARTS = {"scratch": scratch, "probe": probe, "float32": float32, "control": control, "tuning": tuning}
