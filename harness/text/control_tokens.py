"""Control tokens that a server left in the text of a reply: stop tokens, turn headers, padding."""

import re

__all__ = ["without_control_tokens"]

_END = (
    r"<[|\uff5c](?:im_end|eot_id|eom_id|end|endoftext|end_of_text|end_of_turn|eot|eos|eod|return|"
    r"end\u2581of\u2581sentence|end_of_sentence|end_of_turn_token|end_response|end_of_solution|"
    r"end_of_role|endofturn|endofresponse|endofassistant|assistant_end|turn_end|role_end|"
    r"separator|stop|call|diff_marker|tool_calls_section_end)[|\uff5c]>"
    r"|</s>|<eos>|<eod>|<eot>|<end_of_turn>|<turn\|>|<end_of_utterance>|<end_of_text>|<endoftext>"
    r"|<EOS_TOKEN>|<\|endofturn\|>|\[EOS\]|\[e~\[|<reserved_\d+>|<extra_id_\d+>"
)
"""After one of these the reply is over: what follows is another turn, made up."""
_HEADER = (
    r"<\|im_start\|>\s*assistant\s*\n?|<\|start\|>\s*assistant|<start_of_turn>\s*model\s*\n?"
    r"|<\|start_header_id\|>\s*assistant\s*<\|end_header_id\|>|<\|turn>\s*model\s*\n?"
    r"|<[|\uff5c]assistant(?:_start)?[|\uff5c]>|<\|start_of_role\|>\s*assistant\s*<\|end_of_role\|>"
    r"|<[|\uff5c](?:begin_of_text|bos|begin\u2581of\u2581sentence|startoftext|start_response|"
    r"begin_of_solution|chatbot_token|start_of_turn_token|message|sep)[|\uff5c]>"
    r"|<s>|<bos>|<unk>|\[/INST\]"
)
_OTHER_TURN = (
    r"<\|im_start\|>\s*(?:user|system|tool)|<\|start_header_id\|>\s*(?:user|system)"
    r"|\[INST\]|<start_of_turn>\s*user|<\|turn>\s*user|<[|\uff5c](?:user|system|observation)[|\uff5c]>"
)
_LEADING = re.compile(rf"(?:\s*(?:{_HEADER}))+", re.IGNORECASE)
_ENDS = re.compile(rf"(?P<other>{_OTHER_TURN})|(?P<end>{_END})", re.IGNORECASE)
_BEFORE_TAG = re.compile(rf"(?:\s*(?:{_END}))+(?=\s*<\s*/\s*answer\s*>)", re.IGNORECASE)
_CLOSES = re.compile(rf"\s*(?:$|\n|{_HEADER}|{_END}|{_OTHER_TURN})", re.IGNORECASE)
_PADDING = re.compile(r"<pad>|\[PAD\]|<\|pad(?:ding)?\|>", re.IGNORECASE)
_FINAL = re.compile(r"\[BEGIN FINAL RESPONSE\]|\[END FINAL RESPONSE\]|</?SOLUTION>")
_QUOTING = "\"'`(\u201c\u2018\u00ab"


def without_control_tokens(text: str) -> str:
    """`text` without leading headers, up to the token that ends the turn.

    A token that is spoken of (in quotes, or in the middle of a sentence) ends nothing.
    """
    if not any(sign in text for sign in "<["):
        return text
    text = _BEFORE_TAG.sub("", _FINAL.sub("\n", _PADDING.sub("", text)))
    leading = _LEADING.match(text)
    start = leading.end() if leading else 0
    while (stop := _ENDS.match(text, _blank(text, start))) and stop["end"] is not None:
        start = stop.end()  # a token before any text ends the prompt, not the reply
        leading = _LEADING.match(text, start)
        start = leading.end() if leading else start
    for found in _ENDS.finditer(text, start):
        if found["other"] is not None or _ends_turn(text, start, found):
            return text[start : found.start()]
    return text[start:]


def _blank(text: str, start: int) -> int:
    while start < len(text) and text[start].isspace():
        start += 1
    return start


def _ends_turn(text: str, start: int, found: re.Match[str]) -> bool:
    before = text[start : found.start()]
    if _CLOSES.match(text, found.end()):
        return before[-1:] not in tuple(_QUOTING)
    if found["end"] == "</s>" and "<s>" in text[: found.start()]:
        return False  # struck out, not ended
    return not before[-1:].isspace() and before[-1:] not in tuple(_QUOTING)
