"""How is work distributed over a Dask cluster? Features by parts of the deals, trees by LightGBM on Dask.

Every worker reads the log itself, from Parquet or the store, and compiles it once, because the features of a
deal need the past of its rep, account and product. Only deals, moments and features are transferred. `build`
is the same function on the same arrays, so the features are equal bit for bit.
"""

from training.dask.cluster import Cluster
from training.dask.connect import LOCAL, LOCAL_WORKERS, open_cluster
from training.dask.source import LogSource, to_parquet

__all__ = ["LOCAL", "LOCAL_WORKERS", "Cluster", "LogSource", "open_cluster", "to_parquet"]
