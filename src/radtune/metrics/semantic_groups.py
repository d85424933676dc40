"""The semantic groups of the UMLS (McCray, Burgun & Bodenreider 2001), as ``SemGroups`` of 2018 lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SEMANTIC_GROUPS: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(f"T{number}" for number in numbers.split())
    for name, numbers in {
        "Activities & Behaviors": "051 052 053 054 055 056 057 064 066",
        "Anatomy": "017 018 021 022 023 024 025 026 029 030 031",
        "Chemicals & Drugs": "103 104 109 114 116 120 121 122 123 125 126 127 129 130 131 192 195 196 197 200",
        "Concepts & Ideas": "077 078 079 080 081 082 089 102 169 170 171 185",
        "Devices": "074 075 203",
        "Disorders": "019 020 033 037 046 047 048 049 050 184 190 191",
        "Genes & Molecular Sequences": "028 085 086 087 088",
        "Geographic Areas": "083",
        "Living Beings": "001 002 004 005 007 008 010 011 012 013 014 015 016 096 097 098 099 100 101 194 204",
        "Objects": "071 072 073 167 168",
        "Occupations": "090 091",
        "Organizations": "092 093 094 095",
        "Phenomena": "034 038 067 068 069 070",
        "Physiology": "032 039 040 041 042 043 044 045 201",
        "Procedures": "058 059 060 061 062 063 065",
    }.items()
}
"""All 127 semantic types by their group."""

MEDCON: Final[frozenset[str]] = frozenset().union(
    *(
        SEMANTIC_GROUPS[name]
        for name in (
            "Anatomy",
            "Chemicals & Drugs",
            "Devices",
            "Disorders",
            "Genes & Molecular Sequences",
            "Phenomena",
            "Physiology",
        )
    )
)
"""The 66 types that the metric MEDCON counts (Yim et al. 2023, ``wyim/aci-bench``): neither imaging modalities nor laterality."""
