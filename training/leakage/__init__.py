"""Which columns know the ending of a deal, and are therefore not used for prediction?"""

from training.leakage.leak import Leak
from training.leakage.screen import Screening, screen, screening

__all__ = ["Leak", "Screening", "screen", "screening"]
