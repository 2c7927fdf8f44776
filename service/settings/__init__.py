"""Which settings does this installation have? Read once at the edge, frozen, handed inward as arguments."""

from service.settings.reading import CONFIG_FILE, Settings, read_settings
from service.settings.tables import ActionSettings, RetentionSettings

__all__ = ["CONFIG_FILE", "ActionSettings", "RetentionSettings", "Settings", "read_settings"]
