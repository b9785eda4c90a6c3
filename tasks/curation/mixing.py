"""How much of each source, and of each kind of row, is trained on.

Both come after every filter, so that shares are of rows worth having, and choose among the rows of the training split
alone: what is held out stays whole. Each source is drawn from on its own, so adding one changes nothing in another.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from schemas.curation import Balance
from schemas.takes import Take
from schemas.values import UserError
from tasks.curation.outline import Outline, Verdict, Verdicts
from tasks.taking import take

Value = Callable[[Outline], str]


def not_taken(rows: Iterable[Outline], mix: Mapping[str, Take], seed: int) -> Verdicts:
    """Verdicts on training rows that the rule of their source does not take. mix: rules by source; default `all`."""
    verdicts: Verdicts = {}
    for origin, own in _by(rows, lambda row: row.origin).items():
        rule = mix.get(origin, "all")
        verdicts |= _without(own, rule, seed, Verdict("not_taken", f"the mix takes {rule} of {origin}"))
    return verdicts


def over_cap(rows: Iterable[Outline], balance: Balance, seed: int) -> Verdicts:
    """Verdicts on training rows beyond the cap of their value, chosen at random.

    Raises UserError where no row has the category: then its name is wrong.
    """
    rows = list(rows)
    verdicts: Verdicts = {}
    for value, own in _by(rows, _value(rows, balance.field)).items():
        seen = f"more than {balance.cap} rows with {balance.field} {value!r}"
        verdicts |= _without(own, f"random:{balance.cap}", seed, Verdict("over_cap", seen))
    return verdicts


def _without(rows: list[Outline], rule: Take, seed: int, verdict: Verdict) -> Verdicts:
    taken = {row.id for row in take(rows, rule, seed)}
    return {row.id: verdict for row in rows if row.id not in taken}


def _by(rows: Iterable[Outline], value: Value) -> dict[str, list[Outline]]:
    """Training rows by value, in the order in which values first come."""
    found: dict[str, list[Outline]] = defaultdict(list)
    for row in rows:
        if row.split == "train":
            found[value(row)].append(row)
    return found


def _value(rows: list[Outline], field: str) -> Value:
    if field == "source":
        return lambda row: row.origin
    if field == "answer_kind":
        return lambda row: row.answer_kind
    known = {name for row in rows for name, _ in row.categories}
    if rows and field not in known:
        names = ", ".join(sorted(known | {"source", "answer_kind"}))
        raise UserError(f"curation.balance.field {field!r} is no category of any row: choose one of {names}")
    return lambda row: dict(row.categories).get(field, "")
