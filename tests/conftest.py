"""Tests know nothing of the machine they run on: a Prefect home of their own, no keys, no store, no news to anyone."""

import atexit
import os
import shutil
import tempfile

_HOME = tempfile.mkdtemp(prefix="prefect-home-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

# Prefect and the SDKs read these when they are imported, so they are set here and not in a fixture.
os.environ |= {
    "PREFECT_HOME": _HOME,
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "NO_PROXY": "127.0.0.1,localhost",
}
for _name in [name for name in os.environ if name.startswith(("OPENAI_", "GEMINI_", "GOOGLE_", "CONTEXTFIRST_"))]:
    if _name != "CONTEXTFIRST_SHARED":
        del os.environ[_name]
os.environ.pop("PREFECT_API_URL", None)
