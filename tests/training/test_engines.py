"""Rollout engines: what they write, that the trainer agrees with it, and that a failure never looks like a completion.

vLLM itself is not here: its engines are held to a stand-in of the same surface, and the server's to real HTTP.
"""

import copy
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
import requests
import torch
from peft import get_peft_model
from torch import Tensor
from transformers import Qwen2_5OmniThinkerForConditionalGeneration

from schemas.example import Example
from schemas.training import Agreement, Decoding, Lora, OrderedTags, RolloutPlace, Rollouts, TrainingParams
from schemas.values import UserError
from tests.training import vllm_surface
from tests.training.vllm_surface import Log
from training.engines.agreement import CheckedEngine, require_agreement
from training.engines.choice import connect
from training.engines.contract import Written, written
from training.engines.local import TransformersEngine, generation_config, last_state_only
from training.engines.vllm import VllmEngine, published
from training.engines.vllm_media import engine_prompt, placed
from training.engines.vllm_server import CACHES, VllmServerEngine, features
from training.inputs import Encoder, Inputs, batch
from training.lora import adapters

Model = Qwen2_5OmniThinkerForConditionalGeneration
SAMPLED = Decoding(max_new_tokens=6, temperature=0.8, top_k=20)
TIGHT = Agreement(mean=1e-5, most=1e-4)


@pytest.fixture
def inputs(encoder: Encoder, asked: dict[str, Example]) -> list[Inputs]:
    return [encoder.encode(each, "context_first") for each in asked.values()]


def pad_id(encoder: Encoder) -> int:
    return cast(int, encoder.processor.tokenizer.pad_token_id)


class TestTransformers:
    def test_its_log_probabilities_are_the_trainers_whatever_the_mix_of_media(
        self, model: Model, encoder: Encoder, inputs: list[Inputs]
    ) -> None:
        engine = TransformersEngine(model, encoder.processor.tokenizer, batch_size=4, reports=True)
        completions = engine.complete(inputs, SAMPLED)
        found = require_agreement(model, pad_id(encoder), inputs, completions, TIGHT)
        assert found.tokens == sum(len(each.ids) for each in completions)

    def test_weights_of_another_step_stop_the_run_with_the_figures(
        self, model: Model, encoder: Encoder, inputs: list[Inputs]
    ) -> None:
        engine = TransformersEngine(model, encoder.processor.tokenizer, reports=True)
        stale = engine.complete(inputs[:3], SAMPLED)
        moved = copy.deepcopy(model)
        moved.lm_head.weight.data *= 1.5
        with pytest.raises(UserError, match=r"disagree .* on average and .* at most \(.*1e-05 and 0.0001"):
            require_agreement(moved, pad_id(encoder), inputs[:3], stale, TIGHT)
        engine.sync(moved)
        fresh = engine.complete(inputs[:3], SAMPLED)
        require_agreement(moved, pad_id(encoder), inputs[:3], fresh, TIGHT)

    def test_media_of_another_prompt_stop_the_run(self, model: Model, encoder: Encoder, inputs: list[Inputs]) -> None:
        completions = TransformersEngine(model, encoder.processor.tokenizer, reports=True).complete(inputs[:1], SAMPLED)
        tensors = inputs[0].tensors
        other = replace(inputs[0], tensors={**tensors, "pixel_values_videos": -tensors["pixel_values_videos"]})
        with pytest.raises(UserError, match="disagree"):
            require_agreement(model, pad_id(encoder), [other], completions, TIGHT)

    def test_what_is_not_a_number_is_no_agreement(self, model: Model, encoder: Encoder, inputs: list[Inputs]) -> None:
        unsure = Written((5,), "", True, logps=(float("nan"),))
        with pytest.raises(UserError, match="disagree"):
            require_agreement(model, pad_id(encoder), inputs[:1], [unsure], Agreement())

    def test_an_engine_that_reports_nothing_cannot_be_checked(
        self, model: Model, encoder: Encoder, inputs: list[Inputs]
    ) -> None:
        completions = TransformersEngine(model, encoder.processor.tokenizer).complete(inputs[:1], SAMPLED)
        with pytest.raises(UserError, match="reports no log-probability"):
            require_agreement(model, pad_id(encoder), inputs[:1], completions, TIGHT)

    def test_it_writes_what_generate_writes_and_the_head_sees_one_place_a_row(
        self, model: Model, encoder: Encoder, inputs: list[Inputs]
    ) -> None:
        tokenizer, greedy = encoder.processor.tokenizer, Decoding(max_new_tokens=6)
        given: Any = batch(inputs, pad_id(encoder), "left")
        settings = generation_config(model, tokenizer, greedy)
        rows = cast(Any, model).generate(**given, generation_config=settings)
        with last_state_only(model, keep=True) as states:
            cast(Any, model).generate(**given, generation_config=settings)
        assert {tuple(state.shape[:2]) for state in states} == {(len(inputs), 1)}
        completions = TransformersEngine(model, tokenizer).complete(inputs, greedy)
        width = cast(Tensor, given["input_ids"]).shape[1]
        assert [each.ids for each in completions] == [
            written(tokenizer, ids).ids for ids in cast(Tensor, rows)[:, width:].tolist()
        ]
        assert not model.lm_head._forward_pre_hooks

    def test_nothing_is_dropped_out_while_it_writes_and_training_goes_on_as_it_was(
        self, model: Model, encoder: Encoder, inputs: list[Inputs]
    ) -> None:
        trained, modes = copy.deepcopy(model).train(), list[bool]()
        trained.model.visual.eval()
        trained.lm_head.register_forward_hook(lambda head, *_: modes.append(head.training))
        TransformersEngine(trained, encoder.processor.tokenizer).complete(inputs[:1], SAMPLED)
        assert modes and not any(modes)
        assert trained.training and trained.lm_head.training and not trained.model.visual.training

    def test_no_inputs_give_no_completions(self, model: Model, encoder: Encoder) -> None:
        assert TransformersEngine(model, encoder.processor.tokenizer).complete([], SAMPLED) == []


class TestVllm:
    @pytest.fixture
    def log(self, monkeypatch: pytest.MonkeyPatch) -> Log:
        return vllm_surface.install(monkeypatch)

    @pytest.fixture
    def engine(self, log: Log, tiny: Path, model: Model, encoder: Encoder) -> VllmEngine:
        return VllmEngine(tiny, encoder.processor, model, memory=0.3)

    def test_new_weights_empty_every_cache(self, engine: VllmEngine, log: Log, model: Model) -> None:
        log.calls.clear()
        engine.sync(model)
        names = [name.removeprefix("load ") for name in log.calls[:-3]]
        assert log.calls[-3:] == ["reset_prefix_cache", "reset_mm_cache", "reset_encoder_cache"]
        assert len(names) == len(list(model.named_parameters()))
        assert {name.split(".")[1] for name in names} == {"model", "visual", "audio_tower", "lm_head"}
        assert all(name.startswith("thinker.") for name in names)
        assert log.options["mm_processor_cache_gb"] == 0 and log.options["logprobs_mode"] == "raw_logprobs"

    def test_adapters_are_sent_as_part_of_the_weights(self, model: Model) -> None:
        torch.manual_seed(0)
        params = TrainingParams(lora=Lora(rank=2, alpha=4))
        adapted = get_peft_model(cast(Any, copy.deepcopy(model)), cast(Any, adapters(model, params, ())))
        for name, weight in adapted.named_parameters():
            weight.data += 0.01 if "lora_B" in name else 0
        before = {name: weight.clone() for name, weight in adapted.named_parameters()}
        sent = {name: weight.clone() for name, weight in published(cast(Any, adapted))}
        assert all(torch.equal(weight, before[name]) for name, weight in adapted.named_parameters())
        merged = dict(published(cast(Any, adapted).merge_and_unload()))
        torch.testing.assert_close(sent, merged)
        assert sent.keys() == dict(published(model)).keys()

    def test_a_prefix_cache_that_stays_stops_the_run(self, engine: VllmEngine, log: Log, model: Model) -> None:
        log.keeps_prefixes = True
        with pytest.raises(UserError, match="prefix cache"):
            engine.sync(model)

    def test_completions_carry_its_log_probabilities_and_end_at_the_end_of_turn(
        self, engine: VllmEngine, log: Log, encoder: Encoder, inputs: list[Inputs]
    ) -> None:
        end = encoder.processor.tokenizer.eos_token_id
        log.says = [[20, 21, end], [22, 23]]
        first, second = engine.complete(inputs[:2], SAMPLED)
        assert (first.ids, first.truncated, first.logps) == ((20, 21, end), False, (0.0, -1.0, -2.0))
        assert (second.truncated, second.chosen) == (True, (True, True))

    def test_seeds_follow_torch_and_placeholders_are_suppressed(
        self, engine: VllmEngine, log: Log, encoder: Encoder, inputs: list[Inputs]
    ) -> None:
        log.says = [[20]] * 3
        seeds = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            engine.complete(inputs[:3], SAMPLED)
            seeds.append([each["seed"] for each in log.sampling])
        assert seeds[0] == seeds[1] != seeds[2] and len(set(seeds[0])) == 3
        assert log.sampling[0]["logit_bias"][encoder.processor.video_token_id] == -100

    def test_an_empty_completion_stops_the_run(self, engine: VllmEngine, log: Log, inputs: list[Inputs]) -> None:
        log.says = [[20], []]
        with pytest.raises(UserError, match="without a single token"):
            engine.complete(inputs[:2], SAMPLED)

    def test_a_placeholder_in_a_completion_stops_the_run(
        self, engine: VllmEngine, log: Log, encoder: Encoder, inputs: list[Inputs]
    ) -> None:
        log.says = [[20, encoder.processor.video_token_id]]
        with pytest.raises(UserError, match="stands for a medium"):
            engine.complete(inputs[:1], SAMPLED)

    def test_another_prompt_than_the_trainers_stops_the_run(
        self, engine: VllmEngine, log: Log, inputs: list[Inputs]
    ) -> None:
        log.says, log.other_prompt = [[20]], True
        with pytest.raises(UserError, match="another prompt"):
            engine.complete(inputs[:1], SAMPLED)

    def test_ordered_tags_are_refused(self, engine: VllmEngine, inputs: list[Inputs]) -> None:
        with pytest.raises(UserError, match=r"needs rollouts\.engine transformers"):
            engine.complete(inputs[:1], SAMPLED.model_copy(update={"ordered_tags": OrderedTags()}))

    def test_each_medium_lies_where_its_placeholders_are(
        self, log: Log, encoder: Encoder, asked: dict[str, Example]
    ) -> None:
        processor = encoder.processor
        tokens = {
            "video": processor.video_token_id,
            "audio": processor.audio_token_id,
            "image": processor.image_token_id,
        }
        for each in asked.values():
            given = encoder.encode(each, "context_first")
            media = placed(given, processor)
            found = {
                kind: [medium.start + place for medium in of for place, own in enumerate(medium.embedded) if own]
                for kind, of in media.items()
            }
            wanted = {
                kind: [place for place, id in enumerate(given.ids) if id == token]
                for kind, token in tokens.items()
                if token in given.ids
            }
            assert found == wanted

    def test_a_video_with_its_sound_inside_is_one_stretch_between_the_sounds_brackets(
        self, encoder: Encoder, asked: dict[str, Example]
    ) -> None:
        given = encoder.encode(asked["video"], "context_first")
        (video,) = placed(given, encoder.processor)["video"]
        bos, eos = encoder.processor.tokenizer.convert_tokens_to_ids(["<|audio_bos|>", "<|audio_eos|>"])
        assert (given.ids[video.start], given.ids[video.start + video.length - 1]) == (bos, eos)

    def test_vllm_gets_the_trainers_own_tensors(self, log: Log, encoder: Encoder, asked: dict[str, Example]) -> None:
        given = encoder.encode(asked["video"], "context_first")
        prompt = engine_prompt(given, encoder.processor)
        (video,), (sound,) = prompt["mm_kwargs"]["video"], prompt["mm_kwargs"]["audio"]
        assert torch.equal(video["pixel_values_videos"], given.tensors["pixel_values_videos"])
        assert torch.equal(sound["input_audio_features"], given.tensors["input_features"][0])
        assert bool(video["use_audio_in_video"]) and video["second_per_grid_ts"] > 0
        assert prompt["prompt_token_ids"] == list(given.ids)
        plain = encoder.encode(asked["text"], "context_first")
        assert engine_prompt(plain, encoder.processor) == {"prompt_token_ids": list(plain.ids)}

    def test_the_same_medium_has_the_same_digest_and_another_has_another(
        self, encoder: Encoder, asked: dict[str, Example]
    ) -> None:
        digests = [
            placed(encoder.encode(asked[name], "direct"), encoder.processor)["video"][0].digest
            for name in ("video", "video", "short")
        ]
        assert digests[0] == digests[1] != digests[2]


@dataclass
class FarEnd:
    """A vLLM server's HTTP side, and what it was asked."""

    url: str = ""
    asked: list[tuple[str, Any]] = field(default_factory=list)
    says: list[int] = field(default_factory=list)
    status: int = 200


@dataclass
class Client:
    """TRL's client with its HTTP real and its NCCL left out."""

    base_url: str
    far: FarEnd
    model: str = "served"
    session: requests.Session = field(default_factory=requests.Session)

    def init_communicator(self, device: torch.device) -> None:
        self.far.asked.append(("join", str(device)))

    def update_named_params(self, kinds: list[Any], named: Iterator[tuple[str, Tensor]]) -> None:
        assert [name for name, _ in named] == [name for name, _, _ in kinds]
        self.far.asked.append(("weights", kinds))

    def close_communicator(self) -> None:
        self.session.close()


@pytest.fixture
def far() -> Iterator[FarEnd]:
    end = FarEnd()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            end.asked.append((self.path.removeprefix("/"), json.loads(body) if body else None))
            steps = [{"token": f"token_id:{id}", "logprob": -float(place)} for place, id in enumerate(end.says)]
            reply = json.dumps({"choices": [{"token_ids": end.says, "logprobs": {"content": steps}}]}).encode()
            self.send_response(end.status)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        end.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield end
        server.shutdown()
        thread.join()


class TestVllmServer:
    @pytest.fixture
    def engine(self, far: FarEnd, model: Model, encoder: Encoder) -> Iterator[VllmServerEngine]:
        made = VllmServerEngine(encoder.processor, model, far.url, 51216, client=Client(far.url, far))
        yield made
        made.close()

    def test_weights_are_sent_and_every_cache_is_emptied_after_them(
        self, engine: VllmServerEngine, far: FarEnd, model: Model
    ) -> None:
        engine.sync(model)
        assert [path for path, _ in far.asked] == ["join", *(["weights", *CACHES] * 2)]

    def test_tokens_go_in_and_out(self, engine: VllmServerEngine, far: FarEnd, inputs: list[Inputs]) -> None:
        far.says = [20, 21]
        text = [each for each in inputs if not each.tensors]
        (completion,) = engine.complete(text, SAMPLED)
        assert (completion.ids, completion.logps) == ((20, 21), (0.0, -1.0))
        path, body = far.asked[-1]
        assert path == "inference/v1/generate" and body["token_ids"] == list(text[0].ids)
        assert body["features"] is None and body["sampling_params"]["temperature"] == 0.8

    def test_an_empty_completion_stops_the_run(self, engine: VllmServerEngine, inputs: list[Inputs]) -> None:
        with pytest.raises(UserError, match="without a single token"):
            engine.complete([each for each in inputs if not each.tensors], SAMPLED)

    def test_a_server_that_refuses_stops_the_run(self, engine: VllmServerEngine, far: FarEnd, model: Model) -> None:
        far.status = 404
        with pytest.raises(UserError, match="answers 404 to /reset_prefix_cache"):
            engine.sync(model)

    def test_separate_sound_is_sent_and_sound_inside_a_video_is_refused(
        self, encoder: Encoder, asked: dict[str, Example], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vllm_surface.install(monkeypatch)
        with pytest.raises(UserError, match=r"media\.audio to separate"):
            features(encoder.encode(asked["video"], "direct"), encoder.processor)
        given = encoder.encode(asked["picture and sound"], "direct")
        sent = cast(dict[str, Any], features(given, encoder.processor))
        assert sent["kwargs_data"]["image"] == ["image_grid_thw+pixel_values"]
        assert {kind: len(ranges) for kind, ranges in sent["mm_placeholders"].items()} == {"image": 1, "audio": 1}
        json.dumps(sent)


def test_vllm_is_not_used_without_a_bound_on_its_disagreement(tiny: Path, model: Model, encoder: Encoder) -> None:
    with pytest.raises(UserError, match=r"needs rollouts\.agreement"):
        connect(Rollouts(engine="vllm"), RolloutPlace(), tiny, model, encoder.processor)


@pytest.fixture
def whole(tmp_path: Path) -> RolloutPlace:
    """Where the folder of a whole model lies, as far as anybody looks."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2_5_omni"}))
    return RolloutPlace(folder=str(tmp_path))


def test_vllm_that_is_not_installed_is_named(tiny: Path, whole: RolloutPlace, model: Model, encoder: Encoder) -> None:
    for engine in ("vllm", "vllm_server"):
        with pytest.raises(UserError, match="needs vLLM"):
            asked = Rollouts(engine=engine, agreement=Agreement())
            connect(asked, whole, tiny, model, encoder.processor)


def test_vllm_opens_the_whole_model_that_is_named_and_no_thinker(
    tiny: Path, whole: RolloutPlace, model: Model, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = vllm_surface.install(monkeypatch)
    asked = Rollouts(engine="vllm", agreement=Agreement())
    with pytest.raises(UserError, match=r"is a thinker: name the folder of the whole model .*CONTEXTFIRST_VLLM_FOLDER"):
        connect(asked, RolloutPlace(), tiny, model, encoder.processor)
    connect(asked, whole, tiny, model, encoder.processor)
    assert log.options["model"] == whole.folder


def test_agreement_is_checked_at_the_first_step_and_then_every_so_many(
    tiny: Path, model: Model, encoder: Encoder, inputs: list[Inputs]
) -> None:
    asked = Rollouts(agreement=TIGHT.model_copy(update={"every": 2}))
    engine = cast(CheckedEngine, connect(asked, RolloutPlace(), tiny, model, encoder.processor))
    checked = []
    for _ in range(4):
        engine.last = None
        engine.sync(model)
        engine.complete(inputs[:1], SAMPLED)
        checked.append(engine.last is not None)
    assert checked == [True, True, False, True]


def test_without_agreement_transformers_reports_nothing(
    tiny: Path, model: Model, encoder: Encoder, inputs: list[Inputs]
) -> None:
    engine = connect(Rollouts(), RolloutPlace(), tiny, model, encoder.processor, batch_size=2)
    assert [each.logps for each in engine.complete(inputs[:1], SAMPLED)] == [None]
