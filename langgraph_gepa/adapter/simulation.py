"""Recognises simulated models by the address of the server that simulates them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

SIMULATED = "/simulated"
"""The beginning of the path in the addresses of our servers that simulate models (`demo.server`)."""


def is_simulated(model: Any) -> bool:
    """Whether one of our servers simulates a chat model, whatever the model is called.

    Only clients of OpenAI's API can reach one. The client knows the address, wherever that was configured.
    """
    address = getattr(getattr(model, "root_client", None), "base_url", None)
    return urlsplit(str(address or "")).path.startswith(f"{SIMULATED}/")
