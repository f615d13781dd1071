"""Records that are lines, a whole text, or stanzas of an ontology."""

import json

from medllm.data.source.format import stream
from medllm.data.source.format.raw import Raw, Records
from medllm.data.source.record import Malformed, Record


def json_lines(raw: Raw) -> Records:
    """One JSON value per line; empty lines are passed over."""
    for number, line in raw.lines():
        if isinstance(line, Malformed):
            yield number, line
        elif line.strip():
            yield number, _parsed(line)


def lines(raw: Raw) -> Records:
    """One text per line; empty lines are passed over."""
    for number, line in raw.lines():
        if isinstance(line, Malformed):
            yield number, line
        elif line.strip():
            yield number, {"text": line.rstrip("\r\n")}


def whole(raw: Raw) -> Records:
    """One text per file, or those that `raw.at` stands between."""
    if raw.at:
        yield from _between(raw, raw.at)
        return
    with stream.characters(raw.path, raw.encoding, None) as file:
        text = file.read(raw.longest)
    if len(text) == raw.longest:
        yield 1, stream.too_long(raw.longest, text[: stream.EXCERPT])
    else:
        yield 1, {"text": text, "name": raw.name}


def ontology(raw: Raw) -> Records:
    """One [Term] of OBO 1.2 or 1.4, numbered by its first line; its values as written."""
    first, kind, stanza = 0, "", list[str]()
    for number, line in raw.lines():
        if isinstance(line, Malformed):
            yield number, line
        elif line.startswith("["):
            if kind == "[Term]":
                yield first, _term(stanza)
            first, kind, stanza = number, line.strip(), []
        else:
            stanza.append(line)
    if kind == "[Term]":
        yield first, _term(stanza)


def _between(raw: Raw, separator: str) -> Records:
    """The texts between separators, numbered by their first line."""
    first, text = 1, ""
    for number, line in raw.lines():
        if isinstance(line, Malformed):
            yield number, line
            continue
        text += line.rstrip("\r\n") + "\n"
        if text.endswith(separator):
            if text.strip():
                yield first, {"text": text.removesuffix(separator), "name": raw.name}
            first, text = number + 1, ""
    if text.strip():
        yield first, {"text": text, "name": raw.name}


def _parsed(line: str) -> Record | Malformed:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        return Malformed(f"not JSON: {error.msg} at column {error.colno}", line)
    except (ValueError, RecursionError) as error:  # a number too long, lists too deep
        return Malformed(f"not JSON that can be read: {error}", line)


def _term(stanza: list[str]) -> Record:
    term: dict[str, str | list[str]] = {}
    for line in stanza:
        tag, colon, value = line.partition(":")
        tag, value = tag.strip(), value.strip()
        if not colon or tag.startswith("!"):
            continue
        if tag in ("id", "name", "def"):
            term[tag] = value
        else:
            values = term.setdefault(tag, [])
            assert isinstance(values, list), "only the three above are text"
            values.append(value)
    return term
