"""Every lesson keeps the rules of form, and each rule speaks on a notebook that breaks it and it alone."""

import copy
import json

import pytest
from planting import markdown, stream

from coursekit.checking.check import course_findings, findings
from coursekit.checking.rules import RULES, short_deck
from coursekit.course import Course
from coursekit.lessons import ROOT, Lesson, code_digest, find
from coursekit.publishing.map import table, update

COURSE = Course(ROOT)
SLUG = "07_planted"
COMPARE = "predict.compare('07-sum', 1 + 1)"
PNG = {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure size 640x480 with 1 Axes>"}


def explained(found) -> str:
    """Return findings as lines that a failing test shows."""
    return "\n" + "\n".join(map(str, found))


@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.slug)
def test_lesson_keeps_every_rule(lesson):
    assert not (found := findings(lesson, COURSE)), explained(found)


def test_course_names_its_lessons_and_its_maps_are_current():
    assert not (found := list(course_findings(COURSE))), explained(found)


# A clean lesson, from which each test below plants one that breaks a rule.


def code(name, text, *tags, outputs=()):
    metadata = {"tags": [*tags]}
    return {"cell_type": "code", "id": name, "metadata": metadata, "source": text, "outputs": [*outputs]}


def display(data):
    return {"output_type": "display_data", "data": data, "metadata": {}}


def clean_notebook():
    picture = code("picture", "plots.images(pictures);", outputs=[display(PNG)])
    picture["metadata"]["mystnb"] = {"image": {"alt": "Two handwritten sevens"}}
    exercise = "def double(x):\n    return ...\n\n\nexercises.double_it.check(double)"
    cells = [
        markdown("title", "# What is planted here?", "short"),
        code("imports", "from convlab import predict\nfrom convlab.exercises import lesson_07 as exercises"),
        code("parameters", "epochs = 3  # rounds\nrate = -0.5", "parameters"),
        markdown("predict-sum", "How much?\n\n> *Your prediction:* …", "prediction", "short"),
        code("your-sum", 'predict.number("07-sum", ..., sure=...)', "predict"),
        code("sum", f"print(1 + 1)\n{COMPARE}", "nbval-check-output", "short", outputs=[stream("2\n")]),
        markdown("sum-explained", "It is two."),
        picture,
        code("exercise-double-it", exercise, "exercise", outputs=[stream("not attempted\n")]),
        markdown("terms", "| English | 한국어 | 日本語 |\n|---|---|---|\n| loss | 손실 | 損失 |", "terms"),
    ]
    header = {
        "title": "Plant a lesson",
        "part": "II: convolution",
        "question": "What is planted here?",
        "minutes": 30,
        "prerequisites": ["01_earlier"],
        "data": ["mnist"],
        "tensorflow": False,
        "seconds": 3,
        "memory_gb": 0.4,
    }
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3 (ipykernel)"}
    metadata = {"convlab": header, "kernelspec": kernel, "language_info": {"name": "python"}}
    return rendered({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def rendered(notebook):
    """Return the notebook as if its code had just been run."""
    notebook = copy.deepcopy(notebook)
    numbers = iter(range(1, 1000))
    for one in notebook["cells"]:
        if one["cell_type"] == "code":
            one["execution_count"] = next(numbers) if one["source"] else None
    notebook["metadata"]["convlab"]["rendered"] = code_digest(notebook["cells"])
    return notebook


def cell(notebook, name):
    return next(one for one in notebook["cells"] if one["id"] == name)


@pytest.fixture
def plant(tmp_path):
    """Return a function that puts a notebook into a small course and gives back the rules it breaks."""
    for folder in ("notebooks", "tests", "docs", "lib/convlab/exercises"):
        (tmp_path / folder).mkdir(parents=True)
    exercises = (
        "from convlab.exercises.exercise import exercise\n\n\n"
        "@exercise(question='', cases=[(1,)], hints=['Twice.'])\ndef double_it(x):\n"
        "    return 2 * x\n\n\ndef not_an_exercise():\n    pass\n"
    )
    (tmp_path / "lib/convlab/exercises/lesson_07.py").write_text(exercises)
    (tmp_path / "docs/glossary.yaml").write_text("- {en: loss, ko: 손실, ja: 損失, meaning: how bad it is}\n")
    (tmp_path / "notebooks/profiles.yaml").write_text(f"{SLUG}: {{epochs: 10}}\n")
    (tmp_path / "notebooks/01_earlier.ipynb").write_text(json.dumps(clean_notebook()))
    (tmp_path / "tests/compared_cells.json").write_text(json.dumps({SLUG: 1}))

    def planted(notebook):
        path = tmp_path / "notebooks" / f"{SLUG}.ipynb"
        path.write_text(notebook if isinstance(notebook, str) else json.dumps(notebook))
        return {found.rule for found in findings(Lesson(path), Course(tmp_path))}

    return planted


def test_clean_notebook_breaks_no_rule(plant):
    assert plant(clean_notebook()) == set()


# Each function below makes the clean notebook break the rule it is registered for.

BREAKERS = []


def breaks(rule, run_again=True):
    """Register a function that makes a notebook break `rule`; its code has been run since, or not."""

    def register(function):
        BREAKERS.append(pytest.param(rule, function, run_again, id=f"{rule}-{function.__name__}"))
        return function

    return register


@breaks("readable")
def format_without_ids(notebook):
    notebook["nbformat_minor"] = 4


@breaks("readable")
def output_of_no_kind(notebook):
    cell(notebook, "sum")["outputs"] = [{"output_type": "rumour"}]


@breaks("readable")
def cell_without_id(notebook):
    del notebook["cells"][0]["id"]


@breaks("ids")
def id_given_twice(notebook):
    notebook["cells"].insert(1, markdown("title", "again"))


@breaks("ids")
def id_random(notebook):
    cell(notebook, "sum-explained")["id"] = "a1b2c3d4"


@breaks("ids")
def id_random_and_long(notebook):
    cell(notebook, "sum-explained")["id"] = "fa1f8a4e-0c0b-4c3e-9a44-8f2d5f6c1e00"


@breaks("ids")
def id_with_capitals(notebook):
    cell(notebook, "sum-explained")["id"] = "Sum_Explained"


@breaks("metadata")
def question_missing(notebook):
    del notebook["metadata"]["convlab"]["question"]


@breaks("metadata")
def minutes_as_words(notebook):
    notebook["metadata"]["convlab"]["minutes"] = "half an hour"


@breaks("metadata")
def unknown_entry(notebook):
    notebook["metadata"]["convlab"]["autor"] = "misspelt"


@breaks("metadata")
def times_of_a_run(notebook):
    cell(notebook, "sum")["metadata"]["execution"] = {"iopub.status.busy": "2025-01-01T00:00:00Z"}


@breaks("metadata")
def whole_notebook_of_a_run(notebook):
    notebook["metadata"]["papermill"] = {"duration": 3}


@breaks("metadata")
def kernel_of_one_machine(notebook):
    notebook["metadata"]["kernelspec"]["name"] = "my-env"


@breaks("metadata")
def version_of_python(notebook):
    notebook["metadata"]["language_info"]["version"] = "3.12.1"


@breaks("claims")
def prerequisite_unknown(notebook):
    notebook["metadata"]["convlab"]["prerequisites"] = ["03_backpropagation"]


@breaks("claims")
def prerequisite_is_itself(notebook):
    notebook["metadata"]["convlab"]["prerequisites"] = [SLUG]


@breaks("claims")
def data_set_unknown(notebook):
    notebook["metadata"]["convlab"]["data"] = ["imagenet"]


@breaks("claims")
def tensorflow_denied(notebook):
    cell(notebook, "imports")["source"] = "import tensorflow as tf"


@breaks("claims")
def networks_denied(notebook):
    cell(notebook, "imports")["source"] = "from convlab import datasets, networks"


@breaks("claims")
def too_long_to_wait(notebook):
    notebook["metadata"]["convlab"]["seconds"] = 600


@breaks("known_tags")
def tag_misspelt(notebook):
    cell(notebook, "picture")["metadata"]["tags"] = ["nbval-check-ouput"]


@breaks("known_tags")
def tag_on_the_wrong_kind_of_cell(notebook):
    cell(notebook, "sum-explained")["metadata"]["tags"] = ["exercise"]


@breaks("no_comment_markers")
def marker_with_more_on_its_line(notebook):
    cell(notebook, "sum")["source"] = f"print(1 + 1)  # NBVAL_CHECK_OUTPUT\n{COMPARE}"


@breaks("no_comment_markers")
def marker_alone(notebook):
    cell(notebook, "picture")["source"] = "# NBVAL_IGNORE_OUTPUT\nplots.images(pictures);"


@breaks("plain_python")
def shell(notebook):
    cell(notebook, "picture")["source"] = "!pip install something"


@breaks("plain_python")
def shell_into_a_name(notebook):
    cell(notebook, "picture")["source"] = "files = !ls"


@breaks("plain_python")
def cell_magic(notebook):
    cell(notebook, "picture")["source"] = "%%bash\nls"


@breaks("plain_python")
def line_magic_after_code(notebook):
    cell(notebook, "picture")["source"] = "x = 1\n%timeit x"


@breaks("plain_python")
def question_mark(notebook):
    cell(notebook, "picture")["source"] = "plots.images?"


@breaks("plain_python")
def empty_cell(notebook):
    notebook["cells"].append(code("nothing", ""))


@breaks("imports")
def nine_lines_of_imports(notebook):
    cell(notebook, "imports")["source"] = "\n".join(f"import module_{number}" for number in range(9))


@breaks("imports")
def no_imports(notebook):
    cell(notebook, "imports")["id"] = "beginning"


@breaks("imports")
def star_import(notebook):
    cell(notebook, "picture")["source"] = "from convlab.plots import *"


@breaks("short_cells")
def sixteen_lines(notebook):
    cell(notebook, "picture")["source"] = "x = 1\n" * 16


@breaks("short_cells")
def class_of_26_lines(notebook):
    cell(notebook, "picture")["source"] = "class Layer:\n" + "    x = 1\n" * 25


@breaks("parameters")
def no_parameters(notebook):
    cell(notebook, "parameters")["metadata"]["tags"] = []


@breaks("parameters")
def two_cells_of_parameters(notebook):
    notebook["cells"].append(code("more", "seed = 0", "parameters"))


@breaks("parameters")
def computed_parameter(notebook):
    cell(notebook, "parameters")["source"] = "epochs = 3\nrate = min(1, epochs)"


@breaks("parameters")
def code_among_parameters(notebook):
    cell(notebook, "parameters")["source"] = "epochs = 3\nprint(epochs)"


@breaks("parameters")
def parameter_of_the_profile_missing(notebook):
    cell(notebook, "parameters")["source"] = "rounds = 3"


@breaks("parameters")
def parameter_of_another_type_in_the_profile(notebook):
    cell(notebook, "parameters")["source"] = "epochs = 3.5\nepochs = '3'"


@breaks("predictions")
def explained_before_the_answer(notebook):
    notebook["cells"].insert(5, markdown("spoiler", "It will be two."))


@breaks("predictions")
def prediction_at_the_end(notebook):
    notebook["cells"].append(markdown("predict-more", "> *Your prediction:* …", "prediction"))


@breaks("predictions")
def no_room_for_words(notebook):
    cell(notebook, "predict-sum")["source"] = "How much?"


@breaks("predicted")
def prediction_that_is_not_stored(notebook):
    notebook["cells"].remove(cell(notebook, "your-sum"))
    cell(notebook, "sum")["source"] = "print(1 + 1)"


@breaks("predicted")
def prediction_that_is_never_compared(notebook):
    cell(notebook, "sum")["source"] = "print(1 + 1)"


@breaks("predicted")
def prediction_that_is_compared_twice(notebook):
    cell(notebook, "sum")["source"] += f"\n{COMPARE}"


@breaks("predicted")
def prediction_that_is_compared_too_early(notebook):
    cell(notebook, "sum")["source"] = "print(1 + 1)"
    cell(notebook, "parameters")["metadata"]["tags"] = []
    notebook["cells"].insert(2, code("turned", "epochs = 3\nrate = -0.5", "parameters"))
    cell(notebook, "parameters")["source"] = COMPARE


@breaks("predicted")
def prediction_that_is_already_answered(notebook):
    cell(notebook, "your-sum")["source"] = 'predict.number("07-sum", 2, sure=...)'


@breaks("predicted")
def prediction_that_is_already_sure(notebook):
    cell(notebook, "your-sum")["source"] = 'predict.number("07-sum", ..., sure=80)'


@breaks("predicted")
def prediction_under_another_name(notebook):
    cell(notebook, "your-sum")["source"] = 'predict.number("07-total", ..., sure=...)'


@breaks("predicted")
def prediction_with_one_choice(notebook):
    cell(notebook, "your-sum")["source"] = 'predict.choice("07-sum", ..., of=["2"], sure=...)'


@breaks("predicted")
def prediction_that_nobody_asks(notebook):
    notebook["cells"].insert(7, code("your-more", 'predict.number("07-more", ...)', "predict"))


@breaks("predicted")
def comparison_of_what_nobody_asks(notebook):
    cell(notebook, "picture")["source"] += "\npredict.compare('07-more', 2 + 2)"


@breaks("predicted")
def comparison_with_the_answer_in_view(notebook):
    cell(notebook, "sum")["source"] = "print(1 + 1)\npredict.compare('07-sum', 2)"


def untag(notebook, *names):
    for name in names:
        cell(notebook, name)["metadata"]["tags"].remove("short")


@breaks("short_deck")
def no_short_deck(notebook):
    untag(notebook, "title", "predict-sum", "sum")


@breaks("short_deck")
def short_deck_without_a_title(notebook):
    untag(notebook, "title")


@breaks("short_deck")
def short_deck_without_a_prediction(notebook):
    untag(notebook, "predict-sum", "sum")


@breaks("short_deck")
def prediction_in_the_short_deck_without_its_answer(notebook):
    untag(notebook, "sum")


@breaks("short_deck")
def answer_in_the_short_deck_without_its_prediction(notebook):
    untag(notebook, "predict-sum")


@breaks("short_deck")
def exercise_in_the_short_deck(notebook):
    cell(notebook, "exercise-double-it")["metadata"]["tags"].append("short")


@breaks("short_deck")
def short_deck_longer_than_a_fifth(notebook):
    cell(notebook, "sum-explained")["metadata"]["tags"] = ["short"]
    cell(notebook, "sum-explained")["source"] = "It is two. " * 300


@breaks("exercises")
def exercise_without_check(notebook):
    cell(notebook, "exercise-double-it")["source"] = "def double(x):\n    return ..."


@breaks("exercises")
def exercise_unknown(notebook):
    cell(notebook, "exercise-double-it")["source"] += "\nexercises.triple_it.check(double)"


@breaks("exercises")
def exercise_under_another_id(notebook):
    cell(notebook, "exercise-double-it")["id"] = "exercise-twice"


@breaks("exercises")
def exercise_not_tagged(notebook):
    cell(notebook, "exercise-double-it")["metadata"]["tags"] = []


@breaks("exercises")
def exercise_not_asked(notebook):
    notebook["cells"].remove(cell(notebook, "exercise-double-it"))


@breaks("terms")
def term_in_other_words(notebook):
    cell(notebook, "terms")["source"] = "| English | 한국어 | 日本語 |\n|---|---|---|\n| loss | 손해 | 損失 |"


@breaks("terms")
def no_terms(notebook):
    notebook["cells"].remove(cell(notebook, "terms"))


@breaks("counted", run_again=False)
def run_twice(notebook):
    cell(notebook, "picture")["execution_count"] = 12


@breaks("counted", run_again=False)
def never_run(notebook):
    cell(notebook, "picture")["execution_count"] = None


@breaks("fresh", run_again=False)
def code_newer_than_outputs(notebook):
    cell(notebook, "sum")["source"] = f"print(1 + 2)\n{COMPARE}"


@breaks("fresh", run_again=False)
def never_rendered(notebook):
    del notebook["metadata"]["convlab"]["rendered"]


@breaks("clean")
def error(notebook):
    wrong = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["no"]}
    cell(notebook, "picture")["outputs"] = [wrong]


@breaks("clean")
def stderr(notebook):
    cell(notebook, "picture")["outputs"] = [stream("something\n", "stderr")]


@breaks("clean")
def warning_in_what_was_printed(notebook):
    cell(notebook, "picture")["outputs"] = [stream("a.py:1: DeprecationWarning: old\n")]


@breaks("clean")
def warning_in_html(notebook):
    cell(notebook, "picture")["outputs"] = [display({"text/html": "<b>UserWarning: no</b>"})]


@breaks("compared_has_run")
def compared_without_output(notebook):
    cell(notebook, "sum")["outputs"] = []


@breaks("compared_as_text")
def compared_picture(notebook):
    cell(notebook, "picture")["metadata"]["tags"] = ["nbval-check-output"]


@breaks("compared_as_text")
def compared_words_and_picture(notebook):
    picture = cell(notebook, "picture")
    picture["metadata"]["tags"] = ["nbval-check-output"]
    picture["outputs"].append({"output_type": "stream", "name": "stdout", "text": "1\n"})


@breaks("compared_count")
def compared_no_longer(notebook):
    cell(notebook, "sum")["metadata"]["tags"] = ["short"]


@breaks("alt_texts")
def picture_without_words(notebook):
    del cell(notebook, "picture")["metadata"]["mystnb"]


@breaks("alt_texts")
def picture_with_blank_words(notebook):
    cell(notebook, "picture")["metadata"]["mystnb"]["image"]["alt"] = " "


@breaks("no_traces")
def path_of_a_home(notebook):
    cell(notebook, "picture")["outputs"] = [stream("loaded /home/kim/convlab/data/mnist.npz\n")]


@breaks("no_traces")
def path_of_windows(notebook):
    cell(notebook, "picture")["outputs"] = [display({"text/plain": "C:\\Users\\kim\\data"})]


@breaks("no_traces")
def place_in_memory(notebook):
    cell(notebook, "picture")["outputs"] = [display({"text/plain": "<Line2D at 0x7f3a5c0d1e20>"})]


@breaks("no_traces")
def speed_of_a_progress_bar(notebook):
    cell(notebook, "picture")["outputs"] = [stream("391/391 [00:12<00:00, 31.2it/s]\n")]


@breaks("no_traces")
def moment_of_a_run(notebook):
    cell(notebook, "picture")["outputs"] = [stream("done at 2025-03-01 12:30:01\n")]


@breaks("no_traces")
def colours(notebook):
    cell(notebook, "picture")["outputs"] = [stream("\x1b[31mred\x1b[0m\n")]


@breaks("no_widgets")
def state_of_widgets(notebook):
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}


@breaks("no_widgets")
def widget_in_an_output(notebook):
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "IntSlider()"}
    cell(notebook, "picture")["outputs"] = [display(view)]


@breaks("real_data")
def rendered_on_a_stand_in(notebook):
    summary = {"application/vnd.convlab.summary+json": {"data": "stand-in", "figures": {}}, "text/plain": "x"}
    cell(notebook, "picture")["outputs"] = [display(summary)]


@breaks("small")
def over_a_megabyte(notebook):
    cell(notebook, "picture")["outputs"] = [stream("x" * 1_000_000)]


@pytest.mark.parametrize("rule, breaker, run_again", BREAKERS)
def test_rule_speaks_and_no_other(plant, rule, breaker, run_again):
    notebook = clean_notebook()
    breaker(notebook)
    assert plant(rendered(notebook) if run_again else notebook) == {rule}


@pytest.mark.parametrize(
    "breaker, says",
    [
        (no_short_deck, ["has no short deck: no cell has the tag short"]),
        (short_deck_without_a_title, ["begins the short deck"]),
        (short_deck_without_a_prediction, ["asks for no prediction in its short deck"]),
        (prediction_in_the_short_deck_without_its_answer, ["is in the short deck without its answer"]),
        (
            answer_in_the_short_deck_without_its_prediction,
            ["asks for no prediction in its short deck", "is in the short deck without its question"],
        ),
        (exercise_in_the_short_deck, ["is tried alone, and is in the short deck"]),
        (short_deck_longer_than_a_fifth, ["has a short deck of 6.8 minutes"]),
    ],
)
def test_rule_on_the_short_deck_says_what_is_missing(plant, tmp_path, breaker, says):
    notebook = clean_notebook()
    breaker(notebook)
    plant(notebook)
    found = short_deck(Lesson(tmp_path / "notebooks" / f"{SLUG}.ipynb"), Course(tmp_path))
    assert [what for _, what, _ in found] == says


def test_every_rule_is_broken_by_some_notebook():
    assert {parameter.values[0] for parameter in BREAKERS} == {rule.__name__ for rule in RULES}


def test_what_is_not_a_notebook_is_a_finding(plant):
    assert plant("{") == plant("[]") == {"readable"}


def test_error_that_is_meant_breaks_no_rule(plant):
    notebook = clean_notebook()
    meant = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["no"]}
    cell(notebook, "picture")["metadata"]["tags"] = ["raises-exception"]
    cell(notebook, "picture")["outputs"] = [meant]
    assert plant(notebook) == set()


def test_course_findings_name_files_that_name_no_lesson(plant, tmp_path):
    plant(clean_notebook())
    (tmp_path / "notebooks/profiles.yaml").write_text("99_gone: {epochs: 10}\n")
    (tmp_path / "tests/compared_cells.json").write_text('{"98_gone": 4}')
    assert [found.what.split()[1] for found in course_findings(Course(tmp_path))] == ["99_gone,", "98_gone,"]


def test_map_links_from_where_it_is_shown(plant, tmp_path):
    plant(clean_notebook())
    (tmp_path / "README.md").write_text("a\n<!-- map -->\nold\n<!-- /map -->\nz\n")
    row = "| [07 Plant a lesson](notebooks/07_planted.ipynb) | What is planted here? | 30 | MNIST | 01 |"
    assert row in table(find(tmp_path), tmp_path).splitlines()
    assert row.replace("notebooks/", "") in table(find(tmp_path), tmp_path / "notebooks").splitlines()
    assert [found.rule for found in course_findings(Course(tmp_path))] == ["map"]
    assert update(tmp_path) == [tmp_path / "README.md"]
    assert list(course_findings(Course(tmp_path))) == [] == update(tmp_path)
    assert (tmp_path / "README.md").read_text().startswith("a\n<!-- map -->\n\n**Part II: convolution**\n")
