"""`Result`: what `optimize` returns, that is a saved run together with its graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from langgraph_gepa.adapter.discovery.recall import recall
from langgraph_gepa.adapter.discovery.survey import bind
from langgraph_gepa.adapter.loading import load_graph
from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.objectives import direction_of
from langgraph_gepa.errors import GraphError, RunError, UsageError
from langgraph_gepa.report.brief import as_html, as_text, brief
from langgraph_gepa.report.html.page import write_report
from langgraph_gepa.report.memorization import Copy
from langgraph_gepa.report.screen import note
from langgraph_gepa.report.summary import summarize
from langgraph_gepa.report.view import View
from langgraph_gepa.runs import publish
from langgraph_gepa.runs.apply import applied_in, apply, as_in_source, plan_changes, record_applied, require_current
from langgraph_gepa.runs.checkout import Project
from langgraph_gepa.runs.next_step import next_step
from langgraph_gepa.runs.outputs import Found, best_outputs
from langgraph_gepa.runs.saved_run import PAGE, SavedRun
from langgraph_gepa.runs.trust import NamedCode, require_outside, trusted_graph
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.tradeoffs import Tradeoff, cheapest, goals_of, standings, undominated
from langgraph_gepa.server.assistants import PushedAssistant
from langgraph_gepa.writeback.changes import Changes
from langgraph_gepa.writeback.edits import as_written


@dataclass(frozen=True)
class Result:
    """A run, finished or not, read from its folder. `original` is the graph it was given, where there is one."""

    saved: SavedRun
    original: Any = None

    @classmethod
    def open(cls, run: Path | str, graph: Any = None) -> Result:
        """Reads the run in folder `run`; `graph` is as for `discover`. Raises `RunError` when there is no run."""
        return cls(SavedRun.open(run), graph)

    def __repr__(self) -> str:
        return f"Result.open({str(self.run)!r})"

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        """The same as a small table, in a notebook."""
        return as_html(self._brief())

    def summary(self) -> str:
        """The verdict in a few lines: before and after, how sure, what changed, what it cost, and the next command."""
        return as_text(self._brief())

    def _brief(self) -> dict[str, str]:
        return brief(self.view, next_step(self.saved, self.view), self.saved.chosen)

    @property
    def run(self) -> Path:
        """The run's folder."""
        return self.saved.folder

    @property
    def pool(self) -> Pool:
        """All candidates of the run and what is known of them."""
        return self.saved.pool

    @property
    def best(self) -> Candidate:
        """The candidate that does best on the validation examples, as far as they were run (see `Pool.worths`).

        Raises `RunError` before the graph as it is has been scored.
        """
        return self.saved.best

    @property
    def prompts(self) -> Mapping[str, str]:
        """The best candidate's texts by module name."""
        return self.saved.prompts

    @cached_property
    def tradeoffs(self) -> tuple[Tradeoff, ...]:
        """The candidates that no other one dominates, with their means by objective, the lowest score first.

        What counts are the score and the goals of the search; without goals the dollars, or the tokens where prices are
        not known. Objectives are the metric's named scores, `tokens`, `dollars` and `seconds` of a run of the graph
        (without the metric's own model calls), and `prompt_length`, the characters of the optimised texts.
        """
        known = standings(self.pool)
        return undominated(known, goals_of(self.pool, known))

    def choose(self, candidate: int | None = None, *, by: str = "", within: float = 0.0) -> Result:
        """Returns this result with another candidate in place of the best, for `graph`, `prompts`, `diff` and `apply`.

        It is the `candidate` with this number, or the best one `by` an objective (see `tradeoffs`) among those whose
        score is at most `within` below the highest: `result.choose(by="dollars", within=0.02)` is the cheapest within
        0.02 of the best. Raises `UsageError`.
        """
        if (candidate is None) == (not by):
            raise UsageError(
                "Say which candidate to choose: one by its number, or the best by an objective, such as dollars."
            )
        if candidate is None:
            candidate = self._best_by(by, within)
        elif not isinstance(candidate, int) or candidate not in range(len(self.pool.candidates)):
            raise UsageError(f"There is no candidate {candidate!r}: the run has 0 to {len(self.pool.candidates) - 1}.")
        return Result(replace(self.saved, chosen=candidate), self.original)

    def _best_by(self, objective: str, within: float) -> int:
        known = [one for one in standings(self.pool) if objective in one.validation]
        if not known:
            names = dict.fromkeys(name for one in standings(self.pool) for name in one.validation)
            raise UsageError(f"No candidate has the objective {objective!r}. There are: {', '.join(names) or 'none'}.")
        if not (isinstance(within, int | float) and within >= 0):
            raise UsageError(f"within={within!r} is not a distance from the best score: give 0 or more.")
        way = self.pool.goals.get(objective) or direction_of(objective)
        return cheapest(known, objective, way, within).candidate

    @property
    def graph(self) -> Any:
        """A new graph with the best texts; the one given is untouched. Raises `GraphError` where there is none."""
        if self.original is None:
            raise GraphError(
                "This result was opened from its folder and does not know the graph: "
                "give it with `Result.open(run, graph)`, or call `bind(graph, result.prompts)`."
            )
        graph = load_graph(self.original) if isinstance(self.original, str) else self.original
        recall(graph, self.saved.config.found)
        return bind(graph, self.prompts)

    @cached_property
    def view(self) -> View:
        """Everything a person may want to know of the run, as plain data."""
        return view_of(self.saved)

    @property
    def copied(self) -> tuple[Copy, ...]:
        """Where the best texts repeat a training or validation example's reference output: overfitting, most likely."""
        return self.view.copied

    def report(self) -> Path:
        """Writes the run's page and returns its path."""
        return write_report(self.view, self.run / PAGE)

    @cached_property
    def outputs(self) -> Outputs:
        """The best output of every task that any rollout of the run gave, whatever became of the prompts behind it."""
        return Outputs(self, best_outputs(self.saved))

    @property
    def changes(self) -> Changes:
        """What putting the best texts back into the source changes, cannot change, and finds changed since."""
        return self.planned()

    def planned(self, root: Path | str | None = None) -> Changes:
        """Plans the same for another checkout of the project, by its root (on a colleague's machine, say).

        Raises `SourceError` when it does not have the files.
        """
        return plan_changes(self.saved.config.found, self.prompts, applied_in(self.run), self._project(root))

    def diff(self, root: Path | str | None = None) -> str:
        """Returns the best texts as a change of the source, as `git apply` takes it; nothing is written.

        Comments before it say which texts cannot be written and why. It is empty where there is nothing to write.
        `root` is as for `planned`.
        """
        changes = self.planned(root)
        prompts = repr(str(self.run)) if self.saved.chosen is None else "result.prompts"
        here = "" if self.original is None else "result.graph, or "
        offer = f"To use it without writing it: {here}load_prompts(graph, {prompts})."
        return changes.patch(*changes.left_out, *([offer] if changes.left_out else []))

    def apply(self, graph: Any = None, root: Path | str | None = None, *, trust: bool = False) -> Changes:
        """Writes the best texts into the source and returns what was done.

        The project is loaded again in a process of its own to prove that it has the new texts. `graph` names the graph
        for that, where the run was started with an object that no loaded module holds under a name. `root` is as for
        `planned`, and `graph` is taken from it. Of a run that somebody else started the graph has to be named, unless
        with `trust` whatever its folder names is trusted like this user's own words. Raises `SourceError`, and leaves
        every file as it was, when the graph does not have the texts or when the source has changed since the run.
        """
        project = self._project(root, trust=trust, named=bool(graph))
        modules = {m.name: m for m in as_in_source(self.saved.config.found, applied_in(self.run), project)}
        changes = project.plan(modules.values(), self.prompts)
        require_current(changes)
        if changes.files:
            located = {name: project.located(module) for name, module in modules.items()}
            parts = apply(changes, located, self.prompts, self._graph_to_load(graph, project, trust), project)
            self._record([modules[name] for name in changes.modules], parts)
        return changes

    def _record(self, written: Sequence[Module], parts: Mapping[str, str]) -> None:
        """Records what was written, for the run to go on with. A failure to do so is only reported."""
        texts = {module.name: as_written(module, self.prompts[module.name]) for module in written}
        try:
            record_applied(self.run, written, texts, parts)
        except RunError as error:
            note(f"The source is written, but the run could not record it, so `resume` will not know it: {error}")

    def _graph_to_load(self, graph: Any, project: Project, trust: bool) -> Any:
        """The graph that proves the new texts: the one given, otherwise the one that the run itself names.

        Raises `UsageError` where the code that the run names must not be loaded.
        """
        if isinstance(graph, str):
            require_outside([NamedCode.locate("graph", graph, project.folder)], self.run)
        if graph:
            return graph
        if not self.saved.config.graph_spec or (self.original is not None and not self.saved.own):
            return self.original
        return trusted_graph(self.saved, project, trust=trust, notify=note)

    def _project(self, root: Path | str | None, *, trust: bool = False, named: bool = False) -> Project:
        run, folder, own = self.saved.config.checkout, self.saved.folder, self.saved.own
        if root is None:
            return Project.here(run, self.saved.config.found, folder, own=own, trusted=own or trust)
        return Project.at(run, Path(root), folder, own=own, trusted=own or trust, named=named)

    def push_prompts(self, prefix: str | None = None, *, force: bool = False) -> dict[str, str]:
        """Commits texts that the search changed to LangSmith's prompt hub. Returns the addresses by module name.

        Without `prefix`, those that the graph pulled from the hub go back to the same prompts, which otherwise stay as
        they are. A prompt that moved to another commit since the run started is refused, and nothing is pushed, unless
        `force`: then the new commit goes over what was committed in between.

        With `prefix`, each changed text goes to the prompt `<prefix>-<module>`: one system message, with the
        placeholders that LangSmith can fill (see `adapter.templates.chat_prompts`).

        The commit says which run it is from. A text that the prompt has already is not committed again. The workspace
        is that of LANGSMITH_API_KEY. Raises `UsageError`.
        """
        pushed = publish.push_prompts(self.saved, prefix, force=force)
        if prefix is None:
            self._record([module for module in self.saved.config.found if module.name in pushed], {})
        return pushed

    def push_assistant(self, assistant: str, server: Any = None, *, as_default: bool = False) -> PushedAssistant:
        """Makes a new version of an assistant of LangGraph Server, with the new texts in the fields of its context.

        `assistant` is its id, or a graph's name for the graph's own assistant; `server` is an address or a client as in
        `workers`, by default the first of the run's servers. The version's metadata says which run and candidate it is
        from. The version is put in use only with `as_default`. Texts that no field holds are listed in the result.
        Raises `UsageError`.
        """
        return publish.push_assistant(self.saved, assistant, server, as_default=as_default)

    def log_experiments(
        self, dataset: str | None = None, *, candidates: Literal["best", "all"] = "best"
    ) -> dict[str, str]:
        """Logs the graph as it was and the best candidate as LangSmith experiments, from what was paid for.

        With `candidates="all"` every candidate of the pool becomes one. Nothing is run. Returns, by the name of each
        data set, the address of the page that shows the experiments side by side. An experiment has a run for each
        rollout on a validation or test example, with its scores and feedback; a candidate that lost its race early has
        few. Examples from LangSmith are those of their data sets; others are put into `dataset`, made where there is
        none of this name. A second call logs only what is new. The workspace is that of LANGSMITH_API_KEY. Raises
        `UsageError`.
        """
        return publish.log_experiments(self.saved, dataset, candidates)


def view_of(saved: SavedRun, *, detailed: int = 20, stories: int = 30) -> View:
    """The view of a run; `detailed` and `stories` are as for `summarize`."""
    with saved.rollouts() as load, saved.replies() as load_reply:
        view = summarize(
            saved.events,
            saved.observed_modules(),
            saved.settings,
            load=load,
            examples=saved.config.examples.by_subset,
            leaks=saved.config.leakage,
            load_reply=load_reply,
            detailed=detailed,
            stories=stories,
        )
    return replace(view, next_step=next_step(saved, view))


@dataclass(frozen=True, eq=False)
class Outputs(Mapping[str, Found]):
    """The best output that a run found, by task id, in the order the tasks were given.

    A task that no rollout ended on is missing. Tasks are the training and the validation examples; one that is in both
    sets is one task. Of two different ones with the same id the second gets `-2` after it, as within a set. Held-out
    examples are not tasks.
    """

    result: Result
    _found: Mapping[str, Found] = field(repr=False)

    def __repr__(self) -> str:
        return f"{self.result!r}.outputs"

    def __getitem__(self, task: str) -> Found:
        return self._found[task]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)
