"""The worlds of the benchmark's half called blind, alone: no search runs here."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "evals" / "bench"
FAMILIES = (
    "late error",
    "five languages",
    "tools by description",
    "two reviewers",
    "policy changed",
    "crowded prompt",
    "retrieval depth",
    "easy majority",
)


@pytest.fixture
def blind(bench: Any) -> Any:
    return bench("blind")


def world(blind: Any, family: str, seed: int = 0) -> Any:
    return blind.world_of(next(one for one in blind.BLIND if one.name == family), seed)


def with_rules(texts: Mapping[str, str], module: str, *rules: str) -> dict[str, str]:
    return {**texts, module: "\n".join([texts[module], *(f"- {rule}" for rule in rules)])}


def without_rules(texts: Mapping[str, str], module: str) -> dict[str, str]:
    return {**texts, module: texts[module].splitlines()[0]}


def mean(world: Any, texts: Mapping[str, str], tasks: Any) -> float:
    return fmean(world.chance(texts, task) for task in tasks)


def test_the_half_is_the_eight_families_and_their_names_are_no_other_half_s(blind: Any, bench: Any) -> None:
    """Results are kept by name, and a half is measured as a whole."""
    others = {family.name for family in (*bench("worlds").FAMILIES, *bench("unseen").UNSEEN)}
    assert tuple(family.name for family in blind.BLIND) == FAMILIES
    assert not others & set(FAMILIES)
    assert {family.half for family in blind.BLIND} == {"blind"}


def test_a_world_of_another_half_stays_what_it_was(blind: Any, bench: Any) -> None:
    """Every script asks one function for the world of any family."""
    assert type(blind.world_of(bench("worlds").FAMILIES[0], 0)) is bench("worlds").World
    assert type(blind.world_of(bench("unseen").UNSEEN[0], 0)) is bench("unseen").UnseenWorld


@pytest.mark.parametrize("family", FAMILIES)
def test_gain_is_0_for_the_seed_and_1_for_the_best_texts(blind: Any, family: str) -> None:
    """The scale of every figure: no single rule added to or dropped from the best texts is better still."""
    drawn = world(blind, family)
    best = drawn.best_texts()
    assert drawn.gain(drawn.seed_texts) == 0
    assert drawn.gain(best) == pytest.approx(1)
    for place, name in enumerate(drawn.modules):
        for line in (f"- C{place}.{rule}" for rule in range(drawn.family.lessons)):
            held = best[name].splitlines()
            neighbour = [one for one in held if one != line] if line in held else [*held, line]
            assert drawn.gain({**best, name: "\n".join(neighbour)}) <= 1 + 1e-6


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(3))
def test_the_seed_works_and_what_feedback_says_can_improve_it(blind: Any, family: str, seed: int) -> None:
    """There is something to win, and a search can learn of it: one named rule is better than none."""
    drawn = world(blind, family, seed)
    assert 0.03 < drawn.worth(drawn.seed_texts) < 0.9 * drawn.worth(drawn.best_texts())
    named = {
        (module, note.split()[1])
        for task in drawn.feedback
        for module, notes in drawn.run(drawn.seed_texts, task).notes.items()
        for note in notes
        if note.startswith("missing")
    }
    assert max(drawn.gain(with_rules(drawn.seed_texts, module, rule)) for module, rule in named) > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_the_mean_of_many_rollouts_is_the_chance(blind: Any, family: str) -> None:
    """What a search measures is unbiased, with and without noise; all scores are between 0 and 1."""
    drawn = world(blind, family)
    task = drawn.feedback[0]
    scores = [drawn.run(drawn.seed_texts, task).score for _ in range(2000)]
    assert all(0 <= score <= 1 for score in scores)
    assert fmean(scores) == pytest.approx(drawn.chance(drawn.seed_texts, task), abs=0.04)
    assert (len(set(scores)) > 1) is drawn.family.noisy


@pytest.mark.parametrize("family", FAMILIES)
def test_harmful_rules_lower_the_gain(blind: Any, family: str) -> None:
    """What feedback wrongly suggests costs something."""
    drawn = world(blind, family)
    texts = dict(drawn.best_texts())
    for place, name in enumerate(drawn.modules):
        texts = with_rules(texts, name, *(f"H{place}.{rule}" for rule in range(8)))
    assert drawn.gain(texts) < 0.9


def test_equal_seeds_make_equal_worlds_in_every_process() -> None:
    """Workers draw a world anew, each with a hash seed of its own."""
    program = """
from random import Random
from blind import BLIND, world_of
for family in BLIND:
    world = world_of(family, 3)
    print(world.seed_texts, world.feedback, world.pareto, world.held_out[:20], world.best_texts())
    seen = [world.run(world.seed_texts, task) for task in world.feedback for _ in range(2)]
    records = [(one.score, one.notes[world.modules[0]]) for one in seen]
    print(seen, world.reflect(world.seed_texts[world.modules[0]], records, Random(0)))
"""

    def drawn(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(BENCH)}
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
        return hashlib.sha256(done.stdout).hexdigest()

    assert drawn("1") == drawn("2")


def test_other_seeds_make_other_worlds(blind: Any) -> None:
    """Seeds are what intervals are made of."""
    for family in FAMILIES:
        assert world(blind, family, 1).feedback != world(blind, family, 2).feedback


def test_a_late_error_hides_what_is_gained_before(blind: Any) -> None:
    """The same improvement of the first module moves the score less while the last one fails."""
    drawn = world(blind, "late error")
    best = drawn.best_texts()
    failing = without_rules(best, drawn.modules[-1])
    alone = drawn.worth(best) - drawn.worth(without_rules(best, "m0"))
    hidden = drawn.worth(failing) - drawn.worth(without_rules(failing, "m0"))
    assert 0 < hidden < alone / 2


def test_a_slice_s_rule_hurts_the_majority_until_it_is_conditional(blind: Any) -> None:
    """The seed serves the majority; somewhere a bare rule costs it what the conditional one does not."""
    drawn = world(blind, "easy majority")
    family = drawn.family
    most = [task for task in drawn.held_out if drawn._groups[task.id] == 0]
    assert 0.7 < len(most) / len(drawn.held_out) < 0.9
    assert mean(drawn, drawn.seed_texts, most) > mean(drawn, drawn.seed_texts, drawn.held_out)
    own = [f"{place}.{rule}" for place in range(family.modules) for rule in range(family.common, family.lessons)]
    before = mean(drawn, drawn.seed_texts, most)
    bare = [mean(drawn, with_rules(drawn.seed_texts, f"m{rule[0]}", f"L{rule}"), most) for rule in own]
    conditional = [mean(drawn, with_rules(drawn.seed_texts, f"m{rule[0]}", f"C{rule}"), most) for rule in own]
    assert min(bare) < before
    assert conditional == [before] * len(own)


def test_a_tool_s_description_takes_calls_from_others_and_some_tools_matter_to_nobody(blind: Any) -> None:
    """Saying when not to use a tool helps the examples of other tools; the last three tools change nothing."""
    drawn = world(blind, "tools by description")
    best = drawn.best_texts()
    never_wanted = drawn.modules[drawn.wanted + 1]
    greedy = with_rules(best, never_wanted, *(f"H{never_wanted[1:]}.{rule}" for rule in range(8)))
    assert drawn.worth(without_rules(best, never_wanted)) < drawn.worth(best)
    assert drawn.worth(greedy) < drawn.worth(best)
    for idle in drawn.modules[drawn.confusing + 1 :]:
        assert drawn.worth(without_rules(best, idle)) == drawn.worth(best)


def test_the_reviewers_contradict_each_other(blind: Any) -> None:
    """Feedback on the same texts asks for a rule and calls it wrong, and no texts please both."""
    drawn = world(blind, "two reviewers")
    everything = drawn.texts_of({name: set(range(drawn.family.lessons)) for name in drawn.modules})
    without = drawn.texts_of({name: set() for name in drawn.modules})
    wanted = {note for task in drawn.feedback for said in drawn.run(without, task).notes.values() for note in said}
    hated = {note for task in drawn.feedback for said in drawn.run(everything, task).notes.values() for note in said}
    assert {note.split(".")[-1] for note in wanted if "L0" in note} & {
        note.split(".")[-1] for note in hated if "C0" in note
    }
    assert drawn.worth(everything) < drawn.worth(drawn.best_texts()) < 0.95


def test_rules_of_the_old_policy_help_in_training_and_hurt_today(blind: Any) -> None:
    """The drift between what a search learns from and what it is judged by."""
    drawn = world(blind, "policy changed")
    best, family = drawn.best_texts(), drawn.family
    withdrawn = range(family.lessons - drawn.withdrawn, family.lessons)
    old = best
    for place, name in enumerate(drawn.modules):
        old = with_rules(old, name, *(f"C{place}.{rule}" for rule in withdrawn))
    assert mean(drawn, old, drawn.pareto) < mean(drawn, best, drawn.pareto)
    trained = [task for task in drawn.feedback if not any(drawn._unwelcome[task.id])]
    assert mean(drawn, old, trained) > mean(drawn, best, trained)


def test_a_crowded_prompt_is_worse_than_a_short_one_with_the_useful_rules(blind: Any) -> None:
    """Beyond its room every rule added costs the others."""
    drawn = world(blind, "crowded prompt")
    useful = [drawn.texts_of({"m0": set(range(count))}) for count in (4, drawn.room, drawn.family.lessons)]
    few, full, crowded = (drawn.gain(texts) for texts in useful)
    assert few < full > crowded
    assert drawn.gain(with_rules(useful[1], "m0", "C0.25")) < full


def test_stages_multiply_and_a_poor_one_hides_the_next(blind: Any) -> None:
    """Two stages better at once gain more than their sum; without a plan feedback is about the plan alone."""
    drawn = world(blind, "retrieval depth")
    nothing = dict.fromkeys(drawn.modules, "Do the task.")
    best = drawn.best_texts()
    plan, search = {**nothing, "m0": best["m0"]}, {**nothing, "m1": best["m1"]}
    both = drawn.worth({**plan, "m1": best["m1"]}) - drawn.worth(nothing)
    assert both > 1.5 * (drawn.worth(plan) + drawn.worth(search) - 2 * drawn.worth(nothing))
    said = [module for task in drawn.feedback for module, notes in drawn._faults(nothing, task) if notes]
    assert set(said) == {"m0"}
