"""The autoencoder family: arrays in, arrays out."""
