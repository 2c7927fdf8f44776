"""Where are settings read: in the environment, files of secrets, sancho.toml; and what is wrong there?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from crm.errors import SanchoError
from crm.i18n import Text
from service.settings import alerts, installation, people

CONFIG_FILE = "sancho.toml"
# Also read from a file that SANCHO_<NAME>_FILE names.
_SECRETS = ("database_url", "database_password", "oidc_client_secret", "smtp_password")
_FINE = {**installation.FINE, **people.FINE, **alerts.FINE}


class Settings(alerts.AlertSettings, people.PeopleSettings, installation.InstallationSettings, BaseSettings):
    """Settings of an installation: environment variables SANCHO_*, then sancho.toml, then these defaults."""

    model_config = SettingsConfigDict(
        env_prefix="SANCHO_", toml_file=CONFIG_FILE, frozen=True, extra="forbid"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The caller's values come first, then the environment, secrets of files, then sancho.toml."""
        return init_settings, env_settings, _SecretFiles(settings_cls), TomlConfigSettingsSource(settings_cls)


class _SecretFiles(PydanticBaseSettingsSource):
    """Secrets as orchestrators hand them over: in a file each, whose path an environment variable names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """The contents of the field's file; None where none is named."""
        variable = f"SANCHO_{field_name.upper()}"
        path = os.environ.get(f"{variable}_FILE") if field_name in _SECRETS else None
        if not path or os.environ.get(variable):  # what is set itself wins
            return None, field_name, False
        try:
            return Path(path).read_text("utf-8").strip("\r\n"), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "UTF-8"
            raise SanchoError(
                _NO_FILE.format(name=f"{variable}_FILE", path=path, why=why), "bad_setting"
            ) from None

    def __call__(self) -> dict[str, Any]:
        """The secrets that have a file."""
        found = {name: self.get_field_value(field, name)[0] for name, field in Settings.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


_NO_FILE = Text(
    "設定 {name} のファイル「{path}」を読めません（{why}）。",
    "setting {name}: cannot read the file {path!r} ({why}).",
)


def read_settings(**given: Any) -> Settings:
    """The settings; the error for a wrong one names its key, its value and the valid values."""
    try:
        return Settings(**given)
    except ValidationError as error:
        wrong = [_explained(error) for error in error.errors()]
        raise SanchoError(
            Text("；".join(text.ja for text in wrong), "; ".join(text.en for text in wrong)), "bad_setting"
        ) from None
    except ValueError as error:  # the TOML file itself
        raise SanchoError(
            Text(
                "{file} を読めません（{error}）。TOMLの書式を確認してください。",
                "cannot read {file} ({error}); check its TOML.",
            ).format(file=CONFIG_FILE, error=error),
            "bad_setting",
        ) from None


def _explained(error: Any) -> Text:
    key = str(error["loc"][0]) if error["loc"] else "?"
    name = f"SANCHO_{key.upper()}"
    if error["type"] == "extra_forbidden":
        known = ", ".join(Settings.model_fields)
        return Text(
            "設定「{key}」はありません。使える設定は {known} です。",
            "setting {key!r} does not exist; use one of {known}.",
        ).format(key=key, known=known)
    fine = _FINE.get(key, Text("別の値", "another value"))
    return Text(
        "設定 {name} の値「{value}」は使えません。{fine}を指定してください。",
        "setting {name}: {value!r} cannot be used; give {fine}.",
    ).format(name=name, value="***" if key in _SECRETS else str(error["input"]), fine=fine)
