"""Tocsin watches streams of sensor readings and rings when something is wrong."""
