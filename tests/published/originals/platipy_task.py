"""Have PlatiPy itself call a registered function, and print what it made, as JSON.

platipy_task.py MODULE NAME SETTINGS INPUT..., where SETTINGS is JSON (null: the function's own).
The framework's task `run_task` does it, on a data set in its own database in the current folder, as
its worker would. Only Celery's results are kept in memory, where no Redis is running.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

from platipy.backend import app, celery, db
from platipy.backend.models import APIKey, DataObject, Dataset
from platipy.backend.tasks import run_task

module, name, settings, *inputs = sys.argv[1:]
import_module(module)
assert name in app.algorithms
celery.conf.result_backend = "cache+memory://"
with app.app_context():
    db.create_all()
    db.session.add(APIKey(key="key", name="test", is_admin=False))
    dataset = Dataset(owner_key="key")
    db.session.add(dataset)
    db.session.commit()
    for path in inputs:
        kind = "DICOM" if Path(path).is_dir() else "FILE"
        given = DataObject(dataset_id=dataset.id, is_input=True, path=path, type=kind)
        db.session.add(given)
    db.session.commit()
    run_task.apply(args=[name, json.loads(settings), dataset.id], throw=True)
    given = [each.id for each in dataset.input_data_objects]
    made = [
        {
            "type": each.type,
            "path": each.path,
            "parent": given.index(each.parent_id) + 1,
            "metadata": each.meta_data,
        }
        for each in dataset.output_data_objects
    ]
print(json.dumps(made))
