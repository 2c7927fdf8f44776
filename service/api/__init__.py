"""How is Sancho called by REST? A FastAPI application under /v1, a router per tag."""

from service.api.app import create_app

__all__ = ["create_app"]
