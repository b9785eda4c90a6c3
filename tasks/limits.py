"""When rejects stop being data and become a fault of the source."""

from schemas.values import UserError
from storage.draft import Draft


def check_reject_share(draft: Draft, most: float, what: str, first: str) -> None:
    """Raises UserError when more than the share `most` of a stage's rows was rejected; `first` shows one reject."""
    count = draft.rejected.total()
    if draft.entered and count / draft.entered > most:
        reasons = ", ".join(f"{reason} {number}" for reason, number in draft.rejected.most_common())
        raise UserError(
            f"{what}: {count} of {draft.entered} rows were rejected ({reasons}), more than max_reject_share={most:g}; "
            f"the first: {first}; mend the source, or allow it with --set curation.max_reject_share=1"
        )
