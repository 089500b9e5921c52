"""One iteration: lines 7 to 18 of GEPA's Algorithm 1 (arXiv 2507.19457), and the merge of its Algorithms 3 and 4.

Numbers in comments are lines of Algorithm 1; lines 1 to 6 and 21 are in `optimizer`. Every choice that can be made in
more than one way is a rule (`search.rules`). A `Step` carries out the decisions, and repeats those in the journal of a
resumed run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from math import fsum
from random import Random

from langgraph_gepa.core.candidate import Candidate, texts_key
from langgraph_gepa.core.endings import Cause
from langgraph_gepa.core.events import ChildrenProposed, IterationFinished, IterationStarted
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.opinion import Opinion
from langgraph_gepa.engine.concurrency import settle
from langgraph_gepa.engine.decisions import Passed, Step
from langgraph_gepa.engine.scoring import Trial, in_common, lowest
from langgraph_gepa.reflection.critic import Proposed
from langgraph_gepa.reflection.proposal import DOUBTED
from langgraph_gepa.reflection.records import Record
from langgraph_gepa.search.acceptance import keeps_up, perfect
from langgraph_gepa.search.merge import gate_examples
from langgraph_gepa.search.rules import Rules
from langgraph_gepa.search.turn import Pick, Turn


def plan(turn: Turn, rules: Rules) -> IterationStarted | None:
    """Chooses the parents and the first minibatch of an iteration; `None` when there is nothing left to learn."""
    rng = turn.rng()
    if turn.pool.merge_due and turn.pool.merges_begun < rules.merges:  # Alg. 3: a merge goes before a mutation
        merge = plan_merge(turn, rules, rng)
        if merge is not None:
            return merge
    pick = rules.pick(turn, rng)  # 7: k <- SELECTCANDIDATE(P, S), which is Alg. 2
    if pick is None:
        return None
    minibatch = rules.batch(turn, pick.parent, ())  # 9: M <- minibatch of D_feedback
    return IterationStarted(turn.number, (pick.parent,), minibatch, lineage=pick.lineage)


def plan_merge(turn: Turn, rules: Rules, rng: Random) -> IterationStarted | None:
    """Chooses two parents to merge, and the pareto examples to try the child on; `None` when no merge is possible."""
    merge = rules.merge(turn, rng)  # Alg. 3 and 4
    if merge is None:
        return None
    first, second = (turn.pool.scores(turn.pool.candidates[id]) for id in (merge.first, merge.second))
    gate = gate_examples(first, second, rng)
    if not gate:
        return None
    return IterationStarted(turn.number, (merge.first, merge.second), gate, merge.ancestor, merge.texts)


async def iterate(step: Step) -> IterationFinished:
    """Runs a planned iteration: a start, mutation or merge unless its child is in the pool, then validation."""
    child = step.passed() or await {"start": given, "mutation": mutate, "merge": merge}[step.plan.origin](step)
    return await validate(step, child) if isinstance(child, Passed) else child


def plan_start(number: int, texts: Texts) -> IterationStarted:
    """Plans the iteration that scores texts which the search was given; they count as a child of the seed."""
    return IterationStarted(number, (0,), (), texts=texts)


async def given(step: Step) -> Passed:
    """Takes the given texts as a child that has no bar to clear, with the scores that earlier runs paid for."""
    texts = step.plan.texts or {}
    await step.trials.take_over(texts, step.number)
    return Passed(texts, (), ())


async def mutate(step: Step) -> Passed | IterationFinished:
    """Tries copies of the parent in which reflection has revised the text of one module, or of several."""
    parent, rules, turn = step.parents[0], step.rules, step.turn
    drawn: list[str] = []
    trials: list[Trial] = []
    while minibatch := step.minibatch(drawn):  # 9: M
        trials += await step.run(parent.texts, minibatch, "feedback", "before")  # 10: scores, feedback and traces
        drawn += minibatch
    scores = step.scores(trials)
    records = await step.records(lambda: rules.records(turn, parent.id, drawn, scores))
    if not records:
        flawless = bool(scores) and perfect(scores, turn.perfect)
        return step.ended("skipped", "perfect" if flawless else "no_failures", scores)

    in_turn, concerns = Pick(parent.id, step.plan.lineage), step.concerns(records)
    names = step.choose(records, lambda: rules.modules(turn, in_turn, concerns))  # 8: j <- SELECTMODULE(parent)
    if not names:
        return step.ended("skipped", "unused", step.scores(records))
    proposed = await step.proposed(lambda: reflect(step, names, records))  # 11: pi'_j <- UPDATEPROMPT(...)
    if not proposed.children:
        return step.ended("skipped", "repeated" if proposed.repeated else "no_texts", step.scores(records))
    children = [{**parent.texts, **changed} for changed in proposed.children]  # 12: copies, with pi'_j

    edited = {name for changed in proposed.children for name in changed}
    screen = [records[place] for place in rules.screen(turn, concerns, edited)]
    if not step.affords(len(screen) * len(children)):
        return step.ended("skipped", "no_rollouts", step.scores(screen))
    tried = await settle(step.run(texts, ids_of(screen), "feedback", "after") for texts in children)
    screen, *tried = in_common((screen, *tried))
    before = step.scores(screen)  # 13: sigma
    afters = list(map(step.scores, tried))  # 13: sigma'
    child, after = max(zip(children, afters, strict=True), key=lambda tried: fsum(tried[1]))
    cheaper = bool(screen) and keeps_up(before, after) and step.gains(parent.texts, child, ids_of(screen))
    if not (rules.mutation_bar(before, after) or cheaper):  # 14: has the score improved?
        return step.ended("rejected", "no_better", before, after)
    return Passed(child, before, after)


async def reflect(step: Step, names: Sequence[str], records: Sequence[Trial]) -> ChildrenProposed:
    """Proposes new texts for these modules, and children with them that the pool neither holds nor tries."""
    parent, examples = step.parents[0].texts, step.trials.examples["feedback"]
    seen = [
        Record(examples[rollout.example].inputs, rollout, examples[rollout.example].outputs)
        for rollout in map(lowest, step.settled(records))
    ]
    modules = [module for module in step.modules if module.name in names]
    proposals = await settle(  # 11: UPDATEPROMPT(pi_j, feedback, traces of module j)
        step.reflector.propose(module, parent[module.name], seen, step.number, step.rejected(module.name))
        for module in modules
    )
    by_name = {module.name: proposal for module, proposal in zip(modules, proposals, strict=True)}
    changed = {name: proposal.text for name, proposal in by_name.items() if proposal.text is not None}
    opinions = await judge(step, changed, seen)
    doubted = step.rules.doubts(step.turn, opinions) if opinions else ()
    hopeful = {name: text for name, text in changed.items() if name not in doubted}
    children = step.rules.children(step.turn, parent, hopeful) if hopeful else ()
    fresh = [texts for texts in children if not step.tried(texts)]
    failed = {name: proposal for name, proposal in by_name.items() if proposal.text is None}
    return ChildrenProposed(
        step.number,
        tuple({name: texts[name] for name in texts if texts[name] != parent[name]} for texts in fresh),
        {name: proposal.code for name, proposal in failed.items()}
        | {name: DOUBTED for name in changed if name in doubted},
        {name: proposal.detail for name, proposal in failed.items() if proposal.detail},
        len(children) - len(fresh),
        {name: proposal.refused for name, proposal in failed.items() if proposal.refused},
        opinions,
    )


async def judge(step: Step, changed: Texts, records: Sequence[Record]) -> Mapping[str, Opinion]:
    """Returns the critic's opinions of these new texts by module; none where it is not asked or gives none."""
    parent = step.parents[0].texts
    if step.critic is None or not changed or step.rules.asks is None or not step.rules.asks(step.turn):
        return {}
    if step.tried({**parent, **changed}):
        return {}
    edit = [
        Proposed(module, parent[module.name], changed[module.name], step.edits(module.name))
        for module in step.modules
        if module.name in changed
    ]
    return await step.critic.opinions(edit, records, step.number)


async def merge(step: Step) -> Passed | IterationFinished:
    """Tries the merged texts on a few pareto examples, where they have to score as well as the better parent.

    Texts that the pool holds already are not run again: their scores are known.
    """
    texts, gate = step.plan.texts, step.plan.minibatch
    if texts is None:
        raise ValueError(f"iteration {step.number}: a merge without texts")
    if step.pool.holds(texts_key(texts)):  # one parent may have changed all that either did
        return step.ended("skipped", "repeated")
    of_parents = [step.pool.scores(parent) for parent in step.parents]
    tried = await step.run(texts, gate, step.rules.gate)
    before = max((tuple(scores[example] for example in ids_of(tried)) for scores in of_parents), key=fsum)
    after = step.scores(tried)
    if not (tried and step.rules.merge_bar(before, after)):
        return step.ended("rejected", "below_parents", before, after)
    return Passed(texts, before, after)


async def validate(step: Step, passed: Passed) -> IterationFinished:
    """Adds the child to the pool, and scores it on the pareto set."""
    plan = step.plan
    was_given = plan.origin == "start"
    child = Candidate(len(step.pool.candidates), passed.texts, plan.parents, plan.ancestor, was_given)
    enters = step.rules.enters_after
    await race(step, child, range(enters))
    child = step.admit(child, passed.before, passed.after)  # 15: P and A, the pool with each one's parents
    await race(step, child, count(enters))
    ran = len(step.pool.known("pareto", child.key))
    cause: Cause | None = "start" if was_given else None if ran == len(step.pool.pareto_set) else "stopped"
    return step.ended("accepted", cause, passed.before, passed.after, ran)


async def race(step: Step, child: Candidate, stages: Iterable[int]) -> None:
    """Runs the child, and the candidate that it has to beat, on the pareto set until the rules end the race."""
    for number in stages:
        stage = step.stage(child, number)
        if stage is None:
            return
        # 16 to 18: S, its scores on D_pareto
        await step.run(stage.candidate.texts, stage.examples, "pareto", repeat=stage.repeat)


def ids_of(trials: Iterable[Trial]) -> tuple[str, ...]:
    return tuple(trial[0].example for trial in trials)
