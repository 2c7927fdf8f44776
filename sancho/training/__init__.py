"""How are the models made, proven and kept: snapshots, labels, fitting, evaluation, registry, scoring."""
