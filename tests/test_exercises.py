"""Every exercise is proved both ways, and a check survives whatever a learner may answer."""

import dataclasses
import inspect
import os
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convlab.exercises import (
    catalogue,
    display,
    lesson_00,
    lesson_01,
    lesson_02,
    lesson_03,
    lesson_04,
    lesson_05,
    lesson_06,
    lesson_07,
    lesson_08,
    lesson_09,
    lesson_11,
    lesson_12,
    progress,
    record,
)
from convlab.exercises.comparing import agrees, plain
from convlab.exercises.exercise import Exercise, Mistake, exercise
from convlab.exercises.judging import NOT_ATTEMPTED, RIGHT, WRONG

ALL = [item for items in catalogue.exercises().values() for item in items]
MISTAKES = [(item, mistake) for item in ALL for mistake in item.mistakes]


def name_of(item):
    return f"{item.lesson}.{item.name}" if isinstance(item, Exercise) else item.name.replace(" ", "-")


def faults(item: Exercise) -> list[str]:
    """Return what is missing in an exercise: the rules that make it worth a learner's time."""
    messages = [mistake.says.strip() for mistake in item.mistakes]
    return [
        fault
        for fault, present in {
            "no question": not item.question.strip().endswith("?"),
            "no reference": item.reference is None or item.reference is ...,
            "fewer than two hints": len(item.hints) < 2 or not all(hint.strip() for hint in item.hints),
            "fewer than two named mistakes": len(item.mistakes) < 2,
            "a mistake without a message": not all(messages),
            "no insight": not item.insight.strip().endswith("."),
            "two mistakes with one message": len(set(messages)) < len(messages),
            "a function tried on fewer than three cases": callable(item.reference) and len(item.cases) < 3,
        }.items()
        if present
    ]


@pytest.mark.parametrize("item", ALL, ids=name_of)
def test_reference_passes(item):
    verdict = item.judge(item.reference)
    assert verdict.status == RIGHT, verdict


@pytest.mark.parametrize(("item", "mistake"), MISTAKES, ids=name_of)
def test_named_mistake_fails_with_its_own_message(item, mistake):
    verdict = item.judge(mistake.answer)
    assert (verdict.status, verdict.mistake) == (WRONG, mistake.name)
    assert verdict.message.startswith(mistake.says)


@pytest.mark.parametrize("item", ALL, ids=name_of)
def test_untouched_stub_is_not_attempted(item):
    def stub(*arguments): ...

    for answer in [..., None] + [stub] * callable(item.reference):
        assert item.judge(answer).status == NOT_ATTEMPTED


@pytest.mark.parametrize("item", ALL, ids=name_of)
def test_exercise_is_complete(item):
    assert faults(item) == []


@pytest.mark.parametrize("item", [item for item in ALL if callable(item.reference)], ids=name_of)
def test_shown_solution_is_itself_right(item):
    namespace = dict(vars(inspect.getmodule(item.reference)))
    exec(display.solution_text(item.reference), namespace)
    assert item.judge(namespace[item.name]).status == RIGHT


@pytest.mark.parametrize("item", ALL, ids=name_of)
def test_a_right_answer_gets_its_insight(item):
    assert item.judge(item.reference).message.endswith(item.insight)


def test_a_right_answer_without_an_insight_says_only_that_it_is_right():
    item = Exercise("lesson_00", "third", "A third?", 1 / 3, ("Divide.", "By 3."))
    assert item.judge(1 / 3).message == "that is it."


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: np.ones(5) * np.ones((5, 2)), "shapes (5,) and (5,2) do not fit: read from the right"),
        (lambda: np.array([[1, 2], [3]]), "the parts have different shapes"),
    ],
)
def test_numpys_words_on_shapes_are_said_plainly(wrong, says):
    verdict = lesson_07.rows_of.judge(lambda image, size, stride: wrong())
    assert (verdict.status, verdict.mistake) == (WRONG, None)
    assert says in verdict.message


def test_tensorflows_words_on_a_padding_in_small_letters_are_said_plainly():
    tf = pytest.importorskip("tensorflow")
    verdict = lesson_08.conv_layer.judge(
        lambda images, kernels, biases, stride: tf.nn.conv2d(images, kernels, stride, padding="same")
    )
    assert verdict.status == WRONG
    assert (
        'TensorFlow knows the padding "SAME" or "VALID", in capital letters; this is "same"'
        in verdict.message
    )


def test_images_without_a_batch_get_a_sentence_and_not_a_dead_kernel(monkeypatch):
    tf = pytest.importorskip("tensorflow")
    convolve = tf.nn.conv2d

    def as_tensorflow(images, *rest, **named):
        if len(np.shape(images)) < 4:
            pytest.fail("TensorFlow would end Python here")
        return convolve(images, *rest, **named)

    monkeypatch.setattr(tf.nn, "conv2d", as_tensorflow)
    for one in (
        lambda images: images[0],
        lambda images: tf.constant(images[0]),
        lambda images: images[0].tolist(),
    ):
        verdict = lesson_08.conv_layer.judge(
            lambda images, kernels, biases, stride, one=one: tf.nn.conv2d(
                one(images), kernels, stride, "SAME"
            )
        )
        assert verdict.status == WRONG
        assert (
            "needs images of four axes, (N, H, W, C), and these have the shape (6, 5, 2)" in verdict.message
        )
    assert tf.nn.conv2d is as_tensorflow  # the guard is gone with the answer


def test_a_misspelt_name_is_said_to_be_one():
    right = lesson_09.choose_loss.reference

    def misspelt(labels, activation):
        name, logits = right(labels, activation)
        return name.replace("crossentropy", "crosentropy"), logits

    assert "compare it letter by letter" in lesson_09.choose_loss.judge(misspelt).message
    other = lesson_09.choose_loss.judge(lambda labels, activation: ("mse", activation is None)).message
    assert "`'mse'` is not it." in other


def test_one_and_zero_count_as_truth_values_and_two_does_not():
    right = lesson_09.choose_loss.reference
    for number, status in ((1, RIGHT), (2, WRONG)):

        def answer(labels, activation, number=number):
            name, logits = right(labels, activation)
            return name, number * int(logits)

        assert lesson_09.choose_loss.judge(answer).status == status


def test_an_answer_of_another_kind_is_named_by_its_kind():
    verdict = lesson_12.layer_table.judge(lambda size, channels, layers: (row for row in ()))
    assert "is expected; this is a generator" in verdict.message


def test_exercises_are_named_as_their_modules_call_them():
    for lesson, items in catalogue.exercises().items():
        module = inspect.getmodule(next(i.reference for i in items if callable(i.reference)))
        assert all(getattr(module, item.name) is item and item.lesson == lesson for item in items)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"reference": None}, "no reference"),
        ({"question": " "}, "no question"),
        ({"insight": ""}, "no insight"),
        ({"hints": ("one",)}, "fewer than two hints"),
        ({"mistakes": lesson_01.step.mistakes[:1]}, "fewer than two named mistakes"),
        ({"cases": lesson_01.step.cases[:2]}, "a function tried on fewer than three cases"),
        (
            {"mistakes": (Mistake("a", 1, ""), *lesson_01.step.mistakes)},
            "a mistake without a message",
        ),
        (
            {
                "mistakes": (
                    dataclasses.replace(lesson_01.step.mistakes[0], name="b"),
                    *lesson_01.step.mistakes,
                )
            },
            "two mistakes with one message",
        ),
    ],
)
def test_an_incomplete_exercise_is_found(change, fault):
    assert faults(lesson_01.step) == []
    assert fault in faults(dataclasses.replace(lesson_01.step, **change))


def test_a_mistake_that_does_no_harm_is_found():
    harmless = Mistake("harmless", lesson_01.step.reference, "this says something wrong about a right answer")
    planted = dataclasses.replace(lesson_01.step, mistakes=(harmless,))
    assert planted.judge(harmless.answer).status == RIGHT  # so test_named_mistake_… would fail


def test_mistakes_are_added_beside_their_wrong_answers():
    item = Exercise("lesson_00", "third", "A third?", 1 / 3, ("Divide.", "By 3."))
    item.mistake("a half", "this is a half.", answer=0.5)

    @item.mistake("a function", "this is a function.")
    def wrong():
        return 1 / 3

    assert [(mistake.name, mistake.says) for mistake in item.mistakes] == [
        ("a half", "this is a half."),
        ("a function", "this is a function."),
    ]
    assert item.mistakes[1].answer is wrong and wrong() == 1 / 3
    assert item.judge(0.5).mistake == "a half"
    assert Exercise("lesson_00", "other", "Another?", 1, ("One.", "1.")).mistakes == ()


def dots(x): ...


def words(x):
    """Say what it would do."""


def words_and_dots(x, *more, flag=True):
    """Say what it would do."""


def returned(x):
    return ...


@pytest.mark.parametrize(
    "answer", [..., None, dots, words, words_and_dots, returned, lambda x: ..., lambda *all: None]
)
def test_every_form_of_stub_counts_as_not_attempted(answer):
    assert lesson_00.values.judge(answer).status == NOT_ATTEMPTED


def nothing_returned(height, width, channels):
    height * width * channels


@pytest.mark.parametrize(
    "answer",
    [nothing_returned, lambda height, width, channels: 0, lambda *shape: print(end=""), print, 0, ""],
)
def test_an_attempt_is_no_stub(answer):
    assert lesson_00.values.judge(answer).status == WRONG


# What a check says about answers that are no named mistake


@exercise(
    question="What are the values times the factor?",
    cases=[(np.array([1.0, -2.0, 3.0]), 2.0), (np.array([[0.5, 4.0]]), -1.5)],
    hints=["one", "two"],
)
def scale(values, factor):
    return values * factor


def overwrite(values, factor):
    values *= factor
    return values


UNFORESEEN = {
    "is a `return` missing": lambda values, factor: print(end=""),
    "the shape is": lambda values, factor: values.ravel()[:1],
    "NaNs": lambda values, factor: values * np.nan,
    "constant factor: 2 times what it should be": lambda values, factor: values * factor * 2,
    "all zeros": lambda values, factor: values * 0,
    "changes its argument `values`": overwrite,
    "stopped with ZeroDivisionError": lambda values, factor: 1 / 0,
    "stopped with SystemExit": lambda values, factor: exit(),
    "stopped with RecursionError": lambda values, factor: (loop := lambda: loop())(),
    "takes 1 positional": lambda values: values,
    "1 of 3 values differs, first at index [1]": lambda values, factor: np.maximum(values * factor, 0),
    "pass the function itself": np.array([2.0, -4.0, 6.0]),
}


@pytest.mark.parametrize("message", UNFORESEEN)
def test_unforeseen_answer_gets_a_message_on_what_to_look_at(message):
    verdict = scale.judge(UNFORESEEN[message])
    assert verdict.status == WRONG
    assert message in verdict.message


def test_a_factor_that_fits_one_case_only_is_not_said_to_fit():
    verdict = scale.judge(lambda values, factor: values * 3)
    assert verdict.status == WRONG
    assert "constant factor" not in verdict.message


def test_rows_of_different_lengths_get_their_own_message():
    assert "differ in length" in scale.judge(lambda values, factor: [[1.0], [2.0, 3.0]]).message


@pytest.mark.parametrize("constant", [2.0, -1.5])
def test_an_answer_right_in_one_case_only_is_wrong(constant):
    assert scale.judge(lambda values, factor: values * constant).status == WRONG


def test_wrong_verdict_shows_arguments_expected_and_came():
    text = str(scale.judge(lambda values, factor: values + factor))
    assert "values = [ 1., -2.,  3.]" in text
    assert "expected [ 2., -4.,  6.]" in text
    assert "came     [3., 0., 5.]" in text


def test_a_function_among_the_arguments_is_shown_by_what_it_computes():
    text = str(lesson_01.descend.judge(lambda gradient, start, learning_rate, steps: start + 7))
    assert "gradient = a function: p -> 2 * (p - [1, -2])" in text
    assert "<function" not in text and "0x" not in text


def test_line_of_the_learners_error_is_named():
    def broken(values, factor):
        return values[factor + 10**6]

    assert "values[factor + 10**6]" in scale.judge(broken).message


class Hostile:
    """An object that refuses everything."""

    def __eq__(self, other):
        raise RuntimeError("no comparison")

    def __array__(self, *arguments, **options):
        raise RuntimeError("no array")

    def __repr__(self):
        raise RuntimeError("no name")


@pytest.mark.parametrize("item", [scale, *ALL], ids=name_of)
def test_check_never_raises_on_hostile_objects(item, capsys):
    item.check(Hostile())
    item.check(lambda *arguments: Hostile())
    item.check([Hostile()])
    item.check(lambda *arguments: [[1, 2], [3]])
    item.check(lambda *arguments: exit())
    assert capsys.readouterr().out.count("wrong") == 5


@given(st.recursive(st.none() | st.floats() | st.text() | st.integers(), st.lists) | st.binary())
def test_random_values_are_never_right(value):
    for item in (lesson_00.values, lesson_01.step):
        assert item.judge(lambda *arguments: value).status in (WRONG, NOT_ATTEMPTED)


def test_an_interrupt_by_the_learner_goes_through():
    def endless(values, factor):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scale.check(endless)


def test_lists_and_integers_count_as_what_they_mean():
    assert scale.judge(lambda values, factor: (values * factor).tolist()).status == RIGHT
    assert agrees((True, "softmax"), (np.bool_(True), np.str_("softmax")))
    assert not agrees((True, "softmax"), (np.bool_(False), np.str_("softmax")))


def test_answers_with_names_agree_name_by_name_within_the_tolerance():
    expected = {"weights": np.array([1.0, 2.0]), "bias": 3.0}
    assert agrees(expected, {"bias": 3.0, "weights": [1.0, 2.0]})
    assert agrees(expected, {"weights": [1.0, 2.0], "bias": 3.05}, tolerance=0.1)
    assert not agrees(expected, {"weights": [1.0, 2.0], "bias": 3.05}, tolerance=0.001)
    assert not agrees(expected, {"weights": [2.0, 1.0], "bias": 3.0})
    assert not agrees(expected, {"weights": [1.0, 2.0]})
    assert not agrees(expected, [1.0, 2.0])
    assert lesson_00.values.judge(lambda h, w, c: float(h * w * c)).status == RIGHT
    assert lesson_00.values.judge(lambda h, w, c: np.array([h * w * c])).status == WRONG
    assert lesson_01.step.judge(lambda *case: np.array(lesson_01.step.reference(*case))).status == RIGHT


class Tensor:
    """What a check sees of TensorFlow's tensors and shapes, without importing it."""

    def __init__(self, value):
        self.value = np.asarray(value)

    def numpy(self):
        return self.value


class TensorShape:
    def __init__(self, *sizes):
        self.sizes = sizes

    def as_list(self):
        return [*self.sizes]


class Symbolic:
    def numpy(self):
        raise AttributeError("no value yet")


@pytest.mark.parametrize(
    "answer",
    [
        lambda *case: Tensor(lesson_01.step.reference(*case)),
        lambda *case: [Tensor(value) for value in lesson_01.step.reference(*case)],
        lambda *case: tuple(Fraction(float(value)) for value in lesson_01.step.reference(*case)),
        lambda *case: np.array(lesson_01.step.reference(*case), dtype=object),
    ],
)
def test_tensors_fractions_and_arrays_of_objects_count_as_their_values(answer):
    assert lesson_01.step.judge(answer).status == RIGHT
    assert lesson_01.step.judge(lambda *case: plain(answer(*case))[::-1]).mistake == "swapped"


def test_a_shape_of_tensorflow_counts_as_a_tuple():
    asked = Exercise("lesson_00", "shape", "Which shape?", (2, 5, 3), ("One.", "Two."))
    assert asked.judge(TensorShape(2, 5, 3)).status == RIGHT
    assert asked.judge(TensorShape(2, 5, None)).status == WRONG


def test_real_tensors_and_shapes_are_accepted():
    tf = pytest.importorskip("tensorflow")
    shape = lesson_08.strides.judge(
        lambda images, filters, steps: (
            tf.nn.conv2d(tf.zeros(images), tf.zeros((3, 3, images[3], filters)), steps, "SAME").shape
            if steps[0] == steps[3] == 1
            else lesson_08.strides.reference(images, filters, steps)
        )
    )
    assert shape.status == RIGHT, shape
    assert lesson_01.step.judge(lambda *case: tf.constant(lesson_01.step.reference(*case))).status == RIGHT
    assert lesson_01.step.judge(lambda *case: tf.Variable(lesson_01.step.reference(*case))).status == RIGHT


def test_a_tensor_is_shown_as_an_array():
    text = str(scale.judge(lambda values, factor: Tensor(values * factor + 1)))
    assert "came     [ 3., -3.,  7.]" in text
    assert "a Symbolic" in lesson_01.step.judge(lambda *case: Symbolic()).message


def test_an_array_in_place_of_a_tuple_is_described_by_its_shape():
    verdict = lesson_01.step.judge(lambda *case: np.zeros((6, 1)))
    assert "this one has 6" in verdict.message or "an array of shape (6, 1)" in verdict.message


def test_one_wrong_value_is_no_constant_factor():
    right = lesson_06.lecture_table.reference
    verdict = lesson_06.lecture_table.judge((*right[:-1], right[-1] + 1))
    assert verdict.status == WRONG
    assert "multiply" not in verdict.message


@pytest.mark.parametrize(
    "answer", ["d", " D ", ["D"], ("d",), "curve D", "'D'", '"d"', "(D)", "D.", np.array(["D"])]
)
def test_a_letter_counts_in_any_form(answer):
    assert lesson_01.diverging.judge(answer).status == RIGHT


@pytest.mark.parametrize(
    "answer", ["3", 3, [3], " 3", 3.0, "layer 3", "'3'", np.int64(3), np.array(3), np.array([3])]
)
def test_a_number_counts_in_any_form(answer):
    assert lesson_03.broken_layer.judge(answer).status == RIGHT


@pytest.mark.parametrize("answer", ["", "DD", ["D", "D"], [["D"]], {"D": 1}, "4", [], b"D"])
def test_another_value_is_wrong_in_any_form(answer):
    assert lesson_01.diverging.judge(answer).status == WRONG
    assert lesson_03.broken_layer.judge(answer).status == WRONG


@pytest.mark.parametrize(
    ("item", "answer", "mistake"),
    [
        (lesson_01.diverging, " curve b ", "overshooting taken for diverging"),
        (lesson_03.broken_layer, "sigmoid", "its name"),
        (lesson_03.broken_layer, "'4'", "the last that agrees"),
    ],
)
def test_a_mistake_counts_in_any_form(item, answer, mistake):
    assert item.judge(answer).mistake == mistake


def test_the_arguments_are_named_where_a_function_takes_others():
    message = lesson_00.values.judge(lambda h, w: h * w).message
    assert "must take these arguments: `height`, `width`, `channels`" in message
    assert "takes 2 positional arguments" in message


def test_an_error_about_arguments_inside_the_answer_is_shown_at_its_line():
    message = lesson_00.values.judge(lambda h, w, c: (lambda a: a)(h, w)).message
    assert "your function stopped with TypeError" in message


def test_a_name_in_quotation_marks_is_no_function():
    assert "without quotation marks; this is a text, `'values'`" in lesson_00.values.judge("values").message


def test_one_percentage_among_shares_is_said_to_be_one():
    assert (
        "value 1 of 3: 100 times too large: is it a percentage"
        in lesson_02.read_matrix.judge((74, 0.6, 0.75)).message
    )


SAID = {
    "there is still a `...`": (lesson_05.by_hand, [[0, -7, ...], [..., 7, -2]]),
    "still a `...` in your answer": (lesson_00.values, lambda h, w, c: h * w * ...),
    "a single number is expected; this is a list": (lesson_00.values, lambda h, w, c: [h * w, c]),
    "single number is expected; this is an array of shape (1,)": (
        lesson_00.values,
        lambda h, w, c: np.array([h * w]),
    ),
    "this is a text": (lesson_00.values, lambda h, w, c: str(h * w * c)),
    "value 2 of the 2 that you return is right": (
        lesson_02.cross_entropy_gradient,
        lambda *case: (0.5, lesson_02.cross_entropy_gradient.reference(*case)),
    ),
    "right, but rounded": (lesson_07.speed_up, lambda *case: round(lesson_07.speed_up.reference(*case), 2)),
    "A must have as many columns (2) as B has rows (5)": (
        lesson_01.gradient,
        lambda weights, bias, features, targets: features @ features,
    ),
    "an array of shape (2, 5, 2)": (
        lesson_01.gradient,
        lambda weights, bias, features, targets: np.zeros((2, 5, 2)),
    ),
}


@pytest.mark.parametrize("message", SAID)
def test_what_is_wrong_is_said_in_plain_words(message):
    item, answer = SAID[message]
    verdict = item.judge(answer)
    assert verdict.status == WRONG
    assert message in verdict.message.partition("\n")[0] or message.startswith("an array"), verdict


def right_of(item, change):
    """Return an answer that changes the right one."""
    return lambda *case: change(item.reference(*case))


def stops(line):
    """Return a change that makes no answer but stops with an error of NumPy's or Python's."""
    return lambda right: line(np.zeros((5, 2)))


FORMS = [
    # (the exercise, what is done with the right answer, what the message must say)
    (lesson_00.values, lambda v: v + 1, "too large by 1, in every case"),
    (lesson_01.step, lambda v: (v[0] - 0.5, v[1] - 0.5), "too small by 0.5, in every case"),
    (lesson_06.stack_parameters, lambda v: v - 1, "too small by 1, in every case"),
    (lesson_07.speed_up, lambda v: -v, "the sign is turned round"),
    (lesson_11.standard_errors, lambda v: 100 * v, "100 times too large: is it a percentage"),
    (lesson_07.speed_up, lambda v: v / 100, "100 times too small"),
    (lesson_03.dense_backward, lambda v: tuple(2 * x for x in v), "constant factor: 2 times"),
    (lesson_00.values, lambda v: v / 3, "constant factor: 1/3 times"),
    (lesson_01.gradient, lambda v: (np.round(v[0], 1), round(v[1], 1)), "right, but rounded"),
    (lesson_02.softmax, lambda v: np.round(v, 2), "right, but rounded"),
    (lesson_01.limit, lambda v: np.floor(100 * v) / 100, "right, but rounded"),
    (lesson_02.softmax, np.round, "the right values, rounded to whole numbers"),
    (lesson_04.adam_step, lambda v: tuple(np.round(x, 2) for x in v), "right, but rounded"),
    (lesson_01.step, lambda v: (int(v[0]), int(v[1])), "cut to whole numbers"),
    (lesson_00.values, lambda v: [v], "in a list or an array of its own: return it alone"),
    (lesson_05.conv_layer, lambda v: v[None], "in a list or an array of its own"),
    (lesson_02.softmax, lambda v: v.T, "rows and columns are exchanged"),
    (lesson_05.conv_layer, lambda v: v.transpose(1, 2, 0), "the axes stand in another order"),
    (lesson_01.descend, lambda v: v[:, None], "an axis of size 1 is missing or is too many"),
    (lesson_03.relu_backward, np.ravel, "the values are right, but in one row"),
    (lesson_02.softmax, lambda v: v[::-1], "in reversed order along axis 0"),
    (lesson_08.strides, lambda v: v[::-1], "the right values, but in another order"),
    (
        lesson_12.layer_table,
        lambda v: v[:1],
        "the beginning is right (1 of 5); the rest is missing. Does a `return`",
    ),
    (
        lesson_03.dense_backward,
        lambda v: v[:2],
        "the beginning is right (2 of 3); the rest is missing. `exercises",
    ),
    (lesson_01.step, lambda v: (*v, 0), "the beginning is right (2 of 3); leave out what follows it"),
    (
        lesson_05.conv_layer,
        lambda v: np.where(np.arange(v.size).reshape(v.shape) < 2, v, 0),
        "all that follow are 0",
    ),
    (
        lesson_12.layer_table,
        lambda v: [("conv", *row[1:]) for row in v],
        "`'conv'` is a text: give the number",
    ),
    (lesson_00.values, lambda v: f"{v}%", "leave the quotation marks out, and write 25 % as 0.25"),
    (
        lesson_12.layer_table,
        lambda v: [tuple(map(str, row)) for row in v],
        "is a text: leave the quotation marks",
    ),
    (lesson_12.layer_table, lambda v: [(None, *row[1:]) for row in v], "there is a None in your answer"),
    (lesson_00.values, lambda v: True, "a single number is expected; this is True"),
    (lesson_00.values, lambda v: {v}, "this is a set, which has no order"),
    (lesson_00.values, lambda v: {"values": v}, "this is a dict: return its values alone"),
    (lesson_01.step, lambda v: iter(v), "which has not run yet: make a list of it"),
    (lesson_00.values, lambda v: lambda: v, "this is a function: call it, with `()`"),
    (lesson_02.softmax, lambda v: 1.0, "an array of shape (2, 3) is expected; this is a single number"),
    (lesson_00.values, lambda v: v * np.inf, "there are infinite values in it"),
    (lesson_00.values, lambda v: v + 1j, "real numbers are expected"),
    (lesson_00.values, lambda v: v if v < 900 else v + 7, "Right in 3 of 4 cases"),
    (lesson_09.choose_loss, lambda v: (v[0].upper(), v[1]), "right but for capital letters or spaces"),
    (lesson_00.values, stops(lambda f: np.dot(f, f)), "A must have as many columns as B has rows"),
    (lesson_00.values, stops(lambda f: f @ 3), "operand 1, counted from 0, is a single number"),
    (
        lesson_00.values,
        stops(lambda f: np.einsum("ij,jk", f, f)),
        "a letter of `einsum` must stand for one size",
    ),
    (lesson_00.values, stops(lambda f: f[7]), "there is no index 7 along axis 0"),
    (lesson_00.values, stops(lambda f: f[2.5]), "an index must be a whole number"),
    (lesson_00.values, stops(lambda f: range(5 / 2)), "a whole number must stand here"),
    (lesson_00.values, stops(lambda f: float(f)), "an array where a single number must stand"),
    (lesson_00.values, stops(lambda f: 1 if f > 0 else 2), "use `&`, `|` or `np.where`"),
    (
        lesson_00.values,
        stops(lambda f: f[:3].__setitem__(0, np.ones(3))),
        "do not fit into a place of shape (2,)",
    ),
    (lesson_00.values, stops(lambda f: None + 1), "one of the values is None"),
    (lesson_00.values, stops(lambda f: [1].shape), "`.shape` belongs to arrays, and this is a list"),
    (lesson_00.values, stops(lambda f: np.exp(...)), "there is still a `...` in your answer"),
    (lesson_00.values, stops(lambda f: np.zeros(...)), "there is still a `...` in your answer"),
]


@pytest.mark.parametrize(("item", "change", "says"), FORMS, ids=[says for _, _, says in FORMS])
def test_how_an_answer_relates_to_the_right_one_is_said(item, change, says):
    verdict = item.judge(right_of(item, change))
    assert (verdict.status, verdict.mistake) == (WRONG, None)
    assert says in verdict.message.partition("\n")[0], verdict


def test_an_index_that_is_no_whole_number_is_not_taken_for_dots():
    verdict = lesson_00.values.judge(lambda h, w, c: np.zeros(3)[1.5])  # NumPy's own message names `...`
    assert "there is still a `...`" not in verdict.message


def test_the_first_wrong_value_of_a_long_array_is_shown():
    def last_wrong(image, size, stride):
        rows = lesson_07.rows_of.reference(image, size, stride).astype(float)
        rows[-1, -1] += 0.5
        return rows

    assert "\nat [11, 3]: expected 11, came 11.5" in lesson_07.rows_of.judge(last_wrong).message


def test_of_several_arrays_only_the_first_wrong_one_is_shown():
    verdict = lesson_03.dense_backward.judge(
        right_of(lesson_03.dense_backward, lambda v: (v[0], -v[1], v[2]))
    )
    shown = verdict.message.partition("\n")[2]
    assert "expected value 2 of 3: [[-5.]," in shown and "value 1" not in shown and "value 3" not in shown


def test_what_a_value_is_compared_with_is_not_shown_where_it_is_the_answer():
    verdict = lesson_05.by_hand.judge([[0, -7, 3], [10, 7, 2]])
    assert "1 of 6 values differs, first at index [1, 2]" in verdict.message
    assert "expected" not in verdict.message and "-2" not in verdict.message


def test_all_zeros_are_not_called_rounded():
    assert "rounded" not in lesson_07.speed_up.judge(lambda share, factor: 0.0).message


def test_an_error_in_the_package_is_shown_at_the_learners_own_line():
    from convlab import shapes

    def size(input_size, kernel_size, stride, padding, dilation):
        return shapes.output_size(input_size, -1, stride, padding)

    assert (
        "return shapes.output_size(input_size, -1, stride, padding)"
        in lesson_06.output_size.judge(size).message
    )


def test_powers_in_the_code_of_a_hint_stay_when_it_is_printed():
    note = display.Note("**Hint 1 of 2.** `layers * 9 * channels**2` and `2**n`")
    assert str(note) == "Hint 1 of 2. `layers * 9 * channels**2` and `2**n`"


def test_hints_grow_more_precise_and_then_stay(capsys):
    for _ in range(5):
        lesson_00.values.hint()
    lines = capsys.readouterr().out.strip().splitlines()
    assert [line[:11] for line in lines] == ["Hint 1 of 3", "Hint 2 of 3", *["Hint 3 of 3"] * 3]
    assert lines[-1].endswith("shows one answer.")


def test_verdict_shows_itself_as_html_without_running_what_it_quotes():
    def raises(values, factor):
        raise ValueError("<script>alert(2)</script>")

    for answer in (lambda values, factor: "<script>alert(1)</script>", raises):
        page = scale.judge(answer)._repr_html_()
        assert "<script>" not in page
        assert "&lt;script&gt;" in page


# Progress


def test_progress_remembers_the_best_and_only_attempts(capsys):
    lesson_00.values.check()
    assert record.read() == {}
    lesson_00.values.check(lambda h, w, c: h * w)
    assert record.read() == {"lesson_00": {"values": "wrong"}}
    lesson_00.values.check(lesson_00.values.reference)
    lesson_00.values.check(lambda h, w, c: h * w)
    assert record.read() == {"lesson_00": {"values": "right"}}
    assert "lesson 00  ■  1 of 1 right" in str(progress.table())


@pytest.mark.parametrize("content", ["{", "[1]", "{'a': 1}", '{"lesson_00": "right"}', "\xff"])
def test_broken_progress_is_set_aside_not_lost(content, capsys):
    record.file().write_text(content, encoding="latin-1")
    lesson_00.values.check(lesson_00.values.reference)
    assert record.read() == {"lesson_00": {"values": "right"}}
    assert record.file().with_suffix(".json.broken").read_text(encoding="latin-1") == content
    assert "progress starts anew" in capsys.readouterr().out


def test_progress_in_a_folder_that_cannot_be_written_is_said_not_raised(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CONVLAB_PROGRESS", str(tmp_path / "file" / "progress.json"))
    lesson_00.values.check(lesson_00.values.reference)
    assert "could not be saved" in capsys.readouterr().out


def test_interrupted_write_leaves_the_old_progress(monkeypatch):
    record.note("lesson_00", "values", "wrong")
    before = record.file().read_text()

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        record.note("lesson_00", "values", "right")
    assert record.file().read_text() == before
    lock = record.file().with_name(record.file().name + ".lock")  # stays, and is empty
    assert set(record.file().parent.iterdir()) - {lock} == {record.file()}


def test_a_wrong_number_is_not_turned_into_the_right_one():
    verdict = lesson_00.values.judge(lambda h, w, c: 15 * h * w * c / 16)
    assert verdict.status == WRONG
    assert "multiply" not in verdict.message


def test_a_value_is_right_within_a_hundred_thousandth_unless_a_tolerance_is_given():
    third = Exercise("lesson_00", "third", "A third?", 1 / 3, ("Divide.",), ())
    assert third.judge(1 / 3 + 1e-6).status == RIGHT
    assert third.judge(0.3334).status == WRONG


def test_an_error_that_is_returned_is_not_one_that_is_raised():
    verdict = lesson_01.gradient.judge(lambda weights, bias, features, targets: ValueError("no"))
    assert verdict.status == WRONG and "`raise` it instead" in verdict.message, verdict


def test_an_image_of_one_channel_is_shown_as_rows():
    shown = display.brief(np.arange(6.0).reshape(2, 3, 1))
    assert shown.count("\n") == 1 and shown.endswith("of shape (2, 3, 1)")
