"""Do the commands and the code of the page about REST run as they stand, one after the other?"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from sancho.webhook_events import NotOursError, read_event
from service.webhooks.events import new_event, new_secret, signature
from tests.support.served import over_http, small_service

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rest.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```$", PAGE, re.M | re.S)
_PATIENCE = 120.0  # seconds for a block's commands


@dataclass
class Shell:
    """Runs blocks of a page one after the other; variables stay."""

    folder: Path
    environment: dict[str, str]

    def run(self, commands: str) -> str:
        """What the commands print; a command that fails, also in the middle of a pipe, is a failure."""
        script = f"set -euo pipefail\n{commands}\nenv -0 > after.env\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            timeout=_PATIENCE,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout.decode()}\n{done.stderr.decode()}"
        pairs = (self.folder / "after.env").read_bytes().decode().rstrip("\0").split("\0")
        self.environment |= dict(pair.split("=", 1) for pair in pairs)
        return done.stdout.decode()


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What each block of the page prints."""
    folder = tmp_path_factory.mktemp("rest")
    binaries = folder / "bin"
    binaries.mkdir()
    code = "from service.cli import main; main()"
    (binaries / "sancho").write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n')
    (binaries / "sancho").chmod(0o755)
    home = folder / "home"
    home.mkdir()
    with (
        small_service(home, warm=True) as served,
        over_http(served.app) as address,
        pytest.MonkeyPatch.context() as patch,
    ):
        served.know_an_action()
        shell = Shell(
            folder,
            {
                **{name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ},
                "PATH": f"{binaries}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "SANCHO_HOME": str(home),
                "SANCHO_PRIVATE_WEBHOOKS": "true",
                "SANCHO_URL": address,
            },
        )
        patch.chdir(folder)
        names: dict[str, Any] = {}
        outputs = []
        for language, block in BLOCKS:
            if language == "bash":
                outputs.append(shell.run(block))
                continue
            for name in ("SANCHO_URL", "SCORE_KEY", "SYNC_KEY", "ADVICE_KEY", "ADMIN_KEY"):
                if name in shell.environment:
                    patch.setenv(name, shell.environment[name])
            caught = io.StringIO()  # the service's log goes to the standard output meanwhile
            names["print"] = partial(print, file=caught)
            exec(compile(block, "rest.md", "exec"), names)
            outputs.append(caught.getvalue())
        for value in names.values():
            if hasattr(value, "_headers"):
                value.close()
        yield outputs


def output_of(printed: list[str], words: str) -> str:
    """What the one block prints that holds some words."""
    (at,) = [at for at, (_, block) in enumerate(BLOCKS) if words in block]
    return printed[at]


def test_every_block_of_the_page_runs(printed: list[str]) -> None:
    assert len(printed) == len(BLOCKS) > 20


def test_commands_and_code_say_the_same_of_a_deal(printed: list[str]) -> None:
    by_command = orjson.loads(output_of(printed, "grade: .win.grade"))
    by_code = output_of(printed, "scorer = Client")
    assert by_code.startswith(f"{by_command['probability']:.0%} to be won, {by_command['grade']}\n")


def test_a_batch_answers_good_lines_and_names_bad_ones(printed: list[str]) -> None:
    good, bad = map(orjson.loads, output_of(printed, "printf '%s\\n'").splitlines())
    assert (good["deal_id"], good["code"]) == ("NEW-1", None)
    assert (bad["line"], bad["code"]) == (2, "invalid_request")


def test_pushed_rows_are_counted_and_bad_ones_told(printed: list[str]) -> None:
    assert orjson.loads(output_of(printed, "{read, imported"))["imported"] == 1
    assert output_of(printed, "sync = Client").startswith("2 at ")


def test_the_second_page_follows_the_first(printed: list[str]) -> None:
    *_, third, fourth = map(orjson.loads, output_of(printed, "CURSOR=").splitlines())
    rows = [line.split() for line in output_of(printed, "sync.iter_deals").splitlines()[:4]]
    assert [third[0], fourth[0]] == [row[0] for row in rows[2:]]


def test_what_is_known_is_not_sent_again(printed: list[str]) -> None:
    assert output_of(printed, "If-None-Match").strip() == "304"


def test_an_outcome_is_recorded(printed: list[str]) -> None:
    assert output_of(printed, "ACTION=").strip() == '"shown"'
    assert "points)" in output_of(printed, "adviser = ")


def test_a_fault_is_told_with_its_place(printed: list[str]) -> None:
    problem = orjson.loads(output_of(printed, "{status, code, detail, errors}"))
    assert {error["location"] for error in problem["errors"]} == {"body.deal.created_at", "body.deal.stage"}


def test_a_webhook_is_tried_out(printed: list[str]) -> None:
    assert output_of(printed, "WEBHOOK=").splitlines()[-1] == '["ping","queued"]'


# what a receiver does


def call(secret: str, at: int, body: str | None = None) -> tuple[dict[str, str], bytes]:
    event = new_event("ping", "", "2026-11-20T09:00:00+00:00", {})
    proof = signature(secret, event.event_id, at, event.body)
    headers = {
        "Webhook-Id": event.event_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,x {proof}",
    }
    return headers, (event.body if body is None else body).encode()


def test_a_call_of_ours_is_believed_and_no_other() -> None:
    secret, now = new_secret(), int(time.time())
    headers, body = call(secret, now)
    event = read_event(headers, body, secret)
    assert (event["type"], event["id"]) == ("ping", headers["Webhook-Id"])
    for other_headers, other_body, other_secret in (
        (headers, body + b" ", secret),
        (headers, body, new_secret()),
        ({**headers, "webhook-timestamp": str(now + 1)}, body, secret),
        ({**headers, "Webhook-Id": "evt_other"}, body, secret),
        ({**headers, "webhook-signature": ""}, body, secret),
        ({}, body, secret),
    ):
        with pytest.raises(NotOursError):
            read_event(other_headers, other_body, other_secret)
    for away in (-301, 301):
        with pytest.raises(NotOursError, match="minutes away"):
            read_event(*call(secret, now + away), secret, now=now)
