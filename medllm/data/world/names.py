"""Invented names, each in Chinese and in English, built from the same syllables."""

from dataclasses import dataclass
from itertools import product

import numpy as np

SYLLABLES = {
    "克": "ke", "罗": "ro", "芬": "fen", "诺": "no", "林": "lin", "贝": "be", "塔": "ta",
    "莫": "mo", "西": "xi", "兰": "lan", "卡": "ka", "德": "de", "维": "vi", "尔": "er",
    "萨": "sa", "瑞": "rui", "巴": "ba", "丹": "dan", "洛": "lo", "奇": "qi", "伦": "lun",
    "佩": "pei", "索": "so", "图": "tu", "亚": "ya", "戈": "ge", "哈": "ha", "吉": "ji",
    "利": "li", "曼": "man",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Name:
    """One thing, named in both languages."""

    zh: str
    en: str


def invented(count: int, *, endings: list[tuple[str, str]], rng: np.random.Generator) -> list[Name]:
    """`count` different names: two syllables and one of the `endings` (zh, en).

    Raises:
        ValueError: if there are fewer than `count` pairs of syllables (870).
    """
    pairs = [(a, b) for a, b in product(SYLLABLES, repeat=2) if a != b]
    if count > len(pairs):
        raise ValueError(f"only {len(pairs)} names can be invented, {count} were asked for")
    names = []
    for i, at in enumerate(rng.permutation(len(pairs))[:count]):
        first, second = pairs[at]
        zh, en = endings[i % len(endings)]
        names.append(
            Name(f"{first}{second}{zh}", f"{SYLLABLES[first]}{SYLLABLES[second]}{en}".capitalize())
        )
    return names


def combined(heads: list[tuple[str, str]], tails: list[tuple[str, str]]) -> list[Name]:
    """Every head with every tail: "左腕" + "灼痛" is "burning of the left wrist"."""
    return [
        Name(f"{head_zh}{tail_zh}", f"{tail_en} {head_en}")
        for (head_zh, head_en), (tail_zh, tail_en) in product(heads, tails)
    ]
