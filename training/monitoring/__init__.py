"""Is the model in service still right, and when should it be trained anew?"""

from training.monitoring.status import MonitoringReport, monitor

__all__ = ["MonitoringReport", "monitor"]
