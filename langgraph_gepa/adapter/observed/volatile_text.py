"""Finds the dates, times and ids in a text that name the moment it was made: two runs in one second share them."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta


def _one_of(*names: Iterable[str]) -> str:
    words = sorted({word for several in names for word in several if word}, key=len, reverse=True)
    return rf"(?:{'|'.join(map(re.escape, words))})\b"


_MONTHS, _SHORT_MONTHS, _DAYS = list(calendar.month_name), list(calendar.month_abbr), list(calendar.day_name)
_MONTH = _one_of(_MONTHS, _SHORT_MONTHS)
_DAY = _one_of(_DAYS, list(calendar.day_abbr))
_YEAR = r"(?:19|20)\d{2}"
_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s?[AaPp]\.?[Mm]\b\.?)?"
_ZONE = r"(?:\s?(?:Z\b|UTC\b|GMT\b|[A-Z]{3,4}T\b|[+-](?:0\d|1[0-4]):?\d{2}\b))?"
_NUMBERS = rf"(?:{_YEAR}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{1,2}}[-/.](?:{_YEAR}|\d{{2}}))(?!\d)"
_NTH = r"\d{1,2}(?:st|nd|rd|th|\.)?"
_NAMED = (
    rf"(?:{_NTH}\s(?:of\s)?{_MONTH}\.?(?:,?\s{_YEAR}\b)?"
    rf"|{_MONTH}\.?\s{_NTH}\b(?!:)(?:,?\s{_YEAR}\b)?|{_MONTH}\.?\s{_YEAR}\b)"
)
_DATE = rf"(?:{_DAY}\.?,?\s)?(?:{_NUMBERS}|{_NAMED})"
_MOMENT = re.compile(
    rf"(?<![\w.])(?:{_DATE}(?:,?(?:\sat)?[T\s]{_TIME}{_ZONE}(?:\s{_YEAR}\b)?)?|{_TIME}{_ZONE}"
    rf"|{_one_of(_DAYS)}|{_YEAR}(?![\w-])"
    r"|\d{10}(?:\d{3})?(?:\.\d+)?(?!\w)"  # seconds or milliseconds since 1970
    r"|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-f]{24,40}\b)"
)
_FULL = re.compile(r":\d{2}:|\d{10}|[0-9a-fA-F]{8}-|[0-9a-f]{24}|[-/.]\d{1,2}[-/.]\d{2}(?!\d)")
_MINUTES = 3
"""Minutes that may lie between a run and this search."""


def moments(text: str, now: datetime | None = None) -> Iterator[tuple[int, int]]:
    """The spans of moments near now, and of ids, from left to right.

    What names less than a whole date, or a time to the second, counts only if it is true now: the day, the month or
    the minute, in any time zone.
    """
    now = now or datetime.now(UTC)
    yield from (match.span() for match in _MOMENT.finditer(text) if _is_near(match[0], now))


def _is_near(moment: str, now: datetime) -> bool:
    days = [(now + timedelta(days)).date() for days in (-1, 0, 1)]  # it is another day elsewhere
    if years := re.findall(rf"(?<!\d){_YEAR}(?!\d)", moment):
        whole = re.search(rf"\d.*{years[0]}|{years[0]}.*\d|[^\W\d]", moment) is not None
        return any(abs(int(year) - now.year) <= whole for year in years)
    if _FULL.search(moment):
        return True
    if (clock := re.fullmatch(r"(\d{1,2}):(\d{2})(?!:).*", moment)) is not None:
        return any(abs((int(clock[2]) - now.minute - zone + 30) % 60 - 30) <= _MINUTES for zone in (0, 30, 45))
    if (number := re.search(r"\d{1,2}", moment)) is not None:
        names = [(_MONTHS[day.month], _SHORT_MONTHS[day.month]) for day in days]
        return any(day.day == int(number[0]) and any(n in moment for n in names[at]) for at, day in enumerate(days))
    return moment in {_DAYS[day.weekday()] for day in days}
