"""The benchmarks run, and notice wrong answers. How fast anything is, people judge."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def run(*arguments: str, orders: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        input=orders,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_cycles_are_measured_and_written_down(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    sizes = ("--store", "sqlite", "--agents", "8", "--seconds", "0.5")
    done = run("benchmarks", "--quick", "--only", "cycles", *sizes, "--json", str(figures))
    assert done.returncode == 0, done.stderr
    assert "| sqlite | 8 |" in done.stdout

    written = json.loads(figures.read_text())
    assert written["durability"]["sqlite"]["journal_mode"] == "WAL"
    assert written["durability"]["sqlite"]["synchronous"] == "FULL"
    (level,) = written["figures"]["cycles"]["levels"]
    assert level["agents"] == 8
    assert level["commits"] > 0
    (measured,) = level["runs"]
    assert measured["errors"] == 0
    assert measured["cycles"] > 0
    assert measured["server_cpu"] > 0
    assert 0 < measured["answer_p50_ms"] <= measured["answer_p99_ms"]


class _Confused(BaseHTTPRequestHandler):
    """A server that hands agents an approval of something else."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._answer({"intent_id": "mine"})

    def do_GET(self) -> None:
        self._answer({"decision": {"approved": True, "intent_id": "another"}})

    def _answer(self, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def test_the_load_generator_notices_a_wrong_answer() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Confused) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        orders = {
            "host": "127.0.0.1",
            "port": server.server_port,
            "agent_keys": ["a"],
            "reviewer_keys": ["r"],
            "reviewers": ["ana@acme.com"],
            "warm_up": 0,
            "seconds": 30,
        }
        done = run("benchmarks.load", orders=json.dumps(orders))
        server.shutdown()
        serving.join()
    assert done.returncode == 0, done.stderr
    findings = json.loads(done.stdout)
    assert findings["errors"] == 1
    assert "GET the decision on mine" in findings["told"][0]
    assert findings["all_cycles"] == 0
