"""Reads from a reply's metadata whether it was cut off or withheld, in the terms of any provider."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.messages import AIMessage

from langgraph_gepa.reflection.proposal import Ending

_CUT = re.compile(r"length|max|limit|context|incomplete|truncat", re.IGNORECASE)
_WITHHELD = re.compile(r"filter|safety|refus|block|prohibit|recitation|spii|guardrail|toxic", re.IGNORECASE)


def ending_of(message: AIMessage) -> Ending:
    """Returns whether the reply was cut off at a limit or withheld by a filter.

    Providers have several keys for it in the reply's metadata: `finish_reason` (`length`, `MAX_TOKENS`,
    `content_filter`), `stop_reason` (`max_tokens`, `refusal`), `done_reason`, `status` with `incomplete_details`.
    """
    reasons = list(_reasons(message.response_metadata))
    if any(map(_WITHHELD.search, reasons)) or message.additional_kwargs.get("refusal"):
        return "withheld"
    return "cut" if any(map(_CUT.search, reasons)) else ""


def _reasons(metadata: Mapping[str, Any]) -> Iterator[str]:
    for key, value in metadata.items():
        if isinstance(value, Mapping):
            yield from _reasons(value)
        elif value is not None and str(key).lower().endswith(("reason", "status")):
            yield str(value)
