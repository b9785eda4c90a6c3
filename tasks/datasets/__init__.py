"""Training datasets by name: one file and one line each."""

from tasks.datasets import emer, omni_instruct, social_iq2, video_r1
from tasks.reader import Reader

DATASETS: dict[str, Reader] = {
    "video_r1": video_r1.READER,
    "social_iq2": social_iq2.READER,
    "emer": emer.READER,
    "omni_instruct": omni_instruct.READER,
}
