"""What a language-model server says, in Ollama's and OpenAI's protocols; as a program, such a server, or one with a fault:

``python language_server.py PORT [FAULT]``, where FAULT is ``dies``, ``mute``, ``stubborn``, ``outrun`` or ``leaves``.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MODEL_DIGEST = "46e0c10c039e019119339687c3c1757cc81b9da49709a3b3924863ba87ca666e"


def models() -> bytes:
    """Answer to both protocols' question for the models."""
    model = {"model": "llama3.1:latest", "name": "llama3.1:latest", "digest": MODEL_DIGEST, "size": 1}
    return json.dumps({"models": [model], "object": "list", "data": [{"id": "m", "object": "model"}]}).encode()


def caption_of(request: Mapping[str, Any]) -> str:
    """The caption in the last turn of a chat."""
    return str(request["messages"][-1]["content"]).rsplit("Caption: ", 1)[1]


def reply_to(path: str, request: Mapping[str, Any]) -> bytes:
    """What a language model might write: a filler line, then one pair from the caption's words."""
    text = f"Here is a question:\n\n**Q:** What is the finding in this image?\n**A:** {caption_of(request)}"
    message = {"role": "assistant", "content": text}
    if path == "/api/chat":
        return json.dumps({"message": message, "done": True, "done_reason": "stop"}).encode()
    choice = {"index": 0, "message": message, "finish_reason": "length"}
    return json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}).encode()


class Handler(BaseHTTPRequestHandler):
    """A server without faults."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send(200, models())

    def do_POST(self) -> None:
        self.send(200, reply_to(self.path, self.request_body()))

    def request_body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return body

    def send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep the test's output clean."""


class Leaving(Handler):
    """Ends at the first chat."""

    def do_POST(self) -> None:
        sys.stdout.write(f"crashed at: {caption_of(self.request_body())}\n")
        sys.stdout.flush()
        os._exit(9)


def main(port: int, fault: str) -> None:
    """Serve. The ids of all processes are left in `pids.txt`, for the test to look for them."""
    pids = [os.getpid()]
    if fault == "dies":
        sys.exit("CUDA error: out of memory")
    if fault == "mute":
        sys.stdout.write("loading the model\n")
        sys.stdout.flush()
        time.sleep(600)
    if fault == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pids.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid)
    if fault == "outrun" and not Path("taken.txt").exists():
        # Another program takes the port just before this one would.
        other = subprocess.Popen([sys.executable, __file__, str(port), "other"], start_new_session=True)
        Path("taken.txt").write_text(f"{other.pid} {port}")
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.05)
        time.sleep(1)
    if fault != "other":
        Path("pids.txt").write_text(" ".join(map(str, pids)))
    ThreadingHTTPServer(("127.0.0.1", port), Leaving if fault == "leaves" else Handler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
