"""What does an insight cost by REST, beside parsing the same request and sending the same bytes back?

    python benchmarks/serve_insight.py [--deals 8000] [--seconds 4] [--rounds 3] [--home DIR]
                                       [--before CHECKOUT] [--batch 2000]

Builds (once) an organisation in a folder and serves the real app over HTTP from a process pinned to one
core, with one more endpoint, which parses and validates the same request and returns the insight's bytes. The
load runs on another core, one request after the other. With --before, the code of another checkout serves
too, from the same store and model, and both are asked in turn.

Three kinds of requests: a deal alone ("bare"), with 20 events and 20 activities ("20+20"), and the same as of
distinct instants of yesterday ("as_of"). Printed of each: p50 and p99 in milliseconds, requests per second,
and the server's processor time per answer; the ratios to the endpoint that computes nothing (aim: 0.5); what
two servers at once cost per answer compared with one; what an idle server uses; and what `score-batch` costs
per line, and by how much its process grows.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
CASES = ("bare", "20+20", "as_of")
SCORE, ECHO, BATCH = "/v1/deals/score", "/v1/deals/echo", "/v1/deals/score-batch"
WARM_UP = 20  # requests before any is measured
TICK = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Serves, or measures what is served."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deals", type=int, default=8000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=2000)
    parser.add_argument("--home", type=Path, help="folder with a trained model, or to build one in")
    parser.add_argument("--before", type=Path, help="a checkout to compare with")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve()
        return
    with tempfile.TemporaryDirectory() as passing:
        home = (chosen.home or Path(passing)).resolve()
        os.environ["SANCHO_HOME"] = str(home)
        prepare(chosen.deals)
        measure(home, chosen)


def prepare(deals: int) -> None:
    """The organisation, unless it is there."""
    import logging

    from service.cli.demo import prepare
    from service.logs import configure_logs
    from service.settings import read_settings

    configure_logs(logging.WARNING)
    prepare(read_settings(), deals, "en")


# the process that serves


def serve() -> None:
    """Serves the app with the endpoint that only repeats; prints port and key once it is warm."""
    import logging

    import uvicorn

    from service.app import create_app
    from service.cli.answer import open_service
    from service.logs import configure_logs
    from service.settings import read_settings

    settings = read_settings()
    answers = open_service(settings, warm=True)
    configure_logs(logging.WARNING)
    add_echo(answers)
    app = create_app(settings, answers, warm=False)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    serving = threading.Thread(target=server.run, daemon=True)
    serving.start()
    while not (server.started and server.servers):
        assert serving.is_alive(), "the server did not start"
        time.sleep(0.05)
    port = int(server.servers[0].sockets[0].getsockname()[1])
    print(json.dumps({"port": port, "key": app.state.keys.create("benchmark")}), flush=True)
    sys.stdin.read()  # until the other side closes it


def add_echo(answers: Any) -> None:
    """An endpoint that parses the same request and returns the same bytes, without computing them.

    It is one of the interface's own, so that its key is looked at as that of any call is.
    """
    import orjson
    from fastapi import Response

    from service.api.deals import router
    from service.schemas import ScoreRequest

    kept: dict[tuple[int, bool], bytes] = {}

    async def echo(body: ScoreRequest) -> Response:
        case = (len(body.events), body.as_of is None)
        if case not in kept:
            kept[case] = orjson.dumps(answers.deals.score_deal(body, "ja"))
        return Response(kept[case], media_type="application/json")

    echo.__annotations__ = {"body": ScoreRequest}
    router.post("/echo", response_model=None)(echo)


@dataclass
class Server:
    """A server process on one core."""

    process: subprocess.Popen[str]
    port: int
    key: str

    @classmethod
    def start(cls, checkout: Path, core: int) -> Server:
        """Starts one with the code of a checkout, and waits until it is warm."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(checkout),
            "PYTHONDONTWRITEBYTECODE": "",
            "SANCHO_CALLS_PER_MINUTE": "0",
        }
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), "--serve"],
            env=environment, cwd=checkout, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        os.sched_setaffinity(process.pid, {core})
        assert process.stdout is not None
        said = json.loads(process.stdout.readline() or "null")
        assert said is not None, "the server did not start"
        return cls(process, said["port"], said["key"])

    def stop(self) -> None:
        """Ends it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)

    @property
    def processor_seconds(self) -> float:
        """What it has used, in all its threads."""
        text = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(text[11]) + int(text[12])) / TICK

    @property
    def megabytes(self) -> float:
        """Its resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    @property
    def headers(self) -> dict[str, str]:
        """Those of a request."""
        return {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
            "Accept-Language": "ja",
        }


# the load


def body(case: str, number: int) -> bytes:
    """A deal as a program would send it, with days that fit today; another id each time."""
    now = datetime.now().astimezone().replace(minute=0, second=0, microsecond=0)

    def ago(days: float) -> str:
        return (now - timedelta(days=days)).isoformat()

    sent: dict[str, Any] = {
        "deal": {
            "deal_id": f"NEW-{number}",
            "created_at": ago(60),
            "stage": "提案・見積",
            "amount": 2_400_000,
            "deal_type": "new",
            "expected_close_date": (now + timedelta(days=20)).date().isoformat(),
        }
    }
    if case != "bare":
        stages = ["アポイント", "初回訪問", "提案・見積"]
        amounts = [str(1_500_000 + 150_000 * n) for n in range(7)]
        days = [(now + timedelta(days=10 + 2 * n)).date().isoformat() for n in range(6)]
        people = [f"P{n:03d}" for n in range(1, 4)]
        budget = ["未確認", "確認中", "確認済"]
        fields = {"stage": stages, "amount": amounts, "expected_close_date": days, "owner_id": people}
        fields["予算確認"] = budget
        events = [
            {"field": name, "value": values[at + 1], "old_value": values[at], "at": ago(55 - 7 * at)}
            for name, values in fields.items()
            for at in range(len(values) - 1)
        ]
        events += [
            {"field": "source", "value": f"展示会{n}", "at": ago(50 - n)} for n in range(20 - len(events))
        ]
        kinds = [
            "call",
            "email",
            "visit",
            "web_meeting",
            "demo",
            "proposal",
            "quote",
            "material",
            "follow_up",
        ]
        sent["events"] = events
        sent["activities"] = [
            {"at": ago(58 - 2.5 * n), "kind": kinds[n % len(kinds)],
             "direction": "in" if n % 4 == 3 else "out", "effective": n % 5 == 0,
             "minutes": 30, "actor_id": people[n % 3]}
            for n in range(20)
        ]  # fmt: skip
    if case == "as_of":
        day = (now - timedelta(days=1)).replace(hour=9)
        sent["as_of"] = (day + timedelta(seconds=number % 40_000)).isoformat()
    return json.dumps(sent, ensure_ascii=False).encode()


@dataclass
class Load:
    """What one kind of request was answered like."""

    milliseconds: list[float] = field(default_factory=list)
    seconds: float = 0.0
    processor: float = 0.0

    def ask(self, server: Server, path: str, case: str, seconds: float) -> None:
        """One request after the other for some seconds, after a few that do not count."""
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        first = len(self.milliseconds)
        bodies = [body(case, first + number) for number in range(200)]
        slow = 2 if case == "as_of" else WARM_UP
        for number in range(slow):
            one(connection, server, path, bodies[-1 - number])
        used, began, count = server.processor_seconds, time.perf_counter(), 0
        while (now := time.perf_counter()) - began < seconds:
            one(connection, server, path, bodies[count % len(bodies)])
            self.milliseconds.append(1000 * (time.perf_counter() - now))
            count += 1
        self.seconds += time.perf_counter() - began
        self.processor += server.processor_seconds - used

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.milliseconds) / self.seconds

    @property
    def processor_ms(self) -> float:
        """The server's processor time per answer."""
        return 1000 * self.processor / len(self.milliseconds)

    def __str__(self) -> str:
        ordered = sorted(self.milliseconds)
        p50, p99 = statistics.median(ordered), ordered[min(int(0.99 * len(ordered)), len(ordered) - 1)]
        return (
            f"p50 {p50:7.2f}  p99 {p99:7.2f}  {self.rate:6.0f}/s  processor {self.processor_ms:6.2f} ms"
            f"  (n = {len(ordered)})"
        )


def one(connection: http.client.HTTPConnection, server: Server, path: str, sent: bytes) -> None:
    """One request, answered."""
    connection.request("POST", path, sent, server.headers)
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status == 200, said


def measure(home: Path, chosen: argparse.Namespace) -> None:
    """Serves with both checkouts, asks them in turn, and prints."""
    cores = sorted(os.sched_getaffinity(0))
    server_core, load_core = cores[0], cores[-1]
    checkouts = {"before": chosen.before.resolve()} if chosen.before else {}
    checkouts["after" if checkouts else "now"] = ROOT
    servers = {name: Server.start(path, server_core) for name, path in checkouts.items()}
    os.sched_setaffinity(0, {load_core})
    print(f"{home.name}: servers on core {server_core}, load on core {load_core}, {chosen.rounds} rounds")
    loads: dict[tuple[str, str, str], Load] = {}
    for _ in range(chosen.rounds):
        for case in CASES:
            for name, server in servers.items():
                for path in (ECHO, SCORE):
                    load = loads.setdefault((case, name, path), Load())
                    load.ask(server, path, case, chosen.seconds / chosen.rounds)
    for case in CASES:
        print(case)
        for name in servers:
            echo, score = loads[case, name, ECHO], loads[case, name, SCORE]
            print(f"  {name:7s} same bytes  {echo}")
            print(f"  {name:7s} insight     {score}")
            print(
                f"  {name:7s} insight / same bytes: {score.rate / echo.rate:.3f} of the throughput, "
                f"{echo.processor_ms / score.processor_ms:.3f} by processor time (aim: at least 0.5)"
            )
    latest = list(servers.values())[-1]
    idle(latest)
    two_at_once(latest, cores, chosen.seconds)
    batch(latest, chosen.batch)
    for server in servers.values():
        server.stop()


def idle(server: Server) -> None:
    """What a server uses that is asked nothing."""
    used, began = server.processor_seconds, time.perf_counter()
    time.sleep(3.0)
    share = (server.processor_seconds - used) / (time.perf_counter() - began)
    print(f"idle: {1000 * share:.1f} ms of processor a second (threads that spin would use 1,000)")


def two_at_once(first: Server, cores: list[int], seconds: float) -> None:
    """The processor time per answer of one server, then of two that work at the same time."""
    second = Server.start(ROOT, cores[-1])
    os.sched_setaffinity(0, set(cores))
    alone, both = Load(), [Load(), Load()]
    alone.ask(first, SCORE, "20+20", seconds)
    asking = [
        threading.Thread(target=load.ask, args=(server, SCORE, "20+20", seconds))
        for load, server in zip(both, (first, second), strict=True)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    used = sum(load.processor for load in both) / sum(len(load.milliseconds) for load in both)
    ratio = 1000 * used / alone.processor_ms
    print(
        f"20+20: one server {alone.processor_ms:.2f} ms of processor an answer, "
        f"two at once {1000 * used:.2f}: {ratio:.2f} times (aim: at most 1.1)"
    )
    second.stop()


def batch(server: Server, count: int) -> None:
    """Processor time per line of a batch, and the growth of the process from a tenth of it on."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    answered, sizes = 0, []
    used, began = server.processor_seconds, time.perf_counter()
    connection.putrequest("POST", BATCH)
    for name, value in {**server.headers, "Content-Type": "application/x-ndjson"}.items():
        connection.putheader(name, value)
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    sending = threading.Thread(target=send_lines, args=(connection, count))
    sending.start()
    before_any = time.perf_counter()
    while not select.select([connection.sock], [], [], 1.0)[0]:
        pass
    first_answer = time.perf_counter() - before_any
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    for line in answer:
        assert b'"deal_id"' in line, line
        answered += 1
        if answered % max(count // 20, 1) == 0:
            sizes.append(server.megabytes)
    sending.join()
    seconds = time.perf_counter() - began
    processor = server.processor_seconds - used
    print(
        f"score-batch: {answered} lines of 20+20, {answered / seconds:.0f}/s, "
        f"{1000 * processor / answered:.2f} ms of processor a line, first answer after {first_answer:.2f} s, "
        f"memory {sizes[1]:.0f} MB after a tenth, {max(sizes):.0f} MB at most"
    )


def send_lines(connection: http.client.HTTPConnection, count: int) -> None:
    """Sends so many requests as they are made, in chunks."""
    for part in lines(count):
        connection.send(f"{len(part):x}\r\n".encode() + part + b"\r\n")
    connection.send(b"0\r\n\r\n")


def lines(count: int) -> Iterator[bytes]:
    """Requests, a line each."""
    for number in range(count):
        yield body("20+20", number) + b"\n"


if __name__ == "__main__":
    main()
