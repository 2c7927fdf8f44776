"""What can a goal be, of all revenue or a part of it? Its levels before anybody decides"""

from models.goals.levels import Level, levels_of
from models.goals.part_of_deals import PartOfDeals
from models.goals.sums import Difference, differences

__all__ = ["Difference", "Level", "PartOfDeals", "differences", "levels_of"]
