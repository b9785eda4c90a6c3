"""Completions by vLLM in the trainer's own process and on its GPU. Never run against vLLM: see `vllm_media`.

The checkpoint that vLLM opens has to be a full Qwen2.5-Omni folder, since it knows no thinker by itself; what it reads
there is replaced by the trainer's weights before the first completion. After new weights all that was computed with
the old ones is thrown away: the prefix cache, and the caches of processed media and of the towers' outputs, which vLLM
keys by the media alone. A cache out of step shows as empty completions, and these stop the run.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from transformers import PreTrainedModel

from schemas.training import Decoding
from schemas.values import UserError
from training.engines.contract import Written, written
from training.engines.local import suppressed
from training.engines.vllm_media import engine_prompt, vllm_module
from training.families import OmniProcessor
from training.inputs import Inputs

# How vLLM's loader knows the thinker's weights: by their names in the published checkpoint.
_PUBLISHED = (
    ("model.language_model.", "thinker.model."),
    ("model.visual.", "thinker.visual."),
    ("model.audio_tower.", "thinker.audio_tower."),
    ("lm_head.", "thinker.lm_head."),
)
NEVER = -100.0
"""vLLM's lowest logit bias; what was sampled in spite of it stops the run."""


class VllmEngine:
    """One vLLM a rank, which writes that rank's completions. memory: share of the GPU's memory it may take."""

    def __init__(self, folder: Path, processor: OmniProcessor, model: PreTrainedModel, memory: float) -> None:
        self._processor, self._tokenizer = processor, processor.tokenizer
        self._banned = suppressed(processor.tokenizer, model.config.get_text_config().vocab_size)
        self._vllm = vllm_module("vllm")
        # vLLM makes no process group of its own beside a launcher's, and takes its rank from these.
        for name, alone in (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "1")):
            os.environ.setdefault(name, alone)
        self._llm: Any = self._vllm.LLM(
            model=str(folder),
            dtype=str(model.dtype).removeprefix("torch."),
            gpu_memory_utilization=memory,
            distributed_executor_backend="external_launcher",
            logprobs_mode="raw_logprobs",
            mm_processor_cache_gb=0,
            disable_log_stats=True,
        )
        self.sync(model)

    def complete(self, inputs: Sequence[Inputs], decoding: Decoding) -> list[Written]:
        outputs = self._llm.generate(
            [engine_prompt(each, self._processor) for each in inputs],
            sampling_params=[self._vllm.SamplingParams(**each) for each in self._sampling(len(inputs), decoding)],
            use_tqdm=False,
        )
        return [self._written(*both) for both in zip(inputs, outputs, strict=True)]

    def sync(self, model: PreTrainedModel) -> None:
        target = self._llm.llm_engine.model_executor.driver_worker.model_runner.model
        for name, weight in published(model):
            target.load_weights([(name, weight)])
        if self._llm.reset_prefix_cache() is False:
            raise UserError("vLLM did not let go of its prefix cache: completions would mix old and new weights")
        self._llm.llm_engine.reset_mm_cache()
        self._llm.llm_engine.reset_encoder_cache()

    def close(self) -> None:
        self._llm = None
        torch.cuda.empty_cache()

    def _sampling(self, count: int, decoding: Decoding) -> list[dict[str, Any]]:
        return sampling(count, decoding, self._banned, self._tokenizer.eos_token_id)

    def _written(self, inputs: Inputs, output: Any) -> Written:
        if tuple(output.prompt_token_ids) != inputs.ids:
            raise UserError(f"vLLM wrote after another prompt than the trainer's for {inputs.id}: its tokens differ")
        drawn = output.outputs[0]
        ids = list(drawn.token_ids)
        refuse_banned(ids, self._banned)
        logps = [float(step[token].logprob) for token, step in zip(ids, drawn.logprobs or (), strict=True)]
        return written(self._tokenizer, ids, logps=logps)


def sampling(count: int, decoding: Decoding, banned: Sequence[int], end: int) -> list[dict[str, Any]]:
    """vLLM's SamplingParams for each completion, with seeds from torch's global generator. Raises UserError for what
    vLLM is not asked for here."""
    if decoding.ordered_tags is not None:
        raise UserError("decoding.ordered_tags needs rollouts.engine transformers")
    return [
        {
            "n": 1,
            "max_tokens": decoding.max_new_tokens,
            "temperature": decoding.temperature,
            "top_p": decoding.top_p,
            "top_k": decoding.top_k,
            "repetition_penalty": 1.0,
            "stop_token_ids": [end],
            "logit_bias": dict.fromkeys(banned, NEVER),
            "logprobs": 0,
            "seed": seed,
            "detokenize": False,
        }
        for seed in torch.randint(2**31, (count,)).tolist()
    ]


def refuse_banned(ids: Sequence[int], banned: Sequence[int]) -> None:
    """Raises UserError for a completion that holds what none may hold."""
    if found := set(banned).intersection(ids):
        raise UserError(f"vLLM sampled token {min(found)}, which stands for a medium or for nothing: nothing is learnt")


def published(model: PreTrainedModel) -> Iterator[tuple[str, Tensor]]:
    """Weights by their names in a published checkpoint, adapters added in. Raises UserError for weights that are spread
    over ranks."""
    for name, weight in _whole(model):
        if hasattr(weight, "ds_id"):
            raise UserError("rollouts.engine vllm needs whole weights on each rank: use zero 2 or less")
        ours, theirs = next(pair for pair in _PUBLISHED if name.startswith(pair[0]))
        yield theirs + name.removeprefix(ours), weight.detach()


def _whole(model: PreTrainedModel) -> Iterator[tuple[str, Tensor]]:
    """The weights of a model, by their names without adapters. The model's own are not touched: to merge adapters and
    take them out again would round."""
    base = cast(Any, model).get_base_model() if hasattr(model, "peft_config") else model
    for name, weight in base.named_parameters():
        layer, wrapped, of = name.rpartition(".base_layer.")
        if wrapped:
            added = cast(Any, base.get_submodule(layer)).get_delta_weight("default") if of == "weight" else 0
            yield f"{layer}.{of}", weight + added
        elif "lora_" not in name:
            yield name, weight
