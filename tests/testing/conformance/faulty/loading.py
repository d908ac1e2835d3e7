from faulty.declared import GoodSettings
from faulty.good import Plain


class NoPipeline:
    name = "faulty"


class OtherName(Plain):
    name = "Another"


class Undeclared(Plain):
    """Its settings are a class that no entry point tells of."""

    settings = GoodSettings
