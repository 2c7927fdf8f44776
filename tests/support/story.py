"""What do the stories of one service share? The service, as a client, a library and a command see it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from service.settings import Settings
from service.use_cases import UseCases
from tests.support.trained_home import END

ROOT = Path(__file__).parents[2]
AS_OF, PERIOD = END, "2026-Q4"


@dataclass(frozen=True)
class Service:
    """A running service of a small organisation."""

    client: TestClient
    use_cases: UseCases
    settings: Settings
    key: str
    folder: Path

    def get(self, path: str, **headers: str) -> Any:
        response = self.client.get(path, headers=headers)
        assert response.status_code == 200, response.text
        return response.json()

    def open_deal(self) -> str:
        return str(self.get(f"/v1/deals?as_of={AS_OF}&limit=1")["deals"][0]["deal_id"])
