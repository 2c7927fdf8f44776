"""What do `models list`, `show`, `promote` and `rollback` do?"""

from __future__ import annotations

from sancho.crm.errors import SanchoError
from sancho.crm.i18n import Language, Text
from sancho.service.cli.output import print_json, print_table, say
from sancho.service.said import NO_MODEL
from sancho.service.settings import read_settings
from sancho.training import promote
from sancho.training.registry import Registry


def list_models(as_json: bool, lang: Language) -> int:
    """Registered versions, newest first."""
    settings = read_settings()
    if as_json:
        from sancho.service.cli.ask import asked

        print_json(asked(settings).models(lang))
        return 0
    ja = lang == "ja"
    rows = [
        [
            info.version,
            "●" if info.champion else "",
            info.trained_at,
            f"{info.figures.get('log_loss', float('nan')):.4f}",
        ]
        for info in Registry(settings.home).list()
    ]
    headings = (
        ["版", "使用中", "学習日時", "対数損失"] if ja else ["version", "in service", "trained", "log loss"]
    )
    print_table("", headings, rows, right=(3,))
    return 0


def show_model(version: str, as_json: bool, lang: Language) -> int:
    """One version in detail."""
    found = Registry(read_settings().home).show(version)
    if as_json:
        print_json(found)
        return 0
    figures = [*found.pop("figures").items(), *found.pop("metrics").items()]
    parameters = found.pop("parameters")
    ja = lang == "ja"
    facts = [[name, str(value)] for name, value in [*found.items(), *parameters.items()]]
    print_table("", ["項目" if ja else "", ""], facts)
    print_table(
        "", ["指標" if ja else "figure", ""], [[name, f"{value:.4g}"] for name, value in figures], right=(1,)
    )
    return 0


def promote_model(version: str, lang: Language) -> int:
    """Makes a version the one that answers."""
    info = promote.put_in_service(Registry(read_settings().home), version)
    say(Text("第{v}版を使用します。", "version {v} is in service.").format(v=info.version).to(lang))
    return 0


def roll_back(lang: Language) -> int:
    """Goes back to the version before."""
    registry = Registry(read_settings().home)
    if registry.champion() is None:
        raise SanchoError(NO_MODEL, "no_model")
    info = promote.roll_back(registry)
    say(Text("第{v}版に戻しました。", "back to version {v}.").format(v=info.version).to(lang))
    return 0
