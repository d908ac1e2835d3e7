"""Have PlatiPy's own client run a function, several times at once.

platipy_clients.py PORT KEY ALGORITHM CLIENTS FILE OUTPUT prints JSON: for each client the states
it was told of, and the names and metadata of the outputs; they are downloaded to OUTPUT/NUMBER.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platipy.client import PlatiPyClient

port, key, algorithm, clients, file, output = sys.argv[1:]


def run(number):
    """Run it once, with one setting changed."""
    client = PlatiPyClient("127.0.0.1", int(port), key, algorithm)
    dataset = client.add_dataset(timeout=24)
    client.add_data_object(dataset, file_path=file, meta_data={"number": number})
    assert client.get_dataset_ready(dataset)
    settings = client.get_default_settings()
    settings["keep"] = number % 2 + 1
    states = [each["state"] for each in client.run_algorithm(dataset, settings)]
    made = client.get_dataset(dataset)["output_data_objects"]
    client.download_output_objects(dataset, str(Path(output, str(number))))
    return {"states": states, "outputs": [[each["path"], each["meta_data"]] for each in made]}


with ThreadPoolExecutor(int(clients)) as pool:
    print(json.dumps(list(pool.map(run, range(int(clients))))))
