"""What can be typed? The command `sancho`; heavy libraries are imported by the command that needs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from sancho.service.cli.words import told


def main() -> NoReturn:
    """Runs the command line; exit status 0 done, 1 failed, 2 usage, 3 done with quarantined rows."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Exit status of a command line; faults are one sentence on standard error."""
    from sancho.service.cli.app import build

    try:
        outcome = build(arguments)(list(arguments), prog_name="sancho", standalone_mode=False)
    except (KeyboardInterrupt, BrokenPipeError):
        return _failed(told(arguments, "中断しました。", "interrupted."), 1)
    except Exception as fault:
        return _explained(fault, arguments)
    return outcome if isinstance(outcome, int) else 0


def _explained(fault: Exception, arguments: Sequence[str]) -> int:
    from sancho.crm.errors import SanchoError

    if isinstance(fault, SanchoError):
        return _failed(told(arguments, fault.text.ja, fault.text.en), 1)
    if hasattr(fault, "format_message"):  # the parser's own, whichever library it brings
        if type(fault).__name__ == "NoArgsIsHelpError":
            sys.stdout.write(f"{fault}\n")
            return 2
        path = getattr(getattr(fault, "ctx", None), "command_path", "sancho")
        ja = "使い方が正しくありません（{fault}）。`{path} --help` を見てください。"
        en = "usage: {fault} See `{path} --help`."
        return _failed(told(arguments, ja, en).format(fault=fault.format_message(), path=path), 2)
    if os.environ.get("SANCHO_DEBUG"):
        raise fault
    what = f"{type(fault).__name__}: {fault}".split("\n")[0]
    ja = "予期しない誤りです（{what}）。SANCHO_DEBUG=1 を付けて実行すると詳細が出ます。"
    en = "something unexpected went wrong ({what}); run it again with SANCHO_DEBUG=1 for details."
    return _failed(told(arguments, ja, en).format(what=what), 1)


def _failed(sentence: str, status: int) -> int:
    sys.stderr.write(f"sancho: {sentence}\n")
    return status
