"""`RunConfig`: all settings of one run, and their form in the run's database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from langgraph_gepa.adapter.discovery.outline import Outline
from langgraph_gepa.core.bounded_json import first_problem, require_numbers, require_texts
from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.leakage import Leakage
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.objectives import Direction, goals_in, in_words
from langgraph_gepa.engine.optimizer import Examples
from langgraph_gepa.engine.ports import Store
from langgraph_gepa.errors import RunError, UsageError
from langgraph_gepa.reflection.directions import Directions
from langgraph_gepa.reflection.instructions import PROMPT
from langgraph_gepa.reflection.prompt import TOKENS
from langgraph_gepa.runs.checkout import Checkout
from langgraph_gepa.store.integrity import require_known

DEMO = "langgraph_gepa:demo"
"""The tag of the demo's reflection model, by which its runs are known."""
DEMO_GRAPH = "langgraph_gepa.demo.stage:graph"
GIVEN_TEXTS = "texts "
"""How a source in `RunConfig.started_from` begins that was texts and no place; a digest of them follows."""

Hide = Callable[[Any], Any]
"""From plain JSON data to the data as it may be kept."""


class Spec(TypedDict, total=False):
    """The names that a run was started with on the command line, for `resume` to load the same things again."""

    graph: str
    metric: str
    reflection_lm: str
    proposer: str
    critic_lm: str
    search: str
    options: str
    timeout: float | None
    sets: dict[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """All settings of one run. They are kept in its folder and compared when it is resumed (see `runs.resume`).

    The names of the fields are those of the database.

    - `found`: all modules of the graph; `modules`: the names of those that are optimised.
    - `reflection_prompt`, `notes`, `frozen`: by the name of the module, where the user gave them.
    - `graph`: the outline of the graph (see `adapter.discovery.outline`).
    - `parts`: what `fingerprint` is made of, by name; empty in runs of earlier versions.
    - `spec`: the names given on the command line; empty when an object was given. Its `sets` are the sets of examples
      that were given by name, the validation set as None where it is half of the training examples.
    - `sources`: the LangSmith addresses of sets, by the name of the set.
    - `simulated`: whether a model was simulated by a server of this package; `demo`: whether the run is the demo's.
    - `checkout`: where the project lay, to which the files of the modules are relative.
    - `proposer`: the fingerprint of the user's proposer; `reflection_model` is its name then.
    - `start`: the candidates that the search was given, as texts by module; `started_from` names their sources.
    - `critic_model`: the name of the critic; empty where there is none.
    - `loads`: the name of the graph, if it was given by name, whatever else was an object.
    - `began`: when the run was started, in UTC; `versions`: those of the packages in its last session.
    - `workers`: the addresses of the servers that ran the rollouts, without credentials.
    - `track`: the names of the trackers that follow the run.
    - `own_project`: whether its traces go to a LangSmith project of its own; `experiments`: which candidates become
      experiments there when the search ends.
    """

    found: tuple[Module, ...]
    modules: tuple[str, ...]
    examples: Examples
    fingerprint: str
    metric: str
    reflection_model: str
    search: str
    seed: int
    in_flight: int
    concurrency: int
    budget: Budget
    graph: Outline
    objective: str = ""
    reflection_prompt: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    frozen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    spec: Spec = field(default_factory=lambda: Spec())
    simulated: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)
    demo: bool = False
    checkout: Checkout = Checkout()  # noqa: RUF009 - it is frozen
    repeats: int | Literal["auto"] = 1
    records: int | None = None
    perfect: float | None = None
    failure_score: float | None = None
    objectives: Mapping[str, float | Direction] = field(default_factory=dict)
    reflection_tokens: int = TOKENS
    leakage: Leakage | None = None
    loads: str = ""
    proposer: str = ""
    critic_model: str = ""
    start: tuple[Texts, ...] = ()
    started_from: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    track: tuple[str, ...] = ()
    own_project: bool = True
    experiments: str = "none"
    began: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def graph_spec(self) -> str:
        """The name by which the graph can be loaded again; empty when it was given as an object."""
        return str(self.spec.get("graph", "")) or self.loads or (DEMO_GRAPH if self.demo else "")

    @property
    def sets(self) -> dict[str, Sequence[Example]]:
        """The examples by the name of their set."""
        return {"training": self.examples.feedback, "validation": self.examples.pareto, "test": self.examples.test}

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `optimize` that a resumed run takes from its config as they are."""
        names = (
            "search", "repeats", "records", "perfect", "failure_score", "objectives", "modules", "objective",
            "reflection_prompt", "notes", "frozen", "reflection_tokens", "seed", "concurrency", "in_flight",
            "own_project",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names} | {"start": list(self.started_from) or None}

    @property
    def directions(self) -> dict[str, Directions]:
        """The user's directions for the reflections on each module; goals are notes for all of them."""
        goals = in_words(goals_in(self.objectives))
        return {
            name: Directions(
                self.reflection_prompt.get(name, PROMPT),
                "\n".join(filter(None, (self.notes.get(name), goals))),
                self.frozen.get(name, ()),
            )
            for name in self.modules
        }

    def to_json(self, *, texts: Hide, examples: Hide) -> dict[str, Any]:
        """The config as plain JSON data, with the modules' texts and the parts of the examples as these two hide them.

        Raises `UsageError` for a text that cannot be kept.
        """
        _require_all_texts(self)
        data: dict[str, Any] = _CONFIG.dump_python(self, mode="json")
        data["found"] = [{**module, "text": texts(module["text"])} for module in data["found"]]
        for given in ("reflection_prompt", "notes"):
            data[given] = {name: texts(text) for name, text in data[given].items()}
        data["frozen"] = {name: list(map(texts, parts)) for name, parts in data["frozen"].items()}
        data["start"] = [{name: texts(text) for name, text in given.items()} for given in data["start"]]
        data["examples"] = {
            name: [{key: value if key == "id" else examples(value) for key, value in one.items()} for one in given]
            for name, given in data["examples"].items()
        }
        return data


_CONFIG = TypeAdapter(RunConfig)


def load_config(store: Store) -> RunConfig:
    """Reads the config of the run in `store`. Raises `RunError` for a run that never started or is damaged."""
    settings = store.settings()
    if "asked" not in settings:
        raise RunError("This run's folder was made but the run never started. Start it again with `optimize`.")
    try:
        config: RunConfig = _CONFIG.validate_python(settings["asked"])
    except ValidationError as error:
        raise RunError(f"The settings of the run are damaged: {first_problem(error)}.") from None
    except UsageError as error:
        raise RunError(f"The settings of the run are damaged: {error}") from None
    require_numbers([asdict(config.budget), config.in_flight, config.concurrency, config.repeats, config.records])
    require_numbers([config.perfect, config.failure_score, *config.objectives.values()])
    _require_all_texts(config)
    require_known(config.modules, {module.name for module in config.found}, "module")
    return config


def _require_all_texts(config: RunConfig) -> None:
    """Raises as `require_texts` does."""
    require_texts([module.text for module in config.found])
    require_texts([*config.reflection_prompt.values(), *config.notes.values()])
    for texts in config.start:
        require_texts(texts.values())
