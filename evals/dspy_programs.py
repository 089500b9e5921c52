"""Programs of the paper written in DSPy, for `paper.py`: the same steps and texts as the graphs, and the same metric.

DSPy is imported inside: the other rows run without it.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from langgraph_gepa.adapter.loading import load_metric
from langgraph_gepa.core.rollout import Usage

INSTALL = 'pip install -e ".[bench]"'
GRAPHS = Path(__file__).parents[1] / "graphs"
MINIBATCH = 35
"""Of MIPROv2, its default."""
SIGNATURES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "hotpotqa": {
        "summarize1": ("question, passages -> summary", "Summarize the passages with the question in mind."),
        "create_query_hop2": (
            "question, summary -> query",
            "Write a search query that helps to answer the question, given the summary of a first search.",
        ),
        "summarize2": (
            "question, context, passages -> summary",
            "Summarize the passages with the question and the context in mind.",
        ),
        "answer": ("question, summary1, summary2 -> answer", "Answer the question from the two summaries."),
    },
    "aime": {
        "solve": (
            "problem -> solution",
            "Solve the problem and provide the answer in the correct format, on a last line beginning 'Answer:'.",
        )
    },
}
"""Predictor -> its signature and instructions, the texts of the graph without their placeholders."""


def obstacle(optimizer: str, program: str) -> str | None:
    """Why DSPy's optimizer cannot be run here, or `None` when it can."""
    if program not in SIGNATURES:
        return f"The program of {program} is not written in DSPy; those of {' and '.join(SIGNATURES)} are"
    if not find_spec("dspy") or (optimizer == "MIPROv2" and not find_spec("optuna")):
        return f"DSPy or optuna is not installed ({INSTALL})"
    return None


def optimized(task: Any, optimizer: str, accounts: Any) -> tuple[dict[str, str], list[float]]:
    """Runs DSPy's optimizer, then scores its program on test. Returns its texts and the scores.

    `task` and `accounts` are those of `paper_rows`; `accounts` gets the cost of the search.
    """
    import dspy

    counting, searching = threading.Lock(), threading.Event()
    searching.set()

    class Counted(dspy.LM):  # type: ignore[misc]  # DSPy is untyped
        def update_history(self, entry: Mapping[str, Any]) -> None:
            """What DSPy calls with each reply, of whichever of its engines; an optimizer works with copies of this."""
            usage = entry["usage"]
            with counting:
                if searching.is_set():
                    tokens = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
                    accounts.cost.add(Usage(*tokens, entry["cost"]))
                    accounts.cost.reflections += self.reflects

    def ran() -> None:
        with counting:
            if searching.is_set():
                accounts.cost.rollouts += 1
                accounts.keep()

    def score(example: Any, prediction: Any, *_: Any) -> float:
        return float(metric(dict(prediction), example.outputs).score)

    def taught(example: Any, prediction: Any, _trace: Any = None, name: str | None = None, _: Any = None) -> Any:
        feedback = metric(dict(prediction), example.outputs)
        words = f"{feedback.by_module.get(name, '') if name else ''} {feedback.comment}".strip()
        return dspy.Prediction(score=feedback.score, feedback=words)

    metric = load_metric(task.metric)
    lm, reflection = (Counted(name.replace(":", "/", 1), cache=False) for name in (task.model, task.reflection_lm))
    lm.reflects, reflection.reflects = False, True
    sets = {
        name: [dspy.Example(**one["inputs"], outputs=one["outputs"]).with_inputs(*one["inputs"]) for one in examples]
        for name, examples in {"train": task.train, "val": task.val, "test": task.test}.items()
    }
    with dspy.context(lm=lm):
        student = program(task.program, ran)
        if optimizer == "GEPA":
            search = dspy.GEPA(
                metric=taught,
                max_metric_calls=task.budget,
                reflection_lm=reflection,
                num_threads=task.concurrency,
                log_dir=str(task.folder / "gepa"),
                seed=task.seed,
            )
            best = search.compile(student, trainset=sets["train"], valset=sets["val"])
        else:
            trials = trials_for(task.budget, len(sets["val"]))
            search = dspy.MIPROv2(
                metric=score,
                prompt_model=reflection,
                task_model=lm,
                auto=None,
                num_candidates=max(2, trials // 2),
                num_threads=task.concurrency,
                seed=task.seed,
            )
            best = search.compile(
                student,
                trainset=sets["train"],
                valset=sets["val"],
                num_trials=trials,
                minibatch_size=min(MINIBATCH, len(sets["val"])),
            )
        accounts.keep()
        searching.clear()  # the search does not pay for the scores on the test set
        tested = dspy.Evaluate(devset=sets["test"], metric=score, num_threads=task.concurrency, failure_score=0.0)(best)
    return texts_of(best), [float(one[2]) for one in tested.results]


def trials_for(budget: int, validation: int) -> int:
    """How many of MIPROv2's trials about fit a budget: a minibatch each, and all examples at first and every fifth."""
    trial = min(MINIBATCH, validation) + validation / 5
    return max(2, int((budget - 2 * validation) / trial))


def texts_of(program: Any) -> dict[str, str]:
    """The instructions of each predictor, with its demonstrations, which a prompt holds as well."""
    texts = {}
    for name, predictor in program.named_predictors():
        demos = [json.dumps(dict(demo), ensure_ascii=False, default=str) for demo in predictor.demos]
        texts[name] = "\n".join([predictor.signature.instructions, *demos])
    return texts


def program(benchmark: str, ran: Callable[[], None]) -> Any:
    """The benchmark's program as a DSPy module, which calls `ran` for each rollout."""
    import dspy

    class Program(dspy.Module):  # type: ignore[misc]  # DSPy is untyped
        def __init__(self) -> None:
            super().__init__()
            for name, (fields, instructions) in SIGNATURES[benchmark].items():
                setattr(self, name, dspy.Predict(dspy.Signature(fields, instructions)))

        def forward(self, **inputs: str) -> Any:
            ran()
            return dspy.Prediction(**STEPS[benchmark](self, inputs))

    return Program()


def hotpotqa(program: Any, inputs: Mapping[str, str]) -> dict[str, Any]:
    """The final state of `graphs/hotpotqa.py`."""
    question, search = inputs["question"], graph_module("hotpotqa").search
    passages1: Sequence[str] = search(question)
    summary1 = program.summarize1(question=question, passages="\n\n".join(passages1)).summary
    query2 = program.create_query_hop2(question=question, summary=summary1).query
    passages2: Sequence[str] = search(query2)
    summary2 = program.summarize2(question=question, context=summary1, passages="\n\n".join(passages2)).summary
    answer = program.answer(question=question, summary1=summary1, summary2=summary2).answer
    return {"passages1": passages1, "summary1": summary1, "query2": query2, "passages2": passages2,
            "summary2": summary2, "answer": answer}  # fmt: skip


def aime(program: Any, inputs: Mapping[str, str]) -> dict[str, Any]:
    """The final state of `graphs/aime.py`."""
    reply = program.solve(problem=inputs["problem"]).solution
    return {"reasoning": reply, "answer": graph_module("aime").extracted(reply)}


STEPS: Mapping[str, Callable[[Any, Mapping[str, str]], dict[str, Any]]] = {"hotpotqa": hotpotqa, "aime": aime}


@cache
def graph_module(benchmark: str) -> ModuleType:
    """The file of the graph, whose functions the DSPy program shares."""
    if str(GRAPHS) not in sys.path:
        sys.path.append(str(GRAPHS))
    spec = importlib.util.spec_from_file_location(f"dspy_{benchmark}", GRAPHS / f"{benchmark}.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{GRAPHS / benchmark}.py cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
