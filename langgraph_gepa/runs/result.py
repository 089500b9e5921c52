"""What a run gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from langgraph_gepa.adapter.discovery.recall import recall
from langgraph_gepa.adapter.discovery.survey import bind
from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.module import Module
from langgraph_gepa.errors import GraphError, RunError
from langgraph_gepa.report.html.page import write_report
from langgraph_gepa.report.memorization import Copy
from langgraph_gepa.report.screen import note
from langgraph_gepa.report.summary import summarize
from langgraph_gepa.report.view import View
from langgraph_gepa.runs import apply
from langgraph_gepa.runs.admission import Named, graph_named, require_outside
from langgraph_gepa.runs.applied import applied_in, as_in_source, changes_of, keep
from langgraph_gepa.runs.checkout import Place
from langgraph_gepa.runs.outputs import Outputs
from langgraph_gepa.runs.run import SavedRun
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.writeback.changes import Changes
from langgraph_gepa.writeback.edits import as_written

PAGE = "report.html"
PROMPTS = "prompts.json"


@dataclass(frozen=True)
class Result:
    """A run, finished or not, read from its folder. `original` is the graph it was given, where there is one."""

    saved: SavedRun
    original: Any = None

    @classmethod
    def open(cls, run: Path | str, graph: Any = None) -> Result:
        """The run in folder `run`. Raises `RunError` when there is none."""
        return cls(SavedRun.open(run), graph)

    def __repr__(self) -> str:
        return f"Result.open({str(self.run)!r})"

    @property
    def run(self) -> Path:
        return self.saved.folder

    @property
    def pool(self) -> Pool:
        return self.saved.pool

    @property
    def best(self) -> Candidate:
        """The candidate that does best on the validation examples, as far as they were run (see `Pool.worths`).

        Raises `RunError` before the graph as it is has been scored."""
        if not self.pool.candidates:
            raise RunError(
                f"Nothing was scored in {self.run} yet, so there are no better prompts. Start or resume the run."
            )
        return self.pool.best

    @property
    def prompts(self) -> Mapping[str, str]:
        """The best candidate's texts by module name."""
        return self.best.texts

    @property
    def graph(self) -> Any:
        """A new graph with the best texts; the one given is untouched. Raises `GraphError` where there is none."""
        if self.original is None:
            raise GraphError(
                "This result was opened from its folder and does not know the graph: "
                "give it with `Result.open(run, graph)`, or call `bind(graph, result.prompts)`."
            )
        recall(self.original, self.saved.asked.found)
        return bind(self.original, self.prompts)

    @cached_property
    def view(self) -> View:
        """Everything a person may want to know of the run, as plain data."""
        saved = self.saved
        given = saved.asked.examples
        examples = {"feedback": given.feedback, "pareto": given.pareto, "test": given.test}
        with saved.rollouts() as load:
            return summarize(
                saved.events, saved.found(), saved.settings, load=load, examples=examples, leaks=saved.asked.leakage
            )

    @property
    def copied(self) -> tuple[Copy, ...]:
        """Where the best texts repeat a training or validation example's reference output: overfitting, most likely."""
        return self.view.copied

    def report(self) -> Path:
        """Writes the run's page and says where it is."""
        return write_report(self.view, self.run / PAGE)

    @cached_property
    def outputs(self) -> Outputs:
        """Per task the best output any rollout of the run has given, whatever became of the prompts that made it."""
        return Outputs.of(self)

    @property
    def changes(self) -> Changes:
        """What putting the best texts back into the source changes, cannot change, and finds changed since."""
        return self.planned()

    def planned(self, root: Path | str | None = None) -> Changes:
        """The same for another checkout of the project than the run was made in, by its root (on a colleague's
        machine, say). Raises `SourceError` when it does not have the files."""
        return changes_of(self.saved.asked.found, self.prompts, applied_in(self.run), self._place(root))

    def diff(self, root: Path | str | None = None) -> str:
        """The best texts as a change of the source, as `git apply` takes it; nothing is written.
        `root` is as for `planned`."""
        return self.planned(root).diff

    def apply(self, graph: Any = None, root: Path | str | None = None, *, trust: bool = False) -> Changes:
        """Writes the best texts into the source and says what was done.

        `graph` is the words for the graph, where the run was started with an object that no loaded module
        holds under a name: the project is loaded again in a process of its own to prove that it says the
        new texts. `root` is as for `planned`, and `graph` is taken from it. Of a run that somebody else started the
        graph has to be named, unless with `trust` whatever its folder names is taken as this user's own words. Raises
        `SourceError`, and leaves every file as it was, when the graph does not say the texts or when the source has
        changed since the run.
        """
        place = self._place(root, trust=trust, named=bool(graph))
        found = {m.name: m for m in as_in_source(self.saved.asked.found, applied_in(self.run), place)}
        changes = place.changes(found.values(), self.prompts)
        apply.require_current(changes)
        if changes.files:
            placed = {name: place.module(module) for name, module in found.items()}
            parts = apply.apply(changes, placed, self.prompts, self._loaded(graph, place, trust), place)
            self._keep([found[name] for name in changes.modules], parts)
        return changes

    def _keep(self, written: Sequence[Module], parts: Mapping[str, str]) -> None:
        """Records what was written, for the run to go on with. A failure to do so is only reported."""
        texts = {module.name: as_written(module, self.prompts[module.name]) for module in written}
        try:
            keep(self.run, written, texts, parts)
        except RunError as error:
            note(f"The source is written, but the run could not record it, so `resume` will not know it: {error}")

    def _loaded(self, graph: Any, place: Place, trust: bool) -> Any:
        """The graph that proves the new texts: the one given, else the one that the run itself names, if code is loaded
        on its word; that is said before it is done. Raises `UsageError` for a stranger's run that names it alone."""
        if isinstance(graph, str):
            require_outside([Named.found("graph", graph, place.folder)], self.run)
        if graph:
            return graph
        if not self.saved.asked.graph_words or (self.original is not None and not self.saved.own):
            return self.original
        return graph_named(self.saved, place, trust=trust, say=note)

    def _place(self, root: Path | str | None, *, trust: bool = False, named: bool = False) -> Place:
        run, folder, own = self.saved.asked.checkout, self.saved.folder, self.saved.own
        if root is None:
            return Place.here(run, self.saved.asked.found, folder, own=own, trusted=own or trust)
        return Place.at(run, Path(root), folder, own=own, trusted=own or trust, named=named)

    def push_prompts(self, prefix: str) -> dict[str, str]:
        """Commits each text that the search changed to the prompt `<prefix>-<module>` of LangSmith, and gives the
        addresses by module name.

        Each is one system message, with the placeholders that LangSmith can fill (see `agent.chat_prompts`); the commit
        says which run it is from. What a prompt says already is not committed again. The workspace is that of
        LANGSMITH_API_KEY. Raises `UsageError`.
        """
        from langgraph_gepa.runs import publish

        return publish.push_prompts(self, prefix)

    def log_experiments(self, dataset: str | None = None) -> dict[str, str]:
        """Logs the graph as it was and the best candidate as LangSmith experiments, from what was paid for: nothing is
        run. By the name of each data set the page that shows the two side by side.

        An experiment has a run for each rollout on a validation or test example, with its scores and feedback. Examples
        from LangSmith are those of their data sets; others are put into `dataset`, made where there is none of this
        name. A second time logs only what is new. The workspace is that of LANGSMITH_API_KEY. Raises `UsageError`.
        """
        from langgraph_gepa.runs import publish

        return publish.log_experiments(self, dataset)
