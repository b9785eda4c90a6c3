"""How numbers are written, alike in HTML and in Markdown. Percent signs stand in headings."""

from reporting.intervals import Interval

UNKNOWN = "–"
MINUS = "\N{MINUS SIGN}"


def percent(share: float | None) -> str:
    """A share as percent with one decimal, no sign: 0.6104 is "61.0"."""
    return UNKNOWN if share is None else f"{100 * share:.1f}"


def percent_bounds(interval: Interval) -> str:
    """Such as "55.2–66.4"; empty where there is no interval."""
    return f"{percent(interval.low)}–{percent(interval.high)}" if interval.known else ""


def points(difference: float | None) -> str:
    """A difference of shares in signed percentage points: "+3.2"."""
    return UNKNOWN if difference is None else _signed(100 * difference, 1)


def points_bounds(interval: Interval) -> str:
    return f"{points(interval.low)} to {points(interval.high)}" if interval.known else ""


def decimal(value: float | None) -> str:
    """A reward with three decimals."""
    return UNKNOWN if value is None else f"{value:.3f}".replace("-", MINUS)


def decimal_bounds(interval: Interval) -> str:
    return f"{decimal(interval.low)}–{decimal(interval.high)}" if interval.known else ""


def change(difference: float | None) -> str:
    """A difference of rewards, signed: "+0.271"."""
    return UNKNOWN if difference is None else _signed(difference, 3)


def change_bounds(interval: Interval) -> str:
    return f"{change(interval.low)} to {change(interval.high)}" if interval.known else ""


def with_bounds(mean: str, bounds: str) -> str:
    """Such as "61.0 (55.2–66.4)"; the mean alone where there is no interval."""
    return f"{mean} ({bounds})" if bounds else mean


def p_value(p: float | None) -> str:
    """Such as "0.034"; "<0.001" for what is smaller."""
    return UNKNOWN if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def count(number: int) -> str:
    """12345 is "12,345"."""
    return f"{number:,}"


def _signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)
