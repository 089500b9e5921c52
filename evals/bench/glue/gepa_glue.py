"""The support desk optimised with the official gepa package: all that its owner writes, but for the changed graph.

As an expert would, on the package's own `LangChainAdapter`, which runs a batch in threads. Its records
are the same for every component, so they are made here for each: what its own model calls were given and
said, and the metric's words for it. `helpdesk_with_arguments.py` beside this file is the changed graph.
"""

from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Any

import gepa
from gepa.adapters.langchain_adapter import LangChainAdapter, make_reflection_lm
from gepa.core.adapter import EvaluationBatch
from helpdesk_with_arguments import build
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from langgraph_gepa.demo import helpdesk
from langgraph_gepa.demo.ticket_review import review
from langgraph_gepa.demo.tickets import tickets

SEED = {
    "router_prompt": helpdesk.ROUTER_PROMPT,
    "agent_prompt": helpdesk.AGENT_PROMPT,
    "writer_prompt": helpdesk.WRITER_PROMPT,
}
NODES = {"__start__": "router_prompt", "model": "agent_prompt", "write": "writer_prompt"}


class Watcher(BaseCallbackHandler):
    """What each component's last model call of a rollout was given, and what it said."""

    def __init__(self) -> None:
        self.calls: dict[str, tuple[str, str]] = {}
        self._open: dict[Any, tuple[str, list[BaseMessage]]] = {}

    def on_chat_model_start(self, _: Any, messages: list[list[BaseMessage]], **about: Any) -> None:
        self._open[about["run_id"]] = NODES[about["metadata"]["langgraph_node"]], messages[0][1:]

    def on_llm_end(self, response: Any, **about: Any) -> None:
        name, given = self._open.pop(about["run_id"])
        said = response.generations[0][0].message.pretty_repr()
        self.calls[name] = "\n".join(message.pretty_repr() for message in given), said


class DeskAdapter(LangChainAdapter):
    def __init__(self, model: BaseChatModel) -> None:
        super().__init__(self.rollout, self.grade, num_threads=16, show_progress=False)
        self.model = model

    def rollout(self, candidate: dict[str, str], example: Mapping[str, Any]) -> dict[str, Any]:
        watcher = Watcher()
        try:
            check(candidate["writer_prompt"])
            state = build(self.model, candidate).invoke(example["inputs"], {"callbacks": [watcher]})
        except Exception as error:  # noqa: BLE001 - gepa wants a score for whatever happens, and the calls are worth keeping
            state = {"error": error}
        return {**state, "calls": watcher.calls}

    def grade(self, example: Mapping[str, Any], state: dict[str, Any]) -> tuple[float, str]:
        if "error" in state:
            return 0.0, f"The run failed: {state['error']!r}"
        feedback = review(state, example["outputs"])
        state["by_module"] = feedback.by_module
        return feedback.score, feedback.comment

    def make_reflective_dataset(self, _: Any, batch: EvaluationBatch, names: list[str]) -> dict[str, list[Any]]:
        return {name: [record(name, one) for one in batch.trajectories or []] for name in names}


def record(name: str, trajectory: Mapping[str, Any]) -> dict[str, str]:
    state = trajectory["state"]
    given, said = state["calls"].get(name, ("(not called)", "(not called)"))
    own = state.get("by_module", {}).get(name, "")
    return {"Inputs": given, "Generated Outputs": said, "Feedback": f"{own} {trajectory['feedback']}".strip()}


def check(prompt: str) -> None:
    """A rewritten prompt may have lost its placeholder, or invented one."""
    fields = {field for _, field, _, _ in Formatter().parse(prompt) if field is not None}
    if fields != {"name"}:
        raise ValueError(f"the prompt must have the placeholder {{name}} and no other, but has {sorted(fields)}")


def improve(
    model: BaseChatModel, reflection_lm: BaseChatModel, rollouts: int, run: Path, **settings: Any
) -> dict[str, str]:
    result = gepa.optimize(
        SEED,
        tickets("train"),
        tickets("validation"),
        adapter=DeskAdapter(model),
        reflection_lm=make_reflection_lm(reflection_lm),
        use_merge=True,
        max_metric_calls=rollouts,
        run_dir=str(run),
        **settings,
    )
    return result.best_candidate
