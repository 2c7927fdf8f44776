"""Which commands are there, with which options? Help in the reader's language; the work is done elsewhere."""

# ruff: noqa: ARG001 - every command takes --lang, which `words` has read before
# No postponed annotations here: Typer reads them, and they hold words chosen at run time.
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from sancho.service.cli.words import language


def build(arguments: Sequence[str]) -> Callable[..., Any]:
    """The command line, worded for the one who typed `arguments`."""
    ja = language(arguments) == "ja"

    def t(japanese: str, english: str) -> str:
        return japanese if ja else english

    app = typer.Typer(
        help=t(
            "売上目標に届く確率と、その理由と、次にすべきことを、根拠とともに示します。",
            "How likely a sales target is, why, and what to do about it, with proof.",
        ),
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    models = typer.Typer(
        help=t(
            "モデルの登録簿：一覧、詳細、昇格、差し戻し。",
            "The model registry: list, show, promote, roll back.",
        ),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    keys = typer.Typer(help=t("APIキー。", "API keys."), no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(models, name="models")
    app.add_typer(keys, name="key")

    as_of = typer.Option(
        "--as-of",
        metavar="D",
        help=t(
            "予測時点。日付ならその日の終わり。既定は現在。",
            "Moment of prediction; a date means its end. Default now.",
        ),
    )
    scope = typer.Option(
        "--scope",
        metavar="S",
        help=t("company、team:ID、person:ID のいずれか。", "company, team:ID or person:ID."),
    )
    as_json = typer.Option(
        "--json", help=t("RESTの応答と同じJSONを出力。", "Print the REST response as JSON.")
    )
    lang = typer.Option("--lang", metavar="ja|en", help=t("表示言語。", "Language of the output."))
    AsOf = Annotated[str | None, as_of]
    Scope = Annotated[str, scope]
    Json = Annotated[bool, as_json]
    Dask = Annotated[
        str | None,
        typer.Option(
            "--dask",
            metavar="local|ADDRESS",
            help=t(
                "Daskに分散：local（このマシンの2プロセス）またはスケジューラーのアドレス。",
                "Spread over Dask: local (two processes here) or a scheduler's address.",
            ),
        ),
    ]
    Lang = Annotated[str | None, lang]
    Period = Annotated[
        str,
        typer.Argument(
            metavar="PERIOD",
            help=t(
                "期間。2026-Q4、FY2026-H2、2026-11 など。", "A period such as 2026-Q4, FY2026-H2 or 2026-11."
            ),
        ),
    ]
    PeriodOption = Annotated[
        str | None,
        typer.Option(
            "--period",
            metavar="PERIOD",
            help=t("期間。既定は今の四半期。", "A period. Default: the current quarter."),
        ),
    ]

    @app.command(
        help=t(
            "見本の組織を作り、取り込み、学習し、APIを起動します。",
            "Builds a sample organisation, imports, trains, serves the API.",
        )
    )
    def demo(
        deals: Annotated[int, typer.Option(help=t("商談の件数。", "Number of deals."), min=200)] = 8000,
        host: Annotated[
            str | None, typer.Option(help=t("待ち受けるアドレス。", "Address to listen at."))
        ] = None,
        port: Annotated[
            int | None, typer.Option(help=t("待ち受けるポート。", "Port to listen at."), min=1, max=65535)
        ] = None,
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.demo import run_demo

        return run_demo(deals, host, port, _lang(ja))

    @app.command(
        help=t(
            "模擬の営業組織をCSVで書き出します。",
            "Writes a simulated sales organisation as CSV, with truth/ beside it.",
        )
    )
    def world(
        folder: Annotated[
            Path, typer.Argument(metavar="DIR", help=t("書き出すフォルダー。", "Folder to write to."))
        ],
        deals: Annotated[int, typer.Option(help=t("商談の件数。", "Number of deals."), min=1)] = 10_000,
        seed: Annotated[
            int,
            typer.Option(
                help=t("乱数の種。同じ種なら同じ世界。", "Seed; the same seed gives the same world."), min=0
            ),
        ] = 1,
        end: Annotated[
            str | None,
            typer.Option(metavar="DATE", help=t("最後の日。既定は昨日。", "Last day. Default yesterday.")),
        ] = None,
        oracle: Annotated[
            list[str] | None,
            typer.Option(
                metavar="DATE",
                help=t(
                    "真の確率も書き出す時点（繰り返し可）。",
                    "Also write true probabilities as of this date (repeatable).",
                ),
            ),
        ] = None,
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.build import write_world

        return write_world(folder, deals, seed, end, oracle or [], _lang(ja))

    @app.command(
        "import",
        help=t(
            "ファイルまたはフォルダーを取り込みます。",
            "Imports a file or folder: CSV, TSV, XLSX, Parquet, NDJSON.",
        ),
    )
    def import_(
        path: Annotated[
            Path, typer.Argument(metavar="PATH", help=t("ファイルまたはフォルダー。", "File or folder."))
        ],
        mapping: Annotated[
            str | None,
            typer.Option(
                metavar="NAME|FILE",
                help=t("列の対応表（同梱の名前またはTOML）。", "A shipped mapping's name or a TOML file."),
            ),
        ] = None,
        table: Annotated[
            str | None,
            typer.Option(
                help=t(
                    "ファイルが入る表。既定は名前から判断。", "The table a file is for. Default: by its name."
                )
            ),
        ] = None,
        dry_run: Annotated[
            bool,
            typer.Option("--dry-run", help=t("確かめるだけで保存しません。", "Only check; keep nothing.")),
        ] = False,
        quarantine: Annotated[
            Path | None,
            typer.Option(
                metavar="DIR",
                help=t(
                    "使えなかった行をCSVで書き出すフォルダー。",
                    "Folder to write the quarantined rows to, as CSV.",
                ),
            ),
        ] = None,
        as_json: Json = False,
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.build import import_files

        return import_files(path, mapping, table, dry_run, quarantine, as_json, _lang(ja))

    @app.command(
        help=t("学習し、評価し、登録します。", "Builds snapshots, fits all models, evaluates, registers.")
    )
    def train(
        as_of: AsOf = None,
        if_needed: Annotated[
            bool,
            typer.Option(
                "--if-needed",
                help=t(
                    "今のモデルが古くなったときだけ学習します（定期実行用）。",
                    "Only where the model in service has gone stale; for cron.",
                ),
            ),
        ] = False,
        dask: Dask = None,
        as_json: Json = False,
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.build import train_models

        return train_models(as_of, if_needed, dask, as_json, _lang(ja))

    @app.command(
        help=t(
            "過去の時点に戻って予測し、実際の結果や単純な方法と比べます。",
            "Asks again at past moments: probabilities and revenue against what happened and plain methods.",
        )
    )
    def backtest(
        periods: Annotated[
            int | None,
            typer.Option(
                min=1,
                metavar="N",
                help=t(
                    "直近の何期間を検証するか。既定は最大8。", "How many past periods; at most 8 by default."
                ),
            ),
        ] = None,
        weeks: Annotated[
            str | None,
            typer.Option(
                metavar="W,W",
                help=t(
                    "期間の何週目の終わりに予測するか。既定は1,4,8,12（四半期）。",
                    "Weeks of the period after which to ask. Default 1,4,8,12 (quarters).",
                ),
            ),
        ] = None,
        as_of: AsOf = None,
        out: Annotated[
            Path | None,
            typer.Option(
                metavar="FILE",
                help=t(
                    "書き出す .html（同名の .json も書き出します）。既定はホームの backtests。",
                    "The .html to write, a .json beside it. Default: in the home's backtests.",
                ),
            ),
        ] = None,
        dask: Dask = None,
        as_json: Annotated[
            bool, typer.Option("--json", help=t("結果をJSONで出力。", "Print the result as JSON."))
        ] = False,
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.backtest import run_backtest

        return run_backtest(periods, weeks, as_of, out, dask, as_json, _lang(ja))

    @app.command(help=t("進行中の商談すべてを採点します。", "Scores every open deal."))
    def score(
        as_of: AsOf = None,
        period: PeriodOption = None,
        scope: Scope = "company",
        out: Annotated[
            Path | None,
            typer.Option(
                metavar="FILE",
                help=t("書き出すファイル（.csv または .parquet）。", "File to write (.csv or .parquet)."),
            ),
        ] = None,
        dask: Dask = None,
        as_json: Json = False,
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.ask import score_deals

        return score_deals(as_of, period, scope, out, dask, as_json, _lang(ja))

    @app.command(help=t("売上目標に届く確率と売上の見通し。", "Attainment of the revenue target."))
    def forecast(
        period: Period,
        scope: Scope = "company",
        as_of: AsOf = None,
        target: Annotated[
            float | None,
            typer.Option(
                metavar="V",
                min=0,
                help=t("目標値。既定は登録済みの目標。", "The target. Default: the one on record."),
            ),
        ] = None,
        as_json: Json = False,
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.ask import show_forecast

        return show_forecast(period, scope, as_of, target, as_json, _lang(ja))

    @app.command(
        "what-if",
        help=t(
            "商談の受注・失注・延期・値引き、担当者の離脱、目標の変更を仮定して、達成確率を比べます。",
            "Attainment if deals were won, lost, pushed or repriced, people left, or the target changed.",
        ),
    )
    def what_if(
        period: Period,
        won: Annotated[
            list[str] | None,
            typer.Option("--won", metavar="ID", help=t("受注とする商談。", "A deal supposed won.")),
        ] = None,
        lost: Annotated[
            list[str] | None,
            typer.Option("--lost", metavar="ID", help=t("失注とする商談。", "A deal supposed lost.")),
        ] = None,
        push: Annotated[
            list[str] | None,
            typer.Option("--push", metavar="ID:DAYS", help=t("延期する日数。", "Days a deal is pushed by.")),
        ] = None,
        amount: Annotated[
            list[str] | None,
            typer.Option("--amount", metavar="ID:V", help=t("商談の新しい金額。", "A deal's new amount.")),
        ] = None,
        leave: Annotated[
            list[str] | None,
            typer.Option("--leave", metavar="PERSON", help=t("抜ける担当者。", "Who leaves today.")),
        ] = None,
        join: Annotated[
            list[str] | None,
            typer.Option("--join", metavar="TEAM[:DATE]", help=t("加わる担当者。", "A seller who joins.")),
        ] = None,
        level: Annotated[
            list[str] | None,
            typer.Option(
                "--level", metavar="KPI:TIMES", help=t("KPIを何倍にするか。", "A KPI at so many times.")
            ),
        ] = None,
        target: Annotated[
            float | None,
            typer.Option(metavar="V", min=0, help=t("範囲の新しい目標。", "The scope's new target.")),
        ] = None,
        scope: Scope = "company",
        as_of: AsOf = None,
        as_json: Json = False,
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.what_if import show_what_if

        asked = (won or [], lost or [], push or [], amount or [], leave or [], join or [], level or [])
        return show_what_if(period, *asked, target, scope, as_of, as_json, _lang(ja))

    @app.command(help=t("KPIの値と、目標に届く確率。", "KPI values and attainment."))
    def kpis(
        period: Period,
        scope: Scope = "company",
        as_of: AsOf = None,
        as_json: Json = False,
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.kpis import show_kpis

        return show_kpis(period, scope, as_of, as_json, _lang(ja))

    @app.command(help=t("KGI→KSF→KPIのツリーと効き目。", "The KGI -> KSF -> KPI tree with numbers."))
    def tree(
        period: Period,
        scope: Scope = "company",
        as_of: AsOf = None,
        as_json: Json = False,
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.levers import show_tree

        return show_tree(period, scope, as_of, as_json, _lang(ja))

    @app.command(
        help=t(
            "目標に届かせるために必要な最小の改善。", "What it takes to reach the target: the least change."
        )
    )
    def plan(
        period: Period,
        probability: Annotated[
            float,
            typer.Option(
                metavar="P", min=0.01, max=0.99, help=t("求める達成確率。", "The probability asked for.")
            ),
        ] = 0.8,
        lever: Annotated[
            list[str] | None,
            typer.Option(
                "--lever",
                metavar="LEVER",
                help=t(
                    "レバー（既定はすべて）：leads、appointment_rate、proposals、win_rate、amount、cycle_time。",
                    "Default all of leads, appointment_rate, proposals, win_rate, amount, cycle_time.",
                ),
            ),
        ] = None,
        target: Annotated[
            float | None,
            typer.Option(
                metavar="V",
                min=0,
                help=t("目標値。既定は登録済みの目標。", "The target. Default: the one on record."),
            ),
        ] = None,
        scope: Scope = "company",
        as_of: AsOf = None,
        as_json: Json = False,
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.levers import show_plan

        return show_plan(period, probability, lever or [], target, scope, as_of, as_json, _lang(ja))

    @app.command(
        help=t(
            "案件の質を差し引いた担当者の比較と、支援すべき段階。",
            "People compared fairly, and whom to help with what.",
        )
    )
    def people(
        period: Period,
        scope: Scope = "company",
        as_of: AsOf = None,
        as_json: Json = False,
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.people import show_people

        return show_people(period, scope, as_of, as_json, _lang(ja))

    @app.command(
        help=t(
            "商談が滞り、受注を逃している箇所と、その損失。",
            "Where deals stall and wins are lost, and what that costs.",
        )
    )
    def bottlenecks(
        period: Annotated[
            str | None,
            typer.Option(
                help=t("損失を測る期間。既定は今の四半期。", "Period it is priced for; default this quarter.")
            ),
        ] = None,
        scope: Scope = "company",
        as_of: AsOf = None,
        as_json: Json = False,
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.bottlenecks import show_bottlenecks

        return show_bottlenecks(period, scope, as_of, as_json, _lang(ja))

    @app.command(
        help=t(
            "次の打ち手：どの商談に何をすると、目標達成にどれだけ効くか。",
            "Next actions: what to do on which deal, and what it does to the goal.",
        )
    )
    def actions(
        deal: Annotated[
            str | None,
            typer.Option(metavar="ID", help=t("この商談だけを詳しく。", "Only this deal, in detail.")),
        ] = None,
        period: Annotated[
            str | None,
            typer.Option(help=t("目標の期間。既定は今の四半期。", "The goal's; default this quarter.")),
        ] = None,
        limit: Annotated[
            int, typer.Option(help=t("表示する件数。", "How many to show."), min=1, max=1000)
        ] = 20,
        report: Annotated[
            bool,
            typer.Option("--report", help=t("打ち手の実績と効果。", "What became of them.")),
        ] = False,
        scope: Scope = "company",
        as_of: AsOf = None,
        as_json: Json = False,
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.actions import show_actions, show_lift

        if report:
            return show_lift(as_json, _lang(ja))
        return show_actions(deal, period, limit, scope, as_of, as_json, _lang(ja))

    @app.command(help=t("APIを起動します。", "Serves the REST API."))
    def serve(
        host: Annotated[
            str | None, typer.Option(help=t("待ち受けるアドレス。", "Address to listen at."))
        ] = None,
        port: Annotated[
            int | None, typer.Option(help=t("待ち受けるポート。", "Port to listen at."), min=1, max=65535)
        ] = None,
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.run import serve_api

        return serve_api(host, port, _lang(ja))

    @app.command(help=t("この環境が正しく動くかを調べます。", "Checks this installation."))
    def doctor(as_json: Json = False, lang: Lang = None) -> Any:
        from sancho.service.cli.doctor import check_installation

        return check_installation(as_json, _lang(ja))

    version = Annotated[str, typer.Argument(metavar="V", help=t("モデルの版。", "Model version."))]

    @models.command("list", help=t("登録されたモデル。", "Registered models."))
    def models_list(as_json: Json = False, lang: Lang = None) -> Any:
        from sancho.service.cli.registry import list_models

        return list_models(as_json, _lang(ja))

    @models.command("show", help=t("一つの版の詳細。", "One version in detail."))
    def models_show(v: version, as_json: Json = False, lang: Lang = None) -> Any:
        from sancho.service.cli.registry import show_model

        return show_model(v, as_json, _lang(ja))

    @models.command("promote", help=t("この版を使うようにします。", "Makes a version the one that answers."))
    def models_promote(v: version, lang: Lang = None) -> Any:
        from sancho.service.cli.registry import promote_model

        return promote_model(v, _lang(ja))

    @models.command("rollback", help=t("一つ前の版に戻します。", "Goes back to the version before."))
    def models_rollback(lang: Lang = None) -> Any:
        from sancho.service.cli.registry import roll_back

        return roll_back(_lang(ja))

    @keys.command("create", help=t("キーを作り、一度だけ表示します。", "Makes a key and shows it once."))
    def key_create(
        name: Annotated[str, typer.Option(help=t("使う人やプログラムの名前。", "Who or what will use it."))],
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.run import create_key

        return create_key(name, _lang(ja))

    @keys.command(
        "list", help=t("使えるキーの一覧（中身は表示しません）。", "Keys in use, without their secrets.")
    )
    def key_list(lang: Lang = None) -> Any:
        from sancho.service.cli.run import list_keys

        return list_keys(_lang(ja))

    @keys.command("revoke", help=t("キーを無効にします。", "Ends a key."))
    def key_revoke(
        key_id: Annotated[
            str,
            typer.Argument(
                metavar="ID",
                help=t("キーの番号（key list に表示）。", "The key's number, as key list shows it."),
            ),
        ],
        lang: Lang = None,
    ) -> Any:
        from sancho.service.cli.run import revoke_key

        return revoke_key(key_id, _lang(ja))

    return typer.main.get_command(app)


def _lang(ja: bool) -> Any:
    return "ja" if ja else "en"
