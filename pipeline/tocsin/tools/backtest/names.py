"""What there is to choose from in a benchmark; for who asks before anything heavy is loaded."""

SETS = ("tsb-ad-m", "smd", "skab", "smap-msl", "nab", "asd", "tep")
"""Sets of recordings that can be read; docs/benchmark.md says what they are."""

BENCHMARK_SETS = SETS[:-1]
"""The sets of a benchmark that is not told which."""

MEMBERS = ("lstm", "dense", "conv", "variational", "sparse", "denoising")
"""Members of the family that stand for themselves; its PCA is a control as well."""

CONTROLS = ("always", "t2-ewma", "pca", "iforest")
"""What every detector has to beat."""

DEFAULT = "default"
"""What is learned where nobody chooses."""

MODELS = (DEFAULT, *MEMBERS, *CONTROLS)
"""Everyone who can take part."""
