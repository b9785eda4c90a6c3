"""An example to what a model takes: prompt tokens with media placeholders spliced in, and the media's tensors.

`Encoder.encode` gives one example's `Inputs`; `merge` joins the media tensors of several, `batch` adds padded token
ids. Batches equal their examples one by one: each clip keeps its own frame rate, and a silent video has a silent
sound, because the model misplaces every later video of a batch in which only some have one.
"""

import re
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import AddedToken, PreTrainedTokenizerBase

from media.errors import MediaError
from schemas.completion import FormatName
from schemas.example import Example
from schemas.training import Altering, MediaSettings, View, Wording
from training.families import OmniProcessor, family_of
from training.features import FeatureReader, Features
from training.pieces import OnTheFly, PieceReader
from training.prompts import messages, parts, question_text
from training.views import DECODED

Side = Literal["left", "right"]

_SOUND_KEYS = ("input_features", "feature_attention_mask")


@dataclass(frozen=True)
class Inputs:
    """One encoded example.

    prompt: the rendered conversation, one placeholder a medium. ids: its tokens, placeholders expanded.
    tensors: by the model's argument names, each with its media along the first axis; empty for text alone.
    interleaved: whether videos carry their sound inside (`use_audio_in_video` of the model).
    """

    id: str
    prompt: str
    ids: tuple[int, ...]
    tensors: dict[str, Tensor]
    interleaved: bool


class NoPrompt(Exception):
    """What is wrong with an example of which no prompt can be made, in one line: its media, or its text."""


class Encoder:
    """Encodes examples for one processor and one set of media settings; caches what it read from media.

    pieces: where decoded media come from; None decodes them in this process, from the files in `blobs`. A process that
    trains or generates gives `media_cache.open_cache(job)`. wording: of an evaluation in another's words. altering: of
    the view `shifted_audio`. To be used by one thread.
    """

    def __init__(
        self,
        processor: OmniProcessor,
        settings: MediaSettings,
        blobs: Path,
        cache_bytes: int = 2 << 30,
        pieces: PieceReader | None = None,
        wording: Wording | None = None,
        altering: Altering | None = None,
    ) -> None:
        self.processor, self.settings, self._wording = processor, settings, wording
        decoded = pieces or OnTheFly(blobs)
        self._reader = FeatureReader(deepcopy(processor), settings, decoded, cache_bytes, altering)
        names = (processor.video_token, processor.audio_token, processor.image_token)
        self._specials = [token.content for token in specials(processor.tokenizer).values()]
        self._placeholder = re.compile("|".join(re.escape(name) for name in names))

    def encode(self, example: Example, format: FormatName, view: View = "full") -> Inputs:
        """Raises NoPrompt for media that cannot be read, and for text that would be taken for a placeholder or a turn.

        Whatever else it raises is no fault of the example: ValueError for a view that changes it, which `views.shown`
        has to make first, OSError where the machine does not give a file.
        """
        if view not in DECODED:
            raise ValueError(f"view {view} changes the example before it is encoded")
        self._check_text(example)
        prompt = self.render(example, format)
        features = self._read(example, view)
        tensors = _join([feature.tensors for feature in features])
        ids = self._splice(prompt, features)
        self._check_counts(example.id, ids, tensors)
        return Inputs(example.id, prompt, ids, tensors, self.settings.audio == "interleaved")

    def prefetch(self, examples: Iterable[Example], view: View = "full") -> None:
        """Read ahead what the next `encode` calls for these examples need, in the background.

        Their features are held in memory until they are asked for or the next call: give one step's examples at a
        time. A medium that cannot be read raises when its example is encoded.
        """
        found = [part for example in examples for part in parts(example, self.settings.audio)]
        self._reader.read_ahead(found, view)

    def render(self, example: Example, format: FormatName) -> str:
        """The conversation as text, with one placeholder for each medium."""
        turns = messages(example, format, self.settings.audio, self._wording)
        return self.processor.apply_chat_template(cast(Any, turns), tokenize=False, add_generation_prompt=True)

    def tokens(self, text: str) -> tuple[int, ...]:
        """Token ids of text that stands between special tokens."""
        return tuple(self.processor.tokenizer.encode(text, add_special_tokens=False))

    def _read(self, example: Example, view: View) -> list[Features]:
        try:
            return [self._reader.read(part, view) for part in parts(example, self.settings.audio)]
        except MediaError as error:
            raise NoPrompt(str(error)) from error

    def _splice(self, prompt: str, features: list[Features]) -> tuple[int, ...]:
        """Tokens of the text around the placeholders, with each medium's own tokens in their stead."""
        pieces = self._placeholder.split(prompt)
        ids = [*self.tokens(pieces[0])]
        for feature, piece in zip(features, pieces[1:], strict=True):
            ids += [*feature.ids, *self.tokens(piece)]
        return tuple(ids)

    def _check_text(self, example: Example) -> None:
        text = question_text(example, self._wording)
        if found := [token for token in self._specials if token in text]:
            raise NoPrompt(f"{example.id}: its text holds the special token {found[0]}")

    def _check_counts(self, id: str, ids: tuple[int, ...], tensors: dict[str, Tensor]) -> None:
        for kind, (token, wanted) in self._expected(tensors).items():
            if (found := ids.count(token)) != wanted:
                raise NoPrompt(f"{id}: {found} {kind} placeholders for {wanted} {kind} features")

    def _expected(self, tensors: dict[str, Tensor]) -> dict[str, tuple[int, int]]:
        """Per modality: its placeholder token and how many features the towers will give for it."""
        none = torch.zeros(0, 3, dtype=torch.long)
        merged = self.processor.video_processor.merge_size**2
        videos, images = tensors.get("video_grid_thw", none), tensors.get("image_grid_thw", none)
        frames = tensors["feature_attention_mask"].sum(-1) if "feature_attention_mask" in tensors else none[:, 0]
        return {
            "video": (self.processor.video_token_id, int(videos.prod(-1).sum()) // merged),
            "image": (self.processor.image_token_id, int(images.prod(-1).sum()) // merged),
            "audio": (self.processor.audio_token_id, int(family_of(self.processor).sound_tokens(frames).sum())),
        }


def merge(inputs: Sequence[Inputs]) -> dict[str, Tensor | bool]:
    """The media tensors of several examples, in their order, as keyword arguments of the model.

    Raises ValueError when sound is interleaved in some and separate in others.
    """
    layouts = {each.interleaved for each in inputs}
    if len(layouts) > 1:
        raise ValueError("interleaved and separate sound cannot share a batch")
    merged: dict[str, Tensor | bool] = {**_join([each.tensors for each in inputs])}
    if merged:
        merged["use_audio_in_video"] = layouts == {True}
    return merged


def batch(inputs: Sequence[Inputs], pad_id: int, side: Side) -> dict[str, Tensor | bool]:
    """`merge` plus padded `input_ids` and `attention_mask`, (examples, tokens): left to generate, right to train."""
    ids, mask = pad_ids([each.ids for each in inputs], pad_id, side)
    return {"input_ids": ids, "attention_mask": mask, **merge(inputs)}


def pad_ids(rows: Sequence[Sequence[int]], fill: int, side: Side) -> tuple[Tensor, Tensor]:
    """Rows of unequal length as one tensor, and the mask of what is not padding, both (rows, longest)."""
    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), fill)
    mask = torch.zeros_like(ids)
    for number, row in enumerate(rows):
        place = slice(longest - len(row), longest) if side == "left" else slice(0, len(row))
        ids[number, place], mask[number, place] = torch.tensor(row), 1
    return ids, mask


def specials(tokenizer: PreTrainedTokenizerBase) -> dict[int, AddedToken]:
    """Every special token by id, also those without a role of their own, which `all_special_tokens` leaves out."""
    return {id: token for id, token in tokenizer.added_tokens_decoder.items() if token.special}


def _join(groups: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Tensors of several media, concatenated by name; sounds are padded to the longest."""
    names = dict.fromkeys(name for group in groups for name in group)
    found = {name: [group[name] for group in groups if name in group] for name in names}
    for name in _SOUND_KEYS:
        if name in found:
            longest = max(tensor.shape[-1] for tensor in found[name])
            found[name] = [pad(tensor, (0, longest - tensor.shape[-1])) for tensor in found[name]]
    return {name: tensors[0] if len(tensors) == 1 else torch.cat(tensors) for name, tensors in found.items()}
