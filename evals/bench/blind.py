"""The half called `blind`: eight simulated worlds, written before any search ran on one of them.

Their author had read the other worlds and nothing of how the searches decide. Each stands for a kind
of agent that teams build. They add to `worlds.py` and `unseen.py`: errors at the end of a trajectory
that hide what came before, continuous rewards with outages, majorities and rare slices, tools that
compete for a call, reviewers who contradict each other, policies that changed since the training
examples were collected, prompts that are followed less the longer they are, and stages that multiply.

Each structure is a class of its own (`structures.py`), so that a family's numbers mean the same as in
every half. As there, `expect` was written beforehand; a single edit rewrites one module, a joint edit many.
"""

from __future__ import annotations

import unseen
from blind_world import BlindFamily
from structures import (
    ChangedWorld,
    CrowdedWorld,
    DepthWorld,
    LateErrorWorld,
    ReviewersWorld,
    SlicedWorld,
    ToolsWorld,
)
from worlds import Family, World

BLIND: tuple[BlindFamily, ...] = (
    BlindFamily(
        name="late error",
        world=LateErrorWorld,
        models="a long-horizon agent with a continuous reward: an error at the end spoils the work before; outages",
        leaves_out="trajectories of different lengths, and an agent that recovers from its errors",
        expect="joint edits win: feedback tells of the end first, and a gain at the start alone drowns in the noise",
        modules=6,
        lessons=6,
        known=0.5,
        needs=(4, 8),
        noisy=True,
        blur=0.0,
        reveal=0.9,
        lure=0.1,
        damage=0.3,
        steadiness=(3.0, 40.0),
        examples=50,
        validation=40,
    ),
    BlindFamily(
        name="five languages",
        world=SlicedWorld,
        models="one assistant in five languages, prompts written for the largest; a judge gives up to four points",
        leaves_out="languages that resemble each other, and a model that is weaker in some of them",
        expect="who keeps specialists and shows more failures wins; a small minibatch is one language by chance",
        modules=3,
        lessons=12,
        known=0.5,
        needs=(2, 4),
        noisy=True,
        grades=4,
        shares=(0.5, 0.2, 0.15, 0.1, 0.05),
        common=4,
        easy=(2, 4),
        conditional=0.3,
        conflict=0.25,
        damage=0.3,
        examples=120,
        validation=100,
    ),
    BlindFamily(
        name="tools by description",
        world=ToolsWorld,
        models="an agent and eleven tools chosen by description, five of them never wanted, three never even confused",
        leaves_out="wrong arguments of a right call, several calls for one example, tools added later",
        expect="joint edits win early; who takes modules in turn spends a quarter of its edits on idle tools",
        modules=12,
        lessons=4,
        known=0.3,
        needs=(0, 2),
        noisy=True,
        blur=0.0,
        astray=0.15,
        examples=80,
        validation=60,
    ),
    BlindFamily(
        name="two reviewers",
        world=ReviewersWorld,
        models="a writer and an editor, feedback by two experts: rich, but one wants what the other cannot stand",
        leaves_out="noise, and a request that says which of the two will read the answer",
        expect="close: early everybody gains from rich feedback; late, few records take one expert's taste for both's",
        modules=2,
        lessons=12,
        known=0.25,
        needs=(3, 6),
        reveal=0.95,
        damage=0.35,
        slip=0.15,
        attention=4,
        examples=25,
        validation=20,
    ),
    BlindFamily(
        name="policy changed",
        world=ChangedWorld,
        models="claims handling, trained on cases mostly older than a change of policy: what was right is wrong now",
        leaves_out="dates in the inputs, by which both policies could be stated",
        expect="single edits win: joint edits bring withdrawn rules along, and the validation cannot tell which one",
        modules=5,
        lessons=7,
        known=0.55,
        needs=(3, 6),
        noisy=True,
        damage=0.35,
        examples=60,
        validation=80,
    ),
    BlindFamily(
        name="crowded prompt",
        world=CrowdedWorld,
        models="a small model's one long prompt: rules of unequal use, all followed less when there are more than nine",
        leaves_out="the order of rules, and several rules said in one sentence",
        expect="a tie: every edit is single; who sees how often a fault occurs takes the useful rules, then stops",
        modules=1,
        lessons=26,
        known=0.15,
        needs=(2, 5),
        examples=30,
        validation=30,
    ),
    BlindFamily(
        name="retrieval depth",
        world=DepthWorld,
        models="questions of one to three hops: plan, search, read, answer; F1 as score, a poor stage hides the next",
        leaves_out="documents that answer by luck, and noise",
        expect="joint edits win: shares multiply, so that several stages better at once gain more than their sum",
        modules=4,
        lessons=7,
        known=0.5,
        needs=(1, 2),
        reveal=0.7,
        examples=100,
        validation=50,
    ),
    BlindFamily(
        name="easy majority",
        world=SlicedWorld,
        models="four of five requests are done already, the rest are three rare kinds that need all of their own rules",
        leaves_out="noise, and a team that weighs the rare kinds higher than their share",
        expect="who looks for failures wins: a random minibatch of three shows nothing wrong in half of all tries",
        modules=3,
        lessons=10,
        known=0.95,
        needs=(2, 4),
        combine="all",
        shares=(0.79, 0.08, 0.07, 0.06),
        common=4,
        easy=(1, 2),
        conditional=0.4,
        conflict=0.3,
        examples=150,
        validation=150,
    ),
)


def world_of(family: Family, seed: int) -> World:
    """The world of a family of any half and a seed."""
    return family.world(family, seed) if isinstance(family, BlindFamily) else unseen.world_of(family, seed)
