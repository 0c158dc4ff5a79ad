"""`python -m coursekit record-masks NAME`: train a network of lesson 19 on CamVid, and store how it went.

One JSON file per name and seed goes to data/runs/masks/: the Run, and in its `test` the confusion matrix on
the test photographs, mean IoU, pixel accuracy, and those of each class. An interrupted recording goes on with
--resume. The settings come from a few trials on validation photographs at 80x60, not from a search.
"""

from dataclasses import dataclass, field, replace

from convlab import DATA_FOLDER
from coursekit.measuring import recorder


@dataclass(frozen=True)
class MaskTask:
    """One training to record, with any seed.

    Args:
        network: a builder in `convlab.networks`.
        epochs: how many times each photograph is seen.
        factor: by which the photographs' sides, 240x180, are divided.
        choices: of `convlab.applications.segmentation.fit`.
        views: whether the test also shows each photograph mirrored, and both larger by a quarter; then the
            run has both scores. Chosen on validation photographs.
        stores: whether the weights of seed 0 are stored, as float16.
    """

    network: str
    epochs: int
    factor: int = 1
    choices: dict = field(default_factory=dict)
    views: bool = False
    stores: bool = False


EQUAL = {"learning_rate": 5e-3, "balance": 0.5}

TASKS = {
    # At 120x90: as many epochs as take the processor time of U-Net's 30.
    "camvid-fcn": MaskTask("fcn", epochs=50, factor=2, choices=EQUAL),
    "camvid-segnet": MaskTask("segnet", epochs=22, factor=2, choices=EQUAL),
    "camvid-unet": MaskTask("unet", epochs=30, factor=2, choices=EQUAL),
    # The best that two cores do: the encoder comes with ImageNet's weights.
    "camvid-squeeze-unet": MaskTask(
        "squeeze_unet",
        epochs=60,
        choices={"learning_rate": 3e-3, "balance": 0.5},
        views=True,
        stores=True,
    ),
}


def main(argv):
    """Record the task named with each seed in turn; without a name, list all."""
    listed = {name: f"{task.network:14}{task.epochs:4} epochs" for name, task in TASKS.items()}
    return recorder.run(argv, "record-masks", __doc__, listed, _begin)


def _begin(name):
    data = recorder.genuine("camvid")
    return lambda *where: record(name, TASKS[name], data, *where)


def record(name, task, data, seed, checkpoint, output=DATA_FOLDER):
    """Train one task with one seed, test it once, write the run; return how it went, a line."""
    import keras

    from convlab import networks, runs
    from convlab.applications import segmentation

    data = segmentation.reduced(data, task.factor)
    classes = len(data.class_names)
    keras.utils.set_random_seed(seed)
    model = getattr(networks, task.network)(classes, data.train.images.shape[1:])
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    run = segmentation.fit(model, data, task.epochs, checkpoint, seed=seed, **task.choices)
    test = _scores(segmentation.answers(model, data.test.images), data)
    if task.views:
        height, width, channels = data.train.images.shape[1:]
        larger = getattr(networks, task.network)(classes, (height * 5 // 4, width * 5 // 4, channels))
        larger.set_weights(model.get_weights())
        found = segmentation.answers([model, larger], data.test.images, mirrored=True)
        test = {**_scores(found, data), "one_view": test}
    runs.save(replace(run, test=test), output / "runs" / "masks" / f"{name}-seed{seed}.json")
    if task.stores and seed == 0:
        runs.save_weights(model, output / "weights" / f"{name}.npz")
    checkpoint.unlink()
    return f"{name}, seed {seed}: mean IoU {test['mean_iou']:.3f}, pixels {test['pixels']:.1%}"


def _scores(answers, data):
    """Return what a run keeps of the classes said of the test photographs."""
    from convlab.applications import segmentation

    found = segmentation.confusion(data.test.masks, answers, len(data.class_names))
    return {
        "mean_iou": segmentation.mean_iou(found),
        "pixels": segmentation.pixel_accuracy(found),
        "iou": [float(f"{value:.6g}") for value in segmentation.iou(found)],
        "accuracy": [float(f"{value:.6g}") for value in segmentation.class_accuracy(found)],
        "confusion": found.tolist(),
    }
