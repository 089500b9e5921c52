"""What a run was asked to do: kept in its folder, and compared when the run is resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from langgraph_gepa.adapter.discovery.outline import Outline
from langgraph_gepa.core.bounded_json import require_numbers, require_texts
from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import CandidateAdmitted, Charged
from langgraph_gepa.core.example import Example, digest
from langgraph_gepa.core.leakage import Leakage
from langgraph_gepa.core.module import Module
from langgraph_gepa.engine.integrity import require_known
from langgraph_gepa.engine.optimizer import Examples
from langgraph_gepa.engine.ports import Store
from langgraph_gepa.engine.proposing import TOKENS
from langgraph_gepa.errors import RunError, UsageError
from langgraph_gepa.runs import trust
from langgraph_gepa.runs.checkout import Checkout
from langgraph_gepa.search.pool import Pool

Hide = Callable[[Any], Any]


def _all(value: Any) -> Any:
    """Hides nothing."""
    return value


class Spec(TypedDict, total=False):
    """How the command line named things."""

    graph: str
    metric: str
    reflection_lm: str
    search: str
    options: str
    timeout: float | None
    sets: dict[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a run was asked to do; kept in its folder, compared when the run is resumed.

    `found` are all modules of the graph, `modules` the names of those under optimisation.
    `graph` is its outline (see `adapter.discovery.outline`). `parts` are what `fingerprint` is made of, by name.
    `spec` is how the command line named things, empty when objects were given; in its `sets` those that were given by
    name, the validation set as None where it is half of the training examples. `sources` says where in LangSmith
    examples were read, by the name of their set. `simulated` says that a model was simulated by a server of ours,
    `demo` that the run is one of the demo, which can make its objects again. `checkout` is where the project lay,
    which the modules' files are told from. `loads` is how the graph was named, if it was, whatever else was an object.
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
    parts: Mapping[str, str] = field(default_factory=dict)
    spec: Spec = field(default_factory=lambda: Spec())
    simulated: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)
    demo: bool = False
    checkout: Checkout = Checkout()  # noqa: RUF009 - it is frozen
    repeats: int = 1
    perfect: float | None = None
    reflection_tokens: int = TOKENS
    leakage: Leakage | None = None
    loads: str = ""

    @property
    def graph_words(self) -> str:
        """The words by which the graph can be loaded again; empty when it was given as an object."""
        return str(self.spec.get("graph", "")) or self.loads or (DEMO_GRAPH if self.demo else "")

    @property
    def sets(self) -> dict[str, Sequence[Example]]:
        """The examples by the name of their set."""
        return {"training": self.examples.feedback, "validation": self.examples.pareto, "test": self.examples.test}

    @property
    def identity(self) -> dict[str, str]:
        """What must be the same for a run to go on: by name, so that a difference can be named."""
        return {
            **(self.parts or {WHOLE: self.fingerprint}),
            "the choice of modules": digest(self.modules),
            **{_of_set(name): digest([[e.id, e.digest] for e in given]) for name, given in self.sets.items()},
            "the search": " ".join(
                [
                    self.search,
                    *([f"with repeats={self.repeats}"] if self.repeats != 1 else []),
                    *([f"with perfect={self.perfect:g}"] if self.perfect is not None else []),
                ]
            ),
            "the seed": str(self.seed),
        }

    def save(self, store: Store, *, texts: Hide = _all, examples: Hide = _all) -> str:
        """Writes it into a new run. In a run that is there already only what leaves its results valid may differ.

        A run in which nothing was scored yet begins again with what changed: what was paid for stays, on its
        account and in its ledger. Returns the words for that, empty otherwise. The modules' texts and the
        examples, plain JSON data, are kept as `texts` and `examples` make them.

        Raises `RunError` naming what differs.
        """
        require_texts([module.text for module in self.found])
        before, said = identity_of(store.settings()), ""
        changed, old = _changed(before, self.identity), WHOLE in before and bool(self.parts)
        if changed or old:
            names = listed(list(changed.values()) or ["what is noted of it"])
            if _begun_again(store, listed(list(changed) or [WHOLE])):
                said = f"Nothing was scored in this folder yet, so the run begins again: {names} changed."
            elif changed:
                raise RunError(f"This folder holds another run: {names} changed since it was started. {_FIX}")
            else:
                raise RunError(f"An earlier version started this run and did not note its models and settings. {_OLD}")
        asked = _ASKED.dump_python(self, mode="json")
        asked["found"] = [{**module, "text": texts(module["text"])} for module in asked["found"]]
        asked["examples"] = {name: [_kept(one, examples) for one in given] for name, given in asked["examples"].items()}
        store.configure({"identity": self.identity, "asked": asked, "signature": trust.sign(asked)})
        return said


def adopt(store: Store) -> None:
    """Makes what a run was asked this user's own words."""
    store.configure({"signature": trust.sign(store.settings()["asked"])})


DEMO = "langgraph_gepa:demo"
"""The tag of the demo's reflection model, by which its runs are known."""
DEMO_GRAPH = "langgraph_gepa.demo.stage:graph"
WHOLE = "the graph, its prompts or the metric"
"""What runs of earlier versions have in place of the parts."""

_FIX = "Put back what changed to go on with it, or give a new folder with `run=` (`--run` on the command line)."
_OLD = "Its results can be shown and applied as ever; to search on, give a new folder with `run=` (`--run`)."
_READABLE = frozenset({"the models", "the recursion limit", "the search", "the seed"})


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """What differs, by name, in words. What only one of an earlier version could know is not compared."""
    names = [name for name in {**before, **now} if before and before.get(name) != now.get(name)]
    if WHOLE in before and WHOLE not in now:
        names = [name for name in names if name in before and name in now]
    return {
        name: f"{name} (from {before[name] or 'none'} to {now[name] or 'none'})"
        if name in _READABLE and name in before and name in now
        else name
        for name in names
    }


def _begun_again(store: Store, changed: str) -> bool:
    """Whether the run could be set back to its start: not when a candidate was scored, which all else stands on."""
    journal = list(store.events())
    if any(isinstance(event, CandidateAdmitted) for _, event in journal):
        return False
    spent = Pool.replay(event for _, event in journal).spent.usage
    store.restart(Charged("", spent, changed, "restarted"), journal[-1][0] if journal else 0.0)
    return True


def _of_set(name: str) -> str:
    return f"the {name} examples"


def identity_of(settings: Mapping[str, Any]) -> Mapping[str, str]:
    """What a run was started with, by name; empty for one that was not."""
    kept = settings.get("identity") or {}
    if not isinstance(kept, dict) or not all(isinstance(value, str) for value in kept.values()):
        raise RunError("What the run was started with is damaged.")
    return kept


def masked_sets(asked: Asked, identity: Mapping[str, str]) -> tuple[str, ...]:
    """The sets of which a mask hid something: they are kept otherwise than the run was started with them."""
    kept = {name: asked.identity[_of_set(name)] for name in asked.sets}
    return tuple(name for name, one in kept.items() if identity.get(_of_set(name), one) != one)


def _kept(example: Mapping[str, Any], hide: Hide) -> dict[str, Any]:
    return {"id": example["id"], **{name: hide(value) for name, value in example.items() if name != "id"}}


_ASKED = TypeAdapter(Asked)


def is_own(settings: Mapping[str, Any]) -> bool:
    """Whether this user started the run on this machine."""
    return trust.is_own(settings["asked"], settings.get("signature"))


def asked_of(store: Store) -> Asked:
    """What the run in `store` was asked. Raises `RunError` when it was made but never started, and where what is kept
    of it is not what we write."""
    settings = store.settings()
    if "asked" not in settings:
        raise RunError("This run's folder was made but the run never started. Start it again with `optimize`.")
    try:
        asked: Asked = _ASKED.validate_python(settings["asked"])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise RunError(f"What the run was asked is damaged: {where}: {first['msg'].lower()}.") from None
    except UsageError as error:
        raise RunError(f"What the run was asked is damaged: {error}") from None
    require_numbers([asdict(asked.budget), asked.in_flight, asked.concurrency, asked.repeats, asked.perfect])
    require_texts([module.text for module in asked.found])
    require_known(asked.modules, {module.name for module in asked.found}, "module")
    return asked


def listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
