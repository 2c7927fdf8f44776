"""What does an insight cost by REST, compared with parsing the same request and sending the same bytes back?

Builds (once) a small organisation in a folder, serves the real app over HTTP with one more endpoint, which
parses and validates the same request and returns the insight's bytes, and calls both alternately. Prints
requests per second of each and their ratio (goal: at least 0.5).

    python benchmarks/serve_insight.py [--deals 1000] [--seconds 5] [--home DIR]
"""

# No postponed annotations here: FastAPI reads those of the endpoint that is added below.
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deals", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--home", type=Path, help="folder with a trained model, or to build one in")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        home = (chosen.home or Path(passing)).resolve()
        os.environ["SANCHO_HOME"] = str(home)
        measure(chosen.deals, chosen.seconds)


def measure(deals: int, seconds: float) -> None:
    import logging

    import orjson

    from service.api import create_app
    from service.cli.answer import open_service
    from service.cli.demo import example_request, prepare
    from service.logs import configure_logs
    from service.settings import read_settings

    configure_logs(logging.WARNING)
    settings = read_settings()
    prepare(settings, deals, "en")
    answers = open_service(settings)
    app = create_app(settings, answers)
    body = orjson.dumps(example_request(settings))
    key = app.state.keys.create("benchmark")
    add_echo(app, answers)
    port = serve(app)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Accept-Language": "ja"}
    wait_ready(port)
    rates = {}
    for path in (
        "/v1/echo",
        "/v1/deals/score",
        "/v1/echo",
        "/v1/deals/score",
    ):
        rates.setdefault(path, []).append(rate(port, path, body, headers, seconds / 2))
    echo, insight = (statistics.mean(rates[path]) for path in ("/v1/echo", "/v1/deals/score"))
    print(f"echo of the same bytes: {echo:7.0f} requests/s")
    print(f"full insight:           {insight:7.0f} requests/s ({1000 / insight:.1f} ms each)")
    print(f"ratio: {insight / echo:.3f} (aim: at least 0.5)")


def add_echo(app, answers) -> None:
    """An endpoint that parses the same request and returns the same bytes, without computing them."""
    from fastapi import Depends, Request

    from service.api.access import known_caller
    from service.api.responses import send
    from service.problems import language_of
    from service.schemas import ScoreRequest

    kept: dict[str, dict] = {}

    async def echo(request: Request, body: ScoreRequest):
        lang = language_of(request)
        if lang not in kept:
            kept[lang] = answers.deals.score_deal(body, lang)
        return send(request, kept[lang])

    app.post("/v1/echo", dependencies=[Depends(known_caller)], response_model=None)(echo)


def serve(app) -> int:
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    threading.Thread(target=server.run, daemon=True).start()
    while not (server.started and server.servers):
        time.sleep(0.05)
    return int(server.servers[0].sockets[0].getsockname()[1])


def wait_ready(port: int) -> None:
    import httpx

    while httpx.get(f"http://127.0.0.1:{port}/readyz").status_code != 200:
        time.sleep(0.2)


def rate(port: int, path: str, body: bytes, headers: dict[str, str], seconds: float) -> float:
    """Requests per second of one client, in a separate process, that sends one request after another."""
    code = f"""
import http.client, time
connection = http.client.HTTPConnection("127.0.0.1", {port})
def ask():
    connection.request("POST", {path!r}, {body!r}, {headers!r})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()
for _ in range(5): ask()
began, count = time.perf_counter(), 0
while time.perf_counter() - began < {seconds}:
    ask()
    count += 1
print(count / (time.perf_counter() - began))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout)


if __name__ == "__main__":
    main()
