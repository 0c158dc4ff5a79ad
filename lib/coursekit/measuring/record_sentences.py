"""`python -m coursekit record-sentences [NAME ...]`: ten folds of lesson 21 on the movie reviews.

A JSON file for each name goes to data/runs/sentences/: for each fold finished the accuracy on its test
sentences, the seconds and the epoch chosen. A fold that is in the file is not trained again, so an
interrupted recording goes on where it stopped. The baselines take the same folds. Tasks with GloVe's vectors
need them in a file, --vectors: an .npz with `words` and `vectors`; the course does not contain them.
"""

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from convlab import DATA_FOLDER
from convlab.files import write_whole
from coursekit.measuring import recorder

FOLDS = 10


@dataclass(frozen=True)
class FoldTask:
    """A network to train on each fold.

    Args:
        dimensions: numbers of each word vector.
        filters: feature maps of each kernel size.
        epochs: how many times each sentence is seen, at most; the best one is chosen on a tenth of them.
        learning_rate: Adam's.
        pretrained: whether the vectors come from a file, or are random.
        trainable: whether training changes the vectors.
    """

    dimensions: int = 50
    filters: int = 100
    epochs: int = 8
    learning_rate: float = 1e-3
    pretrained: bool = False
    trainable: bool = True


TASKS: dict[str, FoldTask | None] = {
    "sentences-baselines": None,  # naive Bayes and logistic regression
    "sentences-random": FoldTask(),
    "sentences-static": FoldTask(pretrained=True, trainable=False),
    "sentences-tuned": FoldTask(pretrained=True),
    # the sizes of the paper
    "sentences-random-300": FoldTask(dimensions=300),
}


def main(argv):
    """Record the tasks named, all folds of each; without a name, list them."""
    parser = argparse.ArgumentParser(
        prog="python -m coursekit record-sentences", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a task; without one, a list")
    parser.add_argument("--folds", type=int, nargs="+", default=range(FOLDS), help="those (default: all)")
    parser.add_argument("--vectors", type=Path, help="an .npz with `words` and `vectors`")
    parser.add_argument("--output", type=Path, default=DATA_FOLDER, help="instead of data/")
    chosen = parser.parse_args(argv)
    if unknown := sorted({*chosen.names} - {*TASKS}):
        parser.error(f"no task is called {', '.join(unknown)}: choose from {', '.join(TASKS)}")
    if not chosen.names:
        print("\n".join(TASKS))
        return 0
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    data = recorder.genuine("movie_reviews")
    for name in chosen.names:
        task = TASKS[name]
        vectors = _vectors(chosen.vectors) if task and task.pretrained else None
        for which in chosen.folds:
            print(record(name, task, data, which, vectors, chosen.output), flush=True)
    return 0


def _vectors(path):
    """Return {word: vector} of a file."""
    if path is None or not path.exists():
        raise SystemExit(f"no word vectors at {path}: give an .npz with `words` and `vectors` by --vectors")
    with np.load(path, allow_pickle=False) as file:
        return dict(zip(file["words"].tolist(), file["vectors"].astype("float32")))


def record(name, task, data, which, vectors=None, output=DATA_FOLDER):
    """Train on one fold unless it is recorded, test once, store; return how it went, a line."""
    path = output / "runs" / "sentences" / f"{name}.json"
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else _empty(task, data)
    if str(which) not in stored["folds"]:
        began = time.process_time()
        result = _baselines(data, which) if task is None else _network(task, data, which, vectors)
        result["cpu_seconds"] = round(time.process_time() - began, 1)
        stored["folds"][str(which)] = result
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda file: file.write((json.dumps(stored, indent=1) + "\n").encode()))
    return f"{name}, fold {which}: {stored['folds'][str(which)]}"


def _empty(task, data):
    from convlab import runs

    return {
        "data": data.name,
        "source": data.source,
        "settings": {} if task is None else asdict(task),
        "machine": runs.machine(),
        "date": runs.today(),
        "folds": {},
    }


def _texts(data, which):
    """Return the tokens of all sentences, and the Fold."""
    from convlab.applications import sentences
    from convlab.datasets.vocabulary import tokens

    texts = [tokens(sentence) for sentence in data.sentences]
    return texts, sentences.fold(sentences.folds(len(texts), FOLDS), which)


def _baselines(data, which):
    """Return the accuracies of naive Bayes and logistic regression, as lesson 21 fits them."""
    from convlab.applications import bag_of_words
    from convlab.datasets.vocabulary import Vocabulary

    texts, fold = _texts(data, which)
    parts = [[texts[row] for row in rows] for rows in fold]
    y_train, y_dev, y_test = (data.labels[rows] for rows in fold)
    names = Vocabulary.of(map(bag_of_words.ngrams, parts[0]), least=2).words
    columns = {name: column for column, name in enumerate(names)}
    bags = [bag_of_words.count(part, columns) for part in parts]
    weighted = [bag_of_words.tf_idf(one, bags[0]) for one in bags]

    def accuracy(model, bags, labels):
        return float(np.mean((model.scores(bags) > 0) == labels))

    tried = {one: bag_of_words.logistic_regression(weighted[0], y_train, one) for one in (1, 3, 10)}
    strength = max(tried, key=lambda one: accuracy(tried[one], weighted[1], y_dev))
    return {
        "sentences": len(y_test),
        "naive_bayes": round(accuracy(bag_of_words.naive_bayes(bags[0], y_train), bags[2], y_test), 6),
        "logistic_regression": round(accuracy(tried[strength], weighted[2], y_test), 6),
        "strength": strength,
    }


def _network(task, data, which, vectors):
    """Return the accuracy of the network, with the epoch that was best on the sentences for choosing."""
    import keras

    from convlab import networks
    from convlab.applications import sentences
    from convlab.datasets.vocabulary import Vocabulary

    texts, fold = _texts(data, which)
    vocabulary = Vocabulary.of([texts[row] for row in fold.train], least=1 if task.pretrained else 2)
    words = vocabulary.encode(texts)
    keras.utils.set_random_seed(which)
    start = None if vectors is None else start_vectors(vocabulary, vectors, task.dimensions, which)
    model = networks.text_cnn(
        len(vocabulary), task.dimensions, filters=task.filters, vectors=start, trainable=task.trainable
    )
    run = sentences.fit(
        model,
        words[fold.train],
        data.labels[fold.train],
        task.epochs,
        (words[fold.dev], data.labels[fold.dev]),
        seed=which,
        learning_rate=task.learning_rate,
    )
    right = sentences.answers(model, words[fold.test]) == data.labels[fold.test]
    validation = run.series("validation")
    return {
        "sentences": len(fold.test),
        "accuracy": round(float(right.mean()), 6),
        "epoch": int(np.argmax(validation)) + 1,
        "validation": [round(score, 6) for score in validation],
    }


def start_vectors(vocabulary, vectors, dimensions, seed):
    """Return the first vectors (len(vocabulary), dimensions): those known, others uniform from -0.25 to 0.25.

    Known ones are scaled so that all their numbers together have the standard deviation of the others.
    """
    start = np.random.default_rng(seed).uniform(-0.25, 0.25, (len(vocabulary), dimensions))
    known = [(number, word) for number, word in enumerate(vocabulary.words, start=2) if word in vectors]
    if known:
        found = np.array([vectors[word] for _, word in known])
        start[[number for number, _ in known]] = found * (start.std() / found.std())
    return start.astype("float32")
