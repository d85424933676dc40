from __future__ import annotations

import os
import signal

from radtune.training.termination import on_sigterm


def test_sigterm_only_sets_the_flag_and_may_come_twice():
    before = signal.getsignal(signal.SIGTERM)
    with on_sigterm() as request:
        assert not request.requested
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert request.requested
    assert signal.getsignal(signal.SIGTERM) is before
