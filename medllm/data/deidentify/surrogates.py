"""What takes the place of an identifier: of the same form, and to be told as invented.

One identifier has one surrogate all over a document, and documents do not share theirs, so
they cannot be linked by them. Telephones, cards and addresses of the net are of ranges that
are given to nobody; names are those of Chinese case books (赵某甲) and American courts (Doe,
Roe); what is a number counts up in the order of appearance.
"""

import hmac
from collections.abc import Sequence

from medllm.data.deidentify import forms
from medllm.data.deidentify.calendar import shifted, year_of
from medllm.data.deidentify.rule import Found
from medllm.data.deidentify.words_en import GIVEN as GIVEN_EN
from medllm.data.deidentify.words_zh import COMPOUND

SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
STEMS = "甲乙丙丁戊己庚辛壬癸"
LAST = "Doe Roe Poe Coe Hoe Loe Moe Noe Soe Voe Boe Goe"
GIVEN = "Alex Casey Jamie Jordan Morgan Riley Robin Sam Taylor Terry Jessie Leslie"
TOWNS = "Anytown Othertown Sometown Newtown Oldtown Uptown Midtown Downtown"
WEEKS = 104


class Surrogates:
    """Those of one document.

    Args:
        key: of the document, secret.
        is_tagged: whether they are tags, "<姓名1>".
        names: the whole names in the document, for a tag of somebody's surname alone.
    """

    def __init__(self, key: bytes, *, is_tagged: bool, names: Sequence[str]) -> None:
        self._key, self._is_tagged, self._names = key, is_tagged, names
        self._numbers: dict[str, dict[str, int]] = {}
        self._picked: dict[tuple[str, str], str] = {}
        # Whole weeks: a Monday stays a Monday. Back: no date is moved into the future.
        self._days = -7 * (1 + self._draw("weeks") % WEEKS)
        self._year = 2001  # of the last date that named one

    def of(self, found: Found) -> str:
        """The surrogate of one identifier."""
        if self._is_tagged:
            what = self._person(found.text) if found.kind == "name" else forms.bare(found.text)
            return forms.tag(found, self._number(found.kind, what))
        match found.kind:
            case "date":
                self._year = year_of(found) or self._year
                return shifted(found, self._days, year=self._year)
            case "age":
                return forms.age(found.text)
            case "name" if found.language == "zh":
                return self._name_zh(found.text)
            case "name":
                name = self._name_en(found.text)
                return name.upper() if found.text.isupper() else name
            case "hospital" if found.language == "en":
                return forms.hospital_en(found.text, self._pick(TOWNS.split(), "town", found.text))
        number = self._number(found.kind, forms.bare(found.text).upper())
        if found.kind == "identity_card":
            return forms.identity_card(found.text, number, self._days)
        return forms.numbered(found, number)

    def _name_zh(self, name: str) -> str:
        name = name.replace(" ", "")
        if "·" in name:
            return "某" + self._stem(name)
        size = 2 if name[:2] in COMPOUND.split() else 1
        surname, given = name[:size], name[size:]
        new = self._pick(SURNAMES, "surname", surname)
        if not given or not given[0].isalpha() or given[0] in "某xXoO":
            return new + given  # hidden by the author already
        return new + ("" if len(given) == 1 else "某") + self._stem(given)

    def _name_en(self, name: str) -> str:
        if ", " in name:
            last, given = name.split(", ")
            return f"{self._name_en(last)}, {self._given_en(given.split()[0])}"
        words = name.split()
        if len(words) == 1 and name in GIVEN_EN.split():
            return self._given_en(name)
        last = self._pick(LAST.split(), "last", words[-1].upper())
        given = words[0] if len(words) > 1 and words[0][0].isupper() else ""
        return f"{self._given_en(given)} {last}" if given else last

    def _given_en(self, name: str) -> str:
        new = self._pick(GIVEN.split(), "given", name.upper())
        return new[0] + "." if name.endswith(".") else new

    def _stem(self, given: str) -> str:
        tens, ones = divmod(self._number("given", given) - 1, len(STEMS))
        return (STEMS[tens - 1] if tens else "") + STEMS[ones]

    def _person(self, name: str) -> str:
        """The first whole name that `name` is the surname of; else itself."""
        for whole in self._names:
            if whole != name and (whole.startswith(name) or name in whole.replace(",", "").split()):
                return whole
        return name

    def _number(self, kind: str, text: str) -> int:
        numbers = self._numbers.setdefault(kind, {})
        return numbers.setdefault(text, len(numbers) + 1)

    def _pick(self, pool: Sequence[str], what: str, original: str) -> str:
        """One of `pool`, drawn by the key; not the original, nor one that is taken."""
        if (what, original) not in self._picked:
            taken = {new for (which, _), new in self._picked.items() if which == what}
            first = self._draw(f"{what}:{original}")
            turn = [pool[(first + at) % len(pool)] for at in range(len(pool))]
            free = [new for new in turn if new not in taken and new.upper() != original.upper()]
            self._picked[what, original] = (free or turn)[0]
        return self._picked[what, original]

    def _draw(self, what: str) -> int:
        return int.from_bytes(hmac.digest(self._key, what.encode(), "sha256")[:8], "big")
