"""The three commands of SPT's plugins, and the shell script that starts the training."""

from __future__ import annotations

GRAPHS = "spt-plugin-print-graph-request-configuration"
TRAINING = "spt-plugin-print-training-configuration"
TRAIN = "spt-plugin-train-on-graphs"
COMMANDS = (GRAPHS, TRAIN, TRAINING)


def script(configuration: str, output: str, *, shared: bool) -> str:
    """Return the script; its arguments are the folders of the graphs and of the configuration.

    It makes all paths absolute, since a plugin may change its folder.

    Parameters
    ----------
    configuration
        The file with the training configuration; its folder is the script's second argument.
    output
        The folder for all that the plugin makes, relative to where the script starts.
    shared
        Whether the graphs are copied there first, so that input, output and working folder are one.
    """
    name = configuration.rpartition("/")[2]
    steps = [f"mkdir -p {output}", 'input=$(cd "$1" && pwd)', 'settings=$(cd "$2" && pwd)']
    if shared:
        steps += [f'cp -R "$input"/. {output}/', f"cd {output}", "input=$PWD", "output=$PWD"]
        steps += [f'cp "$settings/{name}" .']
    else:
        steps += [f"output=$PWD/{output}"]
    steps.append(
        f'exec {TRAIN} --input_directory "$input" --config_file "$settings/{name}" '
        '--output_directory "$output"'
    )
    return " && ".join(steps)
