"""A pipeline that keeps every contract."""

from asimov.pipelines.testing import SimpleTestPipeline

from asimov.pipeline.assets import Asset
from faulty.declared import GoodSettings


class Good(SimpleTestPipeline):
    name = "good"
    settings = GoodSettings
    outputs = (Asset("result", "text"),)


class Plain(SimpleTestPipeline):
    """What those with a fault derive from; it declares nothing."""

    name = "faulty"
