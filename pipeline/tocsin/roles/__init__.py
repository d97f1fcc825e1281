"""The thin asynchronous shells: each is a consumer of the log and nothing else."""
