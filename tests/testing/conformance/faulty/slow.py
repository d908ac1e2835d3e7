import time

from faulty.good import Plain

time.sleep(0.5)


class Faulty(Plain):
    """Its import takes its time."""
