"""KPIを決める: from the goal over process, success factors and candidates to a set that is accepted."""
