"""Names for the arrays that go in and out."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Times = NDArray[np.int64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
