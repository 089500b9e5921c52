"""The demo's metric: was the ticket sorted, handled and answered as the house rules want it?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langgraph_gepa.core.rollout import Feedback
from langgraph_gepa.demo.comprehension import language_of

ROUTER, AGENT, WRITER = "router_prompt", "agent_prompt", "writer_prompt"
"""The modules' names, as `discover` lists them."""

SIGNATURE = "The Tern Outdoor team"

_LANGUAGES = {"en": "English", "de": "German", "es": "Spanish"}
_SORRY = r"\bsorry\b|apolog|entschuldig|tut uns leid|lo sentimos|disculp"
_PROMISE = (
    r"\b(by|on|until|next) \w+day\b|\b(bis|am) \w+tag\b|\bel (lunes|martes|miércoles|jueves|viernes|sábado)\b"
    r"|\btomorrow\b|\bmorgen\b|\bmañana\b"
)


def review(inputs: Mapping[str, Any], outputs: Mapping[str, Any], reference_outputs: Mapping[str, Any]) -> Feedback:
    """Scores a ticket from 0 to 1: the desk 0.2, what was altered in the shop 0.4, the reply 0.4.

    Each fault of the reply halves its part. What went wrong is said in words to the module that
    could have done better.
    """
    right_desk = outputs["desk"] == reference_outputs["desk"]
    right_shop = _what(outputs["changes"]) == _what(reference_outputs["changes"])
    stated, faults = _unstated(outputs, reference_outputs), [*_faults(inputs, outputs, reference_outputs)]
    blamed = faults + stated if right_shop else faults  # the writer can only state what the notes tell
    by_module = {}
    if not right_desk:
        by_module[ROUTER] = _on_the_desk(outputs, reference_outputs)
    if not right_shop:
        by_module[AGENT] = _on_the_shop(outputs, reference_outputs, right_desk)
    if blamed:
        by_module[WRITER] = " ".join(blamed)
    score = 0.2 * right_desk + 0.4 * right_shop + 0.4 * 0.5 ** len(faults + stated)
    return Feedback(round(score, 4), _summary(right_desk, right_shop, len(faults + stated)), by_module)


def _what(changes: Sequence[Mapping[str, str]]) -> list[tuple[str, ...]]:
    """Changes as they are compared: of an escalation it only matters that it happened."""
    return sorted(
        (c["action"],) if c["action"] == "escalate" else (c["action"], c["order"], c["detail"].casefold())
        for c in changes
    )


def _on_the_desk(outputs: Mapping[str, Any], reference: Mapping[str, Any]) -> str:
    return (
        f"The ticket went to the desk '{outputs['desk']}', but it belongs to '{reference['desk']}': "
        f"{reference['desk_because']}."
    )


def _on_the_shop(outputs: Mapping[str, Any], reference: Mapping[str, Any], right_desk: bool) -> str:
    if not right_desk:
        return "The ticket was at the wrong desk, so it could not be handled as it should; that is the router's fault."
    did, should = _words(outputs["changes"]), _words(reference["changes"])
    return f"The agent {did}; it should have {should}: {reference['changes_because']}."


def _words(changes: Sequence[Mapping[str, str]]) -> str:
    verbs = {
        "refund": "refunded {detail} on {order}",
        "replace": "sent {detail} for {order}",
        "readdress": "changed the address of {order} to {detail}",
        "cancel": "cancelled {order}",
        "escalate": "handed the ticket to a human",
    }
    return " and ".join(verbs[c["action"]].format(**c) for c in changes) or "altered nothing"


def _faults(inputs: Mapping[str, Any], outputs: Mapping[str, Any], reference: Mapping[str, Any]) -> Iterator[str]:
    reply, wanted = outputs["reply"], reference["reply"]
    if SIGNATURE.casefold() not in reply.casefold():
        yield f"The reply is not signed '{SIGNATURE}', as every reply must be."
    language = language_of(reply)
    if language != wanted["language"]:
        wrote, got = _LANGUAGES[language_of(inputs["ticket"])], _LANGUAGES[language]
        yield f"The customer wrote in {wrote}, and the reply is in {got}."
    sorry = bool(re.search(_SORRY, reply, re.IGNORECASE))
    if wanted["apology"] is True and not sorry:
        yield "The reply does not apologise, though the item was damaged, the parcel late or somebody hurt."
    if wanted["apology"] is False and sorry:
        yield "The reply says sorry although nothing went wrong on the shop's side; that sounds insincere."
    promise = re.search(_PROMISE, reply, re.IGNORECASE)
    if promise:
        yield f"The reply promises a day ('{promise[0]}'); nobody can know when something arrives."


def _unstated(outputs: Mapping[str, Any], reference: Mapping[str, Any]) -> list[str]:
    reply = outputs["reply"].casefold()
    missing = [s["what"] for s in reference["reply"]["states"] if not any(w.casefold() in reply for w in s["any_of"])]
    return [f"The reply does not state {what}." for what in missing]


def _summary(right_desk: bool, right_shop: bool, faults: int) -> str:
    reply = "the reply is right" if not faults else f"the reply has {faults} fault{'s' if faults > 1 else ''}"
    return f"{'Right' if right_desk else 'Wrong'} desk, {'rightly' if right_shop else 'wrongly'} handled, {reply}."
