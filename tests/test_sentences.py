"""Lesson 21: layers over time, tokens, bags of words, folds, and a network that padding must not change."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab import datasets, networks, shapes
from convlab.applications import bag_of_words, sentences
from convlab.datasets.vocabulary import UNKNOWN, Vocabulary, tokens
from convlab.layers import Conv1D, MaxOverTime, conv1d, max_over_time
from coursekit.measuring import record_sentences

RTOL = {np.float64: 1e-11, np.float32: 2e-5}


@st.composite
def sequences(draw):
    """(sequences, kernels, bias, stride, padding), float32 or float64."""
    padding, stride = draw(st.sampled_from(["valid", "same", 0, 1, 3])), draw(st.integers(1, 3))
    dtype, size = draw(st.sampled_from(list(RTOL))), draw(st.integers(1, 5))
    fits = 1 if padding == "same" else max(1, size - 2 * (padding if isinstance(padding, int) else 0))
    time = fits + draw(st.integers(0, 6))
    number, inputs, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    drawn = (number, time, inputs), (size, inputs, outputs), (outputs,)
    return *(rng.normal(size=shape).astype(dtype) for shape in drawn), stride, padding


@given(sequences())
@settings(max_examples=60, deadline=None)
def test_convolution_over_time_and_its_gradients_are_tensorflows(case):
    x, kernels, bias, stride, padding = case
    originals = x.copy(), kernels.copy()
    layer = Conv1D(x.shape[2], kernels.shape[2], len(kernels), stride, padding, dtype=x.dtype)
    layer.params = {"kernel": kernels, "bias": bias}
    y = layer.forward(x)
    assert y.shape[1] == shapes.output_size(x.shape[1], len(kernels), stride, padding)
    dy = np.random.default_rng(0).normal(size=y.shape).astype(x.dtype)
    variables = [tf.constant(array) for array in (x, kernels, bias)]
    with tf.GradientTape() as tape:
        tape.watch(variables)
        steps = padding if isinstance(padding, int) else 0
        around = tf.pad(variables[0], [[0, 0], [steps, steps], [0, 0]])
        word = padding.upper() if isinstance(padding, str) else "VALID"
        theirs = tf.nn.conv1d(around, variables[1], stride, word) + variables[2]
        loss = tf.reduce_sum(theirs * dy)
    found = layer.backward(dy), layer.grads["kernel"], layer.grads["bias"]
    tolerance = {"rtol": RTOL[x.dtype.type], "atol": 10 * RTOL[x.dtype.type]}
    np.testing.assert_allclose(y, theirs, **tolerance)
    for ours, gradient in zip(found, tape.gradient(loss, variables)):
        assert ours.dtype == x.dtype
        np.testing.assert_allclose(ours, gradient, **tolerance)
    np.testing.assert_array_equal(x, originals[0])
    np.testing.assert_array_equal(kernels, originals[1])


def test_fault_kernels_turned_round_in_time_are_found():
    x, kernels = np.arange(12.0).reshape(1, 6, 2) ** 2, np.arange(6.0).reshape(3, 2, 1)
    theirs = tf.nn.conv1d(x, kernels, 1, "VALID")
    np.testing.assert_allclose(conv1d(x, kernels), theirs)
    assert not np.allclose(conv1d(x, kernels[::-1]), theirs)


@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 3), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_max_over_time_and_its_gradient_are_tensorflows(number, time, filters, seed):
    rng = np.random.default_rng(seed)
    x, mask = rng.normal(size=(number, time, filters)), rng.random((number, time)) < 0.6
    mask[:, rng.integers(time)] = True
    layer, dy = MaxOverTime(), rng.normal(size=(number, filters))
    variable = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        theirs = tf.reduce_max(tf.where(mask[..., None], variable, -np.inf), axis=1)
        loss = tf.reduce_sum(theirs * dy)
    np.testing.assert_array_equal(layer.forward(x, mask=mask), theirs)
    np.testing.assert_allclose(layer.backward(dy), tape.gradient(loss, variable))


def test_a_sequence_without_steps_gives_zero_and_no_gradient():
    layer, mask = MaxOverTime(), np.array([[True, False], [False, False]])
    x = -np.arange(1.0, 5.0).reshape(2, 2, 1)
    np.testing.assert_array_equal(layer.forward(x, mask=mask), [[-1], [0]])
    np.testing.assert_array_equal(layer.backward(np.ones((2, 1)))[..., 0], [[1, 0], [0, 0]])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: conv1d(np.ones((4, 3)), np.ones((2, 3, 1))), r"sequences are \(N, T, C\).*\(4, 3\)"),
        (lambda: conv1d(np.ones((1, 2, 3)), np.ones((3, 3, 1))), "kernel of 3 does not fit"),
        (lambda: conv1d(np.ones((1, 4, 3)), np.ones((2, 2, 1))), "2 channels"),
        (lambda: max_over_time(np.ones((2, 3))), r"maps are \(N, T, F\)"),
        (lambda: max_over_time(np.ones((2, 3, 1)), np.ones((2, 2))), "does not fit maps"),
        (lambda: MaxOverTime().forward(np.ones((2, 3, 1)), mask=np.ones((3, 2))), "does not fit maps"),
        (lambda: Vocabulary(("a",)).encode([["a", "a"]], 1), "a text of 2 tokens does not fit 1"),
        (lambda: sentences.folds(5, 1), "1 folds"),
        (lambda: sentences.fold(np.array([0, 1, 1]), 7), "no sentence is in fold 7"),
        (lambda: networks.text_cnn(9, 4, vectors=np.zeros((8, 4))), "do not fit 9 words"),
        (
            lambda: sentences.Reader(tiny(), np.ones((3, 2), "int32"), np.zeros(3)),
            "a batch of 50 does not fit 3",
        ),
    ],
)
def test_errors_name_what_does_not_fit(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# --- tokens


def test_tokens_follow_the_rules_of_kims_code():
    # the results of clean_str of github.com/yoonkim/CNN_sentence on these sentences
    assert tokens("They've said: it's GOOD -- isn't it? (Yes, 10/10!)") == (
        "they 've said it 's good is n't it ? ( yes , 10 10 ! )".split()  # noqa: SIM905
    )
    assert tokens("We'll see; I'd say they're `fine`.") == [
        *("we", "'ll", "see", "i", "'d", "say", "they", "'re", "`fine`")
    ]


def test_every_sentence_comes_back_from_its_numbers():
    texts = [tokens(text) for text in datasets.load("movie_reviews").sentences[:300]]
    vocabulary = Vocabulary.of(texts)
    encoded = vocabulary.encode(texts)
    assert encoded.dtype == np.int32 and (encoded != UNKNOWN).all()
    for text, row in zip(texts, encoded):
        assert vocabulary.decode(row)[: len(text)] == text and not row[len(text) :].any()
    frequent = Vocabulary.of(texts, least=3)
    assert set(frequent.words) < set(vocabulary.words) and "film" in frequent
    assert (frequent.encode(texts) == UNKNOWN).any()


# --- bags of words: the numbers of scikit-learn 1.9.1 with the same settings

TABLE = np.array(
    [[2, 1, 0, 0, 1], [0, 1, 3, 0, 0], [1, 0, 0, 2, 0], [0, 0, 1, 1, 1], [0, 4, 0, 0, 1], [1, 0, 1, 0, 0]],
    float,
)
CLASSES, NUMBERS = np.array([1, 0, 1, 0, 0, 1]), np.array([2.5, -1.0, 3.0, -0.5, -2.0, 0.5])


def bags_of(table):
    rows, columns = np.nonzero(table)
    return bag_of_words.Bags(rows, columns, table[rows, columns], table.shape)


def test_the_baselines_are_scikit_learns():
    bags = bags_of(TABLE)
    weighted = bag_of_words.tf_idf(bags, bags)
    first = [0.816496581, 0.408248290, 0.408248290]  # TfidfTransformer()
    np.testing.assert_allclose(weighted.values[:3], first, atol=1e-8)
    np.testing.assert_allclose(weighted.values[5:7], [0.388903335, 0.921278566], atol=1e-8)
    scores = [2.491422486, -3.070860427, 3.002836172, -0.333822689, -3.829134191, 1.081459209]
    bayes = bag_of_words.naive_bayes(bags, CLASSES)  # MultinomialNB(alpha=1)
    np.testing.assert_allclose(bayes.scores(bags), scores, atol=1e-8)
    logistic = bag_of_words.logistic_regression(weighted, CLASSES, strength=3)  # LogisticRegression(C=3)
    weights = [1.772419947, -0.753989448, -0.686208580, 0.166969480, -0.446281555]
    np.testing.assert_allclose([*logistic.weights, logistic.bias], [*weights, -0.057499851], atol=1e-5)
    line = bag_of_words.ridge(weighted, NUMBERS, penalty=1)  # Ridge(alpha=1)
    weights = [1.463494437, -0.907242528, -0.866958959, 0.759832795, -0.200631816]
    np.testing.assert_allclose([*line.weights, line.bias], [*weights, 0.365899144], atol=1e-8)


@given(st.integers(2, 8), st.integers(1, 7), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_products_with_bags_are_those_of_the_matrix(rows, columns, seed):
    rng = np.random.default_rng(seed)
    table = rng.poisson(0.7, (rows, columns)).astype(float)
    bags, right, left = bags_of(table), rng.normal(size=columns), rng.normal(size=rows)
    np.testing.assert_allclose(bags.dot(right), table @ right, atol=1e-12)
    np.testing.assert_allclose(bags.transposed_dot(left), table.T @ left, atol=1e-12)


def test_counts_leave_out_what_is_no_column_and_order_beyond_a_pair():
    texts = [["not", "a", "good", "film"], ["new"], ["good", "good", "not", "a"]]
    columns = {"good": 0, "not a": 1, "a not": 2}
    bags = bag_of_words.count(texts, columns)
    dense = np.stack([bags.dot(one) for one in np.eye(3)], axis=1)
    np.testing.assert_array_equal(dense, [[1, 1, 0], [0, 0, 0], [2, 1, 0]])
    assert bag_of_words.tf_idf(bags, bags).shape == (3, 3)  # an empty sentence divides by nothing


def test_a_regression_that_does_not_reach_its_minimum_says_so():
    with pytest.raises(RuntimeError, match="1 steps did not reach"):
        bag_of_words.logistic_regression(bags_of(TABLE), CLASSES, steps=1)


# --- folds


def test_each_sentence_is_tested_once_and_no_group_shares_one():
    numbers = sentences.folds(200, 10, seed=3)
    tested = []
    for which in range(10):
        fold = sentences.fold(numbers, which)
        together = np.concatenate(fold)
        assert len(together) == len(set(together)) == 200
        assert len(fold.dev) == round(0.1 * (200 - len(fold.test)))
        tested.extend(fold.test)
    assert sorted(tested) == list(range(200))
    recorded = sentences.fold(np.array([0, 1, 0] + 20 * [1]), 0, seed=5)
    assert recorded.dev.tolist() == [9, 14]  # recorded figures can be had again only while these stay


# --- the network


def tiny(outputs=2, **choices):
    keras.utils.set_random_seed(1)
    return networks.text_cnn(12, 6, kernel_sizes=(2, 3), filters=4, outputs=outputs, **choices)


def test_the_network_has_the_papers_parameters_and_norm():
    model = networks.text_cnn(100)
    convolutions = (3 + 4 + 5) * 300 * 100 + 3 * 100
    assert model.count_params() == 100 * 300 + convolutions + 300 * 2 + 2
    constraint = model.get_layer("logits").kernel_constraint
    assert np.linalg.norm(constraint(10 * np.ones((300, 2))), axis=0) == pytest.approx(3)
    static = networks.text_cnn(100, trainable=False, vectors=np.ones((100, 300)))
    assert len(static.trainable_variables) == len(model.trainable_variables) - 1
    assert (static.get_layer("vectors").get_weights()[0] == 1).all()


def test_the_same_sentence_padded_differently_has_the_same_logits():
    model = tiny()
    model.get_layer("vectors").set_weights([model.get_layer("vectors").get_weights()[0] + 1])
    for size in (2, 3):  # the worst case: each word lowers the map, so a window without words has the most
        kernel, bias = model.get_layer(f"convolution{size}").get_weights()
        model.get_layer(f"convolution{size}").set_weights([-0.05 * abs(kernel), bias + 0.3])
    rows = np.array([[3, 4, 1, 0, 0], [5, 0, 0, 0, 0], [2, 3, 4, 5, 6], [0, 0, 0, 0, 0]])
    together = np.asarray(model(rows))
    for extra in (1, 7):
        padded = np.pad(rows, ((0, 0), (0, extra)))
        np.testing.assert_allclose(model(padded), together, atol=1e-5)
    for row, logits in zip(rows[:3], together):
        np.testing.assert_allclose(model(row[row > 0][None])[0], logits, atol=1e-5)
    assert sentences.trimmed(rows[:2]).shape == (2, 3)


def test_fault_windows_of_padding_that_count_are_found(monkeypatch):
    from convlab.networks import sentences as builders

    monkeypatch.setattr(builders.MaxOverTime, "call", lambda self, inputs: keras.ops.max(inputs[0], axis=1))
    with pytest.raises(AssertionError):
        test_the_same_sentence_padded_differently_has_the_same_logits()


def test_the_network_is_the_layers_of_the_lesson():
    model, rows = tiny(), np.array([[3, 4, 1, 0], [5, 9, 7, 11]])
    vectors = model.get_layer("vectors").get_weights()[0] * (np.arange(12) > 0)[:, None]
    features = []
    for size in (2, 3):
        maps = conv1d(vectors[rows], *model.get_layer(f"convolution{size}").get_weights(), padding=size - 1)
        mask = np.arange(maps.shape[1]) < (rows > 0).sum(axis=1, keepdims=True) + size - 1
        features.append(max_over_time(np.maximum(maps, 0), mask))
    kernel, bias = model.get_layer("logits").get_weights()
    np.testing.assert_allclose(model(rows), np.concatenate(features, axis=1) @ kernel + bias, atol=1e-5)


def made(number=400, seed=0):
    """Sentences of 3 to 7 words from 2 to 11; class 1 where word 5 stands directly before word 6."""
    rng = np.random.default_rng(seed)
    rows, labels = np.zeros((number, 7), np.int32), rng.integers(0, 2, number)
    for row, label in zip(rows, labels):
        length = rng.integers(3, 8)
        row[:length] = rng.choice([2, 3, 4, 7, 8, 9], length)
        place = rng.integers(length - 1)
        row[place : place + 2] = (5, 6) if label else (6, 5)  # the same bag of words
    return rows, labels


def test_it_learns_an_order_that_no_bag_of_words_sees():
    (rows, labels), held_out = made(), made(200, seed=1)
    model = tiny()
    run = sentences.fit(model, rows, labels, 8, held_out, batch_size=20, learning_rate=2e-2)
    assert np.mean(sentences.answers(model, held_out[0]) == held_out[1]) > 0.95
    best = max(run.series("validation"))
    assert best == np.mean(sentences.answers(model, held_out[0]) == held_out[1])  # the best epoch's weights
    texts = [[str(word) for word in row if word] for row in rows]
    columns = {str(word): word - 2 for word in range(2, 12)}
    bags = bag_of_words.tf_idf(counted := bag_of_words.count(texts, columns), counted)
    single = bag_of_words.logistic_regression(bags, labels)
    assert np.mean((single.scores(bags) > 0) == labels) < 0.65


def test_the_phrases_of_a_filter_are_those_that_light_it_up():
    model = networks.text_cnn(12, 12, kernel_sizes=(2,), filters=2, vectors=np.eye(12, dtype="float32"))
    kernel = np.zeros((2, 12, 2), "float32")
    kernel[0, 5, 1], kernel[1, 6, 1] = 1, 2  # filter 1: word 5, then word 6
    model.get_layer("convolution2").set_weights([kernel, np.zeros(2)])
    rows = np.array([[6, 3, 4, 0], [2, 3, 5, 6], [4, 3, 5, 0], [3, 5, 6, 7], [3, 6, 0, 0]])
    texts = [[str(word) for word in row if word] for row in rows]
    found = sentences.phrases(model, texts, rows, 2, 1)
    # "6" begins its sentence, behind padding; "5" ends one; "5 6" is listed once
    assert [phrase.words for phrase in found] == [("5", "6"), ("6",), ("3", "6"), ("5",)]
    assert [(phrase.value, phrase.row) for phrase in found] == [(3, 1), (2, 0), (2, 4), (1, 2)]
    assert sentences.phrases(model, texts, rows, 2, 1, top=2) == found[:2]


def test_a_resumed_run_is_the_unbroken_one(tmp_path):
    rows, labels = made(100)
    choices = {"held_out": made(40, seed=2), "batch_size": 20, "learning_rate": 1e-2}

    def stopped(done):
        if done == 10:
            raise KeyboardInterrupt
        return {}

    def trained(checkpoint, interrupt=False):
        model = tiny(dropout=0.0)
        try:
            if interrupt:
                with pytest.MonkeyPatch.context() as patch:
                    validate = sentences.Reader.validate
                    patch.setattr(
                        sentences.Reader, "validate", lambda self, done: validate(self, done) | stopped(done)
                    )
                    sentences.fit(model, rows, labels, 4, checkpoint=checkpoint, **choices)
            return sentences.fit(model, rows, labels, 4, checkpoint=checkpoint, **choices), model
        except KeyboardInterrupt:
            return trained(checkpoint)

    whole, model = trained(tmp_path / "whole.npz")
    broken, other = trained(tmp_path / "broken.npz", interrupt=True)
    assert whole.series("validation") == broken.series("validation")
    for one, two in zip(model.get_weights(), other.get_weights()):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_a_regression_comes_nearer_than_the_mean():
    rows, labels = made()
    model = tiny(outputs=1)
    numbers = 3.0 * labels - 1
    sentences.fit(model, rows, numbers, 8, (rows, numbers), batch_size=20, learning_rate=2e-2)
    found = sentences.answers(model, rows)
    assert found.dtype == float and np.mean((found - numbers) ** 2) < 0.3 * numbers.var()


# --- recording


class Small:
    """Forty sentences in which "fine" is positive and "poor" negative."""

    name, source, genuine = "movie_reviews", "bundled", True
    sentences = tuple(f"a {'fine' if row % 2 else 'poor'} film {row % 7}" for row in range(80))
    labels = np.arange(80) % 2


def test_a_recording_goes_on_with_the_next_fold_and_trains_none_twice(tmp_path, monkeypatch):
    line = record_sentences.record("sentences-baselines", None, Small, 0, output=tmp_path)
    assert line.startswith("sentences-baselines, fold 0: ")
    record_sentences.record("sentences-baselines", None, Small, 4, output=tmp_path)
    stored = json.loads(
        (tmp_path / "runs" / "sentences" / "sentences-baselines.json").read_text(encoding="utf-8")
    )
    assert list(stored["folds"]) == ["0", "4"]
    assert stored["folds"]["0"]["naive_bayes"] == stored["folds"]["4"]["logistic_regression"] == 1
    monkeypatch.setattr(record_sentences, "_baselines", None)  # calling it would raise
    assert record_sentences.record("sentences-baselines", None, Small, 0, output=tmp_path) == line


def test_a_recording_of_a_network_says_which_epoch_was_chosen(tmp_path):
    task = record_sentences.FoldTask(dimensions=4, filters=2, epochs=1, pretrained=True)
    vectors = {"fine": np.ones(4), "poor": -np.ones(4)}
    record_sentences.record("tiny", task, Small, 1, vectors, tmp_path)
    stored = json.loads((tmp_path / "runs" / "sentences" / "tiny.json").read_text(encoding="utf-8"))
    assert stored["settings"]["filters"] == 2 and stored["folds"]["1"]["epoch"] == 1
    fold = sentences.fold(sentences.folds(80), 1)
    assert stored["folds"]["1"]["sentences"] == len(fold.test)


def test_known_vectors_are_scaled_like_the_others():
    vocabulary, rng = Vocabulary(tuple(f"w{n}" for n in range(500))), np.random.default_rng(0)
    vectors = {f"w{n}": rng.normal(0, 3, 20) for n in range(0, 500, 2)}
    start = record_sentences.start_vectors(vocabulary, vectors, 20, seed=1)
    known, others = start[2::2], start[3::2]
    assert start.shape == (502, 20) and known.std() == pytest.approx(others.std(), rel=0.02)
    assert np.corrcoef(known[7], vectors["w14"])[0, 1] == pytest.approx(1)


def test_the_recorder_refuses_stand_ins_unknown_tasks_and_missing_vectors(monkeypatch, capsys, tmp_path):
    assert record_sentences.main([]) == 0
    assert capsys.readouterr().out.split() == list(record_sentences.TASKS)
    with pytest.raises(SystemExit):
        record_sentences.main(["sentences-none"])
    assert "no task is called sentences-none" in capsys.readouterr().err
    monkeypatch.setattr(datasets, "load", lambda name: Small)
    with pytest.raises(SystemExit, match="no word vectors at"):
        record_sentences.main(["sentences-static", "--output", str(tmp_path)])
    monkeypatch.setattr(Small, "genuine", False)
    with pytest.raises(SystemExit, match="needs the genuine Movie reviews: restore data"):
        record_sentences.main(["sentences-random"])
