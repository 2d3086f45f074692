"""Writes the words of jieba's dictionary in both scripts, a word a line.

    pip install jieba opencc-python-reimplemented
    python assets/vectors/general_terms.py general_terms.txt

jieba's dictionary is under the MIT licence, the tables of OpenCC, by which it is brought into
the script of Taiwan, under the Apache licence 2.0. Words that it counts once are left out.
"""

import sys
from pathlib import Path

import jieba
import opencc

FIRST, LAST = "\u4e00", "\u9fff"


def main(out: Path) -> None:
    dictionary = Path(jieba.__file__).with_name("dict.txt").read_text(encoding="utf-8")
    words = set()
    for line in dictionary.splitlines():
        word, count, *_ = line.split(" ")
        if len(word) > 1 and int(count) > 1 and all(FIRST <= c <= LAST for c in word):
            words.add(word)
    simplified = "\n".join(sorted(words))
    words |= set(opencc.OpenCC("s2tw").convert(simplified).split("\n"))
    out.write_text("\n".join(sorted(words)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
