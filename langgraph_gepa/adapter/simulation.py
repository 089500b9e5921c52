"""How a simulated model is known: by its address, which the server that simulates it gives out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

SIMULATED = "/simulated"
"""What the path of every address of ours begins with behind which no model is (`demo.server`)."""


def is_simulated(model: Any) -> bool:
    """Whether one of our own servers answers for a chat model, whatever the model is called.

    Only models that speak OpenAI's language can be theirs. The client knows the address, wherever that was said.
    """
    address = getattr(getattr(model, "root_client", None), "base_url", None)
    return urlsplit(str(address or "")).path.startswith(f"{SIMULATED}/")
