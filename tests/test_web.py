"""The engine of the live page computes what `convlab.layers`, `optimizers` and `shapes` compute, in Node."""

import json
import re
import subprocess

import pytest
import web_cases as cases

pytestmark = pytest.mark.skipif(cases.NODE is None, reason="node is not installed: apt-get install nodejs")
VALUE = re.compile(r"\{\w+\}")


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
    stems += ("accuracy_", "loss_")
    unused = [key for key in known if key not in words and not key.startswith(stems)]
    assert unused == []
