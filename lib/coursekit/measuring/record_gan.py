"""`python -m coursekit record-gan NAME`: train lesson 23's networks on digits, and store how it went.

One JSON file per name and seed goes to data/runs/gan/: the Run, whose history has after each epoch what
lesson 10's classifier reads as asked, its confidence, and the Fréchet distance from 1,000 test digits. The
distance of 1,000 other test digits stands in `test`. An interrupted recording goes on with --resume. The
settings are those of the lesson, not from a search.
"""

from dataclasses import dataclass, field, replace

from convlab import DATA_FOLDER
from coursekit.measuring import recorder

IMAGES = 1000  # generated ones that are judged, and real ones that they are compared with


@dataclass(frozen=True)
class GanTask:
    """One training to record, with any seed.

    Args:
        steps: batches that both networks see.
        each: steps of an epoch, after which the generator is judged.
        loss: name of the generator's loss in `convlab.applications.generation`.
        generator: arguments of `networks.dcgan_generator`.
        choices: of `convlab.applications.generation.fit`.
    """

    steps: int = 10_000
    each: int = 1000
    loss: str = "generator_loss"
    generator: dict = field(default_factory=dict)
    choices: dict = field(default_factory=dict)


TASKS = {
    "digits-gan": GanTask(),
    # One change each
    "digits-gan-saturating": GanTask(loss="saturating_loss"),
    "digits-gan-not-normalized": GanTask(generator={"normalize": False}),
    "digits-gan-not-smoothed": GanTask(choices={"smoothing": 0.0}),
}


def main(argv):
    """Record the task named with each seed in turn; without a name, list all."""
    listed = {name: f"{task.steps:7,} steps" for name, task in TASKS.items()}
    return recorder.run(argv, "record-gan", __doc__, listed, _begin)


def _begin(name):
    from convlab import datasets  # not above: Keras reads its backend when it is first imported

    data = datasets.load("mnist")
    if not data.genuine:
        raise SystemExit("a recorded run needs the genuine MNIST: restore data/mnist.npz")
    return lambda *where: record(name, TASKS[name], data, *where)


def record(name, task, data, seed, checkpoint, output=DATA_FOLDER):
    """Train one task with one seed, write the run; return how it went, a line."""
    import keras
    import numpy as np

    from convlab import networks, runs
    from convlab.applications import generation
    from convlab.training import augmentation

    keras.utils.set_random_seed(seed)
    generator, discriminator = networks.dcgan_generator(**task.generator), networks.dcgan_discriminator()
    classifier = runs.load_weights(networks.mnist_deep(), "mnist-deep")
    judge = generation.Judge(classifier, augmentation.statistics(data.x_train))
    asked, noise = np.arange(IMAGES) % 10, generation.noise(IMAGES, 32, seed)
    real, others = (judge.look(data.x_test[start::2][:IMAGES])[0] for start in (0, 1))

    def judged(done):
        features, shares = judge.look(generation.images(generator, noise, asked))
        return {
            "read_as_asked": float(np.mean(shares.argmax(axis=1) == asked)),
            "confidence": float(shares.max(axis=1).mean()),
            "frechet_distance": generation.frechet_distance(features, real),
        }

    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    run = generation.fit(
        generator,
        discriminator,
        data,
        task.steps,
        checkpoint,
        task.each,
        judged,
        seed=seed,
        loss=getattr(generation, task.loss),
        **task.choices,
    )
    last = {figure: run.series(figure)[-1] for figure in ("read_as_asked", "confidence", "frechet_distance")}
    last["real_frechet_distance"] = generation.frechet_distance(others, real)
    runs.save(replace(run, test=last), output / "runs" / "gan" / f"{name}-seed{seed}.json")
    checkpoint.unlink()
    read, distance = last["read_as_asked"], last["frechet_distance"]
    return f"{name}, seed {seed}: read as asked {read:.1%}, Fréchet distance {distance:.1f}"
