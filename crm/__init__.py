"""What is known, and since when: canonical tables, event log, periods, store and import.

Other rooms use these modules; `crm.importing` and `crm.store` list their own names.
"""

__all__ = ["errors", "eventlog", "i18n", "importing", "instants", "periods", "schema", "store"]
