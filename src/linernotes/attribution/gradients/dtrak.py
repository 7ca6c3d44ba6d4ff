"""D-TRAK: TRAK with the mean square of what the network predicts in place of its loss.

The loss of a trained generator is mostly noise that no recording explains; what the network predicts for a
segment may carry more of what it has learnt there. Both the corpus and the query are described by the gradient of

    f(z; θ) = mean (prediction)²,      score = Φ (ΦᵀΦ + λ I)⁻¹ φ(ẑ)

Assumptions
-----------
None that would derive it: its authors found by experiment that it beats the loss.

Conventions
-----------
As in `trak`. The same function describes both sides, so that a positive score means a recording which shapes
the network as the output does.

Cost
----
As `trak`.

References
----------
Zheng et al. (2024), "Intriguing properties of data attribution on diffusion models", arXiv:2311.00500.

Known limits
------------
The unit is not one of loss; the damping was chosen on the dev queries of our own benchmark.
"""

from __future__ import annotations

from linernotes.attribution.gradients.per_item import Scalar, mean_squared_output
from linernotes.attribution.gradients.trak import Trak, TrakConfig


class DTrak(Trak):
    """TRAK on the mean squared prediction, after Zheng et al. (2024); needs an `OutputGenerator`."""

    name = "d-trak"
    revision = "1"
    paper = "Zheng et al. (2024), arXiv:2311.00500"
    unit = "inner product of output gradients (to scale)"

    default = TrakConfig(damping=0.1)
    scalar: Scalar = staticmethod(mean_squared_output)
