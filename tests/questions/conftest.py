"""Captions of a few items, and a real HTTP server that speaks Ollama's and OpenAI's protocols."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from radtune.artifacts.digests import text_digest
from radtune.artifacts.io import write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.provenance import provenance
from radtune.config.questions import QuestionSettings

WriteCaptions = Callable[[list[dict[str, Any]]], Path]

MODEL_DIGEST = "46e0c10c039e019119339687c3c1757cc81b9da49709a3b3924863ba87ca666e"

CAPTIONS_OF_ITEMS = {
    "item_1": "Axial CT of the abdomen with a hypodense lesion in the left lobe of the liver.",
    "item_2": "Chest radiograph with a right pleural effusion.",
    "item_3": "Sagittal MRI of the lumbar spine showing a disc herniation.",
    "item_4": "Ultrasound of the gallbladder with multiple gallstones.",
    "item_5": "Axial CT of the abdomen with a hypodense lesion in the left lobe of the liver.",
}


@pytest.fixture
def write_captions(tmp_path: Path) -> WriteCaptions:
    """Write a captions artifact; each row gives what matters to the test, the rest is filled in."""

    def write_captions(rows: list[dict[str, Any]]) -> Path:
        path = tmp_path / "captions.parquet"
        filled = [
            {
                **dict.fromkeys(CAPTIONS.schema.names, ""),
                "split": "train",
                "concepts": [],
                "manual_concepts": [],
                "restricted": False,
                "image_sha256": text_digest(row["item_id"]),
                **row,
            }
            for row in rows
        ]
        write(path, CAPTIONS, filled, provenance("radtune.questions.write", QuestionSettings(), 1, inputs={}))
        return path

    return write_captions


@pytest.fixture
def captions(write_captions: WriteCaptions) -> Path:
    """Five items, two of which have the same caption."""
    return write_captions([{"item_id": item_id, "caption": caption} for item_id, caption in CAPTIONS_OF_ITEMS.items()])


@dataclass
class LanguageServer:
    """What the server is to do, and what it was asked."""

    url: str = ""
    faults: list[tuple[int, bytes]] = field(default_factory=list)
    """Status and body of the next answers to chats; used up first."""
    rubbish: Callable[[str], bytes | None] = lambda caption: None
    """Body to send (with status 200) instead of a reply to this caption."""
    requests: list[Mapping[str, Any]] = field(default_factory=list)
    authorisations: list[str | None] = field(default_factory=list)

    def asked_about(self) -> list[str]:
        """Captions of all chats so far, sorted."""
        return sorted(_caption(request) for request in self.requests)


def _caption(request: Mapping[str, Any]) -> str:
    """The caption in the last turn of a chat."""
    return str(request["messages"][-1]["content"]).rsplit("Caption: ", 1)[1]


def _reply(caption: str) -> str:
    """What a language model might write: a filler line, then one pair from the caption's words."""
    return f"Here is a question:\n\n**Q:** What is the finding in this image?\n**A:** {caption}"


@pytest.fixture
def language_server() -> Iterator[LanguageServer]:
    server = LanguageServer()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            models = [{"model": "llama3.1:latest", "name": "llama3.1:latest", "digest": MODEL_DIGEST, "size": 1}]
            self._send(200, json.dumps({"models": models}).encode())

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                server.requests.append(request)
                server.authorisations.append(self.headers["Authorization"])
                fault = server.faults.pop(0) if server.faults else None
            caption = _caption(request)
            if fault is not None:
                self._send(*fault)
            elif (body := server.rubbish(caption)) is not None:
                self._send(200, body)
            elif self.path == "/api/chat":
                message = {"role": "assistant", "content": _reply(caption)}
                self._send(200, json.dumps({"message": message, "done": True, "done_reason": "stop"}).encode())
            else:
                message = {"role": "assistant", "content": _reply(caption)}
                choice = {"index": 0, "message": message, "finish_reason": "length"}
                answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
                self._send(200, json.dumps(answer).encode())

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Keep the test's output clean."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    http.shutdown()
    thread.join()
    http.server_close()
