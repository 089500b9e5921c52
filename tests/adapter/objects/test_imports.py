"""A function that imports inside its body is seen through, and each graph's copy of it imports its own texts."""

from __future__ import annotations

import asyncio
import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from langgraph_gepa import Budget, Feedback, bind, discover, optimize
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.rollout.runner import run
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module

HELPERS = """
import functools
from langchain_core.prompts import ChatPromptTemplate
from tests.adapter.conftest import EchoModel

def chain_of(text):
    return ChatPromptTemplate.from_messages([("system", text), ("human", "{q}")]) | EchoModel()

SYSTEM = "Guide people through the lakes."
TABLE = {"guide": "Guide people by the table."}
calls = []
count = 0
_chain = None

def get_chain():
    global _chain
    if _chain is None:
        _chain = chain_of("Guide people over the bridge.")
    return _chain

@functools.cache
def remembered():
    return chain_of("Guide people through the woods.")

class Single:
    _it = None
    def __init__(self):
        self.chain = chain_of("Guide people through the fields.")
    @classmethod
    def instance(cls):
        if cls._it is None:
            cls._it = cls()
        return cls._it

class Guide:
    TEXT = "Guide people by the book."
    def text(self):
        return self.TEXT

def deeper():
    from package.words import SYSTEM
    return SYSTEM

from typing import TypedDict
from langgraph.graph import START, StateGraph

class State(TypedDict, total=False):
    question: str
    answer: str

def asked(state):
    return {"answer": chain_of("Guide people through the graph.").invoke({"q": state["question"]}).text}

inner = StateGraph(State).add_node("asked", asked).add_edge(START, "asked").compile()

def counted():
    global count
    count += 1
    return count
"""
AGENT = """
from typing import TypedDict
from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.graph import START, StateGraph
from tests.adapter.conftest import EchoModel

class State(TypedDict, total=False):
    question: str
    answer: str

def ask(text):
    return {"answer": EchoModel().invoke([SystemMessage(text), HumanMessage("Where?")]).text}

"""
GRAPH = (
    '\ngraph = StateGraph(State).add_node("guide", node).add_edge(START, "guide").add_edge("guide", END).compile()\n'
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Writes a project whose graph has the node that is given, and imports its module `package.app`."""

    def write(node: str, **files: str) -> Any:
        app = AGENT + textwrap.dedent(node) + GRAPH.replace('.add_edge("guide", END)', "")
        known = {"helpers": HELPERS, "package/__init__": "", "package/words": 'SYSTEM = "Guide people in words."\n'}
        for name, text in {**known, "package/app": app, **files}.items():
            (tmp_path / f"{name}.py").parent.mkdir(exist_ok=True)
            (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(str(tmp_path))
        importlib.invalidate_caches()
        return importlib.import_module("package.app").graph

    before = set(sys.modules)
    yield write
    for name in [name for name in sys.modules if name not in before and str(tmp_path) in _file(name)]:
        del sys.modules[name]


def _file(name: str) -> str:
    return str(getattr(sys.modules[name], "__file__", ""))


def one(graph: Any) -> Module:
    (module,) = (module for module in discover(graph) if module.on)
    return module


def answer_of(graph: Any) -> str:
    return str(graph.invoke({"question": "?"})["answer"])


LAZY = {
    "from a module": """
        def node(state):
            from helpers import SYSTEM
            return ask(SYSTEM)
        """,
    "under another name": """
        def node(state):
            from helpers import SYSTEM as text
            return ask(text)
        """,
    "a module": """
        def node(state):
            import helpers
            return ask(helpers.SYSTEM)
        """,
    "an item": """
        def node(state):
            import helpers as h
            return ask(h.TABLE["guide"])
        """,
    "a module of a package": """
        def node(state):
            import package.words
            return ask(package.words.SYSTEM)
        """,
    "a module of a package under another name": """
        def node(state):
            import package.words as w
            return ask(w.SYSTEM)
        """,
    "from the own package": """
        def node(state):
            from . import words
            return ask(words.SYSTEM)
        """,
    "from a module of the own package": """
        def node(state):
            from .words import SYSTEM
            return ask(SYSTEM)
        """,
    "a chain made on first use": """
        def node(state):
            from helpers import get_chain
            return {"answer": get_chain().invoke({"q": state["question"]}).text}
        """,
    "a chain kept by a class": """
        def node(state):
            import helpers
            return {"answer": helpers.Single.instance().chain.invoke({"q": state["question"]}).text}
        """,
    "a chain that a function remembers": """
        def node(state):
            from helpers import remembered
            return {"answer": remembered().invoke({"q": state["question"]}).text}
        """,
    "at any depth": """
        def node(state):
            from helpers import deeper
            return ask(deeper())
        """,
    "in a function of the module": """
        def text():
            import helpers
            return helpers.SYSTEM

        def node(state):
            return ask(text())
        """,
    "in a method": """
        class Guide:
            def text(self):
                from helpers import SYSTEM
                return SYSTEM

            def __call__(self, state):
                return ask(self.text())

        node = Guide()
        """,
    "in a function inside": """
        def node(state):
            def text():
                from helpers import SYSTEM
                return SYSTEM
            return ask(text())
        """,
    "for a function inside": """
        def node(state):
            import helpers
            def text():
                return helpers.SYSTEM
            return ask(text())
        """,
    "in a factory": """
        def make():
            import helpers
            def node(state):
                return {"answer": helpers.get_chain().invoke({"q": state["question"]}).text}
            return node

        node = make()
        """,
    "a text in a factory": """
        def make():
            from . import words
            def node(state):
                return ask(words.SYSTEM)
            return node

        node = make()
        """,
    "into a variable of a factory": """
        def make():
            held = None
            def node(state):
                nonlocal held
                if held is None:
                    import helpers as held
                return ask(held.SYSTEM)
            return node

        node = make()
        """,
    "into a global name": """
        held = None

        def node(state):
            global held
            if held is None:
                import helpers as held
            return ask(held.SYSTEM)
        """,
    "twice": """
        def node(state):
            if state.get("answer"):
                from helpers import SYSTEM
                return ask(SYSTEM)
            from helpers import SYSTEM
            return ask(SYSTEM)
        """,
    "one of two": """
        def node(state):
            try:
                from not_installed import SYSTEM
            except ImportError:
                from helpers import SYSTEM
            return ask(SYSTEM)
        """,
    "with a default": """
        def node(state):
            try:
                from helpers import SYSTEM
            except ImportError:
                SYSTEM = ""
            return ask(SYSTEM)
        """,
    "beside a branch that imports what is missing": """
        def node(state):
            if state.get("question") == "never":
                import not_installed
                return ask(not_installed.TEXT)
            from helpers import SYSTEM
            return ask(SYSTEM)
        """,
    "a class": """
        def node(state):
            from helpers import Guide
            assert Guide.__name__ == "Guide"
            return ask(Guide().text())
        """,
    "by its name": """
        import importlib

        def node(state):
            return {"answer": importlib.import_module("helpers").get_chain().invoke({"q": state["question"]}).text}
        """,
    "by its name into a variable": """
        from importlib import import_module

        def node(state):
            words = import_module(".words", package=__package__)
            return ask(words.SYSTEM)
        """,
    "by its name, all inside": """
        def node(state):
            import importlib
            words = importlib.import_module("package.words")
            return ask(words.SYSTEM)
        """,
    "a graph": """
        def node(state):
            from helpers import inner
            return inner.invoke(state)
        """,
    "beside a library": """
        def node(state):
            import json
            from langchain_core.messages import SystemMessage as S, HumanMessage
            from helpers import SYSTEM
            return {"answer": EchoModel().invoke([S(SYSTEM), HumanMessage(json.dumps(state))]).text}
        """,
}


@pytest.mark.parametrize("ran_before", [False, True])
@pytest.mark.parametrize("node", LAZY.values(), ids=LAZY.keys())
def test_each_graph_imports_its_own_text(node: str, ran_before: bool, project: Callable[..., Any]) -> None:
    """What a function imports while it runs is found where it is written, and is every graph's own."""
    graph = project(node)
    own = answer_of(graph) if ran_before else ""
    module = one(graph)
    assert module.nodes in (("guide",), ("guide/asked",))
    assert module.file in ("helpers.py", "package/words.py")
    one_way, other_way = (bind(graph, {module.name: text}) for text in ("Say one.", "Say other."))
    before = loaded()
    assert [answer_of(one_way), answer_of(other_way)] == ["Say one.", "Say other."]
    assert loaded() == before
    assert [answer_of(graph), answer_of(one_way), answer_of(other_way)] == [
        own or module.text,
        "Say one.",
        "Say other.",
    ]


def loaded() -> dict[str, dict[str, Any]]:
    """The project's modules with the names in them."""
    return {name: dict(vars(module)) for name, module in sys.modules.items() if str(Path.cwd()) in _file(name)}


def test_a_coroutine_imports_its_own_text(project: Callable[..., Any]) -> None:
    """Async nodes as sync ones."""
    graph = project(
        """
        async def node(state):
            from helpers import get_chain
            return {"answer": (await get_chain().ainvoke({"q": state["question"]})).text}
        """
    )
    bound = bind(graph, {one(graph).name: "Say one."})
    answers = [asyncio.run(each.ainvoke({"question": "?"}))["answer"] for each in (bound, graph)]
    assert answers == ["Say one.", "Guide people over the bridge."]


def test_both_sides_of_a_choice_are_found(project: Callable[..., Any]) -> None:
    """One name that is imported from two modules is two texts."""
    graph = project(
        """
        def node(state):
            if state["question"] == "?":
                from helpers import SYSTEM
            else:
                from .words import SYSTEM
            return ask(SYSTEM)
        """
    )
    modules = discover(graph)
    assert sorted(str(module.file) for module in modules if module.on) == ["helpers.py", "package/words.py"]
    bound = bind(graph, {module.name: f"{module.file}" for module in modules})
    assert [bound.invoke({"question": q})["answer"] for q in "?!"] == ["helpers.py", "package/words.py"]


def test_modules_that_import_each_other_are_read(project: Callable[..., Any]) -> None:
    """A function imports the module that imported its own, which is why it does not at the top."""
    graph = project(
        """
        from other import text

        TEXT = "Guide people in circles."

        def node(state):
            return ask(text())
        """,
        other="def text():\n    from package.app import TEXT\n    return TEXT\n",
    )
    assert answer_of(bind(graph, {one(graph).name: "Say one."})) == "Say one."
    assert answer_of(graph) == "Guide people in circles."


def test_a_module_that_fails_is_tried_once_and_discovery_goes_on(project: Callable[..., Any]) -> None:
    """What a module of the project raises when it is imported, or that it exits, is its own affair."""
    graph = project(
        """
        def node(state):
            if state["question"] == "never":
                import broken, ending
                return ask(broken.TEXT + ending.TEXT)
            return ask("Guide people past the ruins.")
        """,
        broken="import sys\nsys.tried = getattr(sys, 'tried', 0) + 1\nTEXT = 1 / 0\n",
        ending="raise SystemExit(3)\n",
    )
    assert one(graph).text == "Guide people past the ruins."
    assert one(graph).text == "Guide people past the ruins."
    assert sys.__dict__.pop("tried") == 1


def test_libraries_are_not_loaded_for_discovery(project: Callable[..., Any]) -> None:
    """A node that imports a library does so when it runs; nothing of it is loaded or copied before."""
    graph = project(
        """
        def node(state):
            import sndhdr, antigravity, this
            import json
            return ask(json.dumps("Guide people through the shelves."))
        """
    )
    discover(graph)
    assert {"antigravity", "this", "sndhdr"}.isdisjoint(sys.modules)


def test_a_copy_that_imports_has_the_builtins_of_everybody(
    project: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A builtin that a test replaces later is replaced for bound graphs as well, and a copy of builtins is whole."""
    graph = project(
        """
        def node(state):
            from helpers import SYSTEM
            made = {}
            exec("text = str(1)", {"__builtins__": dict(__builtins__)}, made)
            return ask(f"{SYSTEM} {input()} {made['text']}")
        """
    )
    bound = bind(graph, {one(graph).name: "Say."})
    monkeypatch.setattr("builtins.input", lambda: "typed")
    assert answer_of(bound) == "Say. typed 1"


def test_rollouts_have_what_imported_functions_write_to_themselves(project: Callable[..., Any]) -> None:
    """A list, a global name and an attribute of an imported module begin in each rollout as they were."""
    graph = project(
        """
        def node(state):
            import helpers
            from helpers import calls, counted, SYSTEM
            calls.append(1)
            helpers.last = len(helpers.calls)
            return ask(f"{SYSTEM} {len(calls)} {counted()} {helpers.last}")
        """
    )
    helpers = importlib.import_module("helpers")
    for bound in (survey(graph).bind({}), bind(graph, {one(graph).name: "Say."})):
        for _ in range(2):
            ran = asyncio.run(run(bound, Example("1", {"question": "?"})))
            assert str(ran.state["answer"]).endswith("1 1 1")
    assert (helpers.calls, helpers.count, hasattr(helpers, "last")) == ([], 0, False)


def test_a_search_over_an_imported_text_is_written_back(project: Callable[..., Any]) -> None:
    """The text is evolved, and its file is edited, wherever it is imported."""
    project(LAZY["a module of a package under another name"])

    def reflect(prompt: str) -> str:
        return "`````\nGuide people in words of magic.\n`````"

    def metric(outputs: dict[str, Any]) -> Feedback:
        return Feedback(float("magic" in outputs["answer"]), "Use magic.")

    examples = [{"inputs": {"question": f"{n}?"}} for n in range(4)]
    result = optimize(
        "package/app.py:graph", examples, metric=metric, reflection_lm=reflect, budget=Budget(rollouts=30), run="run"
    )
    assert answer_of(result.graph) == "Guide people in words of magic."
    result.apply()
    assert Path("package/words.py").read_text() == 'SYSTEM = "Guide people in words of magic."\n'
