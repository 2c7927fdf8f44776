"""What arrives at receivers that are well, down, slow, wrong or that redirect: how much, in which order?

    python benchmarks/webhook_receivers.py [--events 100] [--subjects 10]

A webhook of each kind of receiver (real ones, over HTTP on this machine) is told the same events, of some
subjects in turn; the sending jobs run at each moment at which something is due, by a clock that is set
forward in between. "Down" answers 503 for its first 20 calls; "slow" takes 50 ms for each; "wrong" always
answers 500; "redirects" sends every call on to an address of a private network; "private" is in one itself,
where that is not allowed. Printed of each: events that arrived, calls that came, subjects whose events came
in order, events that were given up, and, after a replay that the receiver answers well, what arrived then.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from crm.errors import SanchoError
from crm.store.webhooks import DEAD, DELIVERED, NewEvent
from service.logs import configure_logs
from service.settings import Settings
from service.webhooks.book import Webhooks
from service.webhooks.delivery import deliver_due
from service.webhooks.events import SCORE_CHANGED

HEADINGS = f"{'receiver':14} {'arrived':>8} {'calls':>6} {'in order':>9} {'given up':>9} {'after replay':>13}"
SLOW_SECONDS = 0.05
PRIVATE = "https://10.0.0.1/in"
KINDS: dict[str, Callable[[int], int]] = {
    "well": lambda _: 200,
    "down at first": lambda count: 503 if count <= 20 else 200,
    "slow": lambda _: time.sleep(SLOW_SECONDS) or 200,
    "wrong": lambda _: 500,
    "redirects": lambda _: 302,
}


class Clock:
    """A clock that is set forward by hand."""

    def __init__(self) -> None:
        self.seconds = time.time()

    def now(self) -> int:
        """Microseconds."""
        return int(self.seconds * 1e6)


class Receiver:
    """Somebody's address, and the events that came there."""

    def __init__(self, answers: Callable[[int], int]) -> None:
        self.answers, self.came = answers, list[str]()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.came.append(told["data"]["n"])
                status = receiver.answers(len(receiver.came))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", PRIVATE)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/in"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def main() -> None:
    """Tells all, delivers what is due until nothing is, prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--subjects", type=int, default=10)
    chosen = parser.parse_args()
    configure_logs(logging.ERROR)
    with served() as (url, clock):
        with Webhooks(url, private=False, now=clock.now) as strict:
            try:
                strict.add(PRIVATE)
            except SanchoError as refused:
                print(f"private: refused, {refused.text.en}")
        with Webhooks(url, private=True, now=clock.now) as book:
            receivers = {name: Receiver(answers) for name, answers in KINDS.items()}
            hooks = {name: book.add(one.url).webhook_id for name, one in receivers.items()}
            names = [f"D{n % chosen.subjects}.{n // chosen.subjects}" for n in range(chosen.events)]
            tell(book, names)
            began = clock.seconds
            runs = deliver_all(book, clock)
            hours = (clock.seconds - began) / 3600
            print(f"{len(names)} events; {runs} runs over {hours:.1f} hours of the clock\n{HEADINGS}")
            for name, receiver in receivers.items():
                report(book, clock, name, hooks[name], receiver)
                receiver.server.shutdown()


@contextmanager
def served() -> Iterator[tuple[str, Clock]]:
    """The address of an empty store, and a clock."""
    with tempfile.TemporaryDirectory() as home:
        yield Settings(home=Path(home)).store_url, Clock()


def tell(book: Webhooks, names: list[str]) -> None:
    """Queues the events, of their subjects in turn."""
    for name in names:
        body = json.dumps({"type": SCORE_CHANGED, "data": {"n": name}})
        subject = name.partition(".")[0]
        event = NewEvent(event_id=f"evt_{name}", type=SCORE_CHANGED, subject=subject, body=body)
        book.note(lambda said, event=event: ([event], dict(said), []))


def deliver_all(book: Webhooks, clock: Clock) -> int:
    """Delivers what is due, and sets the clock to when more is, until nothing is; how many times."""
    runs = 0
    while True:
        deliver_due(book, lambda *_: None)
        runs += 1
        seconds = book.seconds_to_next()
        if seconds is None:
            return runs
        clock.seconds += max(seconds, 0.0) + 0.01


def report(book: Webhooks, clock: Clock, name: str, hook: str, receiver: Receiver) -> None:
    """Prints what became of the events of a webhook."""
    states = [one.state for one in book.deliveries(hook, count=1_000)]
    last: dict[str, list[int]] = {}
    for event in dict.fromkeys(reversed(receiver.came)):  # each by the last time that it came
        subject, _, number = event.partition(".")
        last.setdefault(subject, []).insert(0, int(number))
    ordered = sum(numbers == sorted(numbers) for numbers in last.values())
    calls, after = len(receiver.came), ""
    if DEAD in states:
        receiver.answers = lambda _: 200
        receiver.came.clear()
        book.replay(hook)
        deliver_all(book, clock)
        after = f"{len(set(receiver.came))}"
    print(
        f"{name:14} {states.count(DELIVERED):>8} {calls:>6} {ordered:>4}/{len(last):<4} "
        f"{states.count(DEAD):>9} {after:>13}"
    )


if __name__ == "__main__":
    main()
