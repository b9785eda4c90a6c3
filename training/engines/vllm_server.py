"""Completions by a vLLM server on other GPUs. Never run against vLLM: see `vllm_media`.

Start it as `VLLM_SERVER_DEV_MODE=1 vllm serve FOLDER --weight-transfer-config '{"backend": "nccl"}' --enable-scale-out
--mm-processor-cache-gb 0`. Tokens go in and out by `/inference/v1/generate`; weights go over NCCL, by TRL's client.
The protocol names a medium's stretch of tokens but not which of them are its own, so a video with its sound inside
cannot be sent: `media.audio: separate` can.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from transformers import PreTrainedModel
from trl.generation.vllm_client import VLLMClient

from schemas.training import Decoding
from schemas.values import UserError
from training.engines.contract import Written, written
from training.engines.local import suppressed
from training.engines.vllm import published, refuse_banned, sampling
from training.engines.vllm_media import kwargs_items, placed, vllm_module
from training.families import OmniProcessor
from training.inputs import Inputs

AT_ONCE = 64
FINAL_ONLY = 2
"""vLLM's RequestOutputKind: without it a request may come back with what was written last alone."""
CACHES = ("reset_prefix_cache", "reset_mm_cache", "reset_encoder_cache")


class VllmServerEngine:
    """Writes through one server; of several ranks, only the first sends weights. Raises UserError where it is not one.

    client: TRL's, or one like it; made from `url` and `port` where it is None.
    """

    def __init__(
        self, processor: OmniProcessor, model: PreTrainedModel, url: str, port: int, client: Any = None
    ) -> None:
        self._processor, self._tokenizer = processor, processor.tokenizer
        self._banned = suppressed(processor.tokenizer, model.config.get_text_config().vocab_size)
        if client is None:
            vllm_module("vllm")  # TRL's client needs it here too, for the weights
            client = VLLMClient(base_url=url, group_port=port, connection_timeout=240.0)
        self._client, self._joined = client, False
        self.sync(model)

    def complete(self, inputs: Sequence[Inputs], decoding: Decoding) -> list[Written]:
        asked = sampling(len(inputs), decoding, self._banned, self._tokenizer.eos_token_id)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self._ask, inputs, asked))

    def sync(self, model: PreTrainedModel) -> None:
        if _first_rank():
            if not self._joined:
                self._client.init_communicator(device=model.device)
                self._joined = True
            named = list(published(model))
            kinds = [(name, str(weight.dtype).removeprefix("torch."), list(weight.shape)) for name, weight in named]
            self._client.update_named_params(kinds, iter(named))
            for cache in CACHES:
                self._post(cache)
        if torch.distributed.is_initialized():
            torch.distributed.barrier()

    def close(self) -> None:
        self._client.close_communicator()

    def _ask(self, inputs: Inputs, asked: dict[str, Any]) -> Written:
        response = self._post(
            "inference/v1/generate",
            {
                "model": self._client.model,
                "token_ids": list(inputs.ids),
                "features": features(inputs, self._processor),
                "sampling_params": {**asked, "output_kind": FINAL_ONLY},
            },
        ).json()
        drawn = response["choices"][0]
        ids = list(drawn["token_ids"] or ())
        refuse_banned(ids, self._banned)
        logps = [float(each["logprob"]) for each in drawn["logprobs"]["content"]] if drawn.get("logprobs") else None
        return written(self._tokenizer, ids, logps=logps)

    def _post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        response = self._client.session.post(f"{self._client.base_url}/{path}", json=body)
        if response.status_code != 200:
            raise UserError(f"the vLLM server answers {response.status_code} to /{path}: {response.text[:300]}")
        return response


def features(inputs: Inputs, processor: OmniProcessor) -> dict[str, Any] | None:
    """The media of a prompt in the protocol's form, None for text. Raises UserError for sound inside a video."""
    media = placed(inputs, processor)
    if not media:
        return None
    if not all(all(medium.embedded) for found in media.values() for medium in found):
        raise UserError("a vLLM server cannot be sent a video with its sound inside: set media.audio to separate")
    encode = _serialiser()
    items = kwargs_items(inputs)
    return {
        "mm_hashes": {kind: [medium.digest for medium in found] for kind, found in media.items()},
        "mm_placeholders": {
            kind: [{"offset": medium.start, "length": medium.length} for medium in found]
            for kind, found in media.items()
        },
        "kwargs_data": {kind: [encode(item) for item in items[kind]] for kind in media},
    }


def _serialiser() -> Any:
    """vLLM's own serialisation of one medium's tensors, which has moved between its versions."""
    try:
        return vllm_module("vllm.entrypoints.scale_out.token_in_token_out.mm_serde").encode_mm_kwargs_item
    except UserError:
        return vllm_module("vllm.entrypoints.serve.disagg.mm_serde").encode_mm_kwargs_item


def _first_rank() -> bool:
    return not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0
