"""The offline provider: deterministic rules instead of a language model, with no network.

An honest stand-in, named as such in every artifact it makes. It sees what a model would see: the filled-in fields of
the prompt and the clip itself, which it measures (colours, motion, tones) rather than understands. What it writes
about a real clip is therefore true but thin.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

from llm.request import ProviderError, Reply, Request, Text
from media.blobs import blob_path
from media.facts import ClipFacts, measure, pairing_words, picture_words, sentence, sound_words
from schemas.completion import render

MODEL = "rules-1"

# Words that say nothing by themselves.
_STOP = frozenset(
    {"a", "an", "and", "are", "as", "at", "be", "by", "can", "did", "do", "does", "for", "from", "has", "have", "he"}
    | {"her", "his", "how", "in", "is", "it", "its", "no", "not", "of", "on", "or", "our", "she", "so", "than", "that"}
    | {"the", "their", "them", "then", "there", "they", "this", "to", "was", "we", "were", "what", "when", "where"}
    | {"which", "while", "who", "why", "will", "with", "you", "your"}
)

_STATEMENT = re.compile(r"(?<=[.!?;])\s+|\n")
_MOVES = frozenset({"left", "right", "up", "down", "still", "about"})
_SOUNDS = frozenset({"beep", "tone", "sound", "noise", "voice", "music", "speech", "heard", "said", "say", "silence"})
_UNHEARD = {"sound": "none", "tones": (), "decibels": None}
_SAME_MEANING = {
    "shape": "figure",
    "moves": "goes",
    "picture": "image",
    "beep": "peep",
    "beeps": "peeps",
    "shows": "presents",
}


class Offline:
    async def send(self, request: Request, blobs: Path) -> Reply:
        if request.prompt not in _RULES:
            raise ProviderError("rejected", f"the offline provider has no rule for prompt {request.prompt!r}")
        text = _RULES[request.prompt](request, blobs)
        words = sum(len(value.split()) for value in request.fields.values())
        return Reply(
            text=text,
            request_id=f"offline-{request.identity[:16]}",
            input_tokens=words,
            output_tokens=len(text.split()),
        )

    async def close(self) -> None:
        """Nothing is open."""


def connect(state: Path) -> Offline:
    del state
    return Offline()


def _rewrite(request: Request, blobs: Path) -> str:
    fields = request.fields
    if fields["context"] and fields["think"]:
        return render(fields["context"], fields["think"], fields["answer"])
    facts = _facts(request, blobs)
    context = _scene(facts, fields)
    return render(context, _reasoning(context, facts, fields), fields["answer"])


def _scene(facts: ClipFacts | None, fields: dict[str, str]) -> str:
    """What can be measured, then what the row adds to it: a text that mostly repeats the scene adds nothing."""
    scene = sentence(facts) if facts else ""
    for text in (fields["description"], fields["subtitles"]):
        said = words(text)
        if 2 * len(said - words(scene)) > len(said):
            scene = f"{scene} {text}".strip()
    return scene


def _reasoning(context: str, facts: ClipFacts | None, fields: dict[str, str]) -> str:
    """The evidence that bears most on answer and question, then the answer in words and as given."""
    gold, asked = words(fields["gold_text"]), words(fields["question"])
    clauses = re.split(r"(?<=[.!?])\s+|\n", context)
    if facts:
        clauses += pairing_words(facts).split(" , ")
    evidence = max(clauses, key=lambda clause: (len(words(clause) & gold), len(words(clause) & asked)))
    conclusion = f"{fields['gold_text']} {fields['answer']}" if fields["options"] else fields["gold_text"]
    return f"{evidence.strip(' .')} : {conclusion} ."


def _rate(request: Request, blobs: Path) -> str:
    """Scores by what words are shared: an answer that the picture's or the sound's facts name depends on it."""
    fields = request.fields
    gold = words(fields["gold_text"])
    facts = _facts(request, blobs)
    seen, heard = (picture_words(facts), sound_words(facts)) if facts else ("", "")
    options = [line.split(". ", 1)[-1] for line in fields["options"].splitlines()]
    clear = fields["question"].strip() and len(set(options)) == len(options)
    supported = bool(gold & words(fields["context"]))
    return json.dumps(
        {
            "video_dependency": _scored(bool(gold & words(seen)), "the picture's facts name the answer"),
            "audio_dependency": _scored(bool(gold & words(heard)), "the sound's facts name the answer"),
            "question_logic": _scored(bool(clear), "the options differ from each other"),
            "answer_correctness": _scored(supported, "the description names the answer"),
            "category": _category(gold, seen, heard),
        }
    )


def _category(gold: set[str], seen: str, heard: str) -> str:
    if gold & words(seen):
        return "action" if gold & _MOVES else "appearance"
    return "sound" if gold & words(heard) else "other"


def _facts(request: Request, blobs: Path) -> ClipFacts | None:
    """The measured clip; None for a row without media."""
    paths = {part.kind: blob_path(blobs, part.digest) for part in request.media}
    if not paths:
        return None
    facts = measure(video=paths.get("video"), audio=paths.get("audio"), image=paths.get("image"))
    return facts if request.video.sound else facts.model_copy(update=_UNHEARD)


def _scored(holds: bool, what: str) -> dict[str, object]:
    return {"score": 1.0 if holds else 0.5, "rationale": what if holds else f"not found that {what}"}


def _judge_context(request: Request, blobs: Path) -> str:
    """Share of the reference's words that the candidate has too."""
    del blobs
    reference, candidate = words(request.fields["reference"]), words(request.fields["candidate"])
    covered = len(reference & candidate) / len(reference) if reference else 0.0
    return json.dumps({"score": round(5 * covered, 2)})


def _judge_logic(request: Request, blobs: Path) -> str:
    """Points for facts taken from the description, for nothing added to it, and for ending in the given answer."""
    del blobs
    fields = request.fields
    thought, described = words(fields["reasoning"]), words(fields["description"])
    if not thought or not _ends_in(fields["reasoning"], fields["answer"]):
        return json.dumps({"score": 0})
    allowed = described | words(fields["question"]) | words(fields["answer"])
    used = len(thought & described) / len(thought)
    grounded = len(thought & allowed) / len(thought)
    return json.dumps({"score": round(1 + 2 * min(1.0, 2 * used) + 2 * grounded, 2)})


def _judge_consistency(request: Request, blobs: Path) -> str:
    """Whether the reasoning ends in the words of the answer."""
    del blobs
    return json.dumps({"score": 5 if _ends_in(request.fields["reasoning"], request.fields["answer"]) else 2.5})


def _predict(request: Request, blobs: Path) -> str:
    """The option with most words of what is measured, the first of those alike, in the blocks of the asked format."""
    facts = _facts(request, blobs)
    scene = sentence(facts) if facts else "Nothing is shown."
    options = [line.partition(". ") for line in request.fields["options"].splitlines()]
    best = max(options, key=lambda option: len(words(option[2]) & words(scene)), default=("", "", scene))
    answer = best[0] or best[2]
    blocks = {"context": scene, "think": f"{best[2]} {best[0]}".strip(), "answer": answer}
    wanted = [name for name in blocks if f"<{name}>" in _said(request)]
    return "".join(f"<{name}>{blocks[name]}</{name}>" for name in wanted) or answer


def _said(request: Request) -> str:
    return "".join(part.text for message in request.messages for part in message.parts if isinstance(part, Text))


def _judge_answer(request: Request, blobs: Path) -> str:
    """F1 of the words of answer and reference."""
    del blobs
    reference, answer = words(request.fields["reference"]), words(request.fields["answer"])
    both = len(reference & answer)
    return json.dumps({"score": round(10 * both / (len(reference) + len(answer)), 2) if both else 0})


def _paraphrase(request: Request, blobs: Path) -> str:
    """The statements in reverse order, with some words changed for others of the same meaning."""
    del blobs
    statements = [text for text in _STATEMENT.split(request.fields["description"]) if words(text)]
    return " ".join(
        re.sub(r"[^\W_]+", lambda found: _SAME_MEANING.get(found[0].lower(), found[0]), statement)
        for statement in reversed(statements)
    )


def _specificity(request: Request, blobs: Path) -> str:
    """Every content word is taken for a fact: of the sound in a statement that names a sound, else of the picture."""
    del blobs
    quoted: dict[str, list[str]] = {"picture": [], "sound": []}
    for statement in _STATEMENT.split(request.fields["description"]):
        kind = "sound" if words(statement) & _SOUNDS else "picture"
        quoted[kind] += [word for word in re.findall(r"[^\W_]+", statement) if words(word)]
    return json.dumps(quoted)


def words(text: str) -> set[str]:
    """The content words of a text, lower case, plurals as singulars."""
    found = (word for word in re.findall(r"[^\W_]+", text.lower()) if word not in _STOP)
    return {word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in found}


def _ends_in(reasoning: str, answer: str) -> bool:
    """Whether the last words of the reasoning are the answer given."""
    tail = re.findall(r"[^\W_]+", reasoning.lower())
    wanted = re.findall(r"[^\W_]+", answer.lower())
    return bool(wanted) and tail[-len(wanted) :] == wanted


_RULES: dict[str, Callable[[Request, Path], str]] = {
    "rewrite": _rewrite,
    "rate": _rate,
    "judge_context": _judge_context,
    "judge_logic": _judge_logic,
    "judge_answer": _judge_answer,
    "judge_consistency": _judge_consistency,
    "predict": _predict,
    "paraphrase": _paraphrase,
    "specificity": _specificity,
}
