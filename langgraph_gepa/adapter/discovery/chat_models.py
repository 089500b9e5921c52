"""Finds the language models that a graph holds, with their names, settings and prices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langchain_core.language_models import BaseLanguageModel

from langgraph_gepa.adapter.discovery.survey import compile_graph
from langgraph_gepa.adapter.objects.walk import Walk
from langgraph_gepa.adapter.tracing.pricing import Prices, price

SETTINGS = ("temperature", "top_p", "max_tokens", "seed", "reasoning_effort", "verbosity")
"""Attributes of chat models that change their answers."""

ONE_TOKEN = {"input_tokens": 1, "output_tokens": 1}


def models_of(graph: Any) -> list[BaseLanguageModel[Any]]:
    """The models that a graph's nodes hold, without those that a node creates on every run."""
    parts = (part for node in Walk(compile_graph(graph)).nodes.values() for _, part in node.parts)
    return list({id(part): part for part in parts if isinstance(part, BaseLanguageModel)}.values())


def unpriced(models: Iterable[Any], prices: Prices | None = None) -> list[str]:
    """The names of the models whose price is unknown. A function has neither a price nor a model's name."""
    names: dict[str, None] = {}
    for model in models:
        if not isinstance(model, BaseLanguageModel):
            names["a function's replies"] = None
            continue
        name, provider = _names(model)
        if name and price(name, ONE_TOKEN, provider=provider, prices=prices) is None:
            names[name] = None
    return list(names)


def name_of(model: BaseLanguageModel[Any]) -> str:
    """The model's own name, or the name of its class."""
    return _names(model)[0] or type(model).__name__


def described(model: BaseLanguageModel[Any]) -> str:
    """The model's name and settings, as in `gpt-4o-mini (temperature 0.0)`."""
    values = ((name, getattr(model, name, None)) for name in SETTINGS)
    settings = [f"{name} {value}" for name, value in values if isinstance(value, str | int | float)]
    return name_of(model) + (f" ({', '.join(settings)})" if settings else "")


def _names(model: BaseLanguageModel[Any]) -> tuple[str, str | None]:
    """The model's name and provider as LangChain reports them to callbacks; empty when it does not."""
    parameters = getattr(model, "_get_ls_params", None)
    reported = parameters() if callable(parameters) else {}
    return str(reported.get("ls_model_name") or ""), reported.get("ls_provider")
