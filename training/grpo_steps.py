"""What happens around each update: the KL weight and its alarm, held-out answers, times, and a line of progress."""

import sys
from typing import Any

from transformers import TrainerCallback, TrainerState

from schemas.training import GrpoParams
from schemas.values import UserError
from training.held_out import HeldOut
from training.omni_grpo import OmniGRPOTrainer


class Updates(TrainerCallback):
    """Begins and ends each update of a trainer. held_out: None where nothing is evaluated on the way."""

    def __init__(self, params: GrpoParams, trainer: OmniGRPOTrainer, held_out: HeldOut | None) -> None:
        self._params, self._trainer, self._held_out = params, trainer, held_out

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        """What the model can do before it learns is step 0."""
        del args, control
        if self._held_out is not None and state.global_step == 0:
            found = self._trainer.held_out_accuracy(self._held_out)
            state.log_history.append({"step": 0, **found, "eval/left_out": self._held_out.left_out})

    def on_step_begin(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        del args, control
        self._trainer.times.begin()
        if self._trainer.kl.in_use:
            self._trainer.beta = self._trainer.kl.weight(state.global_step)
            self._log("beta", self._trainer.beta)

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        del args, control
        if self._trainer.kl.in_use:
            self._watch_kl(state)
        if self._held_out is not None and state.global_step % self._params.evaluate_every == 0:
            for name, value in self._trainer.held_out_accuracy(self._held_out).items():
                self._log(name, value)
        self._trainer.times.end(state.global_step)

    def _watch_kl(self, state: TrainerState) -> None:
        value = self._trainer.update_kl()
        if value is None:
            return
        self._trainer._metrics["train"]["kl"] = [value]
        if (times := self._trainer.kl.observe(value)) is not None:
            self._log("kl_spike", times)
            self._alarm(f"step {state.global_step} has a KL of {value:.3g} nats a token, {times:.0f} times the usual")

    def _alarm(self, said: str) -> None:
        if self._params.kl.on_spike == "stop":
            raise UserError(
                f"{said}: lower optimizer.lr or raise kl.start, or set kl.on_spike to warn; "
                f"the newest checkpoint from before it is {self._trainer.kept}"
            )
        if self._trainer.is_world_process_zero():
            print(f"warning: {said}", file=sys.stderr, flush=True)

    def _log(self, name: str, value: float) -> None:
        self._trainer._metrics["train"][name].append(value)


class Progress(TrainerCallback):
    """One line a step on standard output, for the stage's progress bar."""

    def on_log(self, args: Any, state: TrainerState, control: Any, **logged: Any) -> None:
        del args, control
        logs: dict[str, float | None] = logged.get("logs") or {}
        if state.is_world_process_zero and "loss" in logs:
            shown = {name: logs.get(name) for name in ("reward", "kl")}
            text = " ".join(f"{name}={value:.4f}" for name, value in shown.items() if value is not None)
            print(f"step {state.global_step}/{state.max_steps} {text}", flush=True)
