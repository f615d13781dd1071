"""Chat templates: how turns become text. Jinja, as data in conf/model/template.

The assistant's words *and the end token after them* stand between {% generation %} and
{% endgeneration %}, which is how `data.tokenise` knows what is learnt. The template is
saved with the tokenizer, so a server renders what the model was trained on.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medllm.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")


@dataclass(frozen=True, kw_only=True)
class Template:
    """jinja: the template; null for a model that reads plain text."""

    jinja: str | None

    def dress(self, tokenizer: "PreTrainedTokenizerFast") -> "PreTrainedTokenizerFast":
        """Give `tokenizer` this template.

        Raises:
            ConfigError: if the template does not mark what the assistant says.
        """
        if self.jinja is not None and not GENERATION.search(self.jinja):
            raise ConfigError(
                ["model.template.jinja has no {% generation %} block, so nothing would be learnt"]
            )
        tokenizer.chat_template = self.jinja
        return tokenizer
