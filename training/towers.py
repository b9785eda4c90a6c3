"""All ranks go through the same encoders in the same order, whatever media their examples have.

A rank whose batch has no sound would skip the audio tower, and the others would wait for it forever: ZeRO 3 and FSDP
gather each layer's weights from all ranks, and gradients are summed over all. Here such a rank encodes a dummy in
the place where the real medium would be encoded (sounds, pictures, videos), and adds the result times zero to the
embeddings: loss and gradients are what they were, and a tower's gradient is zero instead of none.

Only kinds of media that some example of the run has are made up for.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from schemas.example import Example, MediaKind
from training.families import family_named
from training.prompts import AudioLayout, parts

# In the order in which thinkers encode them.
ARGUMENTS: dict[MediaKind, str] = {
    "audio": "input_features",
    "image": "pixel_values",
    "video": "pixel_values_videos",
}
SOUND_FRAMES = 100
"""Mel frames of a dummy sound: one second, which gives a token in every family."""


def kinds(examples: Iterable[Example], audio: AudioLayout) -> frozenset[MediaKind]:
    """Which inputs any of the examples gives a model."""
    found: set[MediaKind] = {part.kind for example in examples for part in parts(example, audio)}
    heard: set[MediaKind] = {"audio"} if audio == "interleaved" and "video" in found else set()
    return frozenset(found | heard)


class Passes:
    """Hooks in a thinker, from its making to the end of the process. Passes that generate are left alone, because
    trainers gather all weights for them.
    """

    def __init__(self, model: PreTrainedModel, expected: frozenset[MediaKind]) -> None:
        towers = family_named(model.config.model_type).towers
        thinker: Any = model.get_submodule("model")
        self._expected = expected
        self._audio, self._vision = (model.get_submodule(towers[tower]) for tower in ("audio", "vision"))
        self._missing: list[MediaKind] = []
        self._zeros: list[Tensor] = []
        self._device = torch.device("cpu")
        thinker.register_forward_pre_hook(self._begin, with_kwargs=True)
        thinker.get_image_features = self._after(("audio",), thinker.get_image_features)
        thinker.get_video_features = self._after(("audio", "image"), thinker.get_video_features)
        thinker.language_model.register_forward_pre_hook(self._finish, with_kwargs=True)

    def _begin(self, thinker: nn.Module, _: tuple[Any, ...], given: dict[str, Any]) -> None:
        absent: list[MediaKind] = [
            kind for kind, name in ARGUMENTS.items() if kind in self._expected and given.get(name) is None
        ]
        self._missing = [] if given.get("use_cache") else absent
        self._zeros = []
        self._device = given["input_ids"].device  # a tower's own weights may be kept elsewhere

    def _after(self, earlier: tuple[MediaKind, ...], encode: Callable[..., Any]) -> Callable[..., Any]:
        """`encode` for real media, once what comes before them is made up for.

        Not sooner: a sound made up for while text is embedded would come before the embedding on the way back. And
        not in a hook on the tower, which FSDP has gathered by then and would share out again after the dummy.
        """

        @wraps(encode)  # generate reads its signature to know which inputs it takes
        def encode_in_turn(*given: Any, **named: Any) -> Any:
            self._make_up_for(earlier)
            return encode(*given, **named)

        return encode_in_turn

    def _finish(self, language: nn.Module, rest: tuple[Any, ...], given: dict[str, Any]) -> Any:
        self._make_up_for(tuple(ARGUMENTS))
        if self._zeros:
            given["inputs_embeds"] = given["inputs_embeds"] + torch.stack(self._zeros).sum()
            self._zeros = []
        return rest, given

    def _make_up_for(self, turn: tuple[MediaKind, ...]) -> None:
        while self._missing and self._missing[0] in turn:
            kind = self._missing.pop(0)
            self._zeros.append(self._hear() if kind == "audio" else self._see())

    def _hear(self) -> Tensor:
        tower: Any = self._audio
        sound = torch.zeros(tower.config.num_mel_bins, SOUND_FRAMES, dtype=tower.dtype, device=self._device)
        heard = tower(sound, feature_lens=torch.tensor([SOUND_FRAMES], device=self._device))
        return _nothing(heard.last_hidden_state)

    def _see(self) -> Tensor:
        tower: Any = self._vision
        settings, side = tower.config, tower.config.spatial_merge_size
        values = settings.in_channels * settings.temporal_patch_size * settings.patch_size**2
        pixels = torch.zeros(side * side, values, dtype=tower.dtype, device=self._device)
        seen = tower(pixels, grid_thw=torch.tensor([[1, side, side]], device=self._device))
        return _nothing(seen.pooler_output, *getattr(seen, "deepstack_features", ()))


def _nothing(*encoded: Tensor) -> Tensor:
    """Zero, as a function of what a thinker takes from a tower; of more, and the way back would differ too."""
    return torch.stack([each.float().sum() for each in encoded]).sum() * 0.0
