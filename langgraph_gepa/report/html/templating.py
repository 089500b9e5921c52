"""The templates of the pages: escaping, filters, and the policy that lets a page run its own style and script only."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from langgraph_gepa.core.printable import visible
from langgraph_gepa.report import words
from langgraph_gepa.report.intervals import Interval
from langgraph_gepa.report.tradeoff_view import aims, amount


@cache
def environment() -> Environment:
    """The environment of all templates. Whatever they print is escaped and has its control characters made visible."""
    made = Environment(
        loader=PackageLoader("langgraph_gepa.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    filters = (
        words.candidate_score, words.score, words.signed, words.money, words.large, words.duration, words.limits,
        words.plural, words.replies, words.one_line, words.clip, words.descent, words.noise, span, aims, amount,
    )  # fmt: skip
    made.filters |= {filter.__name__: filter for filter in filters}
    return made


def frame(*scripts: str, connected: bool = False, forms: bool = False) -> dict[str, Any]:
    """What every page needs of a template: its style, its script and its policy.

    The policy names style and script by their hashes. A `connected` page may also request what lies on
    its own server, and one with `forms` lead there.
    """
    style, script = _source("page.css"), "\n".join(map(_source, scripts))
    connect, form = ("'self'" if allowed else "'none'" for allowed in (connected, forms))
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; connect-src {connect}; "
        f"img-src data:; base-uri 'none'; form-action {form}"
    )
    # Our own files, into which nothing is interpolated.
    return {"policy": policy, "style": Markup(style), "script": Markup(script)}  # noqa: S704


def span(interval: Interval) -> str:
    """The interval's ends as the pages write them."""
    return f"{words.score(interval.low)} to {words.score(interval.high)}"


def _finalize(value: Any) -> Any:
    return value if isinstance(value, Markup) else visible(str(value))


def _source(name: str) -> str:
    loader = environment().loader
    if loader is None:
        raise LookupError(name)
    return loader.get_source(environment(), name)[0].strip()


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
