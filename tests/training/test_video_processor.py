"""Our video processor against tensors of the official one, which make_golden_pixels.py wrote."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.make_golden_pixels import CASES, GOLDEN, KEPT, video
from training.checkpoint import load_processor
from training.resizing import Bounds, frame_size
from training.video_processor import PatchVideoProcessor


@pytest.mark.parametrize("name", CASES)
def test_patches_equal_the_official_ones(name: str) -> None:
    case, golden = CASES[name], np.load(GOLDEN)
    size = {"shortest_edge": case.least, "longest_edge": case.most}
    made = PatchVideoProcessor()([video(case)], size=size, do_sample_frames=False)
    assert made["video_grid_thw"].tolist() == golden[f"{name}/grid"].tolist()
    np.testing.assert_allclose(made["pixel_values_videos"].numpy()[KEPT], golden[f"{name}/patches"], atol=2e-6, rtol=0)


def test_several_videos_are_laid_end_to_end() -> None:
    processor, size = PatchVideoProcessor(), {"shortest_edge": 56 * 56, "longest_edge": 84 * 84}
    videos = [video(case) for case in CASES.values()]
    together = processor(videos, size=size)
    alone = [processor([each], size=size) for each in videos]
    assert torch.equal(together["pixel_values_videos"], torch.cat([each["pixel_values_videos"] for each in alone]))
    assert together["video_grid_thw"].prod(-1).sum() == len(together["pixel_values_videos"])


def test_a_picture_two_hundred_times_as_long_as_wide_is_refused() -> None:
    with pytest.raises(ValueError, match="too narrow"):
        frame_size(2, 500, Bounds(factor=28, least=56 * 56, most=112 * 112))


def test_sampling_is_not_its_business() -> None:
    with pytest.raises(ValueError, match="do_sample_frames"):
        PatchVideoProcessor()([video(CASES["wide"])], do_sample_frames=True)


def test_a_saved_processor_names_the_official_classes_and_loads_again(tiny: Path, tmp_path: Path) -> None:
    processor = load_processor(tiny)
    processor.video_processor.size = {"shortest_edge": 3136, "longest_edge": 6272}
    processor.save_pretrained(tmp_path)
    shutil.copy(tiny / "config.json", tmp_path)  # which names the family
    saved = json.loads((tmp_path / "processor_config.json").read_text())
    assert saved["video_processor"]["video_processor_type"] == "Qwen2VLVideoProcessor"
    assert saved["image_processor"]["image_processor_type"] == "Qwen2VLImageProcessor"
    again = load_processor(tmp_path)
    assert again.video_processor.size == {"shortest_edge": 3136, "longest_edge": 6272}
    assert again.chat_template == processor.chat_template
    assert again.tokenizer.get_vocab() == processor.tokenizer.get_vocab()
