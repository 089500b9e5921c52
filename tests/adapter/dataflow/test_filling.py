"""What fills a text in is told from the code, and where it cannot be told, the text may take on no template syntax."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from langgraph_gepa.adapter.discovery.survey import Survey, survey
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.reason import Obstacle, Reason

HEAD = """
import string, textwrap
from typing import Any, TypedDict
import jinja2
from jinja2 import Template as Jinja
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.utils import mustache
from langgraph.graph import START, StateGraph

model = FakeListChatModel(responses=["fine"])

class State(TypedDict, total=False):
    question: str
"""
FOOT = """
graph = StateGraph(State).add_node("node", node).add_edge(START, "node").compile()
"""


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Survey]:
    """What is found in the graph whose function `node` a source defines."""
    (tmp_path / "pyproject.toml").touch()

    def read(source: str) -> Survey:
        name = f"filling_{tmp_path.name.replace('-', '_')}"
        (tmp_path / f"{name}.py").write_text(HEAD + source + FOOT)
        spec = importlib.util.spec_from_file_location(name, tmp_path / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
            return survey(module.graph)
        finally:
            del sys.modules[name]

    return read


def only(found: Survey, word: str) -> Module:
    (module,) = (module for module in found.modules if word in module.text)
    return module


ATTACK = {
    "format": "{question.__class__}",
    "percent": "%(question)99999999s",
    "dollars": "$secret",
    "mustache": "{{>secret}}",
    "jinja2": "{% for c in ''.__class__.__mro__ %}{{ c }}{% endfor %}",
}
JINJA = "You answer {{ question }} in one sentence."


@pytest.mark.parametrize(
    ("style", "text", "call"),
    [
        ("jinja2", JINJA, "jinja2.Template(TEXT).render(**state)"),
        ("jinja2", JINJA, "Jinja(source=TEXT).render(**state)"),
        ("jinja2", JINJA, "jinja2.Environment(trim_blocks=True).from_string(TEXT).render(**state)"),
        ("jinja2", JINJA, "unknown.environment.from_string(TEXT).render(**state)"),
        ("jinja2", JINJA, "textwrap.dedent(jinja2.Template(TEXT).render(**state))"),
        ("jinja2", JINJA, "jinja2.Template('Be kind. ' + TEXT).render(**state)"),
        ("jinja2", JINJA, "jinja2.Template('\\n'.join(['Be kind.', TEXT])).render(**state)"),
        ("jinja2", JINJA, "jinja2.Template(f'Be kind. {TEXT}').render(**state)"),
        ("jinja2", JINJA, "imported(TEXT, **state)"),
        ("jinja2", JINJA, "PromptTemplate.from_template(TEXT, template_format='jinja2').format(**state)"),
        ("mustache", JINJA, "mustache.render(TEXT, state)"),
        ("mustache", JINJA, "ChatPromptTemplate.from_messages([('system', TEXT)], 'mustache').invoke(state)"),
        ("format", "You answer {question} in one sentence.", "TEXT.format(**state)"),
        ("format", "You answer {question} in one sentence.", "str.format(TEXT, **state)"),
        ("format", "You answer {question} in one sentence.", "string.Formatter().vformat(TEXT, (), state)"),
        ("format", "You answer {question} in one sentence.", "formatter(TEXT, **state)"),
        ("format", "You answer {question} in one sentence.", "('Be kind. ' + TEXT).format(**state)"),
        ("format", "You answer {question} in one sentence.", "f'Be kind. {TEXT}'.format(**state)"),
        ("dollars", "You answer $question in one sentence.", "string.Template(TEXT).substitute(state)"),
        ("percent", "You answer %(question)s in one sentence.", "TEXT % state"),
        ("percent", "You answer %(question)s in one sentence.", "(TEXT + ' Be kind.') % state"),
    ],
)
def test_a_constant_is_read_as_the_code_reads_it(read: Any, style: str, text: str, call: str) -> None:
    """However the call is spelled, and whatever the text is joined with before it is filled in."""
    found = read(f"""
TEXT = {text!r}

def imported(text, **values):
    from jinja2 import Template
    return Template(text).render(**values)

def formatter(text, **values):
    made = string.Formatter()
    return made.format(text, **values)

def node(state):
    return {{"question": model.invoke([SystemMessage({call})]).text}}
""")
    module = only(found, "one sentence")
    assert (module.style, module.reason) == (style, None)
    assert module.on
    assert found.check(module.name, "Quickly: " + text) is None
    assert found.check(module.name, text + ATTACK[style]) is not None


@pytest.mark.parametrize(
    "call",
    [
        "unknown.render_it(TEXT, state)",
        "unknown(TEXT, **state)",
        "(lambda text: unknown(text))(TEXT)",
        "PromptTemplate.from_template(TEXT, template_format=state['language']).format(**state)",
        "replaced(TEXT, state)",
        "unknown.render(TEXT, **state)",
        "jinja2.Template(TEXT).render() + TEXT.format()",
    ],
)
def test_a_text_that_unknown_code_makes_something_of_takes_on_no_template_syntax(read: Any, call: str) -> None:
    """Whichever language it is, it has nothing to fill in."""
    found = read(f"""
TEXT = "You answer in one sentence, for at most $5 or 20% of that."

def replaced(text, values):
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    return text

def node(state):
    model.invoke([SystemMessage(TEXT)])
    return {{"question": model.invoke([SystemMessage({call})]).text}}
""")
    module = only(found, "one sentence")
    for attack in (*ATTACK.values(), "{question}", "${question}", "%s"):
        assert found.check(module.name, module.text + attack) is not None, attack
    assert found.check(module.name, module.text + " Be brief, for $6 or 30% of it.") is None


def test_a_text_that_goes_to_a_model_as_it_is_may_say_anything(read: Any) -> None:
    """Braces, dollars and percent signs are words where nothing fills the text in."""
    found = read("""
TEXT = "You answer in one sentence."

def node(state):
    reply = model.invoke([SystemMessage(textwrap.dedent(TEXT)), HumanMessage(state["question"])])
    return {"question": model.invoke([SystemMessage("You check what was said: " + reply.text)]).text}
""")
    for attack in ATTACK.values():
        assert found.check(only(found, "one sentence").name, attack) is None


@pytest.mark.parametrize(
    "call",
    [
        "jinja2.Template(TEXT, variable_start_string='[[', variable_end_string=']]').render(**state)",
        "jinja2.Environment(line_statement_prefix='#').from_string(TEXT).render(**state)",
        "Sterling(TEXT).substitute(state)",
        "Template(TEXT).render(state)",
        "eval(f'f{TEXT!r}')",
    ],
)
def test_a_syntax_that_is_not_known_is_left_alone(read: Any, call: str) -> None:
    """Where it is not known what is a tag, no new text can be proved to be right."""
    found = read(f"""
from mailbox import Mailbox as Template
TEXT = "You answer [[ question ]] in one sentence."

class Sterling(string.Template):
    delimiter = "£"

def node(state):
    return {{"question": model.invoke([SystemMessage({call})]).text}}
""")
    assert only(found, "one sentence").reason == Reason(Obstacle.FOREIGN_TEMPLATE)


def test_an_environment_that_is_known_reads_its_texts_itself(read: Any) -> None:
    """Its delimiters and line statements are those that count."""
    found = read("""
env = jinja2.Environment(variable_start_string="<<", variable_end_string=">>", line_statement_prefix="%")
TEXT = "You answer << question >> in one sentence."
made = env.from_string("You check << question >> with {{ care }}.")

def node(state):
    model.invoke([SystemMessage(env.from_string(TEXT).render(**state))])
    return {"question": model.invoke([SystemMessage(made.render(**state))]).text}
""")
    for module in (only(found, "one sentence"), only(found, "You check")):
        assert module.placeholders == ("question",)
        assert found.check(module.name, "With {{ care }}: << question >>") is None
        for attack in ("<< question.x >>", "\\n% for c in ''.__class__.__mro__\\n<< c >>\\n% endfor\\n"):
            assert found.check(module.name, module.text + attack) is not None


def test_what_comes_of_a_text_may_be_a_template_again(read: Any) -> None:
    """A constant that is formatted before it becomes a template of LangChain's keeps to both."""
    found = read("""
TEXT = "You lead {members} and answer {{question}} in one sentence."

def node(state):
    prompt = ChatPromptTemplate.from_messages([("system", TEXT.format(members="Ada"))])
    return {"question": (prompt | model).invoke(state).text}
""")
    module = only(found, "one sentence")
    assert (module.style, module.placeholders) == ("format", ("members",))
    assert found.check(module.name, "Lead {members}, answer {{question}} as {{{{}}}}.") is None
    assert "{question:>9}" in str(found.check(module.name, "Lead {members}, answer {{question:>9}}."))
    assert "{secret}" in str(found.check(module.name, "Lead {members}, answer {{question}}, {{secret}}."))
    assert "loses" in str(found.check(module.name, "Lead {members}."))


def test_a_template_object_with_signs_of_its_own_is_left_alone(read: Any) -> None:
    """What counts as a placeholder is told by the class, and only that of `string.Template` itself is read."""
    found = read("""
class Sterling(string.Template):
    delimiter = "£"

usual = string.Template("You answer $question in one sentence.")
other = Sterling("You check £question in two sentences.")

def node(state):
    model.invoke([SystemMessage(other.substitute(state))])
    return {"question": model.invoke([SystemMessage(usual.substitute(state))]).text}
""")
    assert (only(found, "one sentence").style, only(found, "one sentence").reason) == ("dollars", None)
    assert only(found, "two sentences").reason == Reason(Obstacle.FOREIGN_TEMPLATE)
