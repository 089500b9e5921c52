"""Texts are data: whatever a model writes, filling its text in does nothing that filling in the original does not do.

The witness knows nothing of how texts are checked. It fills in both texts with values that write down each operation
done to them, compares what was written down, and measures how much text came out.
"""

from __future__ import annotations

import functools
import random
import string
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.utils import mustache

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.templates.contract import REPEATS
from langgraph_gepa.core.module import Style

ROUNDS, TEXTS = 25, 100
"""2,500 texts in each language."""
SHOWN = 500
"""Characters of a value when it is shown."""

Log = set[tuple[str, ...]]


@dataclass(eq=False)
class World:
    """Where a text is filled in: what is true there, and what was done."""

    number: int = 0
    log: Log = field(default_factory=set)


WORLD = World()


class Value:
    """Writes down what is done to it and its parts. Its truth depends on its path and on the world it is in."""

    def __init__(self, path: str, world: World) -> None:
        self.__dict__.update(_path=path, _world=world)

    def _note(self, *done: str) -> Value:
        self._world.log.add((self._path, *done))
        return Value(".".join([self._path, *done]), self._world)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what libraries ask of any value
            raise AttributeError(name)
        return self._note("attribute", name)

    def __getitem__(self, key: Any) -> Any:
        return self._note("item", str(key))

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._note("called")

    def __iter__(self) -> Iterator[Any]:
        yield from (self._note("element") for _ in range(2))

    def __len__(self) -> int:
        self._note("length")
        return 2

    def __bool__(self) -> bool:
        self._note("truth")
        return random.Random(f"{self._path}{self._world.number}").random() < 0.5

    def __str__(self) -> str:
        return format(self, "")

    def __format__(self, spec: str) -> str:
        self._note(*filter(None, ["output", spec]))
        return format("v" * SHOWN, spec if spec.strip("<>^").isdigit() else "")

    def __index__(self) -> int:
        self._note("output", "as a number")
        return 7

    __repr__, __int__ = __str__, __index__


class Names(dict[str, Any]):
    """What a program fills in, with all that a text may ask for besides."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def __missing__(self, name: str) -> Any:
        return Value(name, self.world)


class Environment(jinja2.Environment):
    """Writes down attributes and items asked of any object, filters, tests and files; all globals are values."""

    def __init__(self, world: World) -> None:
        super().__init__(autoescape=False, loader=jinja2.FunctionLoader(self._included))
        self.world = world
        self.filters = {name: self._noted("filter", name, one) for name, one in self.filters.items()}
        self.tests = {name: self._noted("test", name, one) for name, one in self.tests.items()}
        self.globals = {name: Value(name, world) for name in [*self.globals, "config", "request", "secret"]}

    def _included(self, name: str) -> str:
        self.world.log.add(("file", name))
        return "included"

    def _noted(self, kind: str, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def noted(*given: Any, **named: Any) -> Any:
            self.world.log.add((kind, name))
            return function(*given, **named)

        return noted

    def getattr(self, obj: Any, attribute: str) -> Any:
        self.world.log.add((_known(obj), "attribute", attribute))
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        self.world.log.add((_known(obj), "item", str(argument)))
        return super().getitem(obj, argument)


def _known(obj: Any) -> str:
    return str(obj._path) if isinstance(obj, Value) else type(obj).__name__


class Scope(dict[str, Any]):
    """Data for mustache, which reads dicts and lists only."""

    def __init__(self, path: str, world: World) -> None:
        super().__init__()
        self.path, self.world = path, world

    def __getitem__(self, key: str) -> Any:
        self.world.log.add((self.path, "item", key))
        known: dict[str, Any] = {"question": "v" * SHOWN, "user": Scope("user", self.world), "name": "Ada"}
        known["items"] = [Scope("items", self.world) for _ in range(self.world.number % 3)]
        return known[key]

    def __str__(self) -> str:
        self.world.log.add((self.path, "output"))
        return "v" * SHOWN

    __repr__ = __str__

    def __bool__(self) -> bool:
        return True


@functools.cache
def _environment(world: World) -> Environment:
    return Environment(world)


def _jinja(text: str, world: World) -> Callable[[], str]:
    template = _environment(world).from_string(text)
    names = {name: Value(name, world) for name in ("question", "docs", "user", "formal", "secret")}
    return lambda: template.render(names)


FILL: Mapping[str, Callable[[str, World], Callable[[], str]]] = {
    "format": lambda text, world: lambda: text.format_map(Names(world)),
    "fstring": lambda text, world: lambda: text.format_map(Names(world)),
    "percent": lambda text, world: lambda: text % Names(world),
    "dollars": lambda text, world: lambda: string.Template(text).substitute(Names(world)),
    "mustache": lambda text, world: lambda: mustache.render(text, Scope("data", world)),
    "jinja2": _jinja,
}
LOOP = "{%% for d in docs %%}%s{%% endfor %%}"
IF = "{%% if formal %%}%s{%% elif docs %%}{%% endif %%}"
MACRO = "{% macro show(d) %}* {{ d.text }}{% endmacro %}"
ORIGINALS: list[tuple[Style, str]] = [
    ("format", "Answer {question} of {user.name!r:>20} at {docs[0]:>{width}}."),
    ("fstring", "Answer {question} of {user} in {{braces}}."),
    ("percent", "Answer %(question)s of %(user)20s at 100%%."),
    ("dollars", "Answer $question of ${user} for $$5."),
    ("mustache", "Answer {{question}} of {{user.name}}.{{#items}} Item {{name}}{{/items}}{{^items}}none{{/items}}"),
    ("jinja2", "Answer {{ question }} of {{ user.name | upper }}."),
    ("jinja2", LOOP % "{{ loop.index }}. {{ d.text }}" + IF % "{{ user.name }}" + "Answer {{ question | trim }}."),
    (
        "jinja2",
        "{% set who = user.name %}" + MACRO + LOOP % "{{ show(d) }}" + "{% include 'rules' %}{{ question }}{{ who }}",
    ),
]
"""Each can be filled in by what `FILL` has for its style."""
ATTACKS: Mapping[str, list[str]] = {
    style: (Path(__file__).parent / "attacks" / f"{style}.txt").read_text(encoding="utf-8").splitlines()
    for style in FILL
}
"""What has been used to break out of a template, or to make a rollout large: one to a line."""
HARMLESS: Mapping[str, list[str]] = {
    "format": ["{question}", "{user.name}", "{user.name!r:>20}", "{docs[0]:>{width}}", "{docs[0]}", "{{", "}}"],
    "fstring": ["{question}", "{user}", "{{", "}}"],
    "percent": ["%(question)s", "%(user)20s", "%(user)s", "%%"],
    "dollars": ["$question", "${question}", "$user", "${user}", "$$"],
    "mustache": ["{{question}}", "{{user.name}}", "{{#items}}{{name}}{{/items}}", "{{^items}}{{/items}}", "{{!c}}"],
    "jinja2": [
        *("{{ question }}", "{{question}}", "{{- question -}}", "{{ question | trim }}", "{{ '{{' }}", "{# remark #}"),
        *("{{ user.name }}", "{{ user.name | upper }}", "{{ who }}", "{% raw %}{{ secret }}{% endraw %}", "{"),
        *(LOOP % "{{ d.text }}{{ loop.index }}", LOOP % "{{ show(d) }}", IF % "{{ user.name }}", MACRO),
        *("{% include 'rules' %}", "{% set who = user.name %}"),
    ],
}
"""What some original of the style does, and ways to write signs literally."""


def mutated(original: str, style: Style, rng: random.Random) -> str:
    """The original, or parts of it, with anything in its language put in, left out, doubled, moved and nested."""
    text = original
    for _ in range(rng.randint(0, 4)):
        known = HARMLESS[style] if rng.random() < 0.7 else ATTACKS[style]
        one = rng.choice([*known, " and ", "\n", "\N{SNOWMAN}"])
        if style == "jinja2" and rng.random() < 0.2:
            one = rng.choice([LOOP, IF, "{%% if user.admin %%}%s{%% endif %%}"]) % one
        start, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        match rng.randrange(8):
            case 0:
                text = text[:start] + one + text[end:]
            case 1:
                text = text[:start] + text[end:] + text[start:end]
            case 2:
                text += text[start:end] * rng.randint(1, 30)
            case _:
                at = rng.choice([0, len(text), text.rfind(" ", 0, start) + 1])
                text = text[:at] + one * rng.choice([1, 1, 1, 2, 12]) + text[at:]
    return text


def filled(text: str, style: Style) -> list[tuple[Log, str]]:
    """What is done when the text is filled in in each of some worlds, and what comes out."""
    found: list[tuple[Log, str]] = []
    fill = None
    for WORLD.number in range(4):
        WORLD.log = set()
        result = ""  # also of a rollout that fails; what had been done until then counts
        with suppress(ValueError, LookupError, TypeError, AttributeError, jinja2.TemplateError, RecursionError):
            fill = fill or FILL[style](text, WORLD)
            result = fill()
        found.append((WORLD.log, result))
    return found


@pytest.mark.parametrize(("style", "original"), ORIGINALS)
@settings(max_examples=ROUNDS)
@given(seed=st.integers(0, 2**32))
def test_an_accepted_text_does_nothing_that_its_original_does_not(style: Style, original: str, seed: int) -> None:
    """Each operation on each value, each call and each file is one of the original's, and the result is no more than
    its words and a few repetitions of what the original fills in."""
    rng = random.Random(seed)
    expected = filled(original, style)
    for _ in range(TEXTS // sum(style == one for one, _ in ORIGINALS) + 1):
        text = mutated(original, style, rng)
        if templates.check(text, original, style, templates.placeholders(original, style)) is not None:
            continue
        for (does, before), (done, after) in zip(expected, filled(text, style), strict=True):
            plainly = {(path, "output") for path, what, *_ in does if what == "output"}
            assert done <= does | plainly, text
            assert len(after) <= (REPEATS + 1) * len(before) + 4 * len(text), text


@pytest.mark.parametrize(("style", "original"), ORIGINALS)
def test_the_witness_sees_what_the_original_does(style: Style, original: str) -> None:
    """The originals can be filled in, in every world, and may take their own place."""
    for done, result in filled(original, style):
        assert done
        assert len(result) > SHOWN
    assert templates.check(original, original, style, templates.placeholders(original, style)) is None


@pytest.mark.parametrize(("style", "payload"), [(style, one) for style in FILL for one in ATTACKS[style]])
def test_known_attacks_are_refused_with_a_reason(style: Style, payload: str) -> None:
    """Whatever has been used to break out of a template, and what makes a rollout large."""
    original = next(text for of, text in ORIGINALS if of == style)
    for text in (original + payload, payload + " " + original, payload):
        assert templates.check(text, original, style, templates.placeholders(original, style))
