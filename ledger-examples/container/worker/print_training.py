"""Print an example of a training configuration."""

print(
    "[general]\nrandom_seed = none\n\n"
    "[logit]\nepochs = 100\nlearning_rate = 0.5\n\n[logit.stopping]\npatience = none"
)
