"""`python -m coursekit record-gan NAME`: train lesson 23's networks, and store how it went.

One JSON file per name and seed goes to data/runs/gan/: the Run, whose history has after each epoch what a
classifier reads as asked, its confidence, the Fréchet distance from 1,000 test images, and the spread within
a class. In `test` the last of these stand beside those of 1,000 other test images. The tasks that are not an
ablation also count copies, and store with seed 0 the generator's weights and some images beside their nearest
training images. The classifier of digits is lesson 10's; that of clothing is the task `fashion-judge` of
`record`. An interrupted recording goes on with --resume. The settings are those of the lesson, not from a
search.
"""

from dataclasses import dataclass, field, replace

from convlab import DATA_FOLDER
from convlab.files import write_whole
from coursekit.measuring import recorder

IMAGES = 1000  # generated ones that are judged, and real ones that they are compared with
NEIGHBOURS = 50  # of the test for copies
SHOWN = 20  # generated images that are stored beside their nearest ones


@dataclass(frozen=True)
class GanTask:
    """One training to record, with any seed.

    Args:
        steps: batches that both networks see.
        each: steps of an epoch, after which the generator is judged.
        data: a name for `convlab.datasets.load`.
        judge: a builder in `convlab.networks`, its arguments, and the name of its weights.
        loss: name of the generator's loss in `convlab.applications.generation`.
        generator: arguments of `networks.dcgan_generator`.
        discriminator: arguments of `networks.dcgan_discriminator`.
        choices: of `convlab.applications.generation.fit`.
        stores: whether copies are counted, and with seed 0 weights and neighbours stored.
    """

    steps: int = 5000
    each: int = 500
    data: str = "mnist"
    judge: tuple = ("mnist_deep", {}, "mnist-deep")
    loss: str = "generator_loss"
    generator: dict = field(default_factory=dict)
    discriminator: dict = field(default_factory=dict)
    choices: dict = field(default_factory=dict)
    stores: bool = False


CLOTHES = ("mnist_conv", {"widths": (16, 32, 64), "units": 76}, "fashion-judge")
RULES = GanTask(steps=2000)

TASKS = {
    "digits-gan": GanTask(stores=True),
    "fashion-gan": GanTask(data="fashion_mnist", judge=CLOTHES, stores=True),
    # The lesson's networks for a shorter time, and one change each: the rules of DCGAN, ...
    "rules": RULES,
    "rules-less-strides": replace(RULES, discriminator={"strided": False}),
    "rules-less-transposed": replace(RULES, generator={"transposed": False}),
    "rules-less-normalization": replace(RULES, generator={"normalize": False}),
    "rules-more-normalization": replace(RULES, discriminator={"normalize": True}),
    "rules-more-dense": replace(RULES, discriminator={"hidden": 64}),
    "rules-less-leaky": replace(RULES, discriminator={"slope": 0.0}),
    "rules-less-relu": replace(RULES, generator={"slope": 0.2}),
    "rules-less-tanh": replace(RULES, generator={"last": "linear"}),
    "rules-more-momentum": replace(RULES, choices={"momentum": 0.9}),
    # ... and the losses
    "rules-less-smoothing": replace(RULES, choices={"smoothing": 0.0}),
    "rules-saturating": replace(RULES, loss="saturating_loss"),
}


def main(argv):
    """Record the tasks named, each with each seed in turn; without a name, list all."""
    listed = {name: f"{task.data:14}{task.steps:6,} steps" for name, task in TASKS.items()}
    return recorder.run(argv, "record-gan", __doc__, listed, _begin)


def _begin(name):
    data = recorder.genuine(TASKS[name].data)
    return lambda *where: record(name, TASKS[name], data, *where)


def record(name, task, data, seed, checkpoint, output=DATA_FOLDER):
    """Train one task with one seed, write the run; return how it went, a line."""
    import keras
    import numpy as np

    from convlab import networks, runs
    from convlab.applications import generation
    from convlab.training import augmentation

    keras.utils.set_random_seed(seed)
    generator = networks.dcgan_generator(**task.generator)
    discriminator = networks.dcgan_discriminator(**task.discriminator)
    builder, arguments, weights = task.judge
    classifier = runs.load_weights(getattr(networks, builder)(**arguments), weights)
    judge = generation.Judge(classifier, augmentation.statistics(data.x_train))
    asked, noise = np.arange(IMAGES) % 10, generation.noise(IMAGES, 32, seed)
    reference = judge.look(data.x_test[::2][:IMAGES])[0]

    def scored(images, labels):
        features, shares = judge.look(images)
        return {
            "read_as_asked": float(np.mean(shares.argmax(axis=1) == labels)),
            "confidence": float(shares.max(axis=1).mean()),
            "frechet_distance": generation.frechet_distance(features, reference),
            "spread": generation.spread(images, labels),
        }

    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    run = generation.fit(
        generator,
        discriminator,
        data,
        task.steps,
        checkpoint,
        task.each,
        lambda done: scored(generation.images(generator, noise, asked), asked),
        seed=seed,
        loss=getattr(generation, task.loss),
        **task.choices,
    )
    real = scored(data.x_test[1::2][:IMAGES], data.y_test[1::2][:IMAGES])
    test = {figure: run.series(figure)[-1] for figure in real}
    test |= {f"real_{figure}": value for figure, value in real.items()}
    if task.stores:
        test |= _copies(generation.images(generator, noise, asked), data, name, seed, output)
        if seed == 0:
            runs.save_weights(generator, output / "weights" / f"{name}.npz")
    settings = {**run.settings, "generator": task.generator, "discriminator": task.discriminator}
    run = replace(run, settings={**settings, "judge": weights}, test=test)
    runs.save(run, output / "runs" / "gan" / f"{name}-seed{seed}.json")
    checkpoint.unlink()
    read, distance = test["read_as_asked"], test["frechet_distance"]
    return f"{name}, seed {seed}: read as asked {read:.1%}, Fréchet distance {distance:.1f}"


def _copies(images, data, name, seed, output):
    """Return how many generated, new real and planted images count as copies; with seed 0, store some."""
    import numpy as np

    from convlab.applications import generation

    noise = np.random.default_rng(seed).normal(0, 5, data.x_train[:IMAGES].shape)
    planted = np.clip(data.x_train[:IMAGES] + noise, 0, 255).astype("uint8")
    kinds = {"copies": images, "real_copies": data.x_test[:IMAGES], "planted_copies": planted}
    found = {kind: generation.nearest(some, data.x_train, NEIGHBOURS) for kind, some in kinds.items()}
    if seed == 0:
        nearest = data.x_train[found["copies"][0][:SHOWN, 0]]
        write_whole(
            output / "runs" / "gan" / f"{name}-seed{seed}.npz",
            lambda file: np.savez_compressed(file, generated=images[:SHOWN], nearest=nearest),
        )
    return {kind: int(generation.copied(distances).sum()) for kind, (_, distances) in found.items()}
