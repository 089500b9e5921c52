"""The demo's metric: was the ticket sorted, handled and answered as the house rules want it?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langgraph_gepa.core.rollout import Feedback

ROUTER, AGENT, WRITER = "router_prompt", "agent_prompt", "writer_prompt"
"""The modules' names, as `discover` lists them."""

SIGNATURE = "The Tern Outdoor team"


def review(outputs: Mapping[str, Any], reference_outputs: Mapping[str, Any]) -> Feedback:
    """Scores a ticket from 0 to 1: the desk 0.2, what was changed in the shop 0.4, the reply 0.4.

    Each fault of the reply halves its part. The feedback on what went wrong goes to the module that
    could have done better.
    """
    right_desk = outputs["desk"] == reference_outputs["desk"]
    right_shop = _compared(outputs["changes"]) == _compared(reference_outputs["changes"])
    faults = [*_faults(outputs["reply"], reference_outputs["reply"])]
    unstated = [*_unstated(outputs["reply"], reference_outputs["reply"])]
    by_module = {}
    if not right_desk:
        by_module[ROUTER] = (
            f"The ticket went to the desk '{outputs['desk']}', but it belongs to '{reference_outputs['desk']}': "
            f"{reference_outputs['desk_because']}."
        )
    if not right_shop:
        by_module[AGENT] = _on_the_shop(outputs, reference_outputs, right_desk)
    if blamed := faults + unstated if right_shop else faults:  # the writer can only state what the notes tell
        by_module[WRITER] = " ".join(blamed)
    count = len(faults + unstated)
    score = 0.2 * right_desk + 0.4 * right_shop + 0.4 * 0.5**count
    comment = (
        f"{'Right' if right_desk else 'Wrong'} desk, {'rightly' if right_shop else 'wrongly'} handled, "
        f"{count or 'no'} fault{'s' * (count != 1)} in the reply."
    )
    return Feedback(round(score, 4), comment, by_module)


def _compared(changes: Sequence[Mapping[str, str]]) -> list[tuple[str, ...]]:
    """Changes as they are compared: of an escalation it only matters that it happened."""
    return sorted(
        (c["action"],) if c["action"] == "escalate" else (c["action"], c["order"], c["detail"].casefold())
        for c in changes
    )


def _on_the_shop(outputs: Mapping[str, Any], reference: Mapping[str, Any], right_desk: bool) -> str:
    if not right_desk:
        return "The ticket was at the wrong desk, so it could not be handled as it should; that is the router's fault."
    did, should = _described(outputs["changes"]), _described(reference["changes"])
    return f"The agent {did}; it should have {should}: {reference['changes_because']}."


def _described(changes: Sequence[Mapping[str, str]]) -> str:
    verbs = {
        "refund": "refunded {detail} on {order}",
        "replace": "sent {detail} for {order}",
        "readdress": "changed the address of {order} to {detail}",
        "cancel": "cancelled {order}",
        "escalate": "handed the ticket to a human",
    }
    return " and ".join(verbs[c["action"]].format(**c) for c in changes) or "changed nothing"


def _faults(reply: str, reference: Mapping[str, Any]) -> Iterator[str]:
    if SIGNATURE.casefold() not in reply.casefold():
        yield f"The reply is not signed '{SIGNATURE}', as every reply must be."
    apologises = bool(re.search(r"\bsorry\b|apolog", reply, re.IGNORECASE))
    if reference["apology"] is True and not apologises:
        yield "The reply does not apologise, though the item was damaged, the parcel late or somebody hurt."
    if reference["apology"] is False and apologises:
        yield "The reply says sorry although nothing went wrong on the shop's side; that sounds insincere."
    promise = re.search(r"\b(by|on|until|next) \w+day\b|\btomorrow\b", reply, re.IGNORECASE)
    if promise:
        yield f"The reply promises a day ('{promise[0]}'); nobody can know when something arrives."


def _unstated(reply: str, reference: Mapping[str, Any]) -> Iterator[str]:
    for fact in reference["states"]:
        if not any(words.casefold() in reply.casefold() for words in fact["any_of"]):
            yield f"The reply does not state {fact['what']}."
