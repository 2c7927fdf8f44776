"""Which kernels does an image bring? All that a small organisation's training, service and questions compile.

    python tools/compile_kernels.py FOLDER      # for its home, empty; kernels go to NUMBA_CACHE_DIR

Run while the image is built, with the processor's name that it runs with (NUMBA_CPU_NAME).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DEALS = 300
PATIENCE_SECONDS = 1800  # on a slow machine


def compile_kernels(home: Path) -> None:
    """Makes what `sancho demo` makes, serves it, and asks what a dashboard asks."""
    from service.cli.demo import free_port, prepare
    from service.keys import ApiKeys
    from service.settings import read_settings

    settings = read_settings(home=home, job_workers=False)
    prepare(settings, DEALS, "en")
    keys = ApiKeys(settings.store_url)
    key = keys.create("image")
    keys.close()
    port = free_port(settings.host, settings.port)
    served = os.environ | {"SANCHO_HOME": str(home), "SANCHO_JOB_WORKERS": "false"}
    line = [str(Path(sys.executable).parent / "sancho"), "serve", "--port", str(port)]
    with subprocess.Popen(line, env=served) as process:
        try:
            base = f"http://{settings.host}:{port}"
            _wait_until_ready(f"{base}/readyz", process)
            for path, body in _questions(base, key):
                print(_ask(f"{base}{path}", key, body)[0], path, flush=True)
        finally:
            process.send_signal(signal.SIGINT)


def _questions(base: str, key: str) -> Iterator[tuple[str, dict[str, Any] | None]]:
    from service.cli.demo import example_request
    from service.settings import read_settings

    yield "/v1/deals/score", example_request(read_settings())
    _, found = _ask(f"{base}/v1/deals?limit=1", key, None)
    yield f"/v1/deals/{found['deals'][0]['deal_id']}", None
    for period in ("this-quarter", "this-month", "next-quarter"):
        yield f"/v1/forecasts/{period}", None
        yield f"/v1/kpis/{period}", None
    for path in ("bottlenecks", "actions", "trees/this-quarter", "people/this-quarter", "models"):
        yield f"/v1/{path}", None


def _ask(url: str, key: str, body: dict[str, Any] | None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return answer.status, json.loads(answer.read())


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise SystemExit("the service did not become ready")


if __name__ == "__main__":
    compile_kernels(Path(sys.argv[1]).absolute())
