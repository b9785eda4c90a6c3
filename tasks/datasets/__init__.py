"""Training datasets by name: one file and one line each."""

from tasks.datasets import (
    avqa_r1,
    emer,
    intent_train,
    llava_video_178k,
    mer2024_ov,
    omni_instruct,
    omnivideo_r1,
    social_iq2,
    video_r1,
    videovista,
)
from tasks.reader import Reader

DATASETS: dict[str, Reader] = {
    "video_r1": video_r1.READER,
    "social_iq2": social_iq2.READER,
    "intent_train": intent_train.READER,
    "emer": emer.READER,
    "mer2024_ov": mer2024_ov.READER,
    "omni_instruct": omni_instruct.READER,
    "avqa_r1": avqa_r1.READER,
    "llava_video_178k": llava_video_178k.READER,
    "videovista": videovista.READER,
    "omnivideo_r1": omnivideo_r1.READER,
}
