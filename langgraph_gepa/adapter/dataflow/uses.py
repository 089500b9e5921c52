"""How a text is used by a model, derived from the path between the literal and the sink.

The path is followed backwards from the sink, and each step may change the use of what lies behind it:

| use | the text is | on by default |
|---|---|---|
| `prompt` | a message, the outermost template of a call, or joined to one | yes |
| `reported` | a message that a node puts into the state | if a sentence of it has no placeholder |
| `option` | a message picked by a computed key | yes, unless short or one of very many |
| `near` | all of a message except the labels around it | if it is more than a value |
| `spare` | the default for data in the position of `near` | if it is long |
| `inserted` | put into a placeholder of another text, in every call | if it is more than a value |
| `branch` | put into a placeholder in some calls, where others get another text | if it is more than a value |
| `table` | put into a placeholder, picked by a computed key from many | no |
| `value` | the default for data in a placeholder, or collected with data | if it is long and named a prompt |
| `output` | returned by a tool, or held by the state from elsewhere | no |
| `hinted` | only named a prompt, by an argument, key or function | no, unless it is seen in a call |
| `compared` | compared with an answer or with the state | no, if it is only put into another text |
| `elsewhere` | given to another service than a language model of the graph | no |

`tool` is a description, and `tools` an object that describes itself. The other uses say how a text is filled in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import jinja2

from langgraph_gepa.core.module import Style

PROMPT_NAME = re.compile(
    r"(?:^|_)(?:prompts?|instructions?|sys(?:tem)?_(?:message|msg|text)|state_modifier)(?:_|$)", re.IGNORECASE
)


class Kept(NamedTuple):
    """A text in which the program replaces `token`, so that a new text must keep it."""

    token: str


class Rendered(NamedTuple):
    """A text that jinja2 renders in an environment; `None` for one with the default syntax."""

    environment: jinja2.Environment | None


class Within(NamedTuple):
    """A text that is put into a template."""

    use: Style | Rendered


class Again(NamedTuple):
    """A template whose result is filled in once more, in the same or another language."""

    use: Style | Rendered


Arrival = Literal[
    "prompt", "reported", "option", "near", "spare", "inserted", "branch", "table", "value", "output", "hinted",
    "compared",
    "elsewhere",
]  # fmt: skip
Use = Arrival | Literal["tool", "tools", "opaque", "foreign"] | Style | Kept | Rendered | Within | Again
"""`opaque` is a text that unknown code transforms, `foreign` a template in an unknown language or syntax."""

Way = Literal["same", "made", "filled", "near", "in", "through"]
"""What happens to text on an edge: nothing, joined with others, filled in, put between labels, put into another text,
or transformed by unknown code."""
WAYS: tuple[Way, ...] = ("same", "made", "filled", "near", "in", "through")
"""The ways from the least to the greatest change of a text."""
LANGUAGES: tuple[Style, ...] = ("jinja2", "mustache", "format", "percent", "dollars")
"""The languages that a text can be filled in by."""

Choice = Literal["always", "key", "pick", "branch", "collected", "fallback", "state", "output"]
"""When text arrives over an edge: always; under a key (a computed key is a pick); as one of several literals; as an
item added to a list; as the default for missing data; if the state holds it; if a tool returned it."""

_PUT: Mapping[Way, Mapping[Use, Use]] = {
    "near": {"prompt": "near", "option": "near", "reported": "value"},
    "in": {
        "prompt": "inserted",
        "reported": "value",
        "option": "inserted",
        "near": "inserted",
        "spare": "value",
        "tool": "value",
    },
}
_CHOSEN: Mapping[Choice, Mapping[Use, Use]] = {
    "pick": {"prompt": "option", "reported": "option", "inserted": "table", "branch": "table", "value": "table"},
    "branch": {"inserted": "branch"},
    "collected": {"inserted": "value", "branch": "value"},
    "fallback": {"near": "spare", "inserted": "value", "branch": "value", "reported": "output"},
    "state": dict.fromkeys(("reported", "option", "near", "spare", "inserted", "branch", "table", "value"), "output"),
    "output": dict.fromkeys(
        ("prompt", "reported", "option", "near", "spare", "inserted", "branch", "table", "value"), "output"
    ),
}
REACHING: frozenset[Use] = frozenset({"prompt", "reported", "option", "near", "spare", "inserted", "branch"})
"""Uses of a text that is a prompt or part of one."""
_TEXTS: frozenset[Use] = frozenset({
    "prompt", "reported", "option", "near", "spare", "inserted", "branch", "table", "value", "output", "hinted",
    "elsewhere", "tool", "tools",
})  # fmt: skip
"""Uses that pass from a text to the texts it is made of."""


def carried(use: Use, way: Way, choice: Choice = "always") -> Use | None:
    """The use of a source's text, given the use of its target; `None` if the use does not pass on."""
    if way == "through":
        return None if use in ("tool", "tools", "compared") else "opaque"
    if use == "compared":
        return use if way == "same" else None
    if use in _TEXTS:
        use = _PUT.get(way, {}).get(use, use)
        return _CHOSEN.get(choice, {}).get(use, use)
    if way != "same" and (isinstance(use, Rendered) or use in LANGUAGES):
        return Again(use) if way == "filled" else Within(use)
    return Again(use.use) if way == "filled" and isinstance(use, Within) else use


def style_of(uses: Iterable[object]) -> Style:
    """The template language of a text by its uses: `plain` if there is none, `unknown` if there are several."""
    found = {"jinja2" if isinstance(use, Rendered) else use for use in uses}
    used = [style for style in LANGUAGES if style in found]
    if len(used) > 1 or not found.isdisjoint(("unknown", "opaque", "foreign")):
        return "unknown"
    return used[0] if used else "plain"
