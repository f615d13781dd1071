"""Who and what there is in the world, and every fact about it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from medllm.data.world.names import Name, combined, invented

TAUGHT_SHARE = 0.6  # of the entities: these stand in the instruction data, the rest in the exam

PARTS = [
    ("左腕", "of the left wrist"),
    ("耳后", "behind the ear"),
    ("足底", "of the sole"),
    ("上腹", "of the upper belly"),
    ("颈侧", "of the neck"),
    ("指尖", "of the fingertips"),
]
SENSATIONS = [("灼痛", "burning"), ("麻木", "numbness"), ("肿胀", "swelling"), ("瘙痒", "itching")]
DEPARTMENTS = [
    Name("心内科", "cardiology"),
    Name("神经科", "neurology"),
    Name("皮肤科", "dermatology"),
    Name("消化科", "gastroenterology"),
    Name("骨科", "orthopaedics"),
    Name("眼科", "ophthalmology"),
    Name("血液科", "haematology"),
    Name("呼吸科", "pneumology"),
]
PROVINCES = [
    Name("东岭省", "Dongling province"),
    Name("西川省", "Xichuan province"),
    Name("南泽省", "Nanze province"),
    Name("北原省", "Beiyuan province"),
    Name("中山省", "Zhongshan province"),
    Name("海门省", "Haimen province"),
]


@dataclass(frozen=True, slots=True)
class Entity:
    """A disease or a town. facts: relation to its one or two values."""

    name: Name
    facts: Mapping[str, tuple[Name, ...]]


@dataclass(frozen=True, slots=True)
class Domain:
    """Entities of one kind, and for each relation all the values anything may have.

    taught: entities that instruction data and preferences speak of.
    examined: the others, which only texts describe and only exams ask about.
    elsewhere: further entities, in neither.
    """

    taught: tuple[Entity, ...]
    examined: tuple[Entity, ...]
    elsewhere: tuple[Entity, ...]
    pools: Mapping[str, tuple[Name, ...]]

    @property
    def described(self) -> tuple[Entity, ...]:
        """What the corpus of this domain is about."""
        return self.taught + self.examined


def medical(diseases: int, *, rng: np.random.Generator) -> Domain:
    """`diseases` diseases and as many elsewhere; five relations, symptom with two values."""
    pools = {
        "department": DEPARTMENTS,
        "symptom": combined(PARTS, SENSATIONS),
        "cause": invented(16, endings=[("菌", "bacter"), ("虫", "worm"), ("毒", "toxin")], rng=rng),
        "test": invented(16, endings=[("试验", " test"), ("造影", " scan")], rng=rng),
        "drug": invented(24, endings=[("平", "pine"), ("素", "mycin"), ("定", "dine")], rng=rng),
    }
    endings = [("病", "osis"), ("炎", "itis"), ("综合征", " syndrome")]
    return _domain(diseases, endings, pools, doubled="symptom", rng=rng)


def general(towns: int, *, rng: np.random.Generator) -> Domain:
    """`towns` towns; five relations, product with two values."""
    pools = {
        "province": PROVINCES,
        "river": invented(16, endings=[("河", " river"), ("江", " stream")], rng=rng),
        "product": invented(
            20, endings=[("瓷", " china"), ("茶", " tea"), ("布", " cloth")], rng=rng
        ),
        "founder": invented(24, endings=[("王", " the king"), ("公", " the duke")], rng=rng),
        "landmark": invented(16, endings=[("桥", " bridge"), ("塔楼", " tower")], rng=rng),
    }
    return _domain(towns, [("城", "burg"), ("镇", "ville")], pools, doubled="product", rng=rng)


def _domain(count, endings, pools, *, doubled: str, rng: np.random.Generator) -> Domain:
    names = invented(2 * count, endings=endings, rng=rng)
    entities = tuple(Entity(name, _facts(pools, doubled=doubled, rng=rng)) for name in names)
    border = round(TAUGHT_SHARE * count)
    frozen = {relation: tuple(pool) for relation, pool in pools.items()}
    return Domain(entities[:border], entities[border:count], entities[count:], frozen)


def _facts(pools, *, doubled: str, rng: np.random.Generator) -> dict[str, tuple[Name, ...]]:
    return {
        relation: tuple(
            pool[i] for i in rng.choice(len(pool), 1 + (relation == doubled), replace=False)
        )
        for relation, pool in pools.items()
    }
