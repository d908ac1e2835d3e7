"""Settings, in a module without the pipeline."""

from typing import Annotated

from asimov.settings import BaseSettings, Setting


class GoodSettings(BaseSettings):
    seconds: Annotated[float, Setting("How long the node takes, in seconds.", ge=0)] = 0.0
