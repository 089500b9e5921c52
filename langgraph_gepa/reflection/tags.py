"""Writes the tags that structure the prompts' pages, and the numbers in them."""

from __future__ import annotations

import html
from collections.abc import Mapping


def tagged(tag: str, content: str, attributes: Mapping[str, str] | None = None) -> list[str]:
    """Returns the lines of a tag around its content, which has to be escaped (`excerpt.escape`); attributes are."""
    written = "".join(f' {name}="{_attribute(value)}"' for name, value in (attributes or {}).items())
    return [f"<{tag}{written}>", content, f"</{tag}>"]


def number(value: float) -> str:
    """Returns a score with two decimals, or with two significant digits if it is smaller than that shows."""
    return f"{value:.2f}" if abs(value) >= 0.01 or value == 0 else f"{value:.2g}"


def _attribute(value: str) -> str:
    return html.escape(" ".join(value.split()))
