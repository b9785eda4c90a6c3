"""Media to model tensors: each medium alone, decoded and processed once.

Every clip goes through the official processor by itself with its own true frame rate, because the processor takes
one rate for a whole batch. What comes back is kept in memory by digest, stretch and view, bounded in bytes; what was
decoded lies on disk, where `training.media_cache` is the reader of pieces. Tensors are the same either way.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from media.errors import MediaError
from media.frames import GREY
from media.waveform import SAMPLE_RATE, muted, shifted, silence
from schemas.example import Media
from schemas.training import Altering, MediaSettings, View
from training.background import Background
from training.families import OmniProcessor, family_of
from training.pieces import Clip, Picture, Piece, PieceReader, Sound
from training.prompts import Part
from training.resizing import Bounds, frame_size, resized


class Features(NamedTuple):
    """One medium as a model takes it: its placeholder tokens, and its tensors by the model's argument names."""

    ids: tuple[int, ...]
    tensors: dict[str, Tensor]


_Key = tuple[Part, View]


class FeatureReader:
    """Reads parts of prompts into features, keeping up to `cache_bytes` of them. Raises media.errors.MediaError.

    To be asked by one thread. What is read ahead is held besides, until it is asked for or the next reading ahead.
    """

    def __init__(
        self,
        processor: OmniProcessor,
        settings: MediaSettings,
        pieces: PieceReader,
        cache_bytes: int = 2 << 30,
        altering: Altering | None = None,
    ) -> None:
        self._processor, self._settings, self._reader = processor, settings, pieces
        self._altering = altering or Altering()
        self._cache: OrderedDict[_Key, Features] = OrderedDict()
        self._room = cache_bytes
        self._ahead: dict[_Key, Future[Features]] = {}
        self._background = Background(1)
        self._turn = threading.Lock()

    def read(self, part: Part, view: View) -> Features:
        key = (part, view)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        ahead = self._ahead.pop(key, None)
        features = ahead.result() if ahead else self._compute(part, view)
        self._keep(key, features)
        return features

    def read_ahead(self, parts: Iterable[Part], view: View) -> None:
        """Begin with what will be asked for next; what was begun before and nobody asked for is dropped."""
        every: list[_Key] = [(part, view) for part in dict.fromkeys(parts)]
        wanted = [key for key in every if key not in self._cache]
        self._reader.read_ahead([piece for part, _ in wanted for piece in self._pieces(part)])
        before = self._ahead
        self._ahead = {key: before.pop(key, None) or self._background.submit(self._compute, *key) for key in wanted}
        for dropped in before.values():
            dropped.cancel()

    def _keep(self, key: _Key, features: Features) -> None:
        self._cache[key] = features
        self._room -= _size(features)
        while self._room < 0 and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._room += _size(dropped)

    def _compute(self, part: Part, view: View) -> Features:
        if part.kind == "image":
            return self._picture(part.medium, view)
        if part.kind == "audio":
            return self._features(self._processor.audio_token, **self._heard(self._sound(part.medium, view)))
        return self._video(part.medium, view)

    def _picture(self, medium: Media, view: View) -> Features:
        pixels = self._reader.read(Picture(digest=medium.digest)).values
        self._check_sides(pixels, medium)
        pixels = np.full_like(pixels, GREY) if view == "blind" else pixels
        return self._features(self._processor.image_token, images=[pixels])

    def _check_sides(self, pixels: np.ndarray, medium: Media) -> None:
        """The processor's ValueError could as well be a fault of ours."""
        height, width, _ = pixels.shape
        try:
            frame_size(height, width, self._bounds)
        except ValueError as error:
            raise MediaError(f"cannot show {medium.digest}: {error}") from error

    def _video(self, medium: Media, view: View) -> Features:
        clip = self._reader.read(self._clip(medium))
        frames = resized(torch.as_tensor(clip.values), clip.size)
        frames = torch.full_like(frames, GREY) if view == "blind" else frames
        seen = {"videos": [frames.numpy()], "fps": clip.fps}
        if self._settings.audio == "separate":
            return self._features(self._processor.video_token, **seen)
        heard = self._heard(self._sound(medium, view, clip.seconds))
        inside = {"audio_from_video_indices": [0], "load_audio_from_video": True}
        return self._features(self._processor.video_token, **seen, **heard, **inside)

    def _sound(self, medium: Media, view: View, seconds: float | None = None) -> np.ndarray:
        """Samples of a medium; a clip without a sound track is `seconds` of silence."""
        piece = self._sound_of(medium)
        samples = self._reader.read(piece).values
        if not len(samples):
            return silence(min(piece.seconds, seconds or medium.duration or 0.0))
        if view == "shifted_audio":
            return shifted(samples, self._altering.shift_seconds, f"{self._altering.seed}/{medium.digest}")
        return muted(samples, medium.digest) if view == "muted" else samples

    def _pieces(self, part: Part) -> list[Piece]:
        """What has to be decoded for a part of a prompt."""
        if part.kind == "image":
            return [Picture(digest=part.medium.digest)]
        if part.kind == "audio":
            return [self._sound_of(part.medium)]
        heard = [self._sound_of(part.medium)] if self._settings.audio == "interleaved" else []
        return [self._clip(part.medium), *heard]

    def _clip(self, medium: Media) -> Clip:
        shown = self._settings
        return Clip(
            digest=medium.digest,
            start=medium.start,
            end=medium.end,
            fps=shown.fps,
            max_frames=shown.max_frames,
            bounds=self._bounds,
        )

    @property
    def _bounds(self) -> Bounds:
        video = self._processor.video_processor
        factor = video.patch_size * video.merge_size
        return Bounds(factor=factor, least=self._settings.min_pixels, most=self._settings.max_pixels)

    def _sound_of(self, medium: Media) -> Sound:
        longest = min(self._settings.max_audio_seconds, float(self._processor.feature_extractor.chunk_length))
        return Sound(digest=medium.digest, start=medium.start, end=medium.end, seconds=longest)

    def _heard(self, samples: np.ndarray) -> dict[str, object]:
        """The processor's arguments for a sound.

        It would pad to its longest, 300 s, and transform all that silence: a second of it gives the same features,
        since what is behind the sound only reaches back half a window.
        """
        extractor = self._processor.feature_extractor
        shortest = round(family_of(self._processor).shortest_sound * SAMPLE_RATE)
        long_enough = np.pad(samples, (0, max(0, shortest - len(samples))))
        padded = min(len(long_enough) + SAMPLE_RATE, extractor.n_samples)
        return {"audio": [long_enough], "audio_kwargs": {"max_length": padded}}

    def _features(self, placeholder: str, **media: object) -> Features:
        size = {"shortest_edge": self._settings.min_pixels, "longest_edge": self._settings.max_pixels}
        with self._turn:
            batch = cast(Any, self._processor)(
                text=placeholder,
                return_tensors="pt",
                images_kwargs={"size": size},
                videos_kwargs={"do_resize": False, "do_sample_frames": False},
                **media,
            )
        ids = tuple(batch.pop("input_ids")[0].tolist())
        batch.pop("attention_mask")
        return Features(ids, _trimmed(dict(batch)))


def _trimmed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Sound without its padding: the extractor pads to 30 or 300 s, 15 MB a clip, which the mask hides anyway."""
    if "video_second_per_grid" in tensors:
        tensors["video_second_per_grid"] = torch.as_tensor(tensors["video_second_per_grid"], dtype=torch.float32)
    if "feature_attention_mask" in tensors:
        length = int(tensors["feature_attention_mask"].sum())
        tensors["input_features"] = tensors["input_features"][..., :length].clone()
        tensors["feature_attention_mask"] = tensors["feature_attention_mask"][..., :length].clone()
    return tensors


def _size(features: Features) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in features.tensors.values())
