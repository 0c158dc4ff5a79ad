"""`python -m coursekit record-dqn NAME`: let a network of lesson 24 learn to play, and store how it went.

One JSON file per name and seed goes to data/runs/dqn/: the Run with its curve, and in its `test` the mean
score of games that it has never played, beside those of chance and of a rule. An interrupted recording goes
on with --resume.
"""

from dataclasses import dataclass, field, replace
from functools import partial

from convlab import DATA_FOLDER
from coursekit.measuring import recorder

TESTED = 2_000_000  # seeds of the games of the final test begin here: no other game has them


@dataclass(frozen=True)
class GameTask:
    """One training to record, with any seed.

    Args:
        network: a builder in `convlab.networks`.
        game: a class in `convlab.applications.games`.
        rounds: in each, every game plays a frame (or `skip` of them).
        stack: pictures in a state.
        episodes: games in the final test, each played to its end.
        most: the frames after which a game counts as it stands.
        each: rounds of an epoch.
        arguments: of the game.
        choices: of `convlab.applications.dqn.Learner`.
    """

    network: str
    game: str
    rounds: int
    stack: int
    episodes: int
    most: int
    each: int
    arguments: dict = field(default_factory=dict)
    choices: dict = field(default_factory=dict)


CATCH = GameTask("small_dqn", "Catch", rounds=800, stack=2, episodes=1000, most=9, each=100)
LARGE = {"worth": 100.0}  # a ball gives or takes 100 instead of 1
BIRD = GameTask(
    "lecture_dqn",
    "Bird",
    rounds=50_000,
    stack=4,
    episodes=100,
    most=3_000,
    each=1_000,
    arguments={"skip": 2},
    choices={
        "capacity": 40_000,
        "discount": 0.97,
        "learning_rate": 1e-4,
        "exploration": (0.5, 0.01, 15_000),
        "target_every": 250,
        "warmup": 2_000,
    },
)

TASKS = {
    "catch": CATCH,
    # one ingredient taken away at a time, and nothing else changed
    "catch-less-stack": replace(CATCH, stack=1),
    "catch-less-replay": replace(CATCH, choices={"capacity": 16}),
    "catch-less-target": replace(CATCH, choices={"target_every": 1}),
    "catch-less-exploration": replace(CATCH, choices={"exploration": (0.0, 0.0, 1)}),
    "catch-less-warmup": replace(CATCH, choices={"warmup": 16}),
    "catch-less-double": replace(CATCH, choices={"double": False}),
    # what clipping is for: balls that are worth 100, with it and without
    "catch-100": replace(CATCH, arguments=LARGE),
    "catch-100-less-clipping": replace(CATCH, arguments=LARGE, choices={"clip": False}),
    # the lecture's network, and a smaller one of the first paper
    "bird": BIRD,
    "bird-atari": replace(BIRD, network="atari_dqn"),
    "bird-atari-less-skip": replace(BIRD, network="atari_dqn", arguments={"skip": 1}, rounds=100_000),
}


def main(argv):
    """Record the tasks named, each with each seed in turn; without a name, list all."""
    listed = {name: f"{task.network:14}{task.rounds:8,} rounds" for name, task in TASKS.items()}
    return recorder.run(argv, "record-dqn", __doc__, listed, lambda name: partial(record, name, TASKS[name]))


def record(name, task, seed, checkpoint, output=DATA_FOLDER):
    """Let one network learn with one seed, test it once, write the run; return how it went, a line."""
    import keras
    import numpy as np

    from convlab import networks, runs
    from convlab.applications import dqn, games

    game = getattr(games, task.game)
    training, judged, tested = (game.batch(count, **task.arguments) for count in (16, 50, task.episodes))
    keras.utils.set_random_seed(seed)
    shape = (*training.single_observation_space.shape, task.stack)
    model = getattr(networks, task.network)(int(training.single_action_space.n), shape)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    run = dqn.fit(
        model,
        training,
        task.rounds,
        judged,
        steps_per_epoch=task.each,
        checkpoint=checkpoint,
        most=task.most,
        seed=seed,
        **task.choices,
    )
    rng = np.random.default_rng(seed)
    rule = games.follow if task.game == "Catch" else games.steer
    players = {
        "score": dqn.greedy(model),
        "rule": lambda states: rule(tested),
        "random": lambda states: rng.integers(training.single_action_space.n, size=task.episodes),
    }
    test = {
        who: dqn.play(choose, tested, TESTED, task.stack, task.most).mean() for who, choose in players.items()
    }
    run = replace(
        run,
        settings={**run.settings, **task.arguments},
        test={who: float(score) for who, score in test.items()},
    )
    runs.save(run, output / "runs" / "dqn" / f"{name}-seed{seed}.json")
    checkpoint.unlink()
    return f"{name}, seed {seed}: " + ", ".join(f"{who} {score:.3f}" for who, score in test.items())
