"""The training loop: same settings, seed and rows give the same parameters, however often it is stopped and resumed.

Two things make that simple. The data order is a pure function (:mod:`radtune.training.data_order`), and the random
generators (dropout) are seeded anew at each forward pass from the seed and the number of the step and the pass. So the
number of steps done says where the training is; besides it only tensors (parameters, optimiser, schedule) have to be kept.
And a forward pass is the same on whichever of several processes (:mod:`radtune.training.ranks`) it happens.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from radtune.config.models import AdaptationSettings, TrainingSettings
from radtune.errors import RadtuneError
from radtune.models.adaptation import load_trained_state, set_stage, trained_state
from radtune.models.batch_norm import keep_statistics
from radtune.models.family import Example, FamilyModel
from radtune.models.untyped import untyped
from radtune.progress import progress_bar
from radtune.training.checkpoints import Checkpoints
from radtune.training.data_order import derived_seed, epoch_batches, grouped, sorted_batches
from radtune.training.device import peak_memory_mb
from radtune.training.master_weights import MasterWeights
from radtune.training.progress import Progress, steps_per_epoch
from radtune.training.ranks import Ranks
from radtune.training.schedule import Schedule
from radtune.training.termination import Stopped, StopRequest

Batch = dict[str, Tensor]
Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Rows:
    """The rows of one split: how long each is, and how to get it."""

    lengths: Mapping[str, int]
    """Text tokens of each row, by row id."""
    example: Callable[[str], Example]
    """The row with its image."""


@dataclass(frozen=True)
class Step:
    """The rows of one optimiser step."""

    number: int
    """From 1."""
    epoch: int
    """From 0."""
    batches: tuple[tuple[str, ...], ...]
    """Row ids of each forward pass."""


def steps_after(done: int, lengths: Mapping[str, int], settings: TrainingSettings, seed: int) -> Iterator[Step]:
    """The optimiser steps that are left when ``done`` have been made."""
    in_epoch = steps_per_epoch(len(lengths), settings)
    for epoch in range(done // in_epoch, settings.epochs):
        steps = grouped(epoch_batches(lengths, settings.batch_size, seed=seed, epoch=epoch), settings.accumulation)
        for index, batches in enumerate(steps):
            number = epoch * in_epoch + index + 1
            if number > done:
                yield Step(number, epoch, tuple(tuple(batch) for batch in batches))


def evaluation_steps(total_steps: int, evaluations: int) -> frozenset[int]:
    """Steps after which validation takes place: evenly spaced, the last step among them."""
    count = min(evaluations, total_steps)
    return frozenset(math.ceil(total_steps * index / count) for index in range(1, count + 1))


class Trainer:
    """Trains a model in place. All state lives in ``model``, ``progress`` and what :meth:`save` writes."""

    def __init__(
        self,
        model: FamilyModel,
        train_rows: Rows,
        valid_rows: Rows,
        checkpoints: Checkpoints,
        stop: StopRequest,
        ranks: Ranks,
        *,
        settings: TrainingSettings,
        adaptation: AdaptationSettings,
        seed: int,
    ) -> None:
        self.model, self.train_rows, self.valid_rows = model, train_rows, valid_rows
        self.checkpoints, self.stop, self.ranks = checkpoints, stop, ranks
        self.settings, self.adaptation, self.seed = settings, adaptation, seed
        self.total_steps = settings.epochs * steps_per_epoch(len(train_rows.lengths), settings)
        self.evaluation_steps = evaluation_steps(self.total_steps, settings.evaluations) if valid_rows.lengths else frozenset()
        self.progress = Progress()

        # Parameters of later stages too: one whose stage has not begun gets no gradient, and AdamW passes it over.
        parameters = dict(model.network.named_parameters())
        self.masters = MasterWeights({name: parameters[name] for name in model.trained_names})
        self.optimizer = torch.optim.AdamW(
            self.masters.masters.values(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        self.schedule = Schedule(self.optimizer, settings, self.total_steps)
        # One thread prepares batches ahead; it alone reads images, so the store needs no lock.
        self._reader = ThreadPoolExecutor(1, "reader", initializer=torch.set_num_threads, initargs=(settings.threads,))

    def run(self) -> dict[str, Tensor]:
        """Train to the end (or on to the end) and return the trained tensors by name: those of the lowest validation
        loss, or the last ones where there are no validation rows. Ranks other than the first return their last ones: the
        first may be done, and its states removed, before they could read the best.

        Raises :class:`Stopped` after SIGTERM and :class:`RadtuneError` if a loss or gradient is not a number, on all ranks
        if on any.
        """
        self._resume()
        with self._reader, progress_bar("train", self.total_steps, "step", self.progress.step, self.ranks.first) as bar:
            remaining = steps_after(self.progress.step, self.train_rows.lengths, self.settings, self.seed)
            epoch: int | None = None
            for step, batches in self._prefetched(remaining, self._collate_step):
                if self.finished:
                    break
                if self.ranks.any(self.stop.requested):
                    self.save()
                    raise Stopped
                if step.epoch != epoch:
                    epoch = step.epoch
                    set_stage(self.model, self.adaptation, epoch)
                loss = self._train(step, batches)
                bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
                bar.update()
                improved = step.number in self.evaluation_steps and self._evaluate(step)
                if improved or step.number % self.settings.checkpoint_steps == 0:
                    self.save()
        if self.progress.best_step is not None and self.ranks.first:
            load_trained_state(self.model, self.checkpoints.trained_path(self.progress.best_step))
        return trained_state(self.model)

    @property
    def finished(self) -> bool:
        """Whether all steps are done or the validation loss has not fallen for too long."""
        return self.progress.step >= self.total_steps or self.progress.evaluations_without_improvement >= self.settings.patience

    def save(self) -> None:
        """Write the whole state to the checkpoints, on the first rank."""
        if not self.ranks.first:
            return
        optimizer = {
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "masters": self.masters.state_dict(),
        }
        self.checkpoints.save(self.progress, trained_state(self.model), optimizer)

    def _resume(self) -> None:
        found = self.checkpoints.latest()
        if found is None:
            return
        self.progress = found
        load_trained_state(self.model, self.checkpoints.trained_path(found.step))
        state = self.checkpoints.optimizer_state(found.step)
        self.masters.load_state_dict(state["masters"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        if self.ranks.first:
            print(f"resuming after step {found.step} of {self.total_steps}", file=sys.stderr)  # noqa: T201

    def _train(self, step: Step, batches: Mapping[int, Batch]) -> float:
        """One optimiser step; returns the mean loss of its label tokens.

        ``batches`` are this rank's forward passes, by their place in ``step.batches``. Every rank returns the same.
        """
        started = time.monotonic()
        set_training_mode(self.model.network)
        label_tokens, tokens = self.ranks.sum(
            [
                sum(self.model.label_tokens(batch) for batch in batches.values()),
                sum(self.model.total_tokens(batch) for batch in batches.values()),
            ]
        )
        losses = [0.0] * len(step.batches)
        for place, batch in batches.items():
            seed_everything(derived_seed("forward pass", self.seed, step.number, place))
            summed = self.model.loss(batch)
            losses[place] = summed.item()
            if math.isfinite(losses[place]):
                untyped(summed / label_tokens).backward()
                self.masters.add_gradients()
        losses = self.ranks.sum(losses)
        for loss, row_ids in zip(losses, step.batches, strict=True):
            if not math.isfinite(loss):
                raise _diverged(step, "loss", loss, row_ids)
        self.ranks.sum_gradients(self.masters.masters.values())
        norm = nn.utils.clip_grad_norm_(self.masters.masters.values(), self.settings.maximum_gradient_norm).item()
        if not math.isfinite(norm):
            raise _diverged(step, "gradient norm", norm, [row_id for row_ids in step.batches for row_id in row_ids])
        rate = self.learning_rate
        self.optimizer.step()
        self.masters.write_back()
        self.optimizer.zero_grad()
        self.schedule.after_step()
        self.progress.step = step.number
        self._log(
            "train",
            time.monotonic() - started,
            samples=sum(len(row_ids) for row_ids in step.batches),
            tokens=int(tokens),
            learning_rate=rate,
            loss=sum(losses) / label_tokens,
            gradient_norm=norm,
        )
        return sum(losses) / label_tokens

    def _evaluate(self, step: Step) -> bool:
        """Take the validation loss; True if it is the lowest so far."""
        started = time.monotonic()
        loss = self.validation_loss()
        if not math.isfinite(loss):
            raise _diverged(step, "validation loss", loss, [row_id for row_ids in step.batches for row_id in row_ids])
        self._log("evaluation", time.monotonic() - started, learning_rate=self.learning_rate, validation_loss=loss)
        self.schedule.after_evaluation(loss)
        if self.progress.best_loss is not None and loss >= self.progress.best_loss:
            self.progress.evaluations_without_improvement += 1
            return False
        self.progress.best_loss, self.progress.best_step = loss, step.number
        self.progress.evaluations_without_improvement = 0
        return True

    @property
    def learning_rate(self) -> float:
        """The rate of the next optimiser step."""
        return float(self.optimizer.param_groups[0]["lr"])

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Mean cross-entropy of a label token over the validation rows."""
        self.model.network.eval()
        batches = sorted_batches(self.valid_rows.lengths, self.settings.batch_size)
        losses, label_tokens = [0.0] * len(batches), [0.0] * len(batches)
        for place, batch in self._prefetched(
            self.ranks.share(batches), lambda place: self._collate(self.valid_rows, batches[place])
        ):
            losses[place] = self.model.loss(batch).item()
            label_tokens[place] = self.model.label_tokens(batch)
        return sum(self.ranks.sum(losses)) / sum(self.ranks.sum(label_tokens))

    def _collate(self, rows: Rows, row_ids: Sequence[str]) -> Batch:
        return self.model.collate([rows.example(row_id) for row_id in row_ids])

    def _collate_step(self, step: Step) -> dict[int, Batch]:
        """This rank's forward passes, by their place in the step."""
        return {place: self._collate(self.train_rows, step.batches[place]) for place in self.ranks.share(step.batches)}

    def _prefetched(self, items: Iterable[Item], make: Callable[[Item], Made]) -> Iterator[tuple[Item, Made]]:
        """Each item with what ``make`` makes of it. On a GPU the next is made while the caller works on this one; on a CPU the
        reader would take cores from the training (15 % of the time of a step here)."""
        if self.model.device.type == "cpu":
            yield from ((item, make(item)) for item in items)
            return
        waiting = None
        for item in items:
            upcoming = (item, self._reader.submit(make, item))
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = upcoming
        if waiting is not None:
            yield waiting[0], waiting[1].result()

    def _log(
        self,
        event: str,
        seconds: float,
        *,
        learning_rate: float,
        samples: int = 0,
        tokens: int = 0,
        loss: float | None = None,
        validation_loss: float | None = None,
        gradient_norm: float | None = None,
    ) -> None:
        """Add a row to the training log. ``seconds``, ``samples`` and ``tokens`` are what this event took."""
        progress = self.progress
        progress.seconds += seconds
        progress.samples += samples
        progress.tokens += tokens
        progress.log.append(
            {
                "step": progress.step,
                "epoch": progress.step / (self.total_steps / self.settings.epochs),
                "event": event,
                "loss": loss,
                "validation_loss": validation_loss,
                "learning_rate": learning_rate,
                "gradient_norm": gradient_norm,
                "samples": progress.samples,
                "tokens": progress.tokens,
                "samples_per_second": samples / seconds if samples else None,
                "tokens_per_second": tokens / seconds if tokens else None,
                "seconds": progress.seconds,
                "memory_mb": peak_memory_mb(self.model.device),
            }
        )


def seed_everything(seed: int) -> None:
    """Seed every generator that a network may draw from, on the CPU and on GPUs."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def set_training_mode(network: nn.Module) -> None:
    """Training mode, but batch normalisation keeps its running statistics: batches of a few images would spoil the
    pretrained ones."""
    network.train()
    keep_statistics(network)


def _diverged(step: Step, what: str, value: float, row_ids: Sequence[str]) -> RadtuneError:
    return RadtuneError(
        f"step {step.number} (epoch {step.epoch}): the {what} is {value}; rows: {', '.join(row_ids)}",
        "lower training.learning_rate or raise training.warmup_share; if it is always the same rows, look at them",
    )
