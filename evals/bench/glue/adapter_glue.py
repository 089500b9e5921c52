"""The support desk optimised with the official gepa package through our adapter. The graph stays as it is."""

from pathlib import Path
from typing import Any

import gepa
from gepa.adapters.langchain_adapter import make_reflection_lm
from langchain_core.language_models import BaseChatModel

from langgraph_gepa.demo.helpdesk import build
from langgraph_gepa.demo.ticket_review import review
from langgraph_gepa.demo.tickets import tickets
from langgraph_gepa.interop.gepa import LangGraphAdapter


def improve(
    model: BaseChatModel, reflection_lm: BaseChatModel, rollouts: int, run: Path, **settings: Any
) -> dict[str, str]:
    adapter = LangGraphAdapter(build(model), review)
    result = gepa.optimize(
        adapter.seed_candidate,
        tickets("train"),
        tickets("validation"),
        adapter=adapter,
        reflection_lm=make_reflection_lm(reflection_lm),
        use_merge=True,
        max_metric_calls=rollouts,
        run_dir=str(run),
        **settings,
    )
    return result.best_candidate
