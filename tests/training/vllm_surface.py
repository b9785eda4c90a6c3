"""The parts of vLLM that the engines touch, with its names and shapes and nothing behind them."""

import sys
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

SAMPLING = {
    *("n", "max_tokens", "temperature", "top_p", "top_k", "repetition_penalty", "stop_token_ids"),
    *("logit_bias", "logprobs", "seed", "detokenize"),
}


@dataclass
class Log:
    """What was asked of it, in order, and what it will say: completions as token ids, one list for each call."""

    calls: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    prompts: list[Any] = field(default_factory=list)
    sampling: list[dict[str, Any]] = field(default_factory=list)
    says: list[list[int]] = field(default_factory=list)
    other_prompt: bool = False
    keeps_prefixes: bool = False


class Items(dict[str, list[dict[str, Any]]]):
    """MultiModalKwargsItems: by kind, one mapping of names to parts for each medium."""

    @classmethod
    def from_hf_inputs(cls, tensors: Any, fields: dict[str, tuple[Any, ...]]) -> "Items":
        made = cls()
        for name, (kind, parts) in fields.items():
            pieces = parts(tensors[name])
            made.setdefault(kind, [{} for _ in pieces])
            for medium, piece in zip(made[kind], pieces, strict=True):
                medium[name] = piece
        return made


class FieldConfig:
    @staticmethod
    def batched(kind: str) -> tuple[Any, ...]:
        return kind, list

    @staticmethod
    def flat_from_sizes(kind: str, sizes: Any, dim: int = 0) -> tuple[Any, ...]:
        return kind, lambda tensor: tensor.split(sizes.tolist(), dim)

    @staticmethod
    def shared(kind: str, count: int) -> tuple[Any, ...]:
        return kind, lambda tensor: [tensor] * count


def install(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Make `import vllm` find this for one test."""
    log = Log()
    modules = {
        "vllm": {"LLM": lambda **options: _llm(log, options), "SamplingParams": _sampling},
        "vllm.inputs": {"mm_input": lambda **fields: {"type": "multimodal", **fields}},
        "vllm.multimodal": {},
        "vllm.multimodal.inputs": {
            "MultiModalKwargsItems": Items,
            "MultiModalFieldConfig": FieldConfig,
            "PlaceholderRange": SimpleNamespace,
        },
        "vllm.entrypoints": {},
        "vllm.entrypoints.serve": {},
        "vllm.entrypoints.serve.disagg": {},
        "vllm.entrypoints.serve.disagg.mm_serde": {"encode_mm_kwargs_item": lambda item: "+".join(sorted(item))},
    }
    for name, contents in modules.items():
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    return log


def _sampling(**fields: Any) -> dict[str, Any]:
    assert fields.keys() <= SAMPLING, "vLLM's SamplingParams have no such field"
    return fields


def _llm(log: Log, options: dict[str, Any]) -> SimpleNamespace:
    log.options = options

    def load(weights: list[tuple[str, Any]]) -> None:
        log.calls += [f"load {name}" for name, _ in weights]

    def reset_prefixes() -> bool:
        log.calls.append("reset_prefix_cache")
        return not log.keeps_prefixes

    def generate(prompts: list[Any], sampling_params: list[dict[str, Any]], use_tqdm: bool) -> list[SimpleNamespace]:
        assert not use_tqdm
        log.prompts, log.sampling = prompts, sampling_params
        return [_output(log, prompt, ids) for prompt, ids in zip(prompts, log.says, strict=True)]

    model = SimpleNamespace(load_weights=load)
    worker = SimpleNamespace(model_runner=SimpleNamespace(model=model))
    engine = SimpleNamespace(
        model_executor=SimpleNamespace(driver_worker=worker),
        reset_mm_cache=lambda: log.calls.append("reset_mm_cache"),
        reset_encoder_cache=lambda: log.calls.append("reset_encoder_cache"),
    )
    return SimpleNamespace(llm_engine=engine, reset_prefix_cache=reset_prefixes, generate=generate)


def _output(log: Log, prompt: Any, ids: list[int]) -> SimpleNamespace:
    """A RequestOutput; the n-th token of a completion has the log-probability -n."""
    steps = [{id: SimpleNamespace(logprob=-float(place), rank=1)} for place, id in enumerate(ids)]
    seen = [*prompt["prompt_token_ids"], *([7] if log.other_prompt else [])]
    return SimpleNamespace(prompt_token_ids=seen, outputs=[SimpleNamespace(token_ids=ids, logprobs=steps)])
