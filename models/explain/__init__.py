"""Which features made the score of boosted trees what it is, and by how much?"""

from models.explain.tree_shap import TreeShap

__all__ = ["TreeShap"]
