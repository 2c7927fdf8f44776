"""目標の配分: a target shared out so that everybody has the same chance, beside the usual ways."""
