"""The functions of the package: `discover`, `optimize`, `search_outputs`, `resume` and `evaluate`."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from langgraph_gepa.adapter.discovery.chat_models import models_of
from langgraph_gepa.adapter.discovery.remote_graphs import remote_graphs_in
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.isolation.process_state import undisturbed
from langgraph_gepa.adapter.loading import load_graph, load_options
from langgraph_gepa.adapter.rollout.inputs import dropped_inputs, taken_inputs
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.redaction import Mask, explained, masking, secrets_of
from langgraph_gepa.adapter.rollout.rehearsal import rehearse
from langgraph_gepa.adapter.tools.stand_ins import warning
from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.leakage import inputs_key, leakage
from langgraph_gepa.core.module import KINDS, Module
from langgraph_gepa.engine.ports import Observer
from langgraph_gepa.errors import PlaceholderError, UsageError
from langgraph_gepa.langsmith.address import is_address
from langgraph_gepa.reflection.prompt import TOKENS
from langgraph_gepa.report.module_list import ModuleList
from langgraph_gepa.report.screen import note
from langgraph_gepa.runs import event_loop
from langgraph_gepa.runs.arguments import Arguments, at_least_one, kinds_of, require_own_project, with_limits
from langgraph_gepa.runs.evaluate import Evaluation, measure, searched_with
from langgraph_gepa.runs.examples import examples_of
from langgraph_gepa.runs.module_choice import Choice, choice_of
from langgraph_gepa.runs.new_folder import new_folder
from langgraph_gepa.runs.prepare import prepare
from langgraph_gepa.runs.prompts import prompts_of
from langgraph_gepa.runs.result import Outputs, Result
from langgraph_gepa.runs.saved_run import SavedRun, modules_in
from langgraph_gepa.runs.subject import evaluator_of, subject_of
from langgraph_gepa.runs.traced import traced
from langgraph_gepa.runs.trust import allow_resume
from langgraph_gepa.search.rules import Rules
from langgraph_gepa.server.workers import on_server
from langgraph_gepa.ui.page_server import served

_LOG = logging.getLogger(__name__)

Start = Result | SavedRun | Mapping[str, str] | Path | str

DEFAULT_BUDGET = Budget(rollouts=500)


@undisturbed()
def discover(
    graph: Any,
    examples: Any = None,
    *,
    kinds: Collection[str] | None = None,
    modules: Sequence[str] | str | None = None,
    library: bool = False,
    options: RunnerOptions | str | None = None,
) -> ModuleList:
    """Lists every module of `graph`, in the order of the graph, with where it is written and how certain that is.

    - `graph`: a compiled graph, a `StateGraph`, or the name of one: `path/to/file.py:attribute`,
      `package.module:attribute`, or a name in `./langgraph.json`; the address of a LangGraph Server that serves its
      rollouts (see `serve`), or a `RemoteGraph` there.
    - `examples`: given as to `optimize`. The graph is run on them as rollouts are, which calls its models. Modules
      whose text reached a model are `seen`. Texts that reached one from elsewhere, such as a file that is read on every
      run, become modules too, also for `bind` and `optimize` in this process; it takes two examples or more to know
      which part of such a text stays the same. A tool that fails causes a warning, and the rest is watched.
    - `options`: how these examples are run, given as to `optimize`. A warning names the tools that may change something
      outside and really run.
    - `kinds`, `modules`, `library`: choose as for `optimize`; the modules that it would optimise are `on`. Only modules
      of these kinds are listed; without `kinds` the descriptions of tools are as well, which are off then.

    Python modules of the project that the graph's functions import when they run are imported for this, libraries are
    not. The list shows itself as a table, also in a notebook. Raises `GraphError`.
    """
    choice, options = choice_of(modules, library), load_options(options)
    if on_server(graph):
        subject = subject_of(graph, (), RunnerOptions())
        if examples is not None:
            raise UsageError("Examples are watched where the graph is at hand; leave them out for one on a server.")
        return ModuleList(_chosen(subject.about.modules, choice, kinds))
    loaded = load_graph(graph)
    if (elsewhere := remote_graphs_in(loaded)) is not None:
        _LOG.warning(elsewhere)
    if examples is not None:
        watched = examples_of(examples, "examples")
        dropped_inputs(taken_inputs(loaded), watched)
        if risky := warning(loaded, {*options.tools, *options.harmless}):
            _LOG.warning(risky)
        with explained("The examples could not be run", _mask(loaded, options)):
            event_loop.run(lambda _: rehearse(loaded, watched, options))
    found = survey(loaded, kinds=KINDS)
    if found.unwatched:
        _LOG.warning(found.unwatched)
    return ModuleList(_chosen(found.modules, choice, kinds), watched=examples is not None)


def _chosen(found: Sequence[Module], choice: Choice, kinds: Collection[str] | None) -> list[Module]:
    """Returns the modules to list, of which those are on that `optimize` takes in, with `kinds` or by default."""
    listed, taken = (("prompt", "tool"), ("prompt",)) if kinds is None else (kinds_of(kinds), kinds_of(kinds))
    return [module for module in choice.applied(found, taken) if module.kind in listed]


@undisturbed()
def optimize(
    graph: Any,
    trainset: Any,
    valset: Any = None,
    *,
    testset: Any = None,
    metric: Any = None,
    perfect: float | None = None,
    failure_score: float | None = None,
    objectives: Mapping[str, float | Literal["min", "max"]] | None = None,
    kinds: Collection[str] = ("prompt",),
    modules: Sequence[str] | str | None = None,
    library: bool = False,
    reflection_lm: Any = None,
    proposer: Any = None,
    critic_lm: Any = None,
    objective: str = "",
    notes: str | Mapping[str, str] | None = None,
    frozen: Mapping[str, str | Sequence[str]] | None = None,
    reflection_prompt: str | Path | Mapping[str, str | Path] | None = None,
    reflection_tokens: int = TOKENS,
    records: int | None = None,
    budget: Budget = DEFAULT_BUDGET,
    search: str | Rules = "racing",
    repeats: int | Literal["auto"] | None = None,
    start: Start | Sequence[Start] | None = None,
    seed: int = 0,
    in_flight: int | None = None,
    concurrency: int = 16,
    options: RunnerOptions | str | None = None,
    workers: Sequence[Any] = (),
    run: Path | str | None = None,
    track: Sequence[str] | str = (),
    observers: Sequence[Observer] = (),
    own_project: bool = True,
    experiments: Literal["none", "best", "all"] = "none",
    progress: bool = True,
    ui: bool = False,
) -> Result:
    """Evolves the prompts of `graph` and returns the run with its best candidate.

    What is optimised, and by which score:

    - `graph`: as for `discover`; `None` or the address of a server for a graph that only servers have.
    - `trainset`, `valset`, `testset`: lists of `{"inputs", "outputs", "metadata"}`, LangSmith examples, a JSONL or
      CSV file, or `langsmith:NAME` (see `examples_of`). The training examples are the paper's feedback set, the
      validation examples its pareto set; without `valset` the training examples are halved. Test examples are run with
      the first and the best candidate only, on top of the budget. A resumed run keeps the examples that it was started
      with, so LangSmith is read once.
    - `metric`: a function of any of `inputs`, `outputs`, `reference_outputs`, `run`, `example`, `rollout`, or an
      existing LangSmith or openevals evaluator. It may explain what went wrong, for the whole rollout or by module
      (`Feedback`). A list scores as its mean. It may be left out if the graph is only on servers: theirs is used.
    - `perfect`: the score of an answer with nothing left to improve, 1 by default. A higher score is a better one: a
      metric that counts costs returns `-cost`, with `perfect=0`. If scores leave 0 to 1 and `perfect` is not given,
      the highest score seen counts as perfect, and no search ends because its prompts are perfect.
    - `failure_score`: the score of a rollout that fails: 0 by default, or the lowest score seen if that is lower.
    - `objectives`: what counts beside the metric's score, by name: `{"score": 1, "dollars": "min"}`. A name is one of
      the metric's named scores (`Feedback.objectives`, or the keys of a list or a dict), `tokens`, `dollars` or
      `seconds` of a run of the graph, or `prompt_length`, the characters of the optimised texts. A number is a weight
      in the score, which is the weighted sum over the sum of the positive weights. `"min"` or `"max"` makes a separate
      goal: a new prompt is kept if its score is not lower and it comes closer to the goal. `Result.tradeoffs` lists the
      best of these.
    - `kinds`: the kinds of modules to optimise: `"prompt"`, `"tool"`, `"schema"`.
    - `modules`: only these modules, by the names that `discover` lists and by patterns (`"writer*"`, `"tool:*"`,
      `"*"`); `"!critic"` leaves one out. By default what `[tool.langgraph-gepa]` in `pyproject.toml` says (`only`,
      `except`, `all`, `library`), otherwise every prompt that is known to reach a model.
    - `library`: also prompts that are written in installed packages.

    How new texts come about (`docs/reflection.md`):

    - `reflection_lm`: `"provider:model"`, a LangChain chat model, or a function from prompt to reply (with the new text
      in one fenced block, as the prompt requests).
    - `proposer`: in place of `reflection_lm` a function of your own, sync or async, from a module, its text and
      `Record`s to a new text, or None for no change; or `path/to/file.py:function`.
    - `critic_lm`: a model or function as for `reflection_lm`, that judges how likely a new text helps before it is
      tried. It is trusted as far as its earlier judgements came true, and ignored if it is no better than chance. Its
      replies count in `Budget(reflections=)`. Only `search="racing"` has a critic, and by default there is none.
    - `objective`: what the graph is for, in your words, for the reflection model.
    - `notes`: instructions for the reflection model, such as `{"router": "Keep it under 400 characters."}`; `frozen`:
      parts of texts that every new text must keep, such as `{"writer*": ["Acme Ltd."]}`. By default what
      `[tool.langgraph-gepa]` says (`notes`, `frozen`).
    - `reflection_prompt`: a reflection prompt of your own, or a `Path` to one, for every module or by name and pattern:
      a template with at least the places `{text}`, `{records}` and `{reply}`.
    - `reflection_tokens`: the most tokens of a reflection prompt. Its records are shortened to fit, and further if the
      model rejects the prompt as too long.
    - `records`: how many records of rollouts a reflection reads, for `search="racing"`; 12 by default. More that do not
      fit `reflection_tokens` are read in groups of at most 12, with a call for each group to summarise it and one more
      call that reads the summaries.

    How the search goes:

    - `budget`: limits on what may be spent, and when to end earlier (see `Budget`).
    - `search`: `"racing"` validates new prompts on 6 examples first, and on more only while they may turn out to be the
      best; `"gepa"` is the paper's algorithm decision by decision; or `Rules` of your own.
    - `repeats`: rollouts of the same prompts on the same example, of which the mean counts. By default 1 for
      `search="gepa"` and `"auto"` for racing: prompts run again on examples only where that decides which are the best,
      and not when repeated rollouts turn out to score alike. The run says how noisy the scores were.
    - `start`: prompts to start with: an earlier run (its folder or result), of which the best candidate and at most 4
      others that survive are taken, a prompts.json, texts by module name, or a list of these. They enter the pool as
      children of the graph as it is; a module without a text keeps its own. Rollouts that an earlier run of your own
      paid for are carried over if example, graph, models, metric and options are the same. So a run gets other
      examples, and prompts that were tuned for one model are tuned for another.
    - `in_flight`: iterations at once, by default half of `concurrency` between 2 and 8, fewer for a small budget. With
      1 the candidates depend on `seed` and the replies alone.

    How rollouts are run:

    - `concurrency`: rollouts at once.
    - `options`: how each is run (see `RunnerOptions`), or `path/to/file.py:options`.
    - `workers`: addresses of LangGraph Servers, or clients of langgraph_sdk for them, that run the rollouts in place
      of this process. They must serve the same graph with the same metric and options (see `serve`).

    Where the run is kept, and who follows it:

    - `run`: the run's folder, `runs/<graph>-<time>` by default. A run found there is resumed if it has the same
      settings; its budget may differ.
    - `track`: trackers that follow the run, such as `["opentelemetry"]`; `docs/trackers.md` lists them. One that fails
      is reported once, and the run goes on. `observers` are called with each event, for a tracker of your own.
    - `own_project`: where LangSmith's tracing is on (`LANGSMITH_TRACING`), the traces of the run go to a project named
      after its folder, each rollout with the metadata `candidate`, `iteration`, `subset` and `example`; False leaves
      them in the project that you trace to. They are never part of a trace that the call is made in.
    - `experiments`: what is logged on the LangSmith data sets of the validation and test examples when the search ends,
      from rollouts that were paid for: the graph as it was and the best candidate (`"best"`) or every candidate
      (`"all"`), each as an experiment. A failure of that is reported; `Result.log_experiments` makes up for it.
    - `progress`: show progress and messages on standard error, in a notebook below the cell; otherwise messages are
      logged.
    - `ui`: serve the run as a live page to browsers on this machine while it is under way, as `langgraph-gepa ui` does;
      its address is printed.

    Raises `UsageError` (with the fix) before anything is paid for where that can be known, `Interrupted` when the world
    kept failing, `KeyboardInterrupt` after Ctrl-C. What was paid for is kept, and the same call with the same `run`
    goes on.
    """
    job = prepare(Arguments(**locals()))
    folder = Path(run) if run is not None else new_folder(job.config.graph["name"])
    try:
        with served(folder, patience=6.0) if ui else nullcontext() as server:
            if server is not None:
                note(f"Live page: {server.url}")
            return job.carry_out(folder)
    finally:
        if ui and folder.is_dir():
            note(f"The live page has ended; langgraph-gepa ui {shlex.quote(str(folder))} shows the run again.")


def search_outputs(graph: Any, tasks: Any, *, metric: Any, reflection_lm: Any = None, **how: Any) -> Outputs:
    """Searches for the best output of each of `tasks`: GEPA at inference time, as for kernels and code.

    This is for tasks that are to be solved themselves, where a prompt that is right for one task only is welcome. It is
    `optimize` with the tasks as both training and validation examples, and `how` is any other argument of it but
    `testset`. Every rollout counts, whether or not its prompts were accepted. The run is the `result` of what is
    returned, and the same call with the same `run` goes on.

    A task whose score reaches 1 is solved and not reflected on again: let the metric give less while there is room. The
    best of many rollouts flatters a metric with noise in it.
    """
    if surplus := {"trainset", "valset", "testset"} & how.keys():
        raise UsageError(f"search_outputs takes no {' or '.join(sorted(surplus))}: the tasks are all it scores.")
    examples = tasks if is_address(tasks) else examples_of(tasks, "tasks")
    return optimize(graph, examples, examples, metric=metric, reflection_lm=reflection_lm, testset=None, **how).outputs


def resume(
    run: Path | str,
    limits: Budget | None = None,
    *,
    workers: Sequence[Any] | None = None,
    track: Sequence[str] | str | None = None,
    experiments: Literal["none", "best", "all"] | None = None,
    trust: bool = False,
    progress: bool = True,
    ui: bool = False,
) -> Result:
    """Goes on with the run in folder `run`, if it was started on the command line or with names in place of objects.

    A limit in `limits` replaces the run's, `workers` the servers that run its rollouts (`[]`: this process), `track`
    its trackers (`[]`: none) and `experiments` those that are logged; a run that is finished goes on only with a larger
    limit. Texts that `apply` wrote into the source do not count as a change of the graph. The code that the run names
    is loaded, which is announced; for a run that somebody else started only with `trust`, and from the project of the
    working directory alone. Raises `UsageError` for a run that was started with objects, or with examples of which a
    mask hid something: only the program that made those can give them again.
    `ui` is as for `optimize`.
    """
    saved = SavedRun.open(run)
    config, spec = saved.config, saved.config.spec
    if "graph" not in spec and config.workers:
        raise UsageError(
            f"The graph or the metric of the run in {run} is on servers or was an object. Make the same call again, "
            f"`optimize(..., run={str(run)!r})` or `langgraph-gepa optimize ... --run {run}`: it goes on where it "
            "stopped."
        )
    if "graph" not in spec:
        raise UsageError(
            f"The run in {run} was started from Python with objects or functions. "
            f"Call `optimize(..., run={str(run)!r})` with the same arguments again: it goes on where it stopped."
        )
    sets = saved.sets
    allow_resume(saved, trust=trust, notify=note if progress else _LOG.info)
    return optimize(
        spec["graph"],
        sets["training"],
        sets["validation"],
        testset=sets["test"],
        metric=spec["metric"],
        reflection_lm=spec.get("reflection_lm"),
        proposer=spec.get("proposer"),
        critic_lm=spec.get("critic_lm"),
        options=spec["options"] if "options" in spec else RunnerOptions(timeout=spec["timeout"]),
        budget=with_limits(config.budget, limits or Budget()),
        workers=config.workers if workers is None else workers,
        track=config.track if track is None else track,
        experiments=config.experiments if experiments is None else experiments,  # type: ignore[arg-type]  # as saved
        run=run,
        progress=progress,
        ui=ui,
        **config.arguments,
    )


@undisturbed()
def evaluate(
    graph: Any,
    data: Any,
    *,
    metric: Any = None,
    prompts: Mapping[str, str] | Path | str | None = None,
    modules: Sequence[str] | str | None = None,
    library: bool = False,
    repeats: int = 1,
    concurrency: int = 16,
    options: RunnerOptions | str | None = None,
    workers: Sequence[Any] = (),
    own_project: bool = True,
) -> Evaluation:
    """Scores `graph` on the examples of `data`; with `prompts` also scores the graph with these.

    `prompts` are texts by module name, a run's folder or a prompts.json, of which `modules` and `library` choose as for
    `optimize`, and `workers` are servers as there. Each example is run `repeats` times, and its mean score counts.
    Where LangSmith's tracing is on, the traces go to a project of their own, or with `own_project=False` to yours.
    Raises as `optimize` does; nothing is kept.
    """
    at_least_one("concurrency", concurrency), at_least_one("repeats", repeats)
    require_own_project(own_project)
    options, examples = load_options(options), examples_of(data, "data")
    subject = subject_of(graph, workers, options, modules_in(prompts))
    dropped_inputs(subject.about.inputs, examples)
    if subject.about.warning:
        _LOG.warning(subject.about.warning)
    mask = masking(secrets_of(subject.models), options.mask)
    texts = None if prompts is None else prompts_of(prompts)
    if texts is not None and (modules is not None or library):
        others = {m.name for m in choice_of(modules, library).applied(subject.about.modules, KINDS) if not m.on}
        texts = {name: text for name, text in texts.items() if name not in others}
    evaluator = evaluator_of(subject, metric, list(texts or ()), options, mask)
    for name, text in (texts or {}).items():
        if broken := evaluator.check(name, text):
            raise PlaceholderError(f"The text for {name} cannot be used: {broken}")
    name = f"{subject.about.outline['name']}-evaluation-{datetime.now():%Y%m%d-%H%M%S}-{uuid4().hex[:4]}"
    with (
        explained("The examples could not all be run, and nothing of it is kept", mask),
        traced(name, {"data": examples}, {"data": data}, own_project=own_project, notify=note),
    ):
        measured = measure(evaluator, examples, texts, concurrency, repeats)
    searched = searched_with(prompts)
    return replace(
        measured,
        repeated=leakage({"test": examples}).repeated["test"],
        learned=sum(inputs_key(example) in searched for example in examples),
    )


def _mask(graph: Any, options: RunnerOptions) -> Mask:
    return masking(secrets_of(models_of(graph)), options.mask)
