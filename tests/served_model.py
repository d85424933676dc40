"""A repository of the model hub, on a real server of this machine: as much of the hub's protocol as a snapshot needs."""

from __future__ import annotations

import json
from hashlib import sha256

from unruly_server import UnrulyServer


def serve_model(server: UnrulyServer, name: str, commit: str, files: dict[str, bytes], revision: str = "main") -> None:
    """Serve ``files`` as the repository ``name``, in which ``revision`` is ``commit``."""
    tree = [{"type": "file", "path": file, "size": len(content), "oid": "0" * 40} for file, content in files.items()]
    for asked in (revision, commit):
        server.serve(f"/api/models/{name}/revision/{asked}", json.dumps({"id": name, "sha": commit, "siblings": []}).encode())
    server.serve(f"/api/models/{name}/tree/{commit}", json.dumps(tree).encode())
    for file, content in files.items():
        etag = f'"{sha256(content).hexdigest()}"'
        server.serve(file_path(name, commit, file), content, etag=etag, headers={"X-Repo-Commit": commit})


def file_path(name: str, commit: str, file: str) -> str:
    """Where the server has a file of a repository."""
    return f"/{name}/resolve/{commit}/{file}"
