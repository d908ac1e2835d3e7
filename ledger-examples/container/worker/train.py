"""Train a logistic regression on graphs, and say how important each cell is for it."""

import argparse
import configparser
import csv
import json
import shutil
from pathlib import Path

import h5py
import numpy as np


def read_settings(path: str) -> dict:
    """Return the settings: ``[general]`` under ``[logit]``; none is none."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(Path(path).read_text())
    general = dict(parser["general"]) if parser.has_section("general") else {}
    merged = {**general, **parser["logit"]}
    return {
        key: None if value.lower() in ("", "none", "null") else value
        for key, value in merged.items()
    }


def smoothed(file: h5py.File) -> np.ndarray:
    """Return the features of each cell, averaged with those of its neighbours."""
    features = file["graph/node_features"][()]
    indices, indptr = file["graph/adj/indices"][()], file["graph/adj/indptr"][()]
    rows = np.repeat(np.arange(len(features)), np.diff(indptr))
    sums = features.copy()
    np.add.at(sums, rows, features[indices])
    return sums / (1 + np.diff(indptr))[:, None]


def train(cells: list, labels: np.ndarray, settings: dict) -> np.ndarray:
    """Return the weights of a logistic regression on the means of graphs."""
    means = np.array([each.mean(axis=0) for each in cells])
    rng = np.random.default_rng(int(settings["random_seed"] or 0))
    weights = rng.normal(0, 0.1, means.shape[1])
    epochs = int(settings["epochs"])
    for _ in range(epochs):
        predicted = 1 / (1 + np.exp(-means @ weights))
        weights -= float(settings["learning_rate"]) * means.T @ (predicted - labels) / len(labels)
        loss = -np.mean(labels * np.log(predicted) + (1 - labels) * np.log(1 - predicted))
    print(f"loss {loss:.4f} after {epochs} epochs")
    return weights


def main() -> None:
    """Read the graphs, train, and write all results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--input_directory", type=Path, required=True)
    parser.add_argument("--config_file", default="training.config")
    parser.add_argument("--output_directory", type=Path, required=True)
    options = parser.parse_args()
    settings = read_settings(options.config_file)

    paths = sorted(options.input_directory.glob("*.h5"))
    ids, cells, labels, trained = [], [], [], []
    for path in paths:
        with h5py.File(path) as file:
            ids.append(file["graph/histological_structure_ids"][()])
            cells.append(smoothed(file))
            labels.append(int(file["label"][()]))
            trained.append(file["set"][()] == b"train")
    chosen = np.flatnonzero(trained)
    weights = train([cells[n] for n in chosen], np.array(labels)[chosen], settings)

    found: dict[int, list[float]] = {}
    for path, names, values in zip(paths, ids, cells, strict=True):
        importances = np.abs(values @ weights)
        for name, importance in zip(names, importances, strict=True):
            found.setdefault(int(name), []).append(float(importance))
        target = options.output_directory / path.name
        if not target.exists():
            shutil.copyfile(path, target)
        with h5py.File(target, "a") as file:
            file["graph/importances"] = importances
    (options.output_directory / "model").mkdir(exist_ok=True)
    np.save(options.output_directory / "model" / "weights.npy", weights)
    (options.output_directory / "model" / "settings.json").write_text(json.dumps(settings))
    with (options.output_directory / "importances.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["histological_structure", "importance"])
        rows.writerows([name, np.mean(values)] for name, values in sorted(found.items()))


if __name__ == "__main__":
    main()
