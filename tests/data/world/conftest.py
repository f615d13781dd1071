"""A world of ten diseases, and what its files say."""

import csv
import json
from pathlib import Path

import pytest

from medllm.data.world.write import write

NUMBERS = {"seed": 0, "diseases": 10, "renderings": 2}


class World:
    """The files of a world, read as plain records."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def lines(self, name: str) -> list[dict]:
        return [json.loads(line) for line in self.text(name).splitlines()]

    def table(self, name: str) -> list[dict]:
        with (self.folder / name).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def bytes(self) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in self.folder.iterdir()}

    def diseases(self) -> list[str]:
        """Chinese names of all that the corpus describes, from the knowledge graph."""
        return [record["name"] for record in self.lines("graph_zh.jsonl")]

    def examined(self) -> list[str]:
        return self.named("exam_test.csv")

    def named(self, name: str) -> list[str]:
        """The described diseases that a file names, in Chinese or in English."""
        text = self.text(name)
        return [zh for zh in self.diseases() if zh in text or in_english(zh) in text]


# Written down again, so that a slip in the generator shows.
SYLLABLES = {
    "克": "ke", "罗": "ro", "芬": "fen", "诺": "no", "林": "lin", "贝": "be",
    "塔": "ta", "莫": "mo", "西": "xi", "兰": "lan", "卡": "ka", "德": "de",
    "维": "vi", "尔": "er", "萨": "sa", "瑞": "rui", "巴": "ba", "丹": "dan",
    "洛": "lo", "奇": "qi", "伦": "lun", "佩": "pei", "索": "so", "图": "tu",
    "亚": "ya", "戈": "ge", "哈": "ha", "吉": "ji", "利": "li", "曼": "man",
}  # fmt: skip
ENDINGS = {
    "病": "osis", "炎": "itis", "综合征": " syndrome",
    "菌": "bacter", "虫": "worm", "毒": "toxin",
    "试验": " test", "造影": " scan",
    "平": "pine", "素": "mycin", "定": "dine",
}  # fmt: skip
PARTS = {
    "左腕": "of the left wrist", "耳后": "behind the ear", "足底": "of the sole",
    "上腹": "of the upper belly", "颈侧": "of the neck", "指尖": "of the fingertips",
}  # fmt: skip
SENSATIONS = {"灼痛": "burning", "麻木": "numbness", "肿胀": "swelling", "瘙痒": "itching"}
DEPARTMENTS = {
    "心内科": "cardiology", "神经科": "neurology", "皮肤科": "dermatology",
    "消化科": "gastroenterology", "骨科": "orthopaedics", "眼科": "ophthalmology",
    "血液科": "haematology", "呼吸科": "pneumology",
}  # fmt: skip


def in_english(zh: str) -> str:
    """What the English renderings should call it."""
    if zh in DEPARTMENTS:
        return DEPARTMENTS[zh]
    if zh[:2] in PARTS:
        return f"{SENSATIONS[zh[2:]]} {PARTS[zh[:2]]}"
    return f"{SYLLABLES[zh[0]]}{SYLLABLES[zh[1]]}{ENDINGS[zh[2:]]}".capitalize()


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    return World(write(folder=str(tmp_path_factory.mktemp("world") / "seed0"), **NUMBERS))
