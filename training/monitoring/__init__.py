"""Is the model in service still accurate, and when should it be retrained?"""

from training.monitoring.status import MonitoringReport, monitor

__all__ = ["MonitoringReport", "monitor"]
