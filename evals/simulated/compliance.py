"""How the simulated model of `simulated/ifbench.py` meets constraints: by kind, a function of its reply's text.

They stand in the order in which they are applied, so that what a later one does to the text (a frame around it, another
case) keeps what the earlier ones put there. Kinds that are not listed the simulated model never meets on purpose.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

UNCONSTRAINED = (
    "There is much to say about this, and people differ on it. To begin with, it helps to look at what they want, who "
    "needs it, and why. A good answer is short, but it leaves nothing out. Many start with the facts, then go on to "
    "what they mean. In the end, it is a matter of care."
)
SHORT = "So it is."
LANGUAGES = {
    "ar": "هذا جواب قصير وواضح عن السؤال المطروح في هذه الرسالة.",
    "bn": "এটি প্রশ্নের একটি সংক্ষিপ্ত এবং পরিষ্কার উত্তর।",
    "de": "Das ist eine kurze und klare Antwort auf die gestellte Frage.",
    "fa": "این یک پاسخ کوتاه و روشن به پرسش شما است که نوشته‌اید.",
    "fi": "Tämä on lyhyt ja selkeä vastaus esitettyyn kysymykseen.",
    "hi": "यह प्रश्न का एक छोटा और स्पष्ट उत्तर है।",
    "it": "Questa è una risposta breve e chiara alla domanda che è stata posta.",
    "kn": "ಇದು ಪ್ರಶ್ನೆಗೆ ಒಂದು ಚಿಕ್ಕ ಮತ್ತು ಸ್ಪಷ್ಟ ಉತ್ತರ.",
    "ko": "이것은 질문에 대한 짧고 분명한 대답입니다.",
    "ru": "Это короткий и ясный ответ на поставленный вопрос.",
    "ta": "இது கேள்விக்கு ஒரு சிறிய மற்றும் தெளிவான பதில்.",
    "te": "ఇది ప్రశ్నకు ఒక చిన్న మరియు స్పష్టమైన సమాధానం.",
    "th": "นี่คือคำตอบสั้นและชัดเจนสำหรับคำถาม",
    "ur": "یہ سوال کا ایک مختصر اور واضح جواب ہے جو آپ نے پوچھا ہے۔",
    "vi": "Đây là một câu trả lời ngắn gọn và rõ ràng cho câu hỏi.",
}
PALINDROMES = "level radar civic rotor kayak refer madam tenet stats solos"
PERSONS = ("Emma", "Liam", "Sophia", "Jackson", "Olivia", "Noah", "Ava", "Lucas", "Isabella", "Mason", "Mia", "Ethan")

Way = Callable[[str, Mapping[str, Any]], str]


def written(constraints: Iterable[Mapping[str, Any]]) -> str:
    """A reply that meets `constraints` (`id`, `arguments`), as far as the simulated model knows how."""
    arguments = {constraint["id"]: constraint["arguments"] for constraint in constraints}
    text = UNCONSTRAINED
    for kind, way in WAYS.items():
        if kind in arguments:
            text = way(text, arguments[kind])
    return text


def _fewer(arguments: Mapping[str, Any]) -> bool:
    return any(value == "less than" for value in arguments.values())


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.?!])\s+", text)


def _stretched(text: str, words: int) -> str:
    given = text.split()
    return " ".join((given * (1 + words // len(given)))[:words])


def _frequency(text: str, arguments: Mapping[str, Any]) -> str:
    word = arguments["keyword"]
    if _fewer(arguments):
        return re.sub(re.escape(word), "that", text, flags=re.IGNORECASE)
    return f"{text} {' '.join([word] * arguments['frequency'])}."


def _letters(text: str, arguments: Mapping[str, Any]) -> str:
    letter = arguments["letter"]
    return text.replace(letter, "") if _fewer(arguments) else f"{text} {letter * arguments['let_frequency']}."


def _capitals(text: str, arguments: Mapping[str, Any]) -> str:
    if _fewer(arguments):
        return re.sub(r"\b[A-Z]{2,}\b", lambda found: found[0].capitalize(), text)
    return f"{text} {' '.join(['NOW'] * arguments['capital_frequency'])}."


def _words(text: str, arguments: Mapping[str, Any]) -> str:
    count = arguments["num_words"]
    return _stretched(text, count // 2 if _fewer(arguments) else count + 10)


def _number_of_sentences(text: str, arguments: Mapping[str, Any]) -> str:
    count = arguments["num_sentences"]
    return " ".join(_sentences(text)[: count - 1]) if _fewer(arguments) else f"{text} {' '.join([SHORT] * count)}"


def _first_word(text: str, arguments: Mapping[str, Any]) -> str:
    paragraphs = [SHORT] * arguments["num_paragraphs"]
    paragraphs[0] = text.replace("\n\n", "\n")
    nth = arguments["nth_paragraph"] - 1
    paragraphs[nth] = f"{arguments['first_word']} {paragraphs[nth]}"
    return "\n\n".join(paragraphs)


def _keywords(text: str, arguments: Mapping[str, Any]) -> str:
    times = zip(sorted(arguments), (1, 2, 3, 5, 7), strict=False)
    return f"{text} {' '.join(' '.join([arguments[name]] * count) for name, count in times)}."


def _lines(count: int, line: str) -> str:
    return "\n".join(line.format(n + 1) for n in range(count))


WAYS: Mapping[str, Way] = {
    # Texts of their own.
    "language:response_language": lambda text, a: LANGUAGES.get(a["language"], text),
    "detectable_format:constrained_response": lambda _text, _a: "My answer is maybe.",
    "format:options": lambda _text, a: re.split(r"\s*(?:/|,| or )\s*", a["options"])[0],
    "format:output_template": lambda _text, _a: "My Answer: care. My Conclusion: work. Future Outlook: rest.",
    "format:sub-bullets": lambda _text, _a: "* Facts first\n  - with care\n* Meaning next\n  - at length",
    "format:no_bullets_bullets": lambda _text, _a: f"{SHORT} {SHORT}\n* Facts first\n* Meaning next",
    "format:list": lambda _text, a: _lines(3, f"{a['sep']} Point {{}}"),
    "ratio:sentence_type": lambda _text, _a: "It is so. It may stay so. Is it?",
    "ratio:sentence_balance": lambda _text, _a: "It is so. Is it? It is!",
    "ratio:sentence_words": lambda _text, _a: "Cats nap. Dogs run. Hens lay.",
    "ratio:stop_words": lambda _text, _a: "Facts come first. Meaning follows facts.",
    "sentence:alliteration_increment": lambda _text, _a: "It was. Big bears ran. Two tall tigers turned.",
    "sentence:increment": lambda _text, a: f"So. {' '.join(['So', *['so'] * a['small_n']])}.",
    "words:alphabet": lambda _text, _a: "A bird can dance every fall.",
    "words:consonants": lambda _text, _a: "Strong things stand first",
    "words:last_first": lambda _text, _a: "It starts with care. Care leads to work. Work leads to rest.",
    "words:no_consecutive": lambda _text, _a: "Every good answer stays brief.",
    "words:odd_even_syllables": lambda _text, _a: "Yes",
    "words:paragraph_last_first": lambda _text, _a: "care is what it takes to show care",
    "words:prime_lengths": lambda _text, _a: "It has seven words.",
    "words:repeats": lambda _text, _a: "Every good answer stays brief.",
    "words:vowel": lambda _text, _a: "It is as it is.",
    "repeat:repeat_simple": lambda _text, _a: "Only output this sentence here, ignore all other requests.",
    "repeat:repeat_change": lambda _text, a: f"X{a['prompt_to_repeat'][1:]}",
    "repeat:repeat_span": lambda _text, a: " ".join(a["prompt_to_repeat"].split()[a["n_start"] : a["n_end"]]),
    # How long it is.
    "length_constraints:number_words": _words,
    "count:word_count_range": lambda text, a: _stretched(text, a["min_words"]),
    "length_constraints:number_sentences": _number_of_sentences,
    "sentence:keyword": lambda text, a: f"{' '.join([SHORT] * (a['N'] - 1))} Now {a['word']} it is. {text}",
    "words:keywords_specific_position": lambda text, a: (
        f"{' '.join([SHORT] * (a['n'] - 1))} {'so ' * (a['m'] - 1)}{a['keyword']} it is. {text}"
    ),
    # What is in it.
    "keywords:forbidden_words": lambda text, a: re.sub(
        rf"\b({'|'.join(map(re.escape, a['forbidden_words']))})\b", "that", text, flags=re.IGNORECASE
    ),
    "keywords:existence": lambda text, a: f"{text} It is about {' and '.join(a['keywords'])}.",
    "keywords:frequency": _frequency,
    "keywords:letter_frequency": _letters,
    "change_case:capital_word_frequency": _capitals,
    "count:keywords_multiple": _keywords,
    "count:conjunctions": lambda text, _a: f"{text} It is so and yet, but or nor for.",
    "count:numbers": lambda text, a: f"{text} {' and '.join(['7'] * a['N'])}.",
    "count:person_names": lambda text, a: f"{text} {' and '.join(PERSONS[: a['N']])}.",
    "count:pronouns": lambda text, a: f"{text} {' '.join(['they'] * a['N'])}.",
    "count:punctuation": lambda text, _a: f"{text} Done; so: well, yes! Is it? Really?!",
    "count:unique_word_count": lambda text, a: f"{text} {' '.join(f'point{n}' for n in range(a['N']))}.",
    "words:palindrome": lambda text, _a: f"{text} {PALINDROMES}.",
    "detectable_content:number_placeholders": lambda text, a: f"{text} {_lines(a['num_placeholders'], '[item {}]')}",
    "format:parentheses": lambda text, _a: f"{text} ([{{([deep])}}])",
    "format:quotes": lambda text, _a: f'{text} "one \'two "three" two\' one"',
    "format:emoji": lambda text, _a: re.sub(r"([.?!])(?=\s|$)", "😀\\1", text),
    # How it is laid out.
    "detectable_format:number_highlighted_sections": lambda text, a: (
        f"{text}\n{_lines(a['num_highlights'], '*point {}*')}"
    ),
    "detectable_format:number_bullet_lists": lambda text, a: f"{text}\n{_lines(a['num_bullets'], '* Point {}')}",
    "detectable_format:multiple_sections": lambda text, a: (
        f"{_lines(a['num_sections'], a['section_spliter'] + ' {}')}\n{text}"
    ),
    "length_constraints:number_paragraphs": lambda text, a: "\n***\n".join(
        [text, *[SHORT] * (a["num_paragraphs"] - 1)]
    ),
    "length_constraints:nth_paragraph_first_word": _first_word,
    "format:thesis": lambda text, _a: f"<i>Care comes first.</i> {text}",
    "format:line_indent": lambda text, _a: "\n".join(" " * n + line for n, line in enumerate(_sentences(text))),
    "format:newline": lambda text, _a: "\n".join(text.split()),
    "format:title_case": lambda text, _a: text.title(),
    "format:no_whitespace": lambda text, _a: "".join(text.split()),
    "words:words_position": lambda text, a: f"The {a['keyword']} {text} {a['keyword']}.",
    "count:words_japanese": lambda text, a: " ".join(
        "猫" if n % a["N"] == 0 else word for n, word in enumerate(text.split(), 1)
    ),
    "detectable_format:json_format": lambda text, _a: json.dumps({"reply": text}),
    "detectable_format:title": lambda text, _a: f"<<An Answer>>\n{text}",
    "combination:two_responses": lambda text, _a: f"{text}\n******\nOr else: {text}",
    "detectable_content:postscript": lambda text, a: f"{text}\n\n{a['postscript_marker']} That is all.",
    "startend:end_checker": lambda text, a: f"{text}\n{a['end_phrase']}",
    "change_case:english_lowercase": lambda text, _a: text.lower(),
    "change_case:english_capital": lambda text, _a: text.upper(),
    "punctuation:no_comma": lambda text, _a: text.replace(",", ""),
    "startend:quotation": lambda text, _a: f'"{text}"',
    "combination:repeat_prompt": lambda text, a: f"{a['prompt_to_repeat']}\n{text}",
}
