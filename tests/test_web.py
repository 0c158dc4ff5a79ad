"""The engine of the live page computes what `convlab.layers`, `optimizers` and `shapes` compute, in Node."""

import itertools
import json
import math
import re
import subprocess

import numpy as np
import pytest
import stills
import web_cases as cases

from convlab import layers, shapes
from convlab.layers import im2col
from convlab.notebook import widgets
from coursekit.publishing import live

pytestmark = pytest.mark.skipif(cases.NODE is None, reason="node is not installed: apt-get install nodejs")
VALUE = re.compile(r"\{(\w+)(?:\|\w+\|\w+)?\}")


@pytest.fixture(scope="module")
def answers():
    """Every case of a layer with the engine's answer."""
    asked = cases.layer_cases()
    return list(zip(asked, cases.ask_node(asked), strict=True))


def test_every_layer_forward_and_backward_is_pythons(answers):
    for case, answer in answers:
        assert answer["wasm"] == case["wasm"]
        cases.assert_same(case, answer, cases.layer_expected(case))


@pytest.mark.parametrize("part", ["y", "dx"])
def test_fault_another_number_is_found(answers, part):
    case, answer = next(pair for pair in answers if pair[0]["layer"]["kind"] == "Conv2D")
    wrong = answer | {part: [answer[part][0] + 0.01, *answer[part][1:]]}
    with pytest.raises(AssertionError):
        cases.assert_same(case, wrong, cases.layer_expected(case))


def test_training_steps_of_every_rule_are_pythons():
    asked = cases.network_cases()
    for case, answer in zip(asked, cases.ask_node(asked), strict=True):
        cases.assert_same_network(case, answer, cases.network_expected(case))


def test_saved_weights_are_kerass_running_average_after_first_steps_that_count_for_less():
    layers = [{"kind": "Flatten"}, {"kind": "Dense", "units": 10}]
    batch, steps = 2000, 30  # a share of 0.4 of each step, more in the first 15
    options = {"input": [28, 28, 1], "classes": 10, "batchSize": batch, "seed": 5}
    asked = {
        "ask": "averaged",
        "packed": live.packed_digits(live.MNIST),
        "layers": layers,
        "options": options,
    }
    (answer,) = cases.ask_node([asked | {"steps": steps}])
    for name, average in ((name, np.array(first)) for name, first in answer["weights"][0].items()):
        for step, weights in enumerate(answer["weights"][1:], 1):
            momentum = 1 - max(batch / answer["images"], 10 / (step + 10))
            average = momentum * average + (1 - momentum) * np.array(weights[name])
        np.testing.assert_allclose(answer["saved"][name], average, atol=1e-6)
        assert name == "1.bias" or np.abs(average - answer["weights"][-1][name]).max() > 1e-3


def test_sizes_and_refusals_are_pythons_word_for_word():
    asked = cases.size_cases()
    answered = cases.ask_node(asked)
    wrong = [
        (case, came) for case, came in zip(asked, answered, strict=True) if came != cases.size_expected(case)
    ]
    assert wrong == []
    assert sum("error" in came for came in answered) > 1000


def strings():
    """Return the sentences of each language by their keys."""
    script = "const c = require('./node.js'); require('./strings/ko.js'); require('./strings/ja.js');"
    script += "process.stdout.write(JSON.stringify(c.strings))"
    return json.loads(subprocess.check_output([cases.NODE, "-e", script], cwd=cases.WEB, text=True))


def test_every_language_has_every_sentence_with_the_same_values():
    english, *others = strings().values()
    assert len(others) == 2
    places = {key: sorted(set(VALUE.findall(sentence))) for key, sentence in english.items()}
    for other in others:
        assert {key: sorted(set(VALUE.findall(sentence))) for key, sentence in other.items()} == places


def test_every_sentence_is_used_and_every_used_one_is_there():
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in cases.WEB.glob("*.js"))
    used = set(re.findall(r'(?:say|Refusal|sentence|refuse)\(\s*(?:[\w.]+ [^?()]*\? )?"(\w+)"', scripts))
    known = set(next(iter(strings().values())))
    assert used <= known
    words = set(re.findall(r"[\w-]+", scripts))
    stems = ("what_", "field_", "preset_", "data_", "about_", "show_", "column_", "trained_", "explain_")
    stems += ("accuracy_", "loss_", "explorer_", "slider_")
    unused = [key for key in known if key not in words and not key.startswith(stems)]
    assert unused == []


def test_each_of_1000_random_networks_trains_or_is_refused_with_a_reason():
    networks = cases.random_networks(1000)
    asked = {"ask": "fuzz", "networks": networks, "input": [12, 12, 2], "classes": 10}
    (answers,) = cases.ask_node([asked])
    refused = [answer for answer in answers if "refused" in answer]
    assert [answer for answer in refused if answer["key"] is None] == []  # an error that nobody foresaw
    assert all(answer["place"] is not None and len(answer["refused"]) > 20 for answer in refused)
    trained = [answer["losses"] for answer in answers if "losses" in answer]
    assert all(math.isfinite(loss) for losses in trained for loss in losses)
    assert len(trained) > 200 and len(refused) > 200


def test_explorer_of_sizes_says_what_pythons_says_at_all_8448_settings():
    settings = [
        {"input": i, "kernel": f, "stride": s, "padding": p}
        for i in range(1, 17)
        for f in range(1, 12)
        for s in range(1, 9)
        for p in range(6)
    ]
    (sentences,) = cases.ask_node([{"ask": "sentences", "explorer": "sizes", "settings": settings}])
    wanted = [widgets._count(one["input"], one["kernel"], one["stride"], one["padding"]) for one in settings]
    assert sentences == wanted


def test_drawn_digit_comes_out_as_mnist_has_it():
    """Real digits, each pixel drawn as 8x8 points of the pad, off its middle, come back as they are."""
    with np.load(live.MNIST) as file:
        digits = file["x_test"][:60]
    digits = [digit for digit in digits if (box(digit) == box(digit * (digit >= 32))).all()]
    assert len(digits) > 20
    asked = []
    for number, digit in enumerate(digits):
        top, bottom, left, right = box(digit)
        ink = np.zeros((224, 224), int)
        drawn = np.kron(digit[top:bottom, left:right], np.ones((8, 8), int))
        place = 8 * (number % 4), 3 * (number % 5)
        ink[place[0] :, place[1] :][: drawn.shape[0], : drawn.shape[1]] = drawn
        asked.append({"ask": "centred", "side": 224, "ink": ink.ravel().tolist()})
    for digit, answer in zip(digits, cases.ask_node(asked), strict=True):
        np.testing.assert_array_equal(np.reshape(answer, (28, 28)), digit)


def box(image):
    """Return the first row with ink and the one behind the last, then the same for columns."""
    rows, columns = np.nonzero(image)
    return np.array([rows.min(), rows.max() + 1, columns.min(), columns.max() + 1])


def test_explorer_of_the_sliding_filter_says_what_pythons_says():
    rng = np.random.default_rng(0)
    image, kernel = rng.normal(size=(6, 7)).round(3), rng.normal(size=(2, 3)).round(3)
    settings = [{"row": row, "column": column} for row in range(5) for column in range(5)]
    asked = {"ask": "sentences", "explorer": "slide", "settings": settings}
    asked["options"] = {"image": image.tolist(), "kernel": kernel.tolist()}
    (sentences,) = cases.ask_node([asked])
    assert sentences == [repr(widgets.filter_explorer(image, kernel, **one)) for one in settings]


def test_explorers_of_receptive_fields_and_paddings_are_pythons():
    names = ["kernel_1", "stride_1", "kernel_2", "stride_2", "kernel_3"]
    settings = [
        dict(zip(names, values))
        for values in itertools.product((1, 3, 5), (1, 2), (1, 3, 5), (1, 2), (1, 3, 5))
    ]
    (sentences,) = cases.ask_node([{"ask": "sentences", "explorer": "field", "settings": settings}])
    for values, sentence in zip(settings, sentences, strict=True):
        layers = [(values[f"kernel_{n}"], values.get(f"stride_{n}", 1)) for n in (1, 2, 3)]
        wanted = [shapes.receptive_field(layers[:depth]) for depth in (1, 2, 3)]
        assert [int(number) for number in re.findall(r"(\d+)(?: input|, one|\.$)", sentence)] == wanted
    sizes = [
        (i, f, s, p) for i in range(1, 17, 3) for f in range(1, 8) for s in range(1, 5) for p in range(5)
    ]
    settings = [dict(zip(("input", "kernel", "stride", "padding"), one)) for one in sizes]
    (sentences,) = cases.ask_node([{"ask": "sentences", "explorer": "padding", "settings": settings}])
    for (i, f, s, p), sentence in zip(sizes, sentences, strict=True):
        places = [int(number) for number in re.findall(r"(\d+) places?", sentence)]
        wanted = [
            cases.size_expected({"name": "outputSize", "values": [i, f, s, q]}) for q in ("valid", "same", p)
        ]
        assert places == [one.get("value", 0) for one in wanted], (i, f, s, p)
        counted = re.findall(r"(\d+) (places?|zeros?)\b", sentence)
        assert len(counted) == 6, sentence  # places and zeros, three times
        assert all((number == "1") == (not word.endswith("s")) for number, word in counted), sentence


def test_explorer_of_the_loss_surface_says_the_loss_and_a_numerical_gradient():
    x = np.arange(-2, 5)

    def loss(slope, intercept):
        return np.mean((slope * x + intercept - (2 * x + 1)) ** 2)

    settings = [
        {"slope": slope, "intercept": intercept} for slope in (-1, 0.5, 2) for intercept in (-3, 1, 4.5)
    ]
    (sentences,) = cases.ask_node([{"ask": "sentences", "explorer": "surface", "settings": settings}])
    for place, sentence in zip(settings, sentences, strict=True):
        line, step = np.array(list(place.values())), np.eye(2) / 2  # exact: the loss is a parabola
        wanted = [loss(*line), *(loss(*line + one) - loss(*line - one) for one in step)]
        said = re.search(r"loss (\S+); gradient \((\S+), (\S+)\)", sentence).groups()
        np.testing.assert_allclose([float(number) for number in said], wanted, atol=0.051)


def test_explorer_of_the_learning_rate_takes_the_steps_of_gradient_descent():
    inputs = np.stack([np.arange(-2.0, 5), np.ones(7)], axis=1)
    truth = inputs @ [2, 1]
    settings = [{"rate": rate, "steps": steps} for rate in (0.01, 0.1, 0.19, 0.2) for steps in (0, 1, 2, 30)]
    (sentences,) = cases.ask_node([{"ask": "sentences", "explorer": "rate", "settings": settings}])
    for one, sentence in zip(settings, sentences, strict=True):
        line, losses = np.zeros(2), [np.mean(truth**2)]
        for _ in range(one["steps"]):
            line = line - one["rate"] * 2 * inputs.T @ (inputs @ line - truth) / 7
            losses.append(np.mean((inputs @ line - truth) ** 2))
        said = float(re.search(r"loss (\S+);", sentence)[1])
        np.testing.assert_allclose(said, losses[-1], rtol=6e-3)
        went = "raised" if losses[-1] > losses[max(one["steps"] - 1, 0)] else "lowered"
        assert ("no step yet" if one["steps"] == 0 else went) in sentence


def test_explorer_of_one_unit_names_the_pixels_that_change_it():
    options = live.options("unit")
    pixels = np.repeat(np.eye(28)[:, :, None, None], 28, axis=2)  # image p has one bright row, row p
    reached, settings, wanted = pixels, [], []
    for number, (name, kernel, stride) in enumerate(options["layers"]):
        ones = np.ones((kernel, kernel, 1, 1))
        pool = layers.MaxPool2D(kernel, stride, "same")
        reached = (
            pool.forward(reached, False)
            if name[:4] == "pool"
            else layers.conv2d(reached, ones, padding="same")
        )
        size = reached.shape[1]
        for row, column in itertools.product({0, 1, size // 2, size - 1}, repeat=2):
            settings.append({"layer": number, "row": row, "column": column})
            tall, wide = (int((reached[:, place].max(axis=(1, 2)) > 0).sum()) for place in (row, column))
            field = shapes.receptive_field([one[1:] for one in options["layers"][: number + 1]])
            wanted.append((field, field, tall * wide))
    asked = {"ask": "sentences", "explorer": "unit", "settings": settings, "options": options}
    (sentences,) = cases.ask_node([asked])
    said = [
        re.search(r"sees (\d+)×(\d+) pixels, (\d+) of the image", sentence).groups() for sentence in sentences
    ]
    assert [tuple(map(int, numbers)) for numbers in said] == wanted


def test_explorer_of_blocks_says_what_convolution_does_with_each():
    known = live.options("blocks")
    settings = [{"block": block} for block in range(len(known["lines"]))]
    asked = {"ask": "sentences", "explorer": "blocks", "settings": settings, "options": known}
    (sentences,) = cases.ask_node([asked])
    images, kernels = np.zeros((32, 28, 28, 32), np.float32), (3, 3, 32, 64)
    for lines, time, sentence in zip(known["lines"], known["times"], sentences, strict=True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(im2col, "VALUES_PER_BLOCK", lines * 28 * known["values"])
            blocks = list(im2col.Im2Col(images.shape, kernels, 1, "same").rows(images))
        rows = blocks[0][1]
        said = re.search(
            r": ([\d,]+) rows of (\d+) numbers, (\S+) MB; matrix products: (\d+)\.", sentence
        ).groups()
        assert (int(said[0].replace(",", "")), int(said[1]), int(said[3])) == (*rows.shape, len(blocks))
        np.testing.assert_allclose(float(said[2]), rows.nbytes / 1e6, rtol=0.05)
        assert f"Recorded: {time:.2f} times" in sentence


def test_still_pictures_and_options_of_the_explorers_are_current():
    """If not: `python tests/stills.py` writes them anew."""
    stored = {path.name: path.read_text(encoding="utf-8") for path in live.STILLS.iterdir()}
    assert stored == stills.files()
