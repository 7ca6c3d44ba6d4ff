"""The sixteen classifiers of "TEST2": which rectangles of the chroma image are compared, and the thresholds.

Ke, Hoiem and Sukthankar selected filters of this kind by boosting for audio identification; Lalinský
trained these on 60,000 pairs of recordings. A filter compares the energy in one part of a rectangle
with that in another, as in Viola and Jones' face detector; three thresholds make four classes of its
answer, and a Gray code makes two bits of the class, so that neighbouring classes differ in one bit.

Conventions
-----------
The image has time as rows and the twelve pitch classes, from A upward, as columns. A filter's first
column is ``first``, its extent ``n_columns`` columns by ``n_rows`` rows. Its answer is
``log((1 + inner) / (1 + outer))``. The first classifier gives the two highest bits.

References
----------
Ke, Hoiem, Sukthankar (2005), "Computer vision for music identification", CVPR, section 4.
Jang, Yoo, Lee, Kim, Kalker (2009), "Pairwise boosted audio fingerprint", IEEE TIFS 4(4).
The table is that of Chromaprint 1.5.1, ``fingerprinter_configuration.cpp``: a fact of the format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Shape = Literal["whole", "columns", "rows", "diagonal", "middle_columns", "middle_rows"]

GRAY = np.array([0, 1, 3, 2], np.uint32)


@dataclass(frozen=True, slots=True)
class Classifier:
    """One filter and its three thresholds.

    Parameters
    ----------
    shape : Shape
        Which parts of the rectangle are compared: ``whole`` with nothing; the upper half of the
        ``columns`` or of the ``rows`` with the lower; the two halves of the ``diagonal`` with the other two
        quarters; the middle third of the columns or rows with the two outer thirds.
    first, n_columns, n_rows : int
        The rectangle.
    thresholds : (float, float, float)
        Rising limits between the four classes.
    """

    shape: Shape
    first: int
    n_columns: int
    n_rows: int
    thresholds: tuple[float, float, float]

    def answers(self, integral: NDArray[np.float64], n: int) -> NDArray[np.float64]:
        """Return the filter's answer at the first *n* rows.

        Parameters
        ----------
        integral : NDArray[np.float64] [shape=(n_rows + 1, 13)]
            Sums over all rows and columns before.
        n : int
            Positions wanted.

        Returns
        -------
        NDArray[np.float64] [shape=(n,)]
            Logarithm of the ratio of the two parts.
        """
        inner, outer = self._parts(integral, n)
        return np.log1p(inner) - np.log1p(outer)

    def codes(self, integral: NDArray[np.float64], n: int) -> NDArray[np.uint32]:
        """Return the two bits of each of the first *n* rows."""
        classes = np.searchsorted(np.array(self.thresholds), self.answers(integral, n), side="right")
        return GRAY[classes]

    def _parts(
        self, integral: NDArray[np.float64], n: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | float]:
        def area(row: int, column: int, to_row: int, to_column: int) -> NDArray[np.float64]:
            low, high = self.first + column, self.first + to_column
            above, below = integral[row : row + n], integral[to_row : to_row + n]
            return np.asarray(below[:, high] - above[:, high] - below[:, low] + above[:, low])

        rows, columns = self.n_rows, self.n_columns
        whole = area(0, 0, rows, columns)
        if self.shape == "whole":
            return whole, 0.0
        if self.shape == "columns":
            inner = area(0, columns // 2, rows, columns)
        elif self.shape == "rows":
            inner = area(rows // 2, 0, rows, columns)
        elif self.shape == "middle_columns":
            inner = area(0, columns // 3, rows, 2 * (columns // 3))
        elif self.shape == "middle_rows":
            inner = area(rows // 3, 0, 2 * (rows // 3), columns)
        else:
            middle, centre = rows // 2, columns // 2
            inner = area(0, centre, middle, columns) + area(middle, 0, rows, centre)
        return inner, np.maximum(whole - inner, 0.0)


TEST2 = (
    Classifier("whole", 4, 3, 15, (1.98215, 2.35817, 2.63523)),
    Classifier("middle_columns", 4, 6, 15, (-1.03809, -0.651211, -0.282167)),
    Classifier("columns", 0, 4, 16, (-0.298702, 0.119262, 0.558497)),
    Classifier("diagonal", 8, 2, 12, (-0.105439, 0.0153946, 0.135898)),
    Classifier("diagonal", 4, 4, 8, (-0.142891, 0.0258736, 0.200632)),
    Classifier("middle_columns", 0, 3, 5, (-0.826319, -0.590612, -0.368214)),
    Classifier("columns", 2, 2, 9, (-0.557409, -0.233035, 0.0534525)),
    Classifier("rows", 7, 3, 4, (-0.0646826, 0.00620476, 0.0784847)),
    Classifier("rows", 6, 2, 16, (-0.192387, -0.029699, 0.215855)),
    Classifier("rows", 1, 3, 2, (-0.0397818, -0.00568076, 0.0292026)),
    Classifier("middle_rows", 10, 1, 15, (-0.53823, -0.369934, -0.190235)),
    Classifier("diagonal", 6, 2, 10, (-0.124877, 0.0296483, 0.139239)),
    Classifier("rows", 1, 1, 14, (-0.101475, 0.0225617, 0.231971)),
    Classifier("diagonal", 5, 6, 4, (-0.0799915, -0.00729616, 0.063262)),
    Classifier("columns", 9, 2, 12, (-0.272556, 0.019424, 0.302559)),
    Classifier("diagonal", 4, 2, 14, (-0.164292, -0.0321188, 0.0846339)),
)
