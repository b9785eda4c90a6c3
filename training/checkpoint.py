"""A checkpoint is a folder: safetensors, configuration and processor, readable by transformers alone.

`load_model` takes the thinker out of a full model's folder or reads a thinker's own. `load_processor` needs no
torchvision. The second half is about training checkpoints: a folder counts only once it is marked as whole.
"""

from pathlib import Path
from typing import Any, Literal, cast

import torch
import transformers.processing_utils
from transformers import AutoTokenizer, PreTrainedModel, WhisperFeatureExtractor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.video_processing_utils import VideoProcessorMixin

from schemas.training import Tower
from training.families import Family, OmniProcessor, family_at, family_named
from training.harmless import check_harmless
from training.video_processor import DEFAULTS, PatchVideoProcessor

Dtype = Literal["float32", "bfloat16"]

OFFICIAL_PICTURE_NAME = "Qwen2VLImageProcessor"
WHOLE = "whole"

# Without torchvision transformers does not export the type that it checks video processors against.
if not hasattr(transformers.processing_utils.transformers_module, "VideoProcessorMixin"):
    vars(transformers.processing_utils.transformers_module)["VideoProcessorMixin"] = VideoProcessorMixin


class PictureProcessor(Qwen2VLImageProcessorPil):
    """The official picture processor on PIL, saved under the name that the official loader knows."""

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "image_processor_type": OFFICIAL_PICTURE_NAME}


def load_model(folder: Path, dtype: Dtype = "float32") -> PreTrainedModel:
    """The thinker of a checkpoint, on the CPU, in evaluation mode. Raises UserError, also for one that brings code."""
    family = family_at(folder)
    check_harmless(folder)
    model = family.model.from_pretrained(
        folder, dtype=getattr(torch, dtype), local_files_only=True, use_safetensors=True
    )
    return model.eval()


def load_processor(folder: Path) -> OmniProcessor:
    """Tokenizer, sound, picture and video processors of a checkpoint folder, with its chat template.

    Raises UserError for a folder that is no checkpoint of a known family.
    """
    family = family_at(folder)
    saved, _ = family.processor.get_processor_dict(str(folder))
    sound = WhisperFeatureExtractor.get_feature_extractor_dict(str(folder))[0]
    picture = PictureProcessor.get_image_processor_dict(str(folder))[0]
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return assemble(
        family,
        tokenizer,
        cast(WhisperFeatureExtractor, WhisperFeatureExtractor.from_dict(sound)),
        cast(PictureProcessor, PictureProcessor.from_dict(picture)),
        cast(PatchVideoProcessor, PatchVideoProcessor.from_dict(_video_settings(folder))),
        saved.get("chat_template") or tokenizer.chat_template,
    )


def assemble(
    family: Family,
    tokenizer: Any,
    sound: WhisperFeatureExtractor,
    picture: PictureProcessor,
    video: PatchVideoProcessor,
    chat_template: str,
) -> OmniProcessor:
    """The official processor around our own video processor."""
    return family.processor(
        image_processor=picture,
        video_processor=video,
        feature_extractor=sound,
        tokenizer=tokenizer,
        chat_template=chat_template,
    )


def save(model: PreTrainedModel, processor: OmniProcessor, folder: Path) -> None:
    """Write a checkpoint that the official classes read."""
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def freeze(model: PreTrainedModel, towers: tuple[Tower, ...]) -> None:
    """Exclude encoders from training."""
    family = family_named(model.config.model_type)
    for tower in towers:
        model.get_submodule(family.towers[tower]).requires_grad_(False)


def device() -> torch.device:
    """Where models run: the GPU of this process if there is one, else the CPU."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def mark_whole(folder: Path) -> None:
    """Declare a training checkpoint complete; to be called when every rank has written its part."""
    (folder / WHOLE).touch()


def newest_whole(work: Path) -> Path | None:
    """The latest training checkpoint that was completely written, if any."""
    found = [path.parent for path in work.glob(f"checkpoint-*/{WHOLE}")]
    return max(found, key=lambda folder: int(folder.name.rpartition("-")[2]), default=None)


def _video_settings(folder: Path) -> dict[str, Any]:
    """What the official class would read, which in a folder of old is the picture processor's file."""
    saved, _ = PatchVideoProcessor.get_video_processor_dict(str(folder))
    return {name: saved[name] for name in DEFAULTS if name in saved}
