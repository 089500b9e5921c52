"""DSPy's format of fields: simulated models answer in it what they would have answered the graph."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping

import pytest
from dspy_format import Sheet, answering, reflecting

from langgraph_gepa.demo.lessons import Lesson, covered
from langgraph_gepa.demo.server import Answer, Request

SYSTEM = """\
Your input fields are:
1. `question` (str):
2. `summary1` (str):
Your output fields are:
1. `answer` (str):
All interactions will be structured in the following way, with the appropriate values filled in.

[[ ## question ## ]]
{question}

[[ ## answer ## ]]
{answer}

[[ ## completed ## ]]
In adhering to this structure, your objective is:
        Answer it.
        - Be brief."""
LESSON = Lesson("brief", (r"brief",), ("Be brief.",), feedback="too long")


def request(inputs: Mapping[str, str], end: str = "Respond with the corresponding output fields.") -> Request:
    """A request as DSPy makes it, after a demonstration."""
    fields = "\n\n".join(f"[[ ## {name} ## ]]\n{value}" for name, value in inputs.items())
    demonstration = (
        {"role": "user", "content": "[[ ## question ## ]]\nOld?"},
        {"role": "assistant", "content": "Old."},
    )
    messages = (
        {"role": "system", "content": SYSTEM},
        *demonstration,
        {"role": "user", "content": f"{fields}\n\n{end}"},
    )
    return Request("model", messages)


def echo(request: Request, _: random.Random) -> Answer:
    return Answer(request.user)


def test_a_request_reaches_the_model_as_the_graph_puts_it() -> None:
    """Instructions come first, then the inputs with their labels; the reply fills DSPy's field."""
    reply = answering(echo)(request({"question": "Who?", "summary1": "One.\nTwo."}), random.Random(0)).text
    prompt = "Answer it.\n- Be brief.\n\nQuestion: Who?\n\nSummary 1:\nOne.\nTwo."
    assert reply == f"[[ ## answer ## ]]\n{prompt}\n\n[[ ## completed ## ]]"


def test_a_json_object_is_given_where_one_is_wanted() -> None:
    """DSPy falls back to JSON, and GEPA's proposer begins with it."""
    sheet = Sheet.of(request({"question": "Who?"}, "Respond with a JSON object in the following order of fields."))
    assert sheet is not None
    assert json.loads(sheet.filled('"She"').text) == {"answer": '"She"'}


def test_the_graphs_own_prompts_pass_as_they_are() -> None:
    """A model that also answers DSPy answers the graph as it did."""
    plain = Request("model", ({"role": "user", "content": "Question: Who?"},))
    assert answering(echo)(plain, random.Random(0)).text == "Question: Who?"
    assert "Be brief" in reflecting([LESSON])(_reflection("too long"), random.Random(1)).text


def _reflection(feedback: str) -> Request:
    content = f"<current_text>\nAnswer.\n</current_text>\n<feedback>{feedback}</feedback>"
    return Request("model", ({"role": "user", "content": content},))


@pytest.mark.parametrize(("feedback", "taught"), [("It was too long.", True), ("It was right.", False)])
def test_gepas_proposer_learns_from_feedback_alone(feedback: str, taught: bool) -> None:
    """What the feedback speaks of enters the instruction, which otherwise stays or gets vaguer."""
    asked = request({"current_instruction": "Answer.", "examples_with_feedback": json.dumps([{"Feedback": feedback}])})
    replies = [reflecting([LESSON])(asked, random.Random(seed)).text for seed in range(20)]
    assert any(covered(reply, [LESSON]) for reply in replies) == taught
    assert all("```" not in reply and "Answer." in reply for reply in replies)


def test_miprov2s_proposer_guesses() -> None:
    """Without feedback some of many proposals teach a lesson, by luck; what it says of the data holds nothing."""
    asked = request({"basic_instruction": "Answer.", "task_demos": "None."})
    taught = [bool(covered(reflecting([LESSON])(asked, random.Random(seed)).text, [LESSON])) for seed in range(20)]
    assert any(taught)
    assert not all(taught)
    assert not covered(reflecting([LESSON])(request({"examples": "It was too long."}), random.Random(0)).text, [LESSON])
