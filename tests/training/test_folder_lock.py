from __future__ import annotations

import subprocess
import sys

import pytest

from radtune.errors import RadtuneError
from radtune.training.folder_lock import locked

HOLD = """
import sys, time
from pathlib import Path
from radtune.training.folder_lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_twin_is_refused_until_the_first_is_gone_however_it_went(tmp_path):
    twin = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert twin.stdout is not None
        assert twin.stdout.readline() == "held\n"
        with pytest.raises(RadtuneError, match="another process is still at work"), locked(tmp_path, wait_seconds=0.2):
            pass
    finally:
        twin.kill()
        twin.wait()
    with locked(tmp_path, wait_seconds=0.2) as waited:
        assert not waited
