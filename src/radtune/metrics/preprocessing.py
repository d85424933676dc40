"""Caption normalisation of the ImageCLEFmedical caption task, 2023 to 2026."""

from __future__ import annotations

import re
import string

NORMALISATION = "imageclef: lower case; digit runs become 'number'; ASCII punctuation deleted"
"""Its name in signatures."""

_DIGITS = re.compile(r"\d+")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise_caption(text: str) -> str:
    """Lower-case, put ``number`` for every run of decimal digits, then delete ASCII punctuation, in this order.

    As the organisers' evaluator does it: nothing takes the deleted characters' place (``19.27 mm`` becomes
    ``numbernumber mm``), white space stays as it is, and punctuation beyond ASCII survives.
    """
    return _DIGITS.sub("number", text.lower()).translate(_WITHOUT_PUNCTUATION)
