"""The autoencoder family: arrays in, arrays out.

A model is trained with `training.train_bundle` and used as a `bundle.Bundle`. Values are in
engineering units in arrays ``[windows, steps, channels]`` (``[B, T, F]``), oldest step first; NaN
means "not measured" and nothing else. Nothing here knows an asset, a clock or a message.
"""
