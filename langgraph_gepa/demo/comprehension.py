"""How the simulated task model understands a customer: by key words, in English, German and Spanish."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Wish = Literal["refund", "damaged", "exchange", "address", "cancel", "status", "stock"]
Language = Literal["en", "de", "es"]

_WISHES: tuple[tuple[Wish, str], ...] = (
    (
        "damaged",
        r"broken|torn\b|crack|defect|faulty|stopped working|coming off|leaks|flared up|cut himself|kaputt|llegó rota",
    ),
    ("exchange", r"\bswap|exchange|\binstead\?|cambiar la"),
    ("cancel", r"\bcancel|stornieren"),
    ("address", r"\baddress|lieferadresse|otra dirección"),
    ("refund", r"refund|money back|\breturns?\b|geld zurück|erstatten|devolver"),
    ("status", r"\bwhere is|not arrived|still waiting|any news|wo bleibt"),
    ("stock", r"stock|available|disponible"),
)
_THREAT = r"lawyer|solicitor|to court|article|burned|stitches|hospital"
_ANGRY = r"ridiculous|unacceptable|annoyed|worst"
_PRODUCTS = {
    "headlamp|lumen": "Lumen headlamp",
    "pack|mochila|pebble": "Pebble day pack",
    "poles|stöcke": "Larch trekking poles",
    "bottle|flasche|botella": "Haze bottle",
    "sleeping bag": "Drift sleeping bag",
    "socks|socken": "Trail socks",
    "knife|messer": "Flint knife",
    "tent": "Summit tent",
    "down jacket|daunenjacke": "Alder down jacket",
    "chair|silla": "Birch camp chair",
    "stove": "Ember stove",
    "boots": "Ridge boots",
    "jacket|chaqueta": "Kite rain jacket",
}
_ADDRESS = r"\b(\d+ (?:[A-Z]\w+ )+?(?:Lane|Street|Road|Court|View), [A-Z]\w+)|(Lindenweg \d+, \w+|Calle \w+ \d+, \w+)"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a ticket says. `product` has the size asked for, where there is one; `order` may be missing."""

    wish: Wish
    order: str | None
    product: str | None
    address: str | None
    threat: bool
    angry: bool
    language: Language


def understand(ticket: str) -> Meaning:
    """The meaning of a ticket; a question about products when nothing else is recognised."""
    text = ticket.lower()
    order = re.search(r"\bT\d{4}\b", ticket)
    address = re.search(_ADDRESS, ticket)
    wishes: list[Wish] = [wish for wish, words in _WISHES if re.search(words, text)]
    return Meaning(
        wish=wishes[0] if wishes else "stock",
        order=order[0] if order else None,
        product=_product(ticket),
        address=next(filter(None, address.groups())) if address else None,
        threat=bool(re.search(_THREAT, text)),
        angry=bool(re.search(_ANGRY, text)),
        language=language_of(ticket),
    )


def _product(ticket: str) -> str | None:
    text = ticket.lower()
    name = next((name for words, name in _PRODUCTS.items() if re.search(words, text)), None)
    if name not in ("Ridge boots", "Kite rain jacket"):
        return name
    sizes = re.findall(r"\b(4[123]|[SML])\b", ticket)
    return f"{name} {sizes[-1]}" if sizes else name


_COMMON: dict[Language, str] = {
    "en": r"\b(the|is|and|your|you|for|has|to|this|have|it|of|i|my)\b",
    "de": r"\b(die|der|das|und|ich|ihre|ihr|ist|haben|wir|bitte|für|sie|nicht|aus|mein|meine|zu|den)\b",
    "es": r"\b(el|la|los|su|que|para|pedido|hemos|por|una?|es|de|del|se|no|qué|lo|en)\b",
}


def language_of(text: str) -> Language:
    """The language whose small words a text has most of; English in doubt."""
    return max(_COMMON, key=lambda language: len(re.findall(_COMMON[language], text.lower())))
