"""One spelling for one number: "1,234.50 m" and "1234.5" are both "1234.5", "5 million" is "5000000".

A unit is dropped. What is none and changes the number ("3k", "2π", "3x", "3rd", "3 pm") makes it no number at all.
"""

import re
from decimal import Decimal

_LONGEST = 120
_MOST_DIGITS = 28
_LARGEST_EXPONENT = 30
_NUMBER = re.compile(
    r"[$€£¥]?\s?(?P<sign>[+\-−])?\s?[$€£¥]?"
    r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)(?P<fraction>\.[0-9]*)?(?:[eE](?P<exponent>[+\-]?[0-9]{1,2}))?"
    r"(?:\s*(?P<magnitude>(?i:hundred|thousand|million|billion|trillion))s?\b)?"
    r"\s*(?P<unit>[%‰°]?(?:(?:square|cubic)\s)?(?:[^\W\d_]+(?:[²³]|\^[23])?)?(?:\s?(?:/|per\b)\s?[^\W\d_]+[²³]?)?)\.?"
)
_MAGNITUDES = {"": 0, "hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_WORD = re.compile(r"[^\W\d_]+")
_SYMBOLS = frozenset("mgshlLANVWJCFΩÅ")
"""Units of one letter; any other letter is a variable, a constant or a magnitude (k, M, B), so it is no unit."""
_NO_UNIT = re.compile(
    r"(?:hundred|thousand|million|billion|trillion|dozen|lakh|crore)s?|[mbt]n|pi|[xyz]+|.*π.*"
    r"|st|nd|rd|th|hal(?:f|ves)|(?:third|quarter|fourth|fifth|tenth|hundredth|thousandth|millionth|billionth)s?"
    r"|[ap]m|bc|ad|bce|ce",
    re.IGNORECASE,
)


def plain_decimal(text: str) -> str | None:
    """Plain decimal text of the one number in `text`, its unit dropped; None when it holds no single number.

    Accepted around the digits: a sign, commas between thousands, an exponent, a currency sign, a magnitude in
    words ("million"), which is multiplied out, one unit or "%". A decimal comma, a fraction and a magnitude in
    letters ("5k") are not decided, so they are None.
    """
    stripped = text.strip()
    match = _NUMBER.fullmatch(stripped) if len(stripped) <= _LONGEST else None
    if not match or not (match["whole"] or (match["fraction"] or "").strip(".")) or not _is_unit(match["unit"]):
        return None
    exponent = int(match["exponent"] or 0)
    digits = f"{match['whole'].replace(',', '') or '0'}{match['fraction'] or ''}"
    if len(digits.replace(".", "").strip("0")) > _MOST_DIGITS or abs(exponent) > _LARGEST_EXPONENT:
        return None
    value = Decimal(digits.rstrip(".")).scaleb(exponent + _MAGNITUDES[(match["magnitude"] or "").lower()])
    return _spell(-value if match["sign"] in ("-", "−") else value)


def _is_unit(unit: str) -> bool:
    """Whether nothing in it could change the number that it stands behind."""
    words = _WORD.findall(unit)
    return all(word in _SYMBOLS if len(word) == 1 else not _NO_UNIT.fullmatch(word) for word in words)


def _spell(value: Decimal) -> str:
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
