from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from radtune.training.schedule import Schedule
from training.tiny_world import TRAINING

PEAK = 1e-3


def make(schedule: str, total: int, **changes):
    settings = TRAINING.model_copy(update={"schedule": schedule, "learning_rate": PEAK, "warmup_share": 0.1, **changes})
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.AdamW([weight], lr=PEAK)
    return weight, optimizer, Schedule(optimizer, settings, total)


def rates(weight, optimizer, schedule, steps):
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        weight.grad = torch.ones(1)
        optimizer.step()
        schedule.after_step()
    return found


@pytest.mark.parametrize("name", ["linear", "cosine", "constant", "onecycle", "plateau"])
def test_rises_to_the_peak_and_no_further(name):
    found = rates(*make(name, 100), 100)
    assert found[0] < 0.11 * PEAK
    assert max(found) == pytest.approx(PEAK, rel=1e-6)
    assert 8 <= found.index(max(found)) <= 11
    if name in {"linear", "cosine", "onecycle"}:
        assert found[-1] < 0.02 * PEAK
        assert all(later <= earlier for earlier, later in pairwise(found[12:]))
    else:
        assert found[-1] == pytest.approx(PEAK)


def test_plateau_cuts_the_rate_when_the_loss_stalls_and_it_stays_cut():
    weight, optimizer, schedule = make("plateau", 40, plateau_factor=0.5, plateau_patience=1)
    rates(weight, optimizer, schedule, 10)
    for loss in (3.0, 2.0, 2.0, 2.0):
        schedule.after_evaluation(loss)
    assert rates(weight, optimizer, schedule, 5) == pytest.approx([PEAK / 2] * 5)


@pytest.mark.parametrize("name", ["linear", "cosine", "constant", "onecycle", "plateau"])
@pytest.mark.parametrize("total", [1, 2, 5])
def test_the_shortest_trainings_have_a_schedule_too(name, total):
    found = rates(*make(name, total), total)
    assert all(0 <= rate <= PEAK * 1.000001 for rate in found)


@pytest.mark.parametrize("name", ["linear", "cosine", "constant", "onecycle", "plateau"])
def test_goes_on_from_a_saved_state(name, tmp_path):
    whole = make(name, 20)
    expected = rates(*whole, 20)
    weight, optimizer, schedule = make(name, 20)
    first = rates(weight, optimizer, schedule, 7)
    torch.save({"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}, tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    weight, optimizer, schedule = make(name, 20)
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    assert first + rates(weight, optimizer, schedule, 13) == expected
