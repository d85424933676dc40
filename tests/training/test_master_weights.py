from __future__ import annotations

import torch

from radtune.training.master_weights import MasterWeights


def descend(parameter, masters, steps, rate):
    optimizer = torch.optim.SGD(masters.masters.values(), lr=rate)
    for _ in range(steps):
        parameter.sum().backward()
        masters.add_gradients()
        optimizer.step()
        masters.write_back()
        optimizer.zero_grad()


def test_updates_too_small_for_bfloat16_add_up():
    parameter = torch.nn.Parameter(torch.ones(4, dtype=torch.bfloat16))
    assert bool((parameter - torch.tensor(1e-3, dtype=torch.bfloat16) == parameter).all())  # lost without a master
    descend(parameter, MasterWeights({"weight": parameter}), 100, 1e-3)
    torch.testing.assert_close(parameter.detach().float(), torch.full((4,), 0.9), atol=4e-3, rtol=0)


def test_gradients_of_several_backward_passes_add_up():
    parameter = torch.nn.Parameter(torch.ones(2, dtype=torch.bfloat16))
    masters = MasterWeights({"weight": parameter})
    for scale in (1.0, 1 / 512):
        (scale * parameter.float()).sum().backward()
        masters.add_gradients()
    assert parameter.grad is None
    assert masters.masters["weight"].grad.tolist() == [1 + 1 / 512] * 2  # bfloat16 would round to 1


def test_float32_is_its_own_master():
    parameter = torch.nn.Parameter(torch.ones(2))
    masters = MasterWeights({"weight": parameter})
    assert masters.masters["weight"] is parameter
    assert masters.state_dict() == {}


def test_state_survives_a_round_trip():
    parameter = torch.nn.Parameter(torch.ones(4, dtype=torch.bfloat16))
    masters = MasterWeights({"weight": parameter})
    descend(parameter, masters, 3, 1e-3)
    other = torch.nn.Parameter(torch.zeros(4, dtype=torch.bfloat16))
    loaded = MasterWeights({"weight": other})
    loaded.load_state_dict(masters.state_dict())
    assert torch.equal(loaded.masters["weight"], masters.masters["weight"])
    assert torch.equal(other, parameter)
