"""The support desk optimised with langgraph_gepa: all that its owner writes. The graph stays as it is."""

from pathlib import Path

from langchain_core.language_models import BaseChatModel

from langgraph_gepa import Budget, optimize
from langgraph_gepa.demo.helpdesk import build
from langgraph_gepa.demo.ticket_review import review
from langgraph_gepa.demo.tickets import tickets


def improve(model: BaseChatModel, reflection_lm: BaseChatModel, rollouts: int, run: Path) -> dict[str, str]:
    result = optimize(
        build(model),
        tickets("train"),
        tickets("validation"),
        metric=review,
        reflection_lm=reflection_lm,
        budget=Budget(rollouts=rollouts),
        run=run,
    )
    return dict(result.prompts)
