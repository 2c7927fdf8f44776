"""How is Sancho called by REST? A router per tag, under /v1; `service/app.py` puts them together."""
