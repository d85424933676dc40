"""Captions of a few items, and a real HTTP server that speaks Ollama's and OpenAI's protocols."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from questions.language_server import MODEL_DIGEST, Handler, caption_of, reply_to
from radtune.artifacts.digests import text_digest
from radtune.artifacts.io import write
from radtune.artifacts.kinds.captions import CAPTIONS
from radtune.artifacts.provenance import provenance
from radtune.config.questions import QuestionSettings

__all__ = ["CAPTIONS_OF_ITEMS", "MODEL_DIGEST", "LanguageServer", "WriteCaptions"]

WriteCaptions = Callable[[list[dict[str, Any]]], Path]

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
        return sorted(caption_of(request) for request in self.requests)


@pytest.fixture
def language_server() -> Iterator[LanguageServer]:
    server = LanguageServer()
    lock = threading.Lock()

    class Recording(Handler):
        def do_POST(self) -> None:
            request = self.request_body()
            with lock:
                server.requests.append(request)
                server.authorisations.append(self.headers["Authorization"])
                fault = server.faults.pop(0) if server.faults else None
            if fault is not None:
                self.send(*fault)
            elif (body := server.rubbish(caption_of(request))) is not None:
                self.send(200, body)
            else:
                self.send(200, reply_to(self.path, request))

    http = ThreadingHTTPServer(("127.0.0.1", 0), Recording)
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    http.shutdown()
    thread.join()
    http.server_close()
