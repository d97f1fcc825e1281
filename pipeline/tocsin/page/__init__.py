"""The live page: what stands in the log, for people who look at it in a browser."""
