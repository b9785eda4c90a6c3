"""Examples as other trainers read them: the same prompts and targets as ours, in each project's own documented form.

To add one: a file here with a `Form`, and a line in the table. `writing.export` is the way in; it is given the words of
a conversation by its caller, since prompts are training's. What all have in common is in `conversation`, and where
media go in `gallery`.
"""

from storage.exports import llama_factory, ms_swift, verl
from storage.exports.form import Form

FORMS: dict[str, Form] = {
    "llama-factory": llama_factory.FORM,
    "ms-swift": ms_swift.FORM,
    "verl": verl.FORM,
}
