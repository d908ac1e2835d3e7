"""Settings, in a module without the pipeline."""

from dataclasses import dataclass
from typing import Annotated

from asimov.settings import Setting


@dataclass
class GoodSettings:
    seconds: Annotated[float, Setting("How long the node takes, in seconds.", ge=0)] = 0.0
