"""A journal and a rollout that have everything in them, for tests of what stores and reads them."""

from __future__ import annotations

from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    Charged,
    ChildrenProposed,
    Event,
    ExamplesDrawn,
    ExampleSetAside,
    GoalsGiven,
    IterationFinished,
    IterationStarted,
    ModelTried,
    ModulesChosen,
    ModulesLeftOut,
    OpinionFinished,
    ReflectionFinished,
    RolloutCarried,
    RolloutFinished,
    RunFinished,
    RunStarted,
    ScaleGiven,
)
from langgraph_gepa.core.opinion import Opinion
from langgraph_gepa.core.rollout import Call, Feedback, Rollout, Usage

JOURNAL: tuple[Event, ...] = (
    RunStarted({"planner": "Plan.", "writer": "Write {answer}."}, ("a", "b"), ("c", "d"), ("e",)),
    RolloutFinished(0, "t0", "c", "pareto", 0.0, Usage(7, 3, None), 1.5, "r0", "no answer"),
    CandidateAdmitted(0, Candidate(0, {"planner": "Plan.", "writer": "Write {answer}."})),
    IterationFinished(0, "accepted"),
    IterationStarted(1, (0,), ("a", "b", "a")),
    ModulesChosen(1, 0, ("planner",)),
    RolloutFinished(1, "t0", "a", "feedback", 0.25, Usage(7, 3, 0.001), 1.5, "r1"),
    ReflectionFinished(1, "planner", Usage(700, 300, 0.1), 9.0, "m1"),
    CandidateAdmitted(1, Candidate(1, {"planner": "Plan \N{EN DASH} twice.\0", "writer": "\ud800"}, (0,))),
    IterationFinished(1, "accepted", "", (0.25, 0.5), (0.5, 0.5)),
    IterationStarted(2, (1, 0), ("c",), 0, {"planner": "Plan.", "writer": "\ud800"}),
    IterationFinished(2, "rejected", "no better", (0.5,), (0.25,)),
    RunFinished("30 rollouts spent"),
    Charged("r2", Usage(70, 30, None), "the process died under it"),
    IterationStarted(3, (1,), (), lineage="joint"),
    ExamplesDrawn(3, "t1", "feedback", ("b",)),
    RolloutFinished(3, "t1", "b", "feedback", 0.5, Usage(), 0.0, "r3", reused=True),
    ModulesChosen(3, 1, ("planner", "writer"), ("a", "b")),
    ModulesLeftOut({"planner": "stale", "writer": "breaks"}),
    ChildrenProposed(3, ({"planner": "Plan thrice."},), {"writer": "refused"}, {"writer": "lost {answer}"}, 1),
    Charged("r4", Usage(70, 30, 0.25, 100), "the process died under it"),
    ModelTried(Usage(30, 2, None), 0.5, "m2"),
    ChildrenProposed(3, (), {"writer": "refused"}, {"writer": "lost {answer}"}, refused={"writer": "Write."}),
    IterationFinished(3, "skipped", before=(0.5, 0.5), cause="no_texts"),
    IterationFinished(4, "accepted", "", (0.25,), (0.5,), "stopped", 6),
    Charged("r5", Usage(70, 30, 0.25), "TimeoutError", "failed"),
    ScaleGiven(0.0, -5.0),
    GoalsGiven({"dollars": "min"}),
    RolloutCarried("r6"),
    IterationStarted(5, (0,), (), texts={"planner": "Plan.", "writer": "Write {answer} well."}),
    CandidateAdmitted(5, Candidate(2, {"planner": "Plan.", "writer": "Write {answer} well."}, (0,), given=True)),
    IterationFinished(5, "accepted", cause="start", ran=2),
    OpinionFinished(3, Usage(400, 60, 0.02), 3.0, "o1"),
    ChildrenProposed(
        3,
        ({"planner": "Plan it."},),
        {"writer": "doubted"},
        opinions={"planner": Opinion(0.75), "writer": Opinion(0.1, ("repeats", "bloats"))},
    ),
    ModelTried(Usage(30, 2, None), 0.5, "o0", critic=True),
    ExampleSetAside("pareto", "d", "WorldFailure"),
)
"""A journal with every type of event. It only ever grows at the end: runs kept from old versions begin like it."""

PAID = Rollout(
    "c",
    {"messages": [{"role": "assistant", "content": "\N{SNOWMAN}\0\udfff"}], "n": [1, 2.5, None, True]},
    Feedback(0.25, "wrong", {"planner": "too short"}, {"brevity": 1.0}),
    (Call("tool", "planner", "search", {"query": "x"}, ["y"], None, Usage(), 0.5, ("planner",)),),
    Usage(7, 3, None),
    1.5,
    "no answer",
)
"""A rollout with every field filled in."""
