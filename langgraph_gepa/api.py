"""The calls of the package: each takes the native object and does the whole job."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from langgraph_gepa.adapter.discovery.chat_models import models_of, unpriced
from langgraph_gepa.adapter.discovery.outline import outline_of
from langgraph_gepa.adapter.discovery.recall import recall
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.isolation.process_state import undisturbed
from langgraph_gepa.adapter.loading import load_graph, load_metric, load_options
from langgraph_gepa.adapter.observed.sightings import warnings
from langgraph_gepa.adapter.reflection_model import ChatReflection
from langgraph_gepa.adapter.rollout.evaluator import GraphEvaluator
from langgraph_gepa.adapter.rollout.inputs import dropped_inputs
from langgraph_gepa.adapter.rollout.metric import name_of
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.redaction import Mask, explained, masking, secrets_of
from langgraph_gepa.adapter.rollout.rehearsal import rehearse
from langgraph_gepa.adapter.simulation import is_simulated
from langgraph_gepa.adapter.tools.stand_ins import warning
from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.leakage import inputs_key, leakage
from langgraph_gepa.core.leakage import warnings as leak_warnings
from langgraph_gepa.core.module import Kind, Module
from langgraph_gepa.engine.optimizer import Examples
from langgraph_gepa.engine.ports import Observer
from langgraph_gepa.engine.proposing import TOKENS
from langgraph_gepa.errors import PlaceholderError, UsageError
from langgraph_gepa.langsmith.address import is_address
from langgraph_gepa.report.screen import note
from langgraph_gepa.report.words import plural
from langgraph_gepa.runs import session
from langgraph_gepa.runs.admission import admit
from langgraph_gepa.runs.applied import continued
from langgraph_gepa.runs.checkout import Checkout
from langgraph_gepa.runs.config import DEMO, Asked, Spec
from langgraph_gepa.runs.evaluate import Evaluation, measure, prompts_of, searched_with
from langgraph_gepa.runs.example_files import FEWEST_TO_SPLIT
from langgraph_gepa.runs.examples import examples_of, sets_of
from langgraph_gepa.runs.job import Job
from langgraph_gepa.runs.module_choice import choice_of
from langgraph_gepa.runs.outputs import Outputs
from langgraph_gepa.runs.result import Result
from langgraph_gepa.runs.run import SavedRun, found_in
from langgraph_gepa.runs.strings import at_least_one, chosen, default_in_flight, kinds_of, rules_of, with_limits
from langgraph_gepa.search.rules import Rules

_LOG = logging.getLogger(__name__)

DEFAULT_BUDGET = Budget(rollouts=500)
NAMELESS = "LangGraph"
"""The name LangGraph gives a compiled graph that was given none."""
ANY_GRAPH = ("graph", "agent", "app", "workflow")
"""Names of attributes that say nothing of a graph."""
KINDS: tuple[Kind, ...] = ("prompt", "tool", "schema")


@undisturbed()
def discover(
    graph: Any,
    examples: Any = None,
    *,
    kinds: Collection[str] = ("prompt", "tool"),
    modules: Sequence[str] | str | None = None,
    library: bool = False,
    options: RunnerOptions | None = None,
) -> list[Module]:
    """Every module of `graph`, in the order of the graph, with where it lives and how sure we are.

    `graph` is a compiled graph, a `StateGraph`, or the words for one: `path/to/file.py:attribute`,
    `package.module:attribute`, or a name in `./langgraph.json`. With `examples`, given as to `optimize`,
    the graph is run on them as rollouts are (its models are called): modules whose text reached a model
    are `seen`, and texts that reached one from elsewhere, such as a file that is read on every run, are
    modules too, for `bind` and `optimize` in this process as well. Two examples or more tell what of such
    a text stays the same. A tool that fails is warned of, and the rest is watched. `modules` and `library` choose as
    for `optimize`: what that would optimise is `on`.
    Modules of the project that the graph's functions import when they run are imported for that, libraries are not.
    Raises `GraphError`.
    """
    choice = choice_of(modules, library)
    loaded = load_graph(graph)
    if examples is not None:
        watched = examples_of(examples, "examples")
        dropped_inputs(loaded, watched)
        with explained("The examples could not be run", _mask(loaded, options := options or RunnerOptions())):
            session.run(lambda _: rehearse(loaded, watched, options))
    found = choice.applied(survey(loaded, kinds=KINDS).modules, ("prompt",))
    return [module for module in found if module.kind in kinds_of(kinds)]


@undisturbed()
def optimize(
    graph: Any,
    trainset: Any,
    valset: Any = None,
    *,
    metric: Any,
    reflection_lm: Any,
    testset: Any = None,
    budget: Budget = DEFAULT_BUDGET,
    run: Path | str | None = None,
    search: str | Rules = "racing",
    repeats: int | None = None,
    perfect: float | None = None,
    kinds: Collection[str] = ("prompt",),
    modules: Sequence[str] | str | None = None,
    library: bool = False,
    objective: str = "",
    reflection_tokens: int = TOKENS,
    seed: int = 0,
    concurrency: int = 16,
    in_flight: int | None = None,
    options: RunnerOptions | str | None = None,
    observers: Sequence[Observer] = (),
    progress: bool = True,
) -> Result:
    """Evolves the prompts of `graph` and returns the run with its best candidate.

    - `graph`: as for `discover`.
    - `trainset`, `valset`, `testset`: lists of `{"inputs", "outputs", "metadata"}`, LangSmith
      examples, a JSONL file, or `langsmith:NAME` (see `examples.examples_of`). The training examples
      are the paper's feedback set, the validation examples its pareto set; without `valset` the
      training examples are halved. Test examples are run on the first and the best graph only, on top
      of the budget. A run goes on with the examples it was started with: LangSmith is asked once.
    - `metric`: a function of any of `inputs`, `outputs`, `reference_outputs`, `run`, `example`,
      `rollout`, or an existing LangSmith or openevals evaluator; it may say in words what
      went wrong, for the whole rollout or by module (`Feedback`). A list scores as its mean.
    - `perfect`: the score of an answer with nothing left to improve. Without it scores go from 0 to 1, and the
      first one that does not stops the run, before more is paid.
    - `reflection_lm`: `"provider:model"`, a LangChain chat model, or a function from prompt to reply
      (a new text stands in one fenced block, as the prompt asks).
    - `run`: the run's folder, `runs/<graph>-<time>` by default. A run found there is resumed if
      it was asked the same; its budget may differ.
    - `search`: `"racing"` validates new prompts on 6 examples first and goes on only while it is open whether
      they are the best, `"gepa"` is the paper's algorithm decision by decision; or `Rules` of your own.
    - `repeats`: rollouts of the same prompts on the same example, of which the mean counts; 1 by default. More
      pay where the graph or the metric is noisy and rollouts are many times the examples.
    - `modules`: names as `discover` lists them and patterns (`"writer*"`, `"tool:*"`, `"*"`), to optimise these
      only; after `!` they take away (`"!critic"`). By default what `[tool.langgraph-gepa]` in `pyproject.toml`
      says (`only`, `except`, `all`, `library`), else every prompt that is known to reach a model.
    - `library`: also prompts that are written in installed packages.
    - `concurrency`: rollouts at once; `in_flight`: iterations under way at once, by default half
      of it between 2 and 8, fewer for a small budget. With 1 candidates depend on `seed` and replies alone.
    - `reflection_tokens`: the most a reflection prompt holds; what the records say is shortened to it, and further
      where the model does not take the prompt.
    - `options`: how rollouts are run, or `path/to/file.py:options`.

    Raises `UsageError` (with the fix) before anything is paid for where that can be known,
    `Interrupted` when the world kept failing, `KeyboardInterrupt` after Ctrl-C; what was paid
    for is kept, and the same call with the same `run` goes on.
    """
    if not isinstance(budget, Budget):
        raise UsageError(f"The budget is {budget!r}; give limits by name, such as Budget(rollouts=500).")
    named = {"graph": graph, "metric": metric, "reflection_lm": reflection_lm, "search": search}
    named |= {"options": options} if isinstance(options, str) else {}
    options = load_options(options)
    compiled = load_graph(graph)
    recall(compiled, found_in(run, only_own=True))
    found = survey(compiled, kinds=KINDS)
    known, libraries = choice_of(modules, library).to_optimise(found.modules, kinds_of(kinds))
    picked, rules = chosen(known, kinds_of(kinds)), rules_of(search, repeats, perfect)
    notes = [libraries] if libraries else []
    examples, sources = sets_of(trainset, valset, testset, seed=seed, run=run, say=notes.append)
    sets = {"feedback": examples.feedback, "pareto": examples.pareto, "test": examples.test}
    leaks = leakage(sets)
    dropped = dropped_inputs(compiled, (*examples.feedback, *examples.pareto, *examples.test))
    model = ChatReflection(reflection_lm, prices=options.prices)
    models = (*models_of(compiled), model.answerer)
    if in_flight is None:
        in_flight = default_in_flight(concurrency, budget, len(examples.pareto), rules)
    mask = model.mask = masking(secrets_of(models), options.mask)
    evaluator = GraphEvaluator(
        found,
        load_metric(metric),
        modules=[m.name for m in picked],
        options=options,
        mask=mask,
        unit_scale=perfect is None and rules.perfect == 1.0,
    )
    asked = Asked(
        found=known,
        modules=tuple(module.name for module in picked),
        examples=examples,
        fingerprint=evaluator.fingerprint,
        parts=evaluator.parts,
        metric=name_of(metric),
        reflection_model=_called(reflection_lm),
        simulated=any(map(is_simulated, models)),
        demo=DEMO in (getattr(reflection_lm, "tags", None) or ()),
        search=search if isinstance(search, str) else "rules of your own",
        repeats=rules.repeats,
        perfect=None if perfect is None else rules.perfect,
        seed=seed,
        in_flight=at_least_one("in_flight", in_flight),
        concurrency=at_least_one("concurrency", concurrency),
        budget=budget,
        graph=outline_of(compiled),
        objective=objective,
        reflection_tokens=at_least_one("reflection_tokens", reflection_tokens),
        spec=_spec(named, options, {"training": trainset, "validation": valset, "test": testset}),
        loads=graph if isinstance(graph, str) else "",
        sources=sources,
        checkout=Checkout.of(found.modules),
        leakage=leaks,
    )
    asked = continued(asked, None if run is None else Path(run))
    evaluator.fingerprint = asked.fingerprint
    job = Job(
        graph=compiled,
        evaluator=evaluator,
        model=model,
        asked=asked,
        rules=rules,
        observers=observers,
        progress=progress,
        unpriced=unpriced(models, options.prices),
        warnings=tuple(
            filter(
                None,
                [
                    *notes,
                    warning(compiled, {*options.tools, *options.harmless}),
                    dropped,
                    _both(valset, examples),
                    *leak_warnings(leaks, {name: len(given) for name, given in sets.items()}),
                ],
            )
        ),
        watch=lambda rollouts: warnings(rollouts, examples.pareto, found, asked.modules),
        without_effect=evaluator.without_effect,
        trial=model.trial,
        mask=mask,
        mask_examples=options.mask,
        is_world_failure=options.is_world_failure,
        named=run is not None,
    )
    return job.carry_out(Path(run) if run is not None else _new_folder(asked.graph["name"], graph))


def search_outputs(graph: Any, tasks: Any, *, metric: Any, reflection_lm: Any, **how: Any) -> Outputs:
    """The best output found for each of `tasks`, with its score: GEPA at inference time, as for kernels and code.

    Where the tasks themselves are to be solved, the prompts are but the means, and a prompt that is right for
    one task only is welcome. It is `optimize` with the tasks as both training and validation examples, and `how`
    is whatever else that takes but `valset` and `testset`. Every rollout counts, whether or not its prompts were
    accepted; the run is `result` of what is returned, and the same call with the same `run` goes on.

    A task whose score reaches 1 is solved and not reflected on again: let the metric give less while there is
    room. The best of many rollouts flatters a metric with noise in it.
    """
    if surplus := {"trainset", "valset", "testset"} & how.keys():
        raise UsageError(f"search_outputs takes no {' or '.join(sorted(surplus))}: the tasks are all it scores.")
    examples = tasks if is_address(tasks) else examples_of(tasks, "tasks")
    return optimize(graph, examples, examples, metric=metric, reflection_lm=reflection_lm, testset=None, **how).outputs


def resume(run: Path | str, limits: Budget | None = None, *, trust: bool = False, progress: bool = True) -> Result:
    """Goes on with the run in folder `run`, which the command line (or names in place of objects) started.

    One that is finished says so, and goes on only with a larger limit. What `apply` wrote of the run does not make its
    graph another one. A limit that `limits` gives replaces the run's. The code that the run names is loaded, and said
    before; of a run that somebody else started only with `trust`, and from the project of the working directory alone.
    Raises `UsageError` for a run that was started with objects, or with examples of which a mask hid something: those
    only the program that made them can give again.
    """
    asked = (saved := SavedRun.open(run)).asked
    if "graph" not in asked.spec:
        raise UsageError(
            f"The run in {run} was started from Python with objects or functions. "
            f"Call `optimize(..., run={str(run)!r})` with the same arguments again: it goes on where it stopped."
        )
    sets = saved.sets
    admit(saved, trust=trust, say=note if progress else _LOG.info)
    return optimize(
        asked.spec["graph"],
        sets["training"],
        sets["validation"],
        testset=sets["test"],
        metric=asked.spec["metric"],
        reflection_lm=asked.spec["reflection_lm"],
        budget=with_limits(asked.budget, limits or Budget()),
        run=run,
        search=asked.search,
        repeats=asked.repeats,
        perfect=asked.perfect,
        modules=asked.modules,
        objective=asked.objective,
        reflection_tokens=asked.reflection_tokens,
        seed=asked.seed,
        concurrency=asked.concurrency,
        in_flight=asked.in_flight,
        options=asked.spec["options"] if "options" in asked.spec else RunnerOptions(timeout=asked.spec["timeout"]),
        progress=progress,
    )


@undisturbed()
def evaluate(
    graph: Any,
    data: Any,
    *,
    metric: Any,
    prompts: Mapping[str, str] | Path | str | None = None,
    modules: Sequence[str] | str | None = None,
    library: bool = False,
    concurrency: int = 16,
    options: RunnerOptions | str | None = None,
) -> Evaluation:
    """Scores `graph` on `data`, and where `prompts` are given (texts by module name, a run's
    folder, a prompts.json) with those beside it. `modules` and `library` keep only those of the prompts that
    `optimize` would work on with the same. Raises as `optimize` does; nothing is kept."""
    compiled, examples, options = load_graph(graph), examples_of(data, "data"), load_options(options)
    dropped_inputs(compiled, examples)
    recall(compiled, found_in(prompts))
    found, mask = survey(compiled, kinds=KINDS), _mask(compiled, options)
    texts = None if prompts is None else prompts_of(prompts)
    if texts is not None and (modules is not None or library):
        others = {m.name for m in choice_of(modules, library).applied(found.modules, KINDS) if not m.on}
        texts = {name: text for name, text in texts.items() if name not in others}
    evaluator = GraphEvaluator(found, load_metric(metric), modules=list(texts or ()), options=options, mask=mask)
    for name, text in (texts or {}).items():
        if broken := evaluator.check(name, text):
            raise PlaceholderError(f"The text for {name} cannot be used: {broken}")
    with explained("The examples could not all be run, and nothing of it is kept", mask):
        measured = measure(evaluator, examples, texts, at_least_one("concurrency", concurrency))
    searched = searched_with(prompts)
    return replace(
        measured,
        repeated=leakage({"test": examples}).repeated["test"],
        learned=sum(inputs_key(example) in searched for example in examples),
    )


def _mask(graph: Any, options: RunnerOptions) -> Mask:
    return masking(secrets_of(models_of(graph)), options.mask)


def _spec(names: Mapping[str, Any], options: RunnerOptions, sets: Mapping[str, Any]) -> Spec:
    """How things were named, for `resume`; empty when any of them but the sets was an object or a function."""
    plain = "options" in names or options == RunnerOptions(timeout=options.timeout)
    if not plain or not all(isinstance(value, str) for value in names.values()):
        return {}
    named: dict[str, str | None] = {name: str(given) for name, given in sets.items() if isinstance(given, str | Path)}
    if sets["validation"] is None and "training" in named:
        named["validation"] = None
    timeout = {} if "options" in names else {"timeout": options.timeout}
    return cast("Spec", {**names, "sets": named, **timeout})


def _called(thing: Any) -> str:
    """A name for the record of a model."""
    if isinstance(thing, str):
        return thing
    for name in ("__name__", "model_name", "model"):
        if isinstance(found := getattr(thing, name, None), str):
            return found
    return type(thing).__name__


def _both(valset: Any, examples: Examples) -> str | None:
    """What is to be known of examples that were too few to halve."""
    if valset is not None or examples.feedback != examples.pareto:
        return None
    return (
        f"{plural(len(examples.pareto), 'example')} cannot be halved into training and validation examples: "
        f"give {FEWEST_TO_SPLIT} or more different ones, or a valset."
    )


def _new_folder(name: str, graph: Any) -> Path:
    """A run's folder under `runs`, named after the graph and the time; a graph without a name after where it is."""
    if name == NAMELESS and isinstance(graph, str):
        where, _, attribute = graph.rpartition(":")
        file = re.split(r"[./\\]", where.removesuffix(".py"))[-1]
        name = file or attribute if attribute in ANY_GRAPH else attribute
    slug = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "graph"
    return Path("runs") / f"{slug}-{datetime.now():%Y%m%d-%H%M%S}"
