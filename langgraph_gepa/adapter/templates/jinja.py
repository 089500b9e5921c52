"""Parses jinja2 templates: expressions, loops, conditions, and statements that must stay unchanged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import jinja2
from jinja2 import nodes
from jinja2.filters import FILTERS
from jinja2.meta import find_undeclared_variables
from jinja2.tests import TESTS

from langgraph_gepa.adapter.templates.contract import VALUE, Block, Field, Path, Template
from langgraph_gepa.core.placeholders import BrokenTemplateError

_ADVICE = "what is written in {{ }}, {% %} and {# #} is for the placeholders and blocks of the current text only"
_DISPLAYING = frozenset({"capitalize", "center", "d", "default", "e", "escape", "forceescape", "indent", "lower",
                         "pprint", "safe", "string", "title", "tojson", "trim", "upper", "urlize",
                         "wordwrap"})  # fmt: skip
"""Filters that display all of a value, so that it may be written without them, unlike `truncate`."""
_BODIES = ("body", "elif_", "else_")


@lru_cache(maxsize=64)
def jinja(text: str, environment: jinja2.Environment | None = None) -> Template:
    """A jinja2 template, as `environment` parses it. Nothing is rendered."""
    # Autoescaping does not change what the parser reads.
    own = environment or jinja2.Environment(autoescape=False)  # noqa: S701
    try:
        tree = own.parse(text)
        reader = _Reader(own, _tags(own, text))
        reader.read(tree.body, (Block("the template"),))
        free = find_undeclared_variables(tree)
    except jinja2.TemplateSyntaxError as broken:
        raise BrokenTemplateError(f"the text is no jinja2 template: {broken.message}, line {broken.lineno}") from broken
    except RecursionError as deep:
        raise BrokenTemplateError("the text is no jinja2 template: it is nested too deep") from deep
    names = dict.fromkeys(name.name for name in tree.find_all(nodes.Name) if name.name in free)
    return Template(
        tuple(reader.fields), tuple(names), tuple(reader.pinned), reader.looped, _ADVICE, "".join(reader.result)
    )


class _Reader:
    """Visits the statements of a template in the order of its text."""

    def __init__(self, environment: jinja2.Environment, tags: Iterator[str]) -> None:
        self.fields: list[Field] = []
        self.pinned: list[Field] = []
        self.looped = 0
        self.result: list[str] = []
        self._environment = environment
        self._tags = tags

    def read(self, statements: Iterable[nodes.Node], path: Path) -> None:
        """Reads the statements of one branch, the last block of `path`."""
        for statement in statements:
            if isinstance(statement, nodes.Output):
                for node in statement.nodes:
                    self._output(node, path)
                continue
            free, head = _free(statement), _head(statement)
            written = "" if isinstance(statement, nodes.Scope) else next(self._tags, "a block")
            calls = any(map(self._calls, _parts_of_head(statement)))
            field = Field(head, head, written, path, block=True, once=calls)
            (self.fields if free else self.pinned).append(field)
            for branch in _BODIES:
                inside = Block(head, branch, passing=free and isinstance(statement, nodes.If))
                self.read(getattr(statement, branch, ()), (*path, inside))
            if not free:
                path = (*path[:-1], path[-1]._replace(part=path[-1].part + 1))

    def _output(self, node: nodes.Node, path: Path) -> None:
        literal = node.data if isinstance(node, nodes.TemplateData) else None
        if literal is None:
            written = next(self._tags, "an expression")
            literal = node.value if isinstance(node, nodes.Const) and isinstance(node.value, str) else None
        self.result.append(VALUE if literal is None else literal)
        if literal is not None:
            self.looped += 0 if all(block.passing for block in path[1:]) else len(literal)
            return
        plain = node
        while isinstance(plain, nodes.Filter) and plain.name in _DISPLAYING and not self._custom(plain) and plain.node:
            plain = plain.node
        self.fields.append(Field(repr(node), repr(plain), written, path, once=self._calls(node)))

    def _calls(self, expression: nodes.Node) -> bool:
        """Whether an expression runs code of the program, not only jinja2's own filters and tests."""
        if isinstance(expression, nodes.Call) or self._custom(expression):
            return True
        return any(map(self._calls, expression.iter_child_nodes()))

    def _custom(self, node: nodes.Node) -> bool:
        if isinstance(node, nodes.Filter):
            return self._environment.filters.get(node.name) is not FILTERS.get(node.name, node)
        return isinstance(node, nodes.Test) and self._environment.tests.get(node.name) is not TESTS.get(node.name, node)


def _free(statement: nodes.Node) -> bool:
    """Whether a statement binds no name that others see, so that it may be moved before or after any of them."""
    if isinstance(statement, nodes.Output):
        return True
    if not isinstance(statement, nodes.For | nodes.If):
        return False
    return all(_free(inner) for branch in _BODIES for inner in getattr(statement, branch, ()))


def _head(statement: nodes.Node) -> str:
    """A statement without its branches; for a condition, the tests of all branches."""
    own = [repr(getattr(statement, name)) for name in statement.fields if name not in _BODIES]
    others = [_head(other) for other in getattr(statement, "elif_", ())]
    return f"{type(statement).__name__}({', '.join([*own, *others])})"


def _parts_of_head(statement: nodes.Node) -> Iterator[nodes.Node]:
    yield from statement.iter_child_nodes(exclude=_BODIES)
    for other in getattr(statement, "elif_", ()):
        yield from _parts_of_head(other)


def _tags(environment: jinja2.Environment, text: str) -> Iterator[str]:
    """The expressions and statements as written, without those that end or continue a block."""
    held, inside = "", False
    for _, kind, value in environment.lex(text):
        if kind in ("variable_begin", "block_begin", "linestatement_begin"):
            held, inside = "", True
        held += value if inside else ""
        if kind in ("variable_end", "block_end", "linestatement_end"):
            inside = False
            if not _CONTINUES.match(held):
                yield " ".join(held.split())


_CONTINUES = re.compile(r"\W*(?:end\w*|else)\W")
