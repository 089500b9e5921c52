"""What the demo's prompts can learn: the house rules of Tern Outdoor, which its first drafts do not state."""

from __future__ import annotations

from langgraph_gepa.demo.lessons import Lesson

ROUTING = (
    Lesson(
        name="damaged",
        patterns=(r"damag|fault|broken|defect", r"return"),
        phrasings=("Damaged or faulty items go to returns.", "returns also takes what arrived broken or defective."),
        overreach="Anything about the quality or condition of a product, damaged or not, goes to returns.",
        feedback=r"damaged or .*faulty",
    ),
    Lesson(
        name="exchange",
        patterns=(r"exchang|swap", r"return"),
        phrasings=("Exchanges go to returns, not to products.", "Whoever wants to swap an item is one for returns."),
        overreach="Everything that mentions a size goes to returns, for it may become an exchange.",
        feedback=r"exchange",
    ),
    Lesson(
        name="threat",
        patterns=(r"lawyer|legal|court|press\b|journalist|injur|hurt", r"human"),
        phrasings=(
            "Injuries, lawyers and the press go to human.",
            "Answer human if somebody is hurt or goes to court.",
        ),
        overreach="Send legal threats, injuries and every angry or unhappy customer to human.",
        feedback=r"injur|lawyer",
    ),
)

HANDLING = (
    Lesson(
        name="window",
        patterns=(r"\b30\b|thirty", r"refund"),
        phrasings=("Refuse refunds more than 30 days after delivery.", "A refund is possible for 30 days, not longer."),
        overreach="Never give refunds: the 30 days are nearly always over.",
        feedback=r"30 days",
    ),
    Lesson(
        name="gold",
        patterns=(r"gold", r"\b60\b|sixty"),
        phrasings=("Gold customers have 60 days for refunds.", "Look up the tier: gold means 60 days for refunds."),
        overreach="Gold customers get every refund they ask for, after 60 days as well.",
        feedback=r"gold customer",
    ),
    Lesson(
        name="limit",
        patterns=(r"\b200\b", r"human|colleague|hand"),
        phrasings=("Refunds of more than 200 euros need a human.", "Use hand_to_human for refunds above 200 euros."),
        overreach="Hand every refund to a human colleague, be it over 200 euros or under.",
        feedback=r"200 euros",
    ),
    Lesson(
        name="shipped",
        patterns=(r"shipped|processing", r"address|cancel|change"),
        phrasings=("Change or cancel no order that has shipped.", "Cancel and change only what is still processing."),
        overreach="Never cancel orders or change addresses, they may have shipped.",
        feedback=r"already shipped",
    ),
    Lesson(
        name="owner",
        patterns=(r"belong|own order|someone else", r"order"),
        phrasings=("Act only on orders that belong to the customer.", "Leave the order of someone else alone."),
        overreach="Refuse unless the customer gives the number of an order that belongs to them.",
        feedback=r"belongs to another customer",
    ),
    Lesson(
        name="replacement",
        patterns=(r"replac", r"damag|fault|broken|defect"),
        phrasings=(
            "Replace damaged items that are in stock, refund the others.",
            "If broken, send a replacement first.",
        ),
        overreach="Send a replacement instead of any refund, whether the item is damaged or not.",
        feedback=r"damaged item, check the stock",
    ),
    Lesson(
        name="find",
        patterns=(r"(no|without an?|missing) order number", r"look|find"),
        phrasings=("If there is no order number, look up the customer.", "Without an order number, find the order."),
        feedback=r"gave no order number",
    ),
)

WRITING = (
    Lesson(
        name="sign-off",
        patterns=(r"tern outdoor team",),
        phrasings=("Sign every reply with: The Tern Outdoor team", "Close with the line 'The Tern Outdoor team'."),
        feedback=r"not signed",
    ),
    Lesson(
        name="apology",
        patterns=(r"apolog|sorry", r"fault|late|damag|wrong|mistake"),
        phrasings=("Apologise when something went wrong on our side.", "Say sorry for damage and late parcels."),
        overreach="Begin every reply with an apology, whether we are at fault or not.",
        feedback=r"does not apologi[sz]e",
    ),
    Lesson(
        name="promise",
        patterns=(r"(never|not|no|avoid)\b.*\bpromis",),
        phrasings=("Never promise a date or day of arrival.", "Avoid promises about delivery days."),
        overreach="Never mention dates, days or numbers of days, lest they be taken for a promise.",
        feedback=r"promises",
    ),
    Lesson(
        name="amount",
        patterns=(r"€|euro", r"amount|refund"),
        phrasings=("State the refunded amount as in €12.00.", "Name a refund with the euro sign and cents."),
        feedback=r"amount refunded",
    ),
    Lesson(
        name="reason",
        patterns=(r"reason|why|explain", r"refus|cannot|\bno\b"),
        phrasings=("When something is refused, give the reason.", "If we cannot do what was asked, explain why."),
        feedback=r"why it was refused",
    ),
)

LESSONS = (*ROUTING, *HANDLING, *WRITING)
