"""How a text arrives at a model: what the path from where it is written to where a model takes it in tells.

The path is followed from the model backwards, and each step may change how what lies behind it is used:

| use | the text is | on |
|---|---|---|
| `prompt` | the message, the outermost template of a call, or joined to it | yes |
| `reported` | a message that a node puts into the state | where a sentence of it has no data in it |
| `option` | the same, but picked by a key that is computed | yes, unless short or one of very many |
| `near` | all that a message says but for labels around it | where it is more than a value |
| `spare` | as `near`, when there are no data to put there | where it is long |
| `inserted` | put into a placeholder of another text, in every call | where it is more than a value |
| `branch` | put there in some calls, as other texts are in others | where it is more than a value |
| `table` | one of many, of which a computed key picks what is put there | no |
| `value` | put there when there are no data, or collected with them | where it is long and is called a prompt |
| `output` | what a tool returns, or what the state holds from elsewhere | no |
| `hinted` | only called a prompt: an argument, key or function is named so | no, unless it is seen |
| `compared` | compared with what a model says or the state holds | no, where it is but put into another text |
| `elsewhere` | given to a model or service that is none of the graph's language models | no |

`tool` and `tools` are descriptions and what describes itself; the other uses say how a text is filled in.
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
    """Text in which `token` is replaced, so that it must keep it."""

    token: str


class Rendered(NamedTuple):
    """Text that jinja2 renders in an environment, `None` for one with the syntax that jinja2 has by default."""

    environment: jinja2.Environment | None


class Within(NamedTuple):
    """Text that is put into a text which is filled in."""

    use: Style | Rendered


class Again(NamedTuple):
    """Text whose filling is filled in once more, in another language or the same."""

    use: Style | Rendered


Arrival = Literal[
    "prompt", "reported", "option", "near", "spare", "inserted", "branch", "table", "value", "output", "hinted",
    "compared",
    "elsewhere",
]  # fmt: skip
Use = Arrival | Literal["tool", "tools", "opaque", "foreign"] | Style | Kept | Rendered | Within | Again
"""`tools` are objects that describe themselves; `opaque` is text of which unknown code makes something, `foreign` a
template in a language or a syntax that is not known."""

Way = Literal["same", "made", "filled", "near", "in", "through"]
"""How text comes from a place: it is the same text, it is joined with others, it is filled in, it stands between
labels, it is put into another text, it is what unknown code makes of it."""
WAYS: tuple[Way, ...] = ("same", "made", "filled", "near", "in", "through")
LANGUAGES: tuple[Style, ...] = ("jinja2", "mustache", "format", "percent", "dollars")
"""What a text can be filled in as."""

Choice = Literal["always", "key", "pick", "branch", "collected", "fallback", "state", "output"]
"""When text comes from a place: always; under a key, which may be computed (then it is a pick); as one of several that
are written out; as an item added to a list; where there are no data; if the state holds it; as what a tool returned."""

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
"""Uses of a text that a model is given as a prompt or in one."""
_TEXTS: frozenset[Use] = frozenset({
    "prompt", "reported", "option", "near", "spare", "inserted", "branch", "table", "value", "output", "hinted",
    "elsewhere", "tool", "tools",
})  # fmt: skip
"""Uses of which a text that another is made of has its part."""


def carried(use: Use, way: Way, choice: Choice = "always") -> Use | None:
    """How text is used that comes to a use in a way: what is done to the whole is done to what was put into it. `None`
    where the use ends."""
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
    """The style of a text by its uses: a template's where it is one, else plain. One that is used in several ways has
    to be right in all of them."""
    found = {"jinja2" if isinstance(use, Rendered) else use for use in uses}
    used = [style for style in LANGUAGES if style in found]
    if len(used) > 1 or not found.isdisjoint(("unknown", "opaque", "foreign")):
        return "unknown"
    return used[0] if used else "plain"
