"""What a run found, in LangSmith."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langgraph_gepa.agent.chat_prompts import chat_prompt
from langgraph_gepa.langsmith import hub

if TYPE_CHECKING:
    from langgraph_gepa.result import Result


def push_prompts(result: Result, prefix: str) -> dict[str, str]:
    """See `Result.push_prompts`."""
    best = result.best
    seed = result.pool.candidates[0]
    modules = {module.name: module for module in result.saved.asked.found}
    changed = [name for name, text in best.texts.items() if text != seed.texts[name]]
    names = hub.names_of(prefix, changed)
    templates = {names[name]: chat_prompt(best.texts[name], modules[name].style) for name in changed}
    said = f"Candidate {best.id} of langgraph-gepa run {result.run.name}."
    urls = hub.push(templates, said) if templates else {}
    return {name: urls[names[name]] for name in changed}
