"""CrewAI without telemetry and traces, and with its files in a folder that goes away.

Import it before crewai, which reads these once.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

_FOLDER = tempfile.mkdtemp(prefix="holdshort-crewai-")
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
os.environ.update(
    CREWAI_DISABLE_TELEMETRY="true",
    CREWAI_DISABLE_TRACKING="true",
    CREWAI_TRACING_ENABLED="false",
    CREWAI_STORAGE_DIR=_FOLDER,
    OTEL_SDK_DISABLED="true",
    # It writes a key of its own, and its settings, into the home folder.
    HOME=_FOLDER,
)
