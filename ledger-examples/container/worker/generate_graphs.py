"""Generate graphs of cells: ``generate-graphs DIRECTORY [--cells N] [--seed N]``.

Two specimens, each with two graphs that share a few cells. The cells of the one specimen lie in
clusters and express the first marker; those of the other are spread out.
"""

import argparse
from pathlib import Path

import h5py
import numpy as np

FEATURES = ("CD3", "CD8", "PD1", "size")
SETS = ("train", "test")


def adjacency(centroids: np.ndarray, neighbours: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Return the column indices and row pointers of a symmetric nearest-neighbour graph."""
    distance = np.linalg.norm(centroids[:, None] - centroids[None], axis=2)
    nearest = np.argsort(distance, axis=1)[:, 1 : neighbours + 1]
    linked = np.zeros(distance.shape, bool)
    linked[np.arange(len(centroids))[:, None], nearest] = True
    rows, columns = np.nonzero(linked | linked.T)
    return columns, np.searchsorted(rows, np.arange(len(centroids) + 1))


def write_graph(path: Path, ids: np.ndarray, specimen: str, label: int, part: str, rng) -> None:
    """Write one graph in the documented layout."""
    count = len(ids)
    centres = rng.uniform(0, 100, (4, 2))
    spread = 4 + 20 * (1 - label)
    centroids = centres[rng.integers(4, size=count)] + rng.normal(0, spread, (count, 2))
    features = rng.normal(0, 1, (count, len(FEATURES)))
    features[:, 0] += 2 * label
    indices, indptr = adjacency(centroids)
    with h5py.File(path, "w") as file:
        file["graph/adj/data"] = np.ones(len(indices))
        file["graph/adj/indices"] = indices
        file["graph/adj/indptr"] = indptr
        file["graph/adj/shape"] = np.array([count, count])
        file["graph/node_features"] = features
        file["graph/centroids"] = centroids
        file["graph/histological_structure_ids"] = ids
        file["label"] = label
        file["name"] = path.stem
        file["specimen"] = specimen
        file["set"] = part


def main() -> None:
    """Write the graphs and the names of the features."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--cells", type=int, default=148)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(options.seed)
    (options.directory / "feature_names.txt").write_text("\n".join(FEATURES) + "\n")
    half = options.cells // 2
    for label, specimen in enumerate(("lesion 0-1", "lesion 6-4")):
        ids = np.arange(half) + 1 + label * half
        shared = max(1, half // 10)  # cells that are in both graphs of the specimen
        for number, part in enumerate(SETS):
            cut = half // 2
            chosen = ids[: cut + shared] if number == 0 else ids[cut:]
            path = options.directory / f"{specimen.replace(' ', '_')}_{number}.h5"
            write_graph(path, chosen, specimen, label, part, rng)
    print(f"{options.cells} cells of 2 specimens in {2 * len(SETS)} graphs")


if __name__ == "__main__":
    main()
