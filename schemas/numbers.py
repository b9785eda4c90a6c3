"""One spelling for one number: "1,234.50 m" and "1234.5" are both "1234.5"."""

import re
from decimal import Decimal

_LONGEST = 60
_MOST_DIGITS = 28
_LARGEST_EXPONENT = 30
_NUMBER = re.compile(
    r"[$€£¥]?\s?(?P<sign>[+\-−])?\s?[$€£¥]?"
    r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)(?P<fraction>\.[0-9]*)?(?:[eE](?P<exponent>[+\-]?[0-9]{1,2}))?"
    r"\s*(?P<unit>[%‰°]?(?:(?:square|cubic)\s)?[^\W\d_]*(?:[²³]|\^[23])?(?:\s?(?:/|per\b)\s?[^\W\d_]+[²³]?)?)\.?"
)


def plain_decimal(text: str) -> str | None:
    """Plain decimal text of the one number in `text`, its unit dropped; None when it holds no single number.

    Accepted around the digits: a sign, commas between thousands, an exponent, a currency sign, one unit or
    "%". A decimal comma and a fraction are not decided, so they are None.
    """
    stripped = text.strip()
    match = _NUMBER.fullmatch(stripped) if len(stripped) <= _LONGEST else None
    if not match or not (match["whole"] or (match["fraction"] or "").strip(".")):
        return None
    digits = f"{match['whole'].replace(',', '') or '0'}{match['fraction'] or ''}"
    if len(digits) > _MOST_DIGITS or abs(int(match["exponent"] or 0)) > _LARGEST_EXPONENT:
        return None
    value = Decimal(digits.rstrip(".")).scaleb(int(match["exponent"] or 0))
    return _spell(-value if match["sign"] in ("-", "−") else value)


def _spell(value: Decimal) -> str:
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
