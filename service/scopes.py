"""Of whom can be asked? The company, its teams and people, with names and what they belong to."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from crm.i18n import Language
from models.forecast.organisation import COMPANY, UNASSIGNED, ScopeTree
from service.serving_state import ServingState
from service.sight import EVERYTHING, Sight

_KINDS = {COMPANY: "company", UNASSIGNED: "unassigned"}


class Scopes:
    """The scopes of forecasts and all else that has a `scope`."""

    def __init__(self, serving: ServingState) -> None:
        self._serving = serving

    def scopes(
        self,
        period: str | None,
        as_of: str | None,
        lang: Language,
        sight: Sight = EVERYTHING,
    ) -> dict[str, Any]:
        """The scopes that forecasts of a period know, from the company down, of those that are seen."""
        context = self._serving.context(as_of, period, sight)
        names, tree = context.forecast.names, context.forecast.organisation
        visible = [scope for scope in tree.scopes() if sight.sees_scope(scope)] if sight.is_limited else None
        rows = scope_rows(tree, visible)
        return {
            "period": context.forecast.period.name,
            "scopes": [names.with_scope(row, lang) for row in rows],
            **self._serving.metadata(context.state, context.moment, lang),
        }


def scope_rows(tree: ScopeTree, visible: Collection[str] | None = None) -> list[dict[str, Any]]:
    """`scope`, `kind` and `parent` of each scope, a parent before its children.

    Where only some are visible, what stands below an invisible one has no parent.
    """
    return [
        {"scope": scope, "kind": _KINDS.get(scope) or scope.partition(":")[0], "parent": parent}
        for scope, parent in _from_the_top(tree, COMPANY, None, visible)
    ]


def _from_the_top(
    tree: ScopeTree, scope: str, parent: str | None, visible: Collection[str] | None
) -> Iterator[tuple[str, str | None]]:
    is_visible = visible is None or scope in visible
    if is_visible:
        yield scope, parent
    for child in tree.children(scope):
        yield from _from_the_top(tree, child, scope if is_visible else None, visible)
