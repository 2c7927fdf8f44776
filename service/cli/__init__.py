"""What can be typed? The command `sancho`; heavy libraries are imported by the command that needs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from crm.errors import SanchoError
from crm.i18n import Language, Text
from service.cli.language import language


def main() -> NoReturn:
    """Runs the command line; exit status 0 done, 1 failed, 2 usage, 3 with rejected rows; 4, 5: `train`.

    Whatever a command writes is for its user alone: nearly all of it holds names and figures of people.
    """
    os.umask(0o077)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Exit status of a command line; an error is one sentence on standard error."""
    from service.cli.app import build

    lang = language(arguments)
    try:
        status = build(lang)(list(arguments), prog_name="sancho", standalone_mode=False, obj=lang)
    except (KeyboardInterrupt, BrokenPipeError):
        return _failed(Text("中断しました。", "interrupted."), lang, 1)
    except Exception as error:
        return _explained(error, lang)
    return status if isinstance(status, int) else 0


def _explained(error: Exception, lang: Language) -> int:
    if isinstance(error, SanchoError):
        return _failed(error.text, lang, 1)
    if hasattr(error, "format_message"):  # the parser's own, whichever library it brings
        if type(error).__name__ == "NoArgsIsHelpError":
            sys.stdout.write(f"{error}\n")
            return 2
        from service.cli.help import usage_text

        path = getattr(getattr(error, "ctx", None), "command_path", "sancho")
        return _failed(usage_text(error, path), lang, 2)
    if os.environ.get("SANCHO_DEBUG"):
        raise error
    from crm.addresses import without_password
    from service.request_error import outside_failure

    failure = outside_failure(error)
    if failure is not None:
        return _failed(failure.text, lang, 1)
    what = without_password(f"{type(error).__name__}: {error}".split("\n")[0])
    text = Text(
        "予期しないエラーが発生しました（{what}）。SANCHO_DEBUG=1 を付けて実行すると詳細を表示します。",
        "unexpected error ({what}); run it again with SANCHO_DEBUG=1 for details.",
    )
    return _failed(text.format(what=what), lang, 1)


def _failed(text: Text, lang: Language, status: int) -> int:
    sys.stderr.write(f"sancho: {text.to(lang)}\n")
    return status
