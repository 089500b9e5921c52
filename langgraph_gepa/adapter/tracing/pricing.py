"""Prices of model calls in dollars, from genai-prices unless the user gives their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import genai_prices

Prices = Mapping[str, tuple[float, float]]
"""Maps a model's name to dollars for a million input tokens and for a million output tokens."""

PROVIDERS = {
    "amazon_bedrock": "aws",
    "bedrock": "aws",
    "anthropic_bedrock": "aws",
    "azure_openai": "azure",
    "azure_ai": "azure",
    "google_genai": "google",
    "google_vertexai": "google",
    "mistralai": "mistral",
    "xai": "x-ai",
}
"""LangChain's names of providers that genai-prices calls differently."""


def price(
    model: str, usage: Mapping[str, Any], *, provider: str | None = None, prices: Prices | None = None
) -> float | None:
    """Returns the dollars for `usage`, a LangChain `UsageMetadata`; `None` when the model's price is unknown.

    `prices` take precedence over the library's; a key is a model's name or `provider:name`. `(0, 0)` is the price of a
    self-hosted model that costs nothing.
    """
    tokens_in, tokens_out = int(usage.get("input_tokens") or 0), int(usage.get("output_tokens") or 0)
    prices = prices or {}
    own = prices.get(f"{provider}:{model}") or prices.get(model)
    if own is not None:
        return (tokens_in * own[0] + tokens_out * own[1]) / 1e6
    details = usage.get("input_token_details") or {}
    counted = genai_prices.Usage(
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cache_read_tokens=min(int(details.get("cache_read") or 0), tokens_in) or None,
        cache_write_tokens=min(int(details.get("cache_creation") or 0), tokens_in) or None,
    )
    for where in dict.fromkeys((PROVIDERS.get(provider or "", provider), None)):
        try:
            return float(genai_prices.calc_price(counted, model, provider_id=where).total_price)
        except (LookupError, ValueError):
            continue
    return None
