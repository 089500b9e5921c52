"""The language models that a graph holds, found by walking it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langchain_core.language_models import BaseLanguageModel

from langgraph_gepa.adapter.discovery.survey import compile_graph
from langgraph_gepa.adapter.objects.walk import Walk
from langgraph_gepa.adapter.tracing.pricing import Prices, price

SETTINGS = ("temperature", "top_p", "max_tokens", "seed", "reasoning_effort", "verbosity")
"""What chat models call the settings that change their answers."""

ONE_TOKEN = {"input_tokens": 1, "output_tokens": 1}


def models_of(graph: Any) -> list[BaseLanguageModel[Any]]:
    """Every model a graph's nodes hold. One that a node makes anew on every run is not among them."""
    held = (part for node in Walk(compile_graph(graph)).nodes.values() for _, part in node.parts)
    return list({id(part): part for part in held if isinstance(part, BaseLanguageModel)}.values())


def unpriced(models: Iterable[Any], prices: Prices | None = None) -> list[str]:
    """The names of those whose price is unknown. A function has neither a price nor a name of a model."""
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
    """The model's own name, or what kind of object it is."""
    return _names(model)[0] or type(model).__name__


def described(model: BaseLanguageModel[Any]) -> str:
    """Its name and its settings: `gpt-4o-mini (temperature 0.0)`."""
    held = ((name, getattr(model, name, None)) for name in SETTINGS)
    settings = [f"{name} {value}" for name, value in held if isinstance(value, str | int | float)]
    return name_of(model) + (f" ({', '.join(settings)})" if settings else "")


def _names(model: BaseLanguageModel[Any]) -> tuple[str, str | None]:
    """As LangChain tells callbacks what is called; nothing when the model does not say."""
    say = getattr(model, "_get_ls_params", None)
    said = say() if callable(say) else {}
    return str(said.get("ls_model_name") or ""), said.get("ls_provider")
