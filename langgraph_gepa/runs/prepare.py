"""Prepares a run: checks the arguments of `optimize`, makes its `RunConfig` and its `Job`. Nothing is paid for here."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from langgraph_gepa.adapter.discovery.chat_models import unpriced
from langgraph_gepa.adapter.discovery.outline import Outline
from langgraph_gepa.adapter.loading import load_options, load_proposer
from langgraph_gepa.adapter.observed import sightings
from langgraph_gepa.adapter.proposer import FunctionProposer
from langgraph_gepa.adapter.reflection_model import ChatReflection
from langgraph_gepa.adapter.rollout.fingerprint import code_of
from langgraph_gepa.adapter.rollout.inputs import dropped_inputs
from langgraph_gepa.adapter.rollout.metric import name_of
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.redaction import masking, secrets_of
from langgraph_gepa.adapter.simulation import is_simulated
from langgraph_gepa.core import leakage
from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.example import digest
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.objectives import goals_in, in_words
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.optimizer import Examples
from langgraph_gepa.errors import ModelError, UsageError
from langgraph_gepa.reflection.directions import Directions
from langgraph_gepa.reflection.instructions import PROMPT
from langgraph_gepa.report.words import plural
from langgraph_gepa.runs.apply import without_applied
from langgraph_gepa.runs.arguments import (
    EXPERIMENTS,
    Arguments,
    at_least_one,
    default_in_flight,
    kinds_of,
    objectives_of,
    one_of,
    require_objects,
    require_plain_types,
    rules_of,
    trackers_of,
)
from langgraph_gepa.runs.checkout import Checkout
from langgraph_gepa.runs.config import DEMO, RunConfig, Spec
from langgraph_gepa.runs.example_files import FEWEST_TO_SPLIT
from langgraph_gepa.runs.examples import sets_of
from langgraph_gepa.runs.job import Job
from langgraph_gepa.runs.module_choice import choice_of, require_chosen
from langgraph_gepa.runs.module_directions import directions_of
from langgraph_gepa.runs.new_folder import graph_name
from langgraph_gepa.runs.notices import require_affordable
from langgraph_gepa.runs.publish import require_known_examples
from langgraph_gepa.runs.saved_run import modules_in
from langgraph_gepa.runs.subject import AnyEvaluator, Subject, evaluator_of, subject_of
from langgraph_gepa.runs.warm_start import places_of, warm_start
from langgraph_gepa.search.rules import Rules
from langgraph_gepa.server.description import versions
from langgraph_gepa.server.workers import on_server
from langgraph_gepa.trackers.tracking import tracker_called


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What the arguments name, loaded and checked: the graph or its servers, its `modules`, examples and rules.

    `sources` are the LangSmith addresses of sets, and `notes` are sentences for the user about all of this.
    """

    subject: Subject
    modules: tuple[Module, ...]
    options: RunnerOptions
    rules: Rules
    examples: Examples
    directions: dict[str, Directions]
    proposer: Any
    sources: dict[str, str]
    notes: tuple[str, ...]


def prepare(given: Arguments) -> Job:
    """Makes a job of the arguments. Raises `UsageError`, with the fix, for whatever is wrong with them."""
    inputs = _load(given)
    options, rules, subject = inputs.options, inputs.rules, inputs.subject
    proposer = None if inputs.proposer is None else FunctionProposer(inputs.proposer, prices=options.prices)
    model = ChatReflection(_no_model if proposer else given.reflection_lm, prices=options.prices)
    critic = None
    if given.critic_lm is not None:
        critic = ChatReflection(given.critic_lm, prices=options.prices, role="critic")
    answerers = tuple(one.answerer for one in (None if proposer else model, critic) if one is not None)
    mask = model.mask = masking(secrets_of((*subject.models, *answerers)), options.mask)
    if proposer is not None:
        proposer.mask = mask
    if critic is not None:
        critic.mask = mask
    evaluator = evaluator_of(
        subject,
        given.metric,
        [module.name for module in inputs.modules if module.on],
        options,
        mask,
        frozen={name: one.frozen for name, one in inputs.directions.items() if one.frozen},
    )
    simulated = subject.about.simulated or any(map(is_simulated, answerers))
    start = warm_start(given.start, given.run, evaluator, inputs.modules)
    config = replace(_config(given, inputs, evaluator), simulated=simulated)
    config = replace(config, start=start.texts, started_from=start.sources)
    config = without_applied(config, None if given.run is None else Path(given.run))
    evaluator.fingerprint = config.fingerprint
    unknown_prices = tuple(dict.fromkeys((*subject.about.unpriced, *unpriced(answerers, options.prices))))
    require_affordable(config, rules, unknown_prices)
    if config.experiments != "none":
        require_known_examples(config.examples)
    return Job(
        graph=subject.graph,
        evaluator=evaluator,
        model=model,
        proposer=proposer,
        critic=critic,
        config=config,
        rules=rules,
        options=options,
        mask=mask,
        observers=given.observers,
        trackers={name: tracker_called(name) for name in config.track},
        progress=given.progress,
        warnings=tuple(_warnings(given, inputs, config)),
        start=start,
        observed=lambda rollouts: _observed(rollouts, inputs, config),
        named=given.run is not None,
    )


def _observed(rollouts: Sequence[Rollout], inputs: _Inputs, config: RunConfig) -> Iterator[str]:
    """Warnings that follow from the rollouts of the graph as it is, where the graph is at hand."""
    if inputs.subject.survey is not None:
        yield from sightings.warnings(rollouts, inputs.examples.pareto, inputs.subject.survey, config.modules)


def _load(given: Arguments) -> _Inputs:
    if not isinstance(given.budget, Budget):
        raise UsageError(f"The budget is {given.budget!r}; give limits by name, such as Budget(rollouts=500).")
    require_plain_types(given)
    require_objects(given)
    _require_one_source(given)
    options, kinds = load_options(given.options), kinds_of(given.kinds)
    known = [module for at in (given.run, *places_of(given.start)) for module in modules_in(at, only_own=True)]
    subject = subject_of(given.graph, given.workers, options, known)
    proposer = load_proposer(given.proposer)
    modules, of_libraries = choice_of(given.modules, given.library).to_optimise(subject.about.modules, kinds)
    require_chosen(modules, kinds)
    rules = rules_of(given.search, given.repeats, given.perfect, given.failure_score, given.records)
    if given.critic_lm is not None and rules.asks is None:
        raise UsageError(
            "This search asks no critic (search='gepa' is the paper's algorithm, which has none): leave critic_lm "
            "(--critic-lm) out, or search with 'racing'."
        )
    objectives = objectives_of(given.objectives)
    rules = replace(rules, goals=goals_in(objectives)) if objectives else rules
    if "dollars" in objectives and subject.about.unpriced:
        raise UsageError(
            f"What a rollout costs is not known: the price of {' and '.join(subject.about.unpriced)} is unknown. Give "
            'RunnerOptions(prices={"<model>": (0.25, 2.0)}), dollars for a million input and output tokens, or take '
            "the objective tokens in place of dollars."
        )
    directions = directions_of(
        modules,
        kinds,
        reflection_prompt=given.reflection_prompt,
        notes=given.notes if proposer is None else {},
        frozen=given.frozen,
        objective=given.objective,
        goals=in_words(rules.goals) if proposer is None else "",
    )
    highest = 1.0 if rules.perfect is None else rules.perfect
    if given.budget.target is not None and given.budget.target > highest:
        raise UsageError(
            f"The target {given.budget.target:g} is above {highest:g}, the score of a perfect answer, and "
            "can never be reached. Lower the target, or say what a perfect answer scores (perfect=..., --perfect)."
        )
    notes = [of_libraries] if of_libraries else []
    examples, sources = sets_of(
        given.trainset, given.valset, given.testset, seed=given.seed, run=given.run, notify=notes.append
    )
    if dropped := dropped_inputs(subject.about.inputs, (*examples.feedback, *examples.pareto, *examples.test)):
        notes.append(dropped)
    return _Inputs(subject, modules, options, rules, examples, directions, proposer, sources, tuple(notes))


def _require_one_source(given: Arguments) -> None:
    """Raises `UsageError` unless exactly one thing proposes new texts, and its options suit it."""
    if given.proposer is None and given.reflection_lm is None:
        raise UsageError(
            "Nothing proposes new texts: give reflection_lm='provider:model' (--reflection-lm), such as "
            "'openai:gpt-5', or a proposer of your own (--proposer)."
        )
    if given.proposer is None:
        return
    for name in ("reflection_lm", "reflection_prompt", "notes"):
        if getattr(given, name):
            raise UsageError(f"{name} is for a reflection model, and with a proposer there is none: leave one out.")


def _no_model(_: str) -> str:
    raise ModelError("This run has a proposer in place of a reflection model.")


def _config(given: Arguments, inputs: _Inputs, evaluator: AnyEvaluator) -> RunConfig:
    rules, examples, in_flight = inputs.rules, inputs.examples, given.in_flight
    directions, objectives, parts = inputs.directions, objectives_of(given.objectives), dict(evaluator.parts)
    if objectives:
        parts["the objectives"] = digest(objectives)
    if in_flight is None:
        in_flight = default_in_flight(given.concurrency, given.budget, len(examples.pareto), rules)
    return RunConfig(
        found=inputs.modules,
        modules=tuple(module.name for module in evaluator.modules),
        examples=examples,
        fingerprint=digest(parts) if objectives else evaluator.fingerprint,
        parts=parts,
        metric=inputs.subject.about.metric if given.metric is None else name_of(given.metric),
        reflection_model=_model_name(given.reflection_lm if inputs.proposer is None else given.proposer),
        proposer="" if inputs.proposer is None else digest(code_of(inputs.proposer)),
        critic_model="" if given.critic_lm is None else _model_name(given.critic_lm),
        demo=DEMO in (getattr(given.reflection_lm, "tags", None) or ()),
        search=given.search if isinstance(given.search, str) else "rules of your own",
        repeats="auto" if rules.decides_repeats else rules.repeats,
        records=given.records,
        perfect=None if given.perfect is None else rules.perfect,
        objectives=objectives,
        failure_score=None if given.failure_score is None else rules.failure_score,
        seed=given.seed,
        in_flight=at_least_one("in_flight", in_flight),
        concurrency=at_least_one("concurrency", given.concurrency),
        budget=given.budget,
        graph=_named(inputs, given.graph),
        objective=given.objective,
        reflection_prompt={name: one.template for name, one in directions.items() if one.template != PROMPT},
        notes={name: one.notes for name, one in directions.items() if one.notes},
        frozen={name: one.frozen for name, one in directions.items() if one.frozen},
        reflection_tokens=at_least_one("reflection_tokens", given.reflection_tokens),
        spec=_spec(given, inputs.options),
        began=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        versions={"python": platform.python_version(), **{name: one for name, one in versions().items() if one}},
        loads=given.graph if isinstance(given.graph, str) and not on_server(given.graph) else "",
        workers=() if inputs.subject.workers is None else inputs.subject.workers.urls,
        track=trackers_of(given.track),
        own_project=given.own_project,
        experiments=one_of("experiments", given.experiments, EXPERIMENTS),
        sources=inputs.sources,
        checkout=Checkout.here(inputs.modules),
        leakage=leakage.leakage(examples.by_subset),
    )


def _named(inputs: _Inputs, graph: Any) -> Outline:
    outline = inputs.subject.about.outline
    files = (module.file for module in sorted(inputs.modules, key=lambda module: not module.on))
    return {**outline, "name": graph_name(outline["name"], graph, files)}


def _warnings(given: Arguments, inputs: _Inputs, config: RunConfig) -> Iterator[str]:
    """Warnings for the user before anything runs."""
    sets = inputs.examples.by_subset
    yield from inputs.notes
    yield from filter(None, (inputs.subject.about.warning, inputs.subject.opaque, inputs.subject.unwatched))
    if given.valset is None and sets["feedback"] == sets["pareto"]:
        yield (
            f"{plural(len(sets['pareto']), 'example')} cannot be halved into training and validation examples: "
            f"give {FEWEST_TO_SPLIT} or more different ones, or validation examples (valset=, --val)."
        )
    if config.leakage is not None:
        yield from leakage.warnings(config.leakage, {name: len(examples) for name, examples in sets.items()})


def _spec(given: Arguments, options: RunnerOptions) -> Spec:
    """Returns the names by which `resume` loads everything; empty if anything but the sets was an object."""
    source = "reflection_lm" if given.proposer is None else "proposer"
    names = {name: getattr(given, name) for name in ("graph", "metric", source, "search")}
    if given.critic_lm is not None:
        names["critic_lm"] = given.critic_lm
    if isinstance(given.options, str):
        names["options"] = given.options
    if not isinstance(given.graph, str) or on_server(given.graph):
        return {}
    plain = "options" in names or options == RunnerOptions(timeout=options.timeout)
    if not plain or not all(isinstance(value, str) for value in names.values()):
        return {}
    sets = {"training": given.trainset, "validation": given.valset, "test": given.testset}
    named: dict[str, str | None] = {
        name: str(source) for name, source in sets.items() if isinstance(source, str | Path)
    }
    if sets["validation"] is None and "training" in named:
        named["validation"] = None
    timeout = {} if "options" in names else {"timeout": options.timeout}
    return cast("Spec", {**names, "sets": named, **timeout})


def _model_name(model: Any) -> str:
    if isinstance(model, str):
        return model
    names = (getattr(model, attribute, None) for attribute in ("__name__", "model_name", "model"))
    return next((name for name in names if isinstance(name, str)), type(model).__name__)
