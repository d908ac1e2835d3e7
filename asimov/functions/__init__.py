"""What authors of functions import: the register ``app``, `DataObject`, and a ``celery`` to import.

::

    from asimov.functions import DataObject, app

    @app.register("Threshold", default_settings={"lower": 0.5})
    def threshold(data_objects, working_dir, settings):
        ...
        return [DataObject(type="FILE", path=mask, parent=data_objects[0])]

Only the standard library is needed, also where the function runs.
"""

from asimov.functions.registry import Algorithm, App, DataObject, app, celery

__all__ = ["Algorithm", "App", "DataObject", "app", "celery"]
