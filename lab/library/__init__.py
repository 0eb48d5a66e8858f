"""The sample library: a few real films and episodes, and the single-server database that knows them.

It is what a home server might look like before it moves: users with passwords, watch history, resume positions.
The passwords and tokens in it are published here and protect nothing.
"""

from .ensure import SampleLibrary, ensure
from .generated import MINIMUM_ITEMS, write_sample_database
from .users import SAMPLE_USERS, SampleUser

__all__ = ["MINIMUM_ITEMS", "SAMPLE_USERS", "SampleLibrary", "SampleUser", "ensure", "write_sample_database"]
