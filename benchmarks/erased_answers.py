"""Does erasing people and accounts change a number of any answer, and is a name of theirs still found?

    python -m benchmarks.erased_answers FOLDER [DEALS]      # a new folder, outside the checkout

The sample organisation (2,000 deals unless said otherwise) is simulated, imported and trained, and asked all
questions of `recorded_answers.py`, as of its day and as of a day before it. Then one person is erased whose
id stays, one whose id is replaced, and one account; each is the one with the most deals that is left. The
same questions are asked again. Printed are the numbers that are equal digit for digit and those that differ,
with the texts that differ otherwise than by pseudonym and new id; and in how many files a name is still
found. Exit status 1 where a number differs or a name is found. Nothing in it depends on the day it is run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.recorded_answers import SAMPLE_DAY, command, flat, is_number, organisation, questions
from crm.store import Store
from service.erasure.erase import Erased, erase
from service.erasure.files import remove_copies, where_found
from service.erasure.spelling import Replacement, replacement
from service.settings import Settings, read_settings

DAYS = (SAMPLE_DAY, "2026-08-20")


def main() -> int:
    """Builds the organisation, erases, and compares."""
    if len(sys.argv) not in (2, 3):
        print(__doc__)
        return 2
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True)
    with organisation(folder / "sample", "") as home:
        deals = sys.argv[2] if len(sys.argv) == 3 else "2000"
        command(["world", str(home / "world"), "--deals", deals, "--seed", "7", "--end", SAMPLE_DAY])
        command(["import", str(home / "world")])
        command(["train", "--as-of", SAMPLE_DAY])
        before = recorded_answers(folder / "before")
        erased, names = erase_some(read_settings())
        after = recorded_answers(folder / "after")
        remove_copies(read_settings())  # made anew by the questions; columns of text without a space between
        found = where_found(read_settings(), names)
    equal, differ = compared(before, after, erased, names)
    print(f"{len(before)} answers: {equal:,} numbers equal digit for digit, {len(differ):,} values differ")
    for line in differ[:20]:
        print(f"    {line}")
    print(f"files of the home in which a name is found: {len(found)} {found}")
    return int(bool(differ) or bool(found))


def recorded_answers(folder: Path) -> dict[str, bytes]:
    """The answers to all questions, which are kept as files."""
    folder.mkdir()
    answers = {}
    for day in DAYS:
        for name, line in questions(day, "2026-Q4" if day == SAMPLE_DAY else "2026-Q3").items():
            answers[f"{name} {day}"] = command(line)
            (folder / f"{name}-{day}.json").write_bytes(answers[f"{name} {day}"])
            print(f"{folder.name}/{name} {day}: {len(answers[f'{name} {day}']):,} bytes", flush=True)
    return answers


def erase_some(settings: Settings) -> tuple[list[tuple[str, Erased]], Replacement]:
    """Two people and an account with many deals; and what to look for of their names and replaced id."""
    with Store.open(settings.store_url, settings.zone) as store:
        log = store.read()
    owners = log["deals"]["owner_id"].value_counts().index.astype(str)[:2].tolist()
    account = str(log["deals"]["account_id"].value_counts().index[0])
    named = {
        row: name
        for table, key in (("people", "person_id"), ("accounts", "account_id"))
        for row, name in zip(log[table][key].astype(str), log[table]["name"].astype(str), strict=True)
    }
    erased = [
        (owners[0], erase(settings, "person", owners[0])),
        (owners[1], erase(settings, "person", owners[1], replace_id=True)),
        (account, erase(settings, "account", account)),
    ]
    for key, one in erased:
        print(f"{one.table} {key}: {sum(one.rows.values()):,} rows, {len(one.files)} files, id {one.row_key}")
    alone = [key for key, _ in erased if sum(name == named[key] for name in named.values()) == 1]
    ids = (owners[1], erased[1][1].row_key)
    return erased, replacement([named[key] for key in alone], "", ids)


def compared(
    before: dict[str, bytes], after: dict[str, bytes], erased: list[tuple[str, Erased]], names: Replacement
) -> tuple[int, list[str]]:
    """Numbers that are equal, and what differs; texts are compared with pseudonyms and ids taken out."""
    gone = [one.pseudonym for _, one in erased] + [one.row_key for _, one in erased]

    def plain(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = names(value)
        for word in gone:
            text = text.replace(word, "")
        return text

    equal, differ = 0, []
    for name, body in before.items():
        old = [plain(value) for _, value in flat(json.loads(body), "", {})]
        new = [plain(value) for _, value in flat(json.loads(after[name]), "", {})]
        if len(old) != len(new):
            differ.append(f"{name}: {len(old)} values before, {len(new)} after")
            continue
        for at, (one, other) in enumerate(zip(old, new, strict=True)):
            same = repr(one) == repr(other)
            equal += same and is_number(one)
            if not same and (is_number(one) or is_number(other) or not _is_name(one, other)):
                differ.append(f"{name}, value {at}: {one!r} -> {other!r}")
    return equal, differ


def _is_name(one: Any, other: Any) -> bool:
    """Whether texts differ by a name that stood there and was taken out: the rest is a part of it."""
    return isinstance(one, str) and isinstance(other, str) and len(other) < len(one)


if __name__ == "__main__":
    sys.exit(main())
