"""The engine of the live page computes what `convlab.layers`, `optimizers` and `shapes` compute, in Node."""

import pytest
import web_cases as cases

pytestmark = pytest.mark.skipif(cases.NODE is None, reason="node is not installed: apt-get install nodejs")


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
