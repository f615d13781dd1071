"""Takes replies from a model: which option it finds likeliest, or what it writes.

    questions, model, tokenizer -> scorer.replies -> a Reply each, in the questions' order

Neither depends on the batch: replies equal those of one question at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from medllm.errors import ConfigError, DataError
from medllm.eval.likelihood import option_logps
from medllm.eval.rows import batches, digest, encode, left_padded, put, refuse_too_long
from medllm.types import Question, Reply


@dataclass(frozen=True, kw_only=True)
class OptionLikelihood:
    """log P(option | prompt) of every option; the likeliest is the answer, always one letter.

    Args:
        options: "letter" scores the bare letters, "text" the words of the options (a prompt
            without {options} is then the cloze form).
        prompt: with {question} and {options}, see `medllm.prompt.ask`.
        normalise: divide by the number of tokens, so that long options are not punished.
        batch_size: questions per forward pass.

    Raises:
        ConfigError: letters without {options} in the prompt, which would mean nothing.
    """

    options: Literal["letter", "text"]
    prompt: str
    normalise: bool
    batch_size: int

    def __post_init__(self) -> None:
        if self.options == "letter" and "{options}" not in self.prompt:
            raise ConfigError(
                [
                    f"benchmark.scorer.prompt={self.prompt!r} has no {{options}}, so letters "
                    "mean nothing; show them or set benchmark.scorer.options=text"
                ]
            )

    def signature(self, tokenizer: PreTrainedTokenizerBase) -> str:
        """All that moves these replies besides the model's weights."""
        return (
            f"options:{self.options}|normalise:{self.normalise:d}"
            f"|prompt:{digest(self.prompt)}|template:{_template(tokenizer)}"
        )

    def replies(
        self,
        questions: Sequence[Question],
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
    ) -> list[Reply]:
        """Replies with `logps` in nats (per token if normalised), in the questions' order.

        Raises:
            DataError: a question too long for the model, or an option without a token.
        """
        model.eval()
        prompts, options = [], []
        for question in questions:
            ids, gap = put(question, prompt=self.prompt, tokenizer=tokenizer)
            prompts.append(ids)
            options.append(self._continuations(question, gap, tokenizer))
        lengths = [len(p) + max(map(len, o)) for p, o in zip(prompts, options, strict=True)]
        refuse_too_long(questions, lengths, model)
        logps: dict[int, list[float]] = {}
        for batch in batches(lengths, size=self.batch_size, description="options"):
            part = option_logps([prompts[i] for i in batch], [options[i] for i in batch], model)
            logps |= zip(batch, part, strict=True)
        return [self._reply(q, logps[i], options[i]) for i, q in enumerate(questions)]

    def _continuations(
        self, question: Question, gap: str, tokenizer: PreTrainedTokenizerBase
    ) -> list[list[int]]:
        found = []
        for letter, text in question.options.items():
            found.append(encode(gap + (letter if self.options == "letter" else text), tokenizer))
            if not found[-1]:
                raise DataError(f"question {question.id}: option {letter}={text!r} has no token")
        return found

    def _reply(self, question: Question, logps: list[float], options: list[list[int]]) -> Reply:
        tokens = [len(option) if self.normalise else 1 for option in options]
        per_token = (logp / n for logp, n in zip(logps, tokens, strict=True))
        return Reply(question.id, logps=dict(zip(question.options, per_token, strict=True)))


@dataclass(frozen=True, kw_only=True)
class Generation:
    """What the model writes, greedily, until it ends its turn.

    Args:
        prompt: with {question} and perhaps {options}, see `medllm.prompt.ask`.
        max_new_tokens: a reply is cut there.
        batch_size: questions per forward pass.
    """

    prompt: str
    max_new_tokens: int
    batch_size: int

    def signature(self, tokenizer: PreTrainedTokenizerBase) -> str:
        """All that moves these replies besides the model's weights."""
        return (
            f"greedy|new_tokens:{self.max_new_tokens}"
            f"|prompt:{digest(self.prompt)}|template:{_template(tokenizer)}"
        )

    def replies(
        self,
        questions: Sequence[Question],
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
    ) -> list[Reply]:
        """Replies with `text`, in the questions' order.

        Raises:
            DataError: a question too long for the model.
        """
        model.eval()
        prompts = [put(q, prompt=self.prompt, tokenizer=tokenizer)[0] for q in questions]
        lengths = [len(prompt) + self.max_new_tokens for prompt in prompts]
        refuse_too_long(questions, lengths, model)
        greedy = _greedy(self.max_new_tokens, model, tokenizer)
        texts: dict[int, str] = {}
        for batch in batches(lengths, size=self.batch_size, description="replies"):
            ids, mask = left_padded([prompts[i] for i in batch], model.device)
            written = model.generate(  # pyright: ignore[reportCallIssue] (mixed into the class)
                input_ids=ids, attention_mask=mask, generation_config=greedy
            )
            new = written[:, ids.shape[1] :]
            texts |= zip(batch, tokenizer.batch_decode(new, skip_special_tokens=True), strict=True)
        return [Reply(q.id, text=texts[i].strip()) for i, q in enumerate(questions)]


def _greedy(
    max_new_tokens: int, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> GenerationConfig:
    """Plain greedy decoding, stopping at the end tokens of the model and of the tokenizer.

    What is left unset here, transformers takes from the model's own generation config;
    released chat models carry penalties there, which are no part of greedy decoding.
    """
    own = model.generation_config.eos_token_id if model.generation_config else None
    ends = [*(own if isinstance(own, list) else [own]), tokenizer.eos_token_id]
    return GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=False,
        num_beams=1,
        temperature=1.0,
        top_p=1.0,
        top_k=50,
        repetition_penalty=1.0,
        no_repeat_ngram_size=0,
        eos_token_id=sorted({end for end in ends if isinstance(end, int)}) or None,
        pad_token_id=tokenizer.pad_token_id or 0,
    )


def _template(tokenizer: PreTrainedTokenizerBase) -> str:
    template = tokenizer.chat_template
    return digest(template if template is None or isinstance(template, str) else str(template))
