"""Is the model in service still right, and when should it be trained anew?"""

from sancho.training.watch.verdict import Watch, watch

__all__ = ["Watch", "watch"]
