"""The openai provider against `transformers serve` and a tiny random model: a real server that knows no JSON schema."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from llm.engine import Engine
from llm.request import Outcome, Request
from schemas.llm import LlmLimits
from tests.llm.scripted import asked

pytestmark = pytest.mark.slow

TEMPLATE = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}assistant:"
START_SECONDS = 120.0


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of a checkpoint with 64 units a layer and a tokenizer of bytes."""
    folder = str(tmp_path_factory.mktemp("model"))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator([], trainers.BpeTrainer(special_tokens=["<|end|>"], initial_alphabet=alphabet))
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|end|>")
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = Qwen2Config(vocab_size=len(fast), num_key_value_heads=2, eos_token_id=0, pad_token_id=0, **shape)
    Qwen2ForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def address(model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = str(Path(sys.executable).with_name("transformers"))
    command = [program, "serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", model]
    quiet = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path_factory.mktemp("cache"))}
    log = tmp_path_factory.mktemp("log") / "serve.log"
    with log.open("w") as out, subprocess.Popen(command, env=quiet, stdout=out, stderr=out) as server:
        try:
            _wait(f"http://127.0.0.1:{port}/health", server, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()


def _wait(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"transformers serve did not start: {log.read_text()[-2000:]}")


def ask(folder: Path, *requests: Request) -> list[Outcome]:
    with closing(Engine(folder / "r.sqlite", folder, LlmLimits(concurrency=8))) as engine:

        async def complete() -> list[Outcome]:
            async with engine.connected():
                return await engine.complete(requests, json.loads)

        return asyncio.run(complete())


def test_random_model_is_heard_and_its_words_are_no_json(
    address: str, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    asking = {"provider": "openai"}
    schema = {"reply": {"type": "object"}, "model": model, "max_tokens": 16}
    outcomes = ask(tmp_path, *(asked(f"say {number}", **asking).model_copy(update=schema) for number in range(8)))
    for outcome in outcomes:
        assert outcome.failure in ("truncated", "unparsable"), outcome
        assert outcome.said and 0 < outcome.output_tokens <= 16 and outcome.input_tokens > 0


def test_model_that_is_not_served_is_refused_by_name(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    (outcome,) = ask(tmp_path, asked("hello", provider="openai"))
    assert (outcome.text, outcome.failure) == (None, "rejected")
