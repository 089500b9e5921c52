"""The dry run: describes what one rollout would do, without running anything or by running one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from langgraph_gepa.adapter.discovery.chat_models import models_of, name_of, unpriced
from langgraph_gepa.adapter.discovery.outline import unreached_nodes
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.isolation.process_state import undisturbed
from langgraph_gepa.adapter.loading import load_graph, load_metric, load_options
from langgraph_gepa.adapter.rollout.evaluator import GraphEvaluator
from langgraph_gepa.adapter.rollout.inputs import dropped_inputs, taken_inputs
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.redaction import explained, masking, secrets_of
from langgraph_gepa.adapter.tools.stand_ins import remedies, replaced, suspicions, warning
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.printable import visible
from langgraph_gepa.core.reason import NO_EFFECT, NoEffect
from langgraph_gepa.core.rollout import Call, Rollout
from langgraph_gepa.report.words import duration, money, plural, score
from langgraph_gepa.runs import event_loop
from langgraph_gepa.runs.arguments import Arguments, kinds_of
from langgraph_gepa.runs.evaluate import run_examples
from langgraph_gepa.runs.examples import examples_of
from langgraph_gepa.runs.job import WORLD
from langgraph_gepa.runs.module_choice import choice_of
from langgraph_gepa.runs.notices import forecast
from langgraph_gepa.runs.prepare import prepare
from langgraph_gepa.runs.resume import changed_since_start
from langgraph_gepa.store.folder import DATABASE, open_run

LONGEST = 70
"""Characters of a value that are shown."""

Runs = Literal["real", "stand-in", "recorded"]


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool and what would run when a model calls it.

    `suspicion` is what suggests a side effect, in its code or its description; `None` where nothing does.
    """

    name: str
    runs: Runs
    suspicion: str | None = None


@dataclass(frozen=True, slots=True)
class DryRun:
    """One rollout as it would be.

    `isolated` names what is replaced by a fresh one, `asks` where it may stop for a human, `unpriced` the models whose
    price is unknown. `rollout` is one that was run, of as many examples as `examples` counts; `unreached` are the nodes
    that it did not come to, and `no_effect` has the prompts of which it proves that a new text has no effect. `notes`
    are warnings about the examples.
    """

    graph: str
    nodes: tuple[str, ...]
    modules: tuple[str, ...]
    models: tuple[str, ...]
    unpriced: tuple[str, ...]
    tools: tuple[ToolUse, ...]
    isolated: tuple[str, ...]
    asks: tuple[str, ...]
    answered: bool
    timeout: float | None
    example: str | None = None
    inputs: Mapping[str, Any] | None = None
    rollout: Rollout | None = None
    no_effect: Mapping[str, NoEffect] = field(default_factory=dict)
    examples: int = 0
    unreached: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def risky(self) -> tuple[str, ...]:
        """Tools that would really run and look as if they change something outside."""
        return tuple(tool.name for tool in self.tools if tool.runs == "real" and tool.suspicion)

    def __str__(self) -> str:
        lines = [
            f"graph     {self.graph}: {', '.join(self.nodes)}",
            f"prompts   {', '.join(self.modules) or 'none found'}",
            f"models    {', '.join(self.models) or 'none found in its objects'}",
            *(f"tool      {_line(tool)}" for tool in self.tools),
            f"fresh     {', '.join(self.isolated)}, a thread of its own",
        ]
        if self.unpriced:
            unknown = ", ".join(self.unpriced)
            lines.append(f"price     unknown: {unknown}; a limit in dollars needs RunnerOptions(prices=)")
        if self.asks:
            how = "answered by on_interrupt" if self.answered else "it fails there without RunnerOptions(on_interrupt=)"
            lines.append(f"stops     {', '.join(self.asks)}: {how}")
        lines.append(f"at most   {duration(self.timeout)}" if self.timeout else "at most   no time limit")
        if self.inputs is not None:
            lines.append(f"example   {self.example}")
            lines += [f"          {name} = {_brief(value)}" for name, value in self.inputs.items()]
        if self.rollout is not None:
            lines += [f"ran       1 of {plural(self.examples, 'example')}", *_outcome(self.rollout)]
        if self.unreached:
            lines.append(f"not run   {', '.join(self.unreached)}: this example does not lead there, others may")
        lines += (f"no effect {name}: {NO_EFFECT[why]}" for name, why in self.no_effect.items())
        lines += (f"note      {note}" for note in self.notes)
        if self.risky:
            stand_ins, harmless = remedies(self.risky)
            lines += [
                f"WARNING   real and perhaps harmful: {', '.join(self.risky)}. Put stand-ins in their place,",
                f"          RunnerOptions({stand_ins}),",
                f"          or name those that do no harm, RunnerOptions({harmless})",
            ]
        return visible("\n".join(lines))


@undisturbed()
def dry_run(
    graph: Any,
    data: Any = None,
    *,
    metric: Any = None,
    kinds: Collection[str] = ("prompt",),
    modules: Sequence[str] | str | None = None,
    library: bool = False,
    options: RunnerOptions | str | None = None,
) -> DryRun:
    """Describes what a rollout of `graph` on the first example of `data` would do; no model, tool or node runs.

    With a `metric` that rollout is run once and scored as `optimize` would, which calls its models, unless a real tool
    may do harm (`risky`). Nothing is kept.

    Everything is given as to `optimize`. Raises `UsageError` where `optimize` would, as for a stand-in that no tool's
    name fits or inputs that the graph does not take, and when the world failed the rollout.
    """
    options = load_options(options)
    compiled = load_graph(graph)
    found = survey(compiled)
    known = choice_of(modules, library).applied(found.modules, kinds_of(kinds))
    examples = examples_of(data, "data") if data is not None else ()
    example = examples[0] if examples else None
    dropped = dropped_inputs(taken_inputs(compiled), examples)
    plan = _plan(compiled, known, example, options)
    plan = replace(plan, examples=len(examples), notes=(dropped,) if dropped else ())
    if metric is None or example is None:
        return plan
    mask = masking(secrets_of(models_of(compiled)), options.mask)
    evaluator = GraphEvaluator(found, load_metric(metric), modules=plan.modules, options=options, mask=mask)
    if plan.risky:
        return plan
    own = {module.name: module.text for module in evaluator.modules}
    with explained("The rollout could not be run", mask):
        (rollout,) = run_examples(evaluator, [(own, example)], 1, replace(WORLD, tries=1, outage=0.0))
    return replace(
        plan,
        rollout=rollout,
        unreached=tuple(unreached_nodes(compiled, rollout.nodes)) if rollout.nodes else (),
        no_effect=event_loop.run(lambda _: evaluator.without_effect()),
    )


def notes_on_search(given: Arguments) -> tuple[str, ...]:
    """Checks the arguments of a search as it does before it pays, and returns its warnings and what its budget buys.

    The warning of tools that may do harm is left out, as the description of a rollout has it.
    """
    job = prepare(given)
    if given.run is not None and (Path(given.run) / DATABASE).is_file():
        with closing(open_run(given.run, create=False, read_only=True)) as store:
            changed_since_start(job.config, store, folder=given.run)
    of_tools = None if job.graph is None else warning(job.graph, {*job.options.tools, *job.options.harmless})
    return (*(note for note in job.warnings if note != of_tools), *forecast(job.config, job.rules))


def _plan(compiled: Any, modules: Sequence[Module], example: Example | None, options: RunnerOptions) -> DryRun:
    """What a rollout would do, as far as the graph and the options tell without running anything."""
    replaced(compiled, options.tools, options.tool_cache)
    models = models_of(compiled)
    fresh = {"checkpointer": True, "store": True, "cache": compiled.cache is not None}
    breakpoints = [*_nodes(compiled.interrupt_before_nodes), *_nodes(compiled.interrupt_after_nodes)]
    return DryRun(
        graph=compiled.get_name(),
        nodes=tuple(name for name in compiled.nodes if not name.startswith("__")),
        modules=tuple(module.name for module in modules if module.on),
        models=tuple(dict.fromkeys(name_of(model) for model in models)),
        unpriced=tuple(unpriced(models, options.prices)),
        tools=tuple(_tool_use(name, suspicion, options) for name, suspicion in suspicions(compiled).items()),
        isolated=tuple(name for name, is_fresh in fresh.items() if is_fresh),
        asks=tuple(f"breakpoint at {name}" for name in breakpoints),
        answered=options.on_interrupt is not None,
        timeout=options.timeout,
        example=example.id if example else None,
        inputs=example.inputs if example else None,
    )


def _tool_use(name: str, suspicion: str | None, options: RunnerOptions) -> ToolUse:
    recorded = options.tool_cache.tools if options.tool_cache else frozenset()
    runs: Runs = "stand-in" if name in options.tools else "recorded" if name in recorded else "real"
    return ToolUse(name, runs, None if name in options.harmless else suspicion)


def _nodes(named: Any) -> list[str]:
    return ["every node"] if named == "*" else list(named)


def _line(tool: ToolUse) -> str:
    harm = tool.suspicion and tool.runs == "real"
    return f"{tool.name}: {tool.runs}" + (f"  (it may change something outside: it {tool.suspicion})" if harm else "")


def _outcome(rollout: Rollout) -> list[str]:
    cost = f"{plural(rollout.usage.tokens, 'token')}, {money(rollout.usage.dollars)}"
    result = f"error     {rollout.error}" if rollout.error else f"output    {_brief(rollout.outputs)}"
    comment = f": {_brief(rollout.feedback.comment)}" if rollout.feedback.comment else ""
    return [
        f"took      {duration(rollout.seconds)}, {cost}",
        *(f"call      {_call(call)}" for call in rollout.calls),
        result,
        f"score     {score(rollout.score)}{comment}",
    ]


def _call(call: Call) -> str:
    where = f"{call.kind} {call.name} in {call.node}" if call.node else f"{call.kind} {call.name}"
    if call.kind != "model":
        return f"{where}: {_brief(call.inputs)}"
    return f"{where}, {plural(call.usage.tokens, 'token')}, with {', '.join(call.modules) or 'none of the prompts'}"


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"
