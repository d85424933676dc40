"""Data sets on the hub: huggingface_hub fetches them (resumed, in parallel, gated ones with the user's token); here they are
proved."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from radtune.datasets.download import RemoteFile, digest_of
from radtune.datasets.release import Release
from radtune.errors import DownloadError
from radtune.weights.source import parse_source

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

Result = TypeVar("Result")


def hub_release(text: str, hubs: Sequence[str | None]) -> Release:
    """Files of ``hub:<owner>/<data set>@<commit>[/<file>]``, with the sizes and digests that the hub states.

    ``hubs`` are base addresses, tried in turn; None is ``HF_ENDPOINT``, or huggingface.co.
    Raises :class:`DownloadError` if none lists the data set.
    """
    source = parse_source(text)

    def listed(endpoint: str | None) -> tuple[RemoteFile, ...]:
        from huggingface_hub import HfApi
        from huggingface_hub.hf_api import RepoFile

        tree = HfApi(endpoint=endpoint).list_repo_tree(source.name, revision=source.version, repo_type="dataset", recursive=True)
        entries = [entry for entry in tree if isinstance(entry, RepoFile) and source.member in ("", entry.path)]
        # .gitattributes and their like are the repository's affair, not the data set's.
        return tuple(_remote(entry, text) for entry in entries if not Path(entry.path).name.startswith("."))

    files = _in_turn(text, hubs, listed)
    if not files:
        raise DownloadError(f"{text}: holds no such file", "correct download in the config")
    return Release("", files)


def download_from_hub(
    text: str, files: Sequence[RemoteFile], folder: Path, hubs: Sequence[str | None], *, files_at_once: int
) -> None:
    """Bring ``files`` of :func:`hub_release` to ``folder``, each proved. What is there already is not fetched again.

    Raises :class:`DownloadError` if no hub gives them, or a file is not what the hub states.
    """
    source = parse_source(text)

    def download(endpoint: str | None) -> None:
        from huggingface_hub import snapshot_download

        snapshot_download(
            source.name,
            repo_type="dataset",
            revision=source.version,
            local_dir=folder,
            allow_patterns=[glob.escape(file.name) for file in files],
            max_workers=files_at_once,
            endpoint=endpoint,
        )

    if files:
        _in_turn(text, hubs, download)
    for file in files:
        _prove(folder / file.name, file, text)


def _in_turn(text: str, hubs: Sequence[str | None], call: Callable[[str | None], Result]) -> Result:
    """``call`` with the first hub that does not fail; the first hub's fault where all do."""
    import httpx2  # huggingface_hub lets errors of its HTTP client through
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    problems = []
    for endpoint in hubs:
        try:
            return call(endpoint)
        except GatedRepoError:
            fix = "accept its terms on the hub and set HF_TOKEN (the token is never logged)"
            problems.append(DownloadError(f"{text}: gated data set, and no token that may read it", fix))
        except (RepositoryNotFoundError, RevisionNotFoundError):
            problems.append(DownloadError(f"{text}: no such data set or revision", "correct download in the config"))
        except (HfHubHTTPError, httpx2.HTTPError, OSError) as error:
            problem = f"{text}: the hub does not give it ({type(error).__name__})"
            problems.append(DownloadError(problem, "run the same command later: what was received is kept"))
    raise problems[0]


def _remote(entry: RepoFile, text: str) -> RemoteFile:
    checksum = f"sha256:{entry.lfs.sha256}" if entry.lfs else f"git:{entry.blob_id}"
    return RemoteFile(entry.path, (f"{text}/{entry.path}",), entry.lfs.size if entry.lfs else entry.size, checksum)


def _prove(path: Path, file: RemoteFile, text: str) -> None:
    algorithm, _, stated = file.checksum.partition(":")
    found = _git_digest(path) if algorithm == "git" else digest_of(path, algorithm)
    if found != stated or path.stat().st_size != file.size:
        path.unlink()
        raise DownloadError(f"{text}: {file.name} is not what the hub states", "run the same command again")


def _git_digest(path: Path) -> str:
    """The digest under which git keeps a file's content: SHA-1 over a header with its length, and the content."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
