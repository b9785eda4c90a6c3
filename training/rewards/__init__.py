"""The rewards by name. To add one: a file here with an async function over a `Group`, and a line in the
table.
"""

from training.rewards.accuracy import accuracy
from training.rewards.context import context
from training.rewards.contract import Reward
from training.rewards.format import format_
from training.rewards.logic import logic
from training.rewards.modality import modality
from training.rewards.spans import spans

REWARDS: dict[str, Reward] = {
    "format": format_,
    "accuracy": accuracy,
    "context": context,
    "logic": logic,
    "modality": modality,
    "spans": spans,
}
