"""How is work spread over a Dask cluster? Features by parts of the deals, trees by LightGBM's Dask estimator.

Every worker reads the log itself, from Parquet or the store, and compiles it once: features of one deal need
the past of its seller, account and product. So only deals, moments and their features travel, and `build` is
the same function on the same arrays: the features are equal bit for bit.
"""

from training.dask.cluster import Cluster
from training.dask.connect import LOCAL, LOCAL_WORKERS, open_cluster
from training.dask.source import LogSource, to_parquet

__all__ = ["LOCAL", "LOCAL_WORKERS", "Cluster", "LogSource", "open_cluster", "to_parquet"]
