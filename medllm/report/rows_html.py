"""Rows as HTML. Hovering a token shows its ids and its place; no script is needed.

Every colour has a second sign: what is learnt is underlined, control tokens are boxed, every
example stands in a box of its own, padding is hatched.
"""

from collections.abc import Sequence
from html import escape

from medllm.report import html
from medllm.report.rows import Piece, Segment, Side, View
from medllm.report.rows_terminal import caption, headline, told

LEGEND = """<ul class="legend">
<li><span class="t learnt">learnt</span></li>
<li><span class="t">only read</span></li>
<li><span class="t control">control token</span></li>
<li><span class="t several">characters of several tokens</span></li>
<li><span class="padding">padding</span></li>
<li>each box is an example; hover a token for its ids</li>
</ul>"""


def rows_section(views: Sequence[View], sources: Sequence[str]) -> str:
    """Every row as an article, or nothing; the order of `sources` decides their colours."""
    articles = [_article(view, sources) for view in views]
    return html.section("rows", "Rows", LEGEND, *articles) if articles else ""


def _article(view: View, sources: Sequence[str]) -> str:
    sides = "\n".join(_side(side, sources) for side in view.sides)
    if len(view.sides) > 1:
        sides = f'<div class="pair">\n{sides}\n</div>'
    return f'<article class="row">\n<h3>{escape(headline(view))}</h3>\n{sides}\n</article>'


def _side(side: Side, sources: Sequence[str]) -> str:
    title = f"<h4>{escape(f'{side.name}: {told(side)}')}</h4>\n" if side.name else ""
    segments = "\n".join(_segment(segment, sources) for segment in side.segments)
    padding = f'\n<p class="padding">{side.padding} of padding</p>' if side.padding else ""
    return f"<div>\n{title}{segments}{padding}\n</div>"


def _segment(segment: Segment, sources: Sequence[str]) -> str:
    source = html.chip(segment.source, sources.index(segment.source))
    tokens, at = [], segment.first
    for piece in segment.pieces:
        tokens.append(_token(piece, at))
        at += len(piece.ids)
    return (
        f'<div class="example"><p>{source}{escape(caption(segment))}</p>\n'
        f'<div class="text">{"".join(tokens)}</div></div>'
    )


def _token(piece: Piece, at: int) -> str:
    """E.g. <span class="t learnt" title="id 17 at 5, learnt">fever</span>."""
    fate = "learnt" if piece.is_learnt else "only read"
    kinds = {"learnt": piece.is_learnt, "control": piece.is_special, "several": len(piece.ids) > 1}
    name = " ".join(["t", *(kind for kind, is_one in kinds.items() if is_one)])
    ids = f"id{'s' * (len(piece.ids) > 1)} {' '.join(map(str, piece.ids))}"
    return f'<span class="{name}" title="{ids} at {at}, {fate}">{escape(piece.text)}</span>'
