"""What the demo's prompts can learn: the house rules of Tern Outdoor, which its first drafts do not state."""

from __future__ import annotations

from langgraph_gepa.demo.lessons import Lesson

ROUTING = (
    Lesson(
        name="damaged",
        patterns=(r"damag|fault|broken|defect", r"return"),
        phrasings=(
            "Damaged or faulty items go to returns.",
            "If something arrived broken or turned out defective, answer returns.",
            "returns also takes every report of a damaged, faulty or defective item.",
        ),
        overreach=("Anything about the quality or condition of a product, damaged or not, goes to returns.",),
        excess=(r"quality|condition", r"anything|every|all", r"returns"),
        vague=("Think about what is wrong with the item.",),
        feedback=r"damaged or .*faulty",
    ),
    Lesson(
        name="exchange",
        patterns=(r"exchang|swap|size", r"return"),
        phrasings=(
            "An exchange for another size is a matter for returns.",
            "Answer returns when the customer wants to swap an item for another size.",
            "Exchanges go to returns, not to products.",
        ),
        overreach=("Everything that mentions a size goes to returns, for it may become an exchange.",),
        excess=(r"(everything|anything|any ticket|whatever)\b.*\bsizes?\b", r"returns"),
        vague=("Mind the difference between the desks.",),
        feedback=r"exchange",
    ),
    Lesson(
        name="threat",
        patterns=(r"lawyer|legal|court|press\b|journalist|injur|hurt", r"human"),
        phrasings=(
            "Injuries, lawyers and the press go to human.",
            "If a ticket mentions an injury, legal steps or a journalist, answer human, whatever else it says.",
            "human is for anyone hurt, any threat of a lawyer or court, and any question from the press.",
        ),
        overreach=("Send legal threats, injuries and every angry or unhappy customer to human.",),
        excess=(r"angry|unhappy|upset|annoyed", r"human"),
        vague=("Be careful with serious tickets.",),
        feedback=r"injur|lawyer",
    ),
)

HANDLING = (
    Lesson(
        name="window",
        patterns=(r"\b30\b|thirty", r"refund|return"),
        phrasings=(
            "Refunds are only possible within 30 days of delivery; refuse them afterwards.",
            "Check the delivery date first: more than 30 days ago means no refund.",
            "Refuse a refund if the order was delivered more than 30 days ago.",
        ),
        overreach=("Never give refunds: the 30 days are nearly always over.",),
        excess=(r"never (give|issue|grant)\b.*refund",),
        vague=("Be careful with refunds.",),
        feedback=r"30 days",
    ),
    Lesson(
        name="gold",
        patterns=(r"gold", r"\b60\b|sixty"),
        phrasings=(
            "Gold customers have 60 days for refunds.",
            "Look up the tier: for gold customers the limit for a refund is 60 days after delivery.",
            "For customers of the gold tier accept refunds up to 60 days after delivery.",
        ),
        overreach=("Gold customers get every refund they ask for, after 60 days as well.",),
        excess=(r"gold", r"(every|any|all) refunds?"),
        vague=("Treat gold customers well.",),
        feedback=r"gold customer",
    ),
    Lesson(
        name="limit",
        patterns=(r"\b200\b", r"human|colleague|hand"),
        phrasings=(
            "Refunds of more than 200 euros need a human: hand the ticket over instead of refunding.",
            "Never refund above 200 euros yourself, use hand_to_human.",
            "For a refund over €200 hand the ticket to a human colleague.",
        ),
        overreach=("Hand every refund to a human colleague, be it over 200 euros or under.",),
        excess=(r"(every|all|any) refunds?", r"human|colleague"),
        vague=("Ask for help when much money is involved.",),
        feedback=r"200 euros",
    ),
    Lesson(
        name="shipped",
        patterns=(r"shipped|sent out|left the warehouse|processing|being packed", r"address|cancel|change"),
        phrasings=(
            "Once an order has shipped, neither change its address nor cancel it.",
            "Check the status first: only orders still processing can be cancelled or get another address.",
            "Refuse to cancel or change the address of an order that has already shipped.",
        ),
        overreach=("Never cancel orders or change addresses, they may have shipped.",),
        excess=(r"never (cancel|change)\b.*\b(may|might|could)",),
        vague=("Check orders before you change them.",),
        feedback=r"already shipped",
    ),
    Lesson(
        name="owner",
        patterns=(r"belong|owner|own order|someone else|another customer|different customer", r"order"),
        phrasings=(
            "Act only on orders that belong to the customer who writes; refuse when it is another customer's.",
            "Compare the order's customer with the one who wrote: if it belongs to someone else, refuse.",
            "Make sure that the order belongs to the customer before you change or refund anything.",
        ),
        overreach=("Refuse unless the customer gives the number of an order that belongs to them.",),
        excess=(r"unless", r"gives? the (order )?number"),
        vague=("Protect the privacy of customers.",),
        feedback=r"belongs to another customer",
    ),
    Lesson(
        name="replacement",
        patterns=(r"replac", r"damag|fault|broken|defect", r"stock|avail|before|first|instead"),
        phrasings=(
            "For damaged items check the stock and send a replacement; refund only when there is none.",
            "If an item is faulty, a replacement comes before a refund, as long as it is in stock.",
            "When something is broken, offer a replacement first (check_stock), a refund if it is out of stock.",
        ),
        overreach=("Send a replacement instead of any refund, whether the item is damaged or not.",),
        excess=(r"instead of (any|every|a) refund",),
        vague=("Find the best solution for damaged items.",),
        feedback=r"damaged item, check the stock",
    ),
    Lesson(
        name="find",
        patterns=(
            r"no order number|without (an |the )?order number|order number (is missing|is not given)|not (give|name)",
            r"list|look|find|search",
        ),
        phrasings=(
            "If the ticket has no order number, find the order in the customer's list with look_up_customer.",
            "Without an order number, look up the customer and pick the order that fits; do not ask for it.",
        ),
        vague=("Find out which order is meant.",),
        feedback=r"gave no order number",
    ),
)

WRITING = (
    Lesson(
        name="sign-off",
        patterns=(r"tern outdoor team",),
        phrasings=(
            "Sign every reply with: The Tern Outdoor team",
            "Close with the line 'The Tern Outdoor team'.",
            "End each reply with the signature The Tern Outdoor team.",
        ),
        vague=("End politely.",),
        feedback=r"not signed",
    ),
    Lesson(
        name="apology",
        patterns=(r"apolog|sorry", r"fault|late|damag|wrong|mistake|delay|broken"),
        phrasings=(
            "Apologise when something went wrong on our side: a late parcel, a damaged or faulty item, an injury.",
            "If the item is damaged or the delivery late, say sorry before anything else.",
            "Start with an apology when we are at fault (damage, delay).",
        ),
        overreach=("Begin every reply with an apology, whether we are at fault or not.",),
        excess=(r"(every|each|all) repl\w+", r"apolog|sorry"),
        vague=("Show empathy.",),
        feedback=r"does not apologi[sz]e",
    ),
    Lesson(
        name="promise",
        patterns=(r"(never|not|no|avoid|without)\b.*\b(promis|date|day|commit)", r"promis|arriv|deliver|when|date"),
        phrasings=(
            "Never promise a date or day of arrival.",
            "Do not say when something will arrive or be back in stock: we cannot promise dates.",
            "Avoid promises about delivery days.",
        ),
        overreach=("Never mention any dates, days or numbers of days, lest they be taken for a promise.",),
        excess=(r"(any|all) (dates|days|numbers)",),
        vague=("Be careful with what you say about delivery.",),
        feedback=r"promises",
    ),
    Lesson(
        name="amount",
        patterns=(r"€|\beuros?\b|currency", r"amount|refund|sum|price"),
        phrasings=(
            "State the refunded amount with the euro sign and cents, as in €12.00.",
            "When money was refunded, name the amount in the form €0.00.",
            "Give every amount refunded with € in front and two decimals.",
        ),
        vague=("Be precise about money.",),
        feedback=r"amount refunded",
    ),
    Lesson(
        name="language",
        patterns=(r"language", r"customer|ticket|same|they|their"),
        phrasings=(
            "Reply in the language the customer wrote in.",
            "Use the language of the ticket: a German ticket gets a German reply.",
            "Answer in the same language as the customer's message.",
        ),
        vague=("Write so that the customer can understand you.",),
        feedback=r"the reply is in",
    ),
    Lesson(
        name="reason",
        patterns=(r"reason|why|explain", r"refus|declin|cannot|can't|\bno\b|not possible|reject|impossible"),
        phrasings=(
            "When something is refused, give the reason, with the rule behind it.",
            "If we cannot do what was asked, explain why.",
            "A refusal must say why: name the rule and the number of days, if there is one.",
        ),
        vague=("Be honest.",),
        feedback=r"why it was refused",
    ),
)

LESSONS = (*ROUTING, *HANDLING, *WRITING)
