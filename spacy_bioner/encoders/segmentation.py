"""How a text is cut into words before it is cut into wordpieces."""

from __future__ import annotations

from tokenizers import Regex, normalizers, pre_tokenizers

_STANDS_ALONE = r"[\p{Han}\p{S}\p{Nl}\p{No}\x{20000}-\x{3FFFF}]"


def make_normalizer() -> normalizers.Normalizer:
    """Return BERT's normalizer: cleans, keeps case and accents."""
    return normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=False
    )


def make_pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    """Return BERT's pre-tokenizer, with every Han character and sign a word of its own.

    BERT's own list of Chinese characters lacks 〇, 々, the radicals and the newer
    extensions, and lets one unknown sign (℃, ®) turn the word around it into [UNK].
    """
    alone = pre_tokenizers.Split(Regex(_STANDS_ALONE), "isolated")
    return pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), alone])


class WordSplitter:
    """Cuts texts into words just as the finished tokenizer will."""

    def __init__(self) -> None:
        self._normalizer = make_normalizer()
        self._pre_tokenizer = make_pre_tokenizer()

    def split(self, text: str) -> list[str]:
        """Return the words of the text, in order."""
        normalized = self._normalizer.normalize_str(text)
        return [word for word, _ in self._pre_tokenizer.pre_tokenize_str(normalized)]

    def joins_words(self, character: str) -> bool:
        """Say whether the character can stand inside a word, after its first character."""
        return len(self.split("a" + character)) == 1
