"""A real HTTP server on this machine that misbehaves as servers on the internet do."""

from __future__ import annotations

import json
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Served:
    """One file, and how it is served."""

    content: bytes
    etag: str | None = '"1"'
    ranges: bool = True
    cut_after: int | None = None
    """The connection is cut after so many bytes of each answer."""
    cuts: int = 1_000_000
    """How often."""
    claimed_length: int | None = None
    """What ``Content-Length`` says instead of the truth; -1 for none."""
    failures: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Statuses and headers of the first answers."""
    endless: bool = False
    encoding: str | None = None
    redirect: str | None = None
    hold: threading.Event | None = None
    """Waited for in the middle of an answer."""
    headers: dict[str, str] = field(default_factory=dict)


class UnrulyServer:
    """Files by path, and what was asked."""

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.asked: dict[str, list[dict[str, str]]] = defaultdict(list)
        """Headers and `query` of every GET, by path."""
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.base = ""
        self.before: Callable[[str], None] = lambda path: None
        """Called before each answer."""

    def serve(self, path: str, content: bytes, **how: Any) -> str:
        """Serve ``content`` at ``path``; its address."""
        self.files[path] = Served(content, **how)
        return self.base + path

    def serve_record(self, number: int, files: dict[str, bytes], **how: Any) -> str:
        """A Zenodo record in the shape of its API; the address to put in the place of Zenodo's."""
        listed = []
        for name, content in files.items():
            address = self.serve(f"/api/records/{number}/files/{name}/content", content, **how)
            checksum = f"md5:{md5(content).hexdigest()}"
            listed.append({"key": name, "size": len(content), "checksum": checksum, "links": {"self": address}, "id": "x"})
        record = {"id": number, "metadata": {"title": "A record", "license": {"id": "cc-by-4.0"}}, "files": listed}
        self.serve(f"/api/records/{number}", json.dumps(record).encode())
        return f"{self.base}/api/records"


@contextmanager
def unruly_server() -> Iterator[UnrulyServer]:
    """The server, until the block ends."""
    state = UnrulyServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with state.lock:
                state.at_once += 1
                state.most_at_once = max(state.most_at_once, state.at_once)
            try:
                self._answer()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            finally:
                with state.lock:
                    state.at_once -= 1

        def do_HEAD(self) -> None:
            self.do_GET()

        def _answer(self) -> None:
            path = unquote(urlsplit(self.path).path)
            if self.command == "GET":
                state.asked[path].append({**self.headers, "query": urlsplit(self.path).query})
            state.before(path)
            file = state.files.get(path)
            if file is None:
                return self._status(404, {})
            if file.failures:
                return self._status(*file.failures.pop(0))
            if file.redirect:
                return self._status(302, {"Location": file.redirect})
            start = self._start(file)
            if start >= len(file.content) > 0:
                return self._status(416, {})
            self.send_response(206 if start else 200)
            body = file.content[start:]
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(file.content) - 1}/{len(file.content)}")
            if file.etag:
                self.send_header("ETag", file.etag)
            if file.encoding:
                self.send_header("Content-Encoding", file.encoding)
            for name, value in file.headers.items():
                self.send_header(name, value)
            length = len(body) if file.claimed_length is None else file.claimed_length
            if length >= 0 and not file.endless:
                self.send_header("Content-Length", str(length))
            else:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command == "HEAD":
                return
            if file.hold is not None:
                half = len(body) // 2
                self.wfile.write(body[:half])
                self.wfile.flush()
                file.hold.wait(30)
                body = body[half:]
            if file.cut_after is not None and file.cuts > 0:
                file.cuts -= 1
                self.wfile.write(body[: file.cut_after])
                self.wfile.flush()
                self.close_connection = True
                return
            self.wfile.write(body)
            while file.endless:
                self.wfile.write(body)
            if length != len(body):
                self.close_connection = True

        def _start(self, file: Served) -> int:
            asked = self.headers.get("Range")
            if asked is None or not file.ranges:
                return 0
            condition = self.headers.get("If-Range")
            if condition is not None and condition != file.etag:
                return 0
            return int(asked.removeprefix("bytes=").removesuffix("-"))

        def _status(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            if not isinstance(sys.exception(), ConnectionError):  # clients hang up when they have enough
                super().handle_error(request, client_address)  # type: ignore[arg-type]

    server = Server(("127.0.0.1", 0), Handler)
    state.base = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
