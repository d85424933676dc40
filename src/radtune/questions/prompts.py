"""What the question writer is asked.

The wording is code, not a text file, so that the code digest of the step covers it. Raise ``PROMPT_VERSION`` with
every change.

The rules are those of MedM's MedPix prompt: answerable with the image alone, no measurements, no history, answers taken
from the caption. The three worked examples make a model of 135 million parameters keep to the form; a larger one only
gains from them. They were written for radtune and describe no real image.
"""

from __future__ import annotations

Message = dict[str, str]
"""One turn of a chat: ``role`` and ``content``."""

PROMPT_VERSION = "1"

INSTRUCTION = (
    "Write {pairs} short questions about the image that the caption describes, each with its answer. Take the answers from the"
    " caption, word for word. Do not ask about sizes, dates, age or history."
)

EXAMPLES: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Axial CT of the abdomen with a hypodense lesion in the left lobe of the liver.",
        (("In which plane is the CT?", "Axial."), ("Where is the lesion?", "In the left lobe of the liver.")),
    ),
    (
        "Frontal chest radiograph demonstrating a right pleural effusion.",
        (("What does the radiograph show?", "A right pleural effusion."), ("Which part of the body is shown?", "The chest.")),
    ),
    (
        "T2-weighted sagittal MRI of the lumbar spine, to the left of the midline.",
        (("Which part of the body is shown?", "The lumbar spine."), ("In which plane is the MRI?", "Sagittal.")),
    ),
)


def question_prompt(caption: str, pairs: int) -> list[Message]:
    """The chat that asks for ``pairs`` question–answer pairs about ``caption``, worked examples first."""
    messages: list[Message] = []
    for example, written in EXAMPLES:
        answer = "\n".join(f"Q: {question}\nA: {answer}" for question, answer in written[:pairs])
        messages.append({"role": "user", "content": f"Caption: {example}"})
        messages.append({"role": "assistant", "content": answer})
    messages.append({"role": "user", "content": f"Caption: {caption}"})
    # In the first turn, not in a system turn, which some models' chat templates refuse; once, because prompts cost time.
    messages[0]["content"] = f"{INSTRUCTION.format(pairs=pairs)}\n\n{messages[0]['content']}"
    return messages
