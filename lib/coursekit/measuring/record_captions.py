"""`python -m coursekit record-captions NAME`: train lesson 20's networks on many scenes, and test them once.

One JSON file per name and seed goes to data/runs/captions/. A finder learns from some scenes. On what it
finds in others, a captioner with attention and one without learn each language. All are tested on the same
new scenes, of seen and of unseen pairs. An interrupted recording goes on with --resume. The settings come
from a few trials on other test scenes, not from a search.
"""

from dataclasses import dataclass
from time import process_time

from convlab import DATA_FOLDER
from coursekit.measuring import recorder


@dataclass(frozen=True)
class CaptionTask:
    """Trainings to record, with any seed.

    Args:
        to_find: scenes that the finder learns from.
        finder_epochs: how many times it sees each.
        scenes: further ones, which the captioners learn from.
        epochs: how many times they see each.
        tests: scenes of each of the two tests.
        maps: of the finder's convolutions.
    """

    to_find: int = 18_000
    finder_epochs: int = 12
    scenes: int = 6000
    epochs: int = 20
    tests: int = 500
    maps: int = 96


TASKS = {"captions": CaptionTask()}
MODELS = ("attentive_captioner", "captioner")  # of convlab.networks


def main(argv):
    """Record the task named with each seed in turn; without a name, list all."""
    listed = {name: f"{task.to_find + task.scenes:7,} scenes" for name, task in TASKS.items()}
    return recorder.run(argv, "record-captions", __doc__, listed, _begin)


def _begin(name):
    return lambda *where: record(name, TASKS[name], *where)


def record(name, task, seed, checkpoint, output=DATA_FOLDER):
    """Train one task with one seed, test it once, write the run; return how it went, a line."""
    from dataclasses import replace

    import keras

    from convlab import networks, runs
    from convlab.applications import captioning
    from convlab.datasets import captions

    parts = {
        "finder": captions.draw(task.to_find, seed=4 * seed + 1000),
        "captions": captions.draw(task.scenes, seed=4 * seed + 1001),
        "seen": captions.draw(task.tests, seed=4 * seed + 1002),
        "unseen": captions.draw(task.tests, seed=4 * seed + 1003, unseen=True),
    }
    maps = captioning.features(parts["finder"].images)
    keras.utils.set_random_seed(seed)
    finder = networks.finder(maps.shape[1:], len(captions.NOUNS), task.maps, deep=True)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    how = {"seed": seed, "checkpoint": checkpoint}
    run = captioning.fit_finder(finder, maps, parts.pop("finder"), task.finder_epochs, **how)
    del maps  # they take more memory than all else
    found = {part: captioning.find(finder, captioning.features(some.images)) for part, some in parts.items()}
    test = {"finder": {part: _found(found[part], parts[part]) for part in ("seen", "unseen")}}
    for language in captions.LANGUAGES:
        for network in MODELS:
            began = process_time()
            keras.utils.set_random_seed(seed)
            vocabulary = captioning.Vocabulary(captions.words(language))
            model = getattr(networks, network)(found["captions"].shape[1:], len(vocabulary))
            facts = parts["captions"].facts
            captioning.fit(model, found["captions"], facts, task.epochs, language=language, seed=seed)
            scores = {
                part: _scores(model, found[part], parts[part], language, vocabulary)
                for part in ("seen", "unseen")
            }
            test[f"{network}-{language}"] = scores | {"cpu_seconds": round(process_time() - began, 1)}
    runs.save(replace(run, test=test), output / "runs" / "captions" / f"{name}-seed{seed}.json")
    checkpoint.unlink()
    shares = [test[f"{MODELS[0]}-{language}"]["unseen"]["facts"] for language in captions.LANGUAGES]
    said = ", ".join(f"{language} {share:.1%}" for language, share in zip(captions.LANGUAGES, shares))
    return f"{name}, seed {seed}: right facts of unseen pairs, {said}"


def _found(maps, scenes):
    """Return in which share of the scenes both things are found, and how many numbers are right."""
    import numpy as np

    sums = maps.sum(axis=(1, 2))
    true = np.stack([np.bincount(labels, minlength=maps.shape[3]) for labels in scenes.labels])
    both = np.sort(sums.argsort(axis=1)[:, -2:]) == np.sort(true.argsort(axis=1)[:, -2:])
    return {
        "both": float(both.all(axis=1).mean()),
        "numbers": float((sums.round() == true)[true > 0].mean()),
    }


def _scores(model, maps, scenes, language, vocabulary):
    """Return the scores of greedy captions, the facts of a beam's, and where attention lies."""
    from convlab.applications import captioning

    attentive = captioning.AttentiveDecoder(model) if model.name == MODELS[0] else None
    decoder = attentive or captioning.Decoder(model)
    begun = decoder.begin(maps)
    said = [vocabulary.decode(row) for row in captioning.greedy(decoder.step, begun)]
    alone = [tuple(part[i : i + 1] for part in begun) for i in range(len(maps))]
    beam = [vocabulary.decode(captioning.beam_search(decoder.step, state)[0].words) for state in alone]
    scores = captioning.scores(said, scenes.facts, language)._asdict()
    scores["beam"] = captioning.scores(beam, scenes.facts, language)._asdict()
    if attentive:
        scores["attention"] = captioning.attention_on_things(attentive, maps, scenes, language)._asdict()
    return scores
