"""`main`: what a bench's script does when it is run.

    python bench.py start SCENE     # play the scene from its beginning; the report on stdout
    python bench.py worker SCENE    # go on with what can go on; how many runs, on stdout
    python bench.py forge SCENE     # tamper with the framework's own state
    python bench.py serve           # the same verbs, as JSON lines on stdin, in one process

Where being another process is not the point, one that is warm already saves the imports.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import asdict
from typing import Any, TextIO

from holdshort.testing.adapter.bench import Bench, Report
from holdshort.testing.adapter.scene import Scene

VERBS = ("start", "worker", "forge")


def main(bench: Bench) -> None:
    """Do what the command line says, with this bench."""
    verb, *rest = sys.argv[1:] or [""]
    with _answers() as answers:
        if verb == "serve":
            # One line in, one line out; the test closes the pipe.
            print(json.dumps({"ready": bench.framework}), file=answers, flush=True)
            while line := sys.stdin.readline():
                asked = json.loads(line)
                print(_answer(bench, asked["verb"], asked["scene"]), file=answers, flush=True)
        elif verb in VERBS and len(rest) == 1:
            print(_answer(bench, verb, rest[0]), file=answers, flush=True)
        else:
            sys.exit(f"usage: {sys.argv[0]} {'|'.join(VERBS)} SCENE, or serve")


def _answers() -> TextIO:
    """Return where answers go: standard output, which is nobody else's from here on."""
    answers = os.fdopen(os.dup(1), "w")
    sys.stdout.flush()
    os.dup2(2, 1)  # frameworks print, and would print between the answers
    return answers


def _answer(bench: Bench, verb: str, path: str) -> str:
    scene = Scene.read(path)
    try:
        answer = _done(bench, verb, scene)
    except Exception as error:
        traceback.print_exc()
        said = f"{type(error).__name__}: {error}"
        answer = asdict(Report("failed", error=said)) if verb == "start" else {"error": said}
    finally:
        scene.close()
    return json.dumps(answer)


def _done(bench: Bench, verb: str, scene: Scene) -> dict[str, Any]:
    if verb == "start":
        return asdict(bench.start(scene, scene.run_id, scene.prompt))
    if verb == "forge":
        bench.forge(scene, scene.run_id)
        return {}
    return {"finished": bench.worker(scene).run(once=True)}
