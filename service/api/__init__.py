"""REST under /v1: each endpoint understands, asks, answers."""

from service.api.app import create_app

__all__ = ["create_app"]
