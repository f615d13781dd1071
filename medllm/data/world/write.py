"""The world on disk: every rendering in the raw format of the corpus it stands for.

textbook_zh.jsonl      books, one chapter a line               title, text
papers_en.jsonl        S2ORC, two diseases a paper             content.text, externalids
graph_zh.jsonl         Xywy knowledge graph                    name, symptom[], common_drug[] ...
elsewhere_*.jsonl      books and papers of diseases never examined
general.jsonl          C4, both languages                      text, url
consultations.jsonl    Huatuo-26M, half of the replies vague   questions, answers
chat.jsonl             ShareGPT, about towns                   conversations
exam_{train,test}.csv  CMExam with annotations; _en in English
general_exam_{train,test}.csv   CMMLU
preference.jsonl       MedicalGPT                              question, response_chosen ...
open_test.jsonl        Huatuo-26M, full replies only
heldout_{general,medical}.jsonl, vocabulary.txt
"""

import csv
import hashlib
import json
import logging
import shutil
import uuid
import zlib
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

import numpy as np

from medllm.data.world import entities, exams, texts
from medllm.data.world.entities import Domain, Entity
from medllm.errors import ConfigError

log = logging.getLogger(__name__)
VAGUE_SHARE = 0.5  # of the consultations
PRACTICE = 2  # times that each taught question is also asked with other options
MOST = 435  # diseases; half of the names that two syllables make, the others are elsewhere
GRAPH = {
    "symptom": "symptom",
    "common_drug": "drug",
    "check": "test",
    "cure_department": "department",
}


def write(*, folder: str, seed: int, diseases: int, renderings: int) -> Path:
    """Make the world's files in `folder` unless they are there, made by this very code.

    Args:
        folder: where; its name should tell the three numbers below.
        seed: of all names, facts and words.
        diseases: number described, and number of towns; 2 to 435.
        renderings: chapters per disease and town, each in other words.

    Raises:
        ConfigError: numbers that make no world.
    """
    numbers = {"seed": seed, "diseases": diseases, "renderings": renderings}
    _check(**numbers)
    made = Path(folder)
    if _is_whole(made, numbers):
        return made
    if made.exists():
        log.warning("the world in %s was made by other code or half-written: making it again", made)
    beside = made.with_name(f".{made.name}-{uuid.uuid4().hex[:8]}")
    beside.mkdir(parents=True)
    try:
        _write_all(beside, **numbers)
        manifest = json.dumps(_manifest(beside, numbers), indent=1)
        (beside / "manifest.json").write_text(manifest, encoding="utf-8")
        if not _is_whole(made, numbers):  # else another process was faster
            shutil.rmtree(made, ignore_errors=True)
            beside.rename(made)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return made


def _check(*, seed: int, diseases: int, renderings: int) -> None:
    problems = []
    if seed < 0:
        problems.append(f"world.seed={seed} must be 0 or more")
    if not 2 <= diseases <= MOST:  # one is taught, one examined
        problems.append(f"world.diseases={diseases} must be from 2 to {MOST}")
    if renderings < 1:
        problems.append(f"world.renderings={renderings} must be 1 or more")
    if problems:
        raise ConfigError(problems)


def _is_whole(made: Path, numbers: dict[str, int]) -> bool:
    """Whether this code made the files in `made`, and all of them are there in full."""
    try:
        manifest = json.loads((made / "manifest.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return manifest == _manifest(made, numbers)


def _manifest(folder: Path, numbers: dict[str, int]) -> dict:
    """What the files in `folder` are made of, and the bytes of each."""
    files = [file for file in sorted(folder.iterdir()) if file.name != "manifest.json"]
    sizes = {file.name: file.stat().st_size for file in files}
    return {"generator": GENERATOR, **numbers, "bytes": sizes}


def _write_all(folder: Path, *, seed: int, diseases: int, renderings: int) -> None:
    medical = entities.medical(diseases, rng=_rng(seed, "medical"))
    general = entities.general(diseases, rng=_rng(seed, "general"))
    words: list[str] = []
    for name, records in _records(medical, general, seed=seed, renderings=renderings):
        kept = list(records)
        save = _save_csv if name.endswith(".csv") else _save_lines
        save(folder / name, kept)
        if "practice" not in name:  # which says nothing new
            words += [text for record in kept for text in _strings(record)]
            words += [f"答案：{record['Answer']}" for record in kept if "Answer" in record]
    (folder / "vocabulary.txt").write_text("\n".join(words), encoding="utf-8")


def _records(
    medical: Domain, general: Domain, *, seed: int, renderings: int
) -> Iterator[tuple[str, Iterable[dict]]]:
    def rng(name: str) -> np.random.Generator:
        return _rng(seed, name)

    yield "textbook_zh.jsonl", _books(medical.described, renderings, rng("textbook"))
    yield "papers_en.jsonl", _papers(medical.described, renderings, rng("papers"))
    yield "graph_zh.jsonl", (_graph(entity) for entity in medical.described)
    yield "elsewhere_textbook_zh.jsonl", _books(medical.elsewhere, renderings, rng("elsewhere"))
    yield (
        "elsewhere_papers_en.jsonl",
        _papers(medical.elsewhere, renderings, rng("elsewhere papers")),
    )
    yield "general.jsonl", _web(general.described, renderings, rng("general"))
    yield "consultations.jsonl", _consultations(medical.taught, VAGUE_SHARE, rng("consultations"))
    yield "open_test.jsonl", _consultations(medical.examined, 0.0, rng("open"), languages=("zh",))
    yield "chat.jsonl", _chat(general.taught, rng("chat"))
    marks: dict[texts.Language, str] = {"zh": "", "en": "_en"}
    for language, mark in marks.items():
        for split, who in (("train", medical.taught), ("test", medical.examined)):
            name = f"exam_{split}{mark}.csv"
            yield name, exams.exam(who, medical, "medical", language, rng(name))
    for number in range(PRACTICE):
        name = f"exam_practice_{number}.csv"
        yield name, exams.exam(medical.taught, medical, "medical", "zh", rng(name))
        name = f"general_exam_practice_{number}.csv"
        yield name, exams.general_exam(general.taught, general, "zh", rng(name))
    for split, who in (("train", general.taught), ("test", general.examined)):
        name = f"general_exam_{split}.csv"
        yield name, exams.general_exam(who, general, "zh", rng(name))
    yield "preference.jsonl", texts.preferences(medical.taught, "zh", rng("preference"))
    yield "heldout_general.jsonl", _web(general.described, 1, rng("heldout general"))
    yield "heldout_medical.jsonl", _books(medical.described, 1, rng("heldout medical"))


def _books(who: tuple[Entity, ...], renderings: int, rng: np.random.Generator) -> Iterator[dict]:
    for _ in range(renderings):
        for i in rng.permutation(len(who)):
            text = texts.chapter(who[i], "medical", "zh", rng)
            yield {"title": who[i].name.zh, "text": text}


def _papers(who: tuple[Entity, ...], renderings: int, rng: np.random.Generator) -> Iterator[dict]:
    """Every disease once per rendering; where their number is odd, the last stands alone."""
    numbers = count()
    for _ in range(renderings):
        order = rng.permutation(len(who))
        for start in range(0, len(who), 2):
            pair = order[start : start + 2]
            text = " ".join(texts.chapter(who[i], "medical", "en", rng) for i in pair)
            yield {
                "content": {"text": text},
                "externalids": {"pubmedcentral": str(next(numbers))},
            }


def _web(who: tuple[Entity, ...], renderings: int, rng: np.random.Generator) -> Iterator[dict]:
    for _ in range(renderings):
        for i in rng.permutation(len(who)):
            for language in ("zh", "en"):
                text = texts.chapter(who[i], "general", language, rng)
                yield {"text": text, "url": f"https://example.org/{who[i].name.en}"}


def _graph(entity: Entity) -> dict:
    lists = {field: [v.zh for v in entity.facts[relation]] for field, relation in GRAPH.items()}
    return {"name": entity.name.zh, "cause": entity.facts["cause"][0].zh, **lists}


def _consultations(who, vague_share: float, rng, languages=("zh", "en")) -> Iterator[dict]:
    for language in languages:
        pairs = texts.dialogues(who, "medical", language, vague_share=vague_share, rng=rng)
        for question, answer in pairs:
            yield {"questions": question, "answers": answer}


def _chat(who: tuple[Entity, ...], rng: np.random.Generator) -> Iterator[dict]:
    for language in ("zh", "en"):
        for question, answer in texts.dialogues(who, "general", language, vague_share=0, rng=rng):
            said = [("human", question), ("gpt", answer)]
            yield {"conversations": [{"from": role, "value": text} for role, text in said]}


def _save_lines(path: Path, records: list[dict]) -> None:
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf-8")


def _save_csv(path: Path, records: list[dict]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(records[0]))
        writer.writeheader()
        writer.writerows(records)


def _strings(value: object) -> Iterator[str]:
    """Every text inside a record."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _rng(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _generator() -> str:
    """A digest of this package's source: other code makes another world."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


GENERATOR = _generator()  # at import: of the code that runs, should the files change meanwhile
