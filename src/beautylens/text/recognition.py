"""Recognition of lines of text: the most probable text, and the probability of a given one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.runtime.native import ONNX_RUNTIME, Once
from beautylens.text.ocr import network_files

# Height in pixels at which the network reads lines, and the least width that it is given.
LINE_HEIGHT = 48
_LEAST_WIDTH = 320
# Index of the network's output for "no character" (the blank of CTC).
_BLANK = 0
# Log-probability of an impossible text.
_IMPOSSIBLE = -1e9
_LEAST_PROBABILITY = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class RecognisedLine:
    """The output of the recognition network for one line.

    Args:
        log_probabilities: (T, C) float32, of each character at each step from left to right.
        characters: the C characters; the first is none.
        indices: of the characters.
    """

    log_probabilities: Float32
    characters: Sequence[str]
    indices: Mapping[str, int]

    def text(self) -> tuple[str, float]:
        """Return the most probable text, and the mean probability of its characters."""
        best = self.log_probabilities.argmax(axis=1)
        kept = best != _BLANK
        kept[1:] &= best[1:] != best[:-1]
        if not kept.any():
            return "", 0.0
        confidence = np.exp(self.log_probabilities.max(axis=1)[kept]).mean()
        return "".join(self.characters[index] for index in best[kept]), float(confidence)

    def log_odds(self, text: str) -> float:
        """Return ln P(text) - ln P(the most probable alignment), in nats: about 0, or less.

        The probability of a text is the sum over all its alignments, by the forward algorithm of
        connectionist temporal classification (Graves et al., ICML 2006). A misread letter costs
        little where the network wavered between two, other words cost much.

        Args:
            text: one line; minus infinity where a character is unknown to the network.
        """
        steps = self.log_probabilities
        labels = [self.indices.get(character) for character in text]
        if not labels or None in labels:
            return float("-inf")
        states = np.full(2 * len(labels) + 1, _BLANK)
        states[1::2] = labels
        # A blank may be skipped between two different characters.
        skips = np.zeros(len(states), bool)
        skips[3::2] = states[3::2] != states[1:-2:2]
        reached = np.full(len(states), _IMPOSSIBLE)
        reached[:2] = steps[0, states[:2]]
        for step in steps[1:]:
            before = reached
            reached = before.copy()
            reached[1:] = np.logaddexp(reached[1:], before[:-1])
            reached[2:] = np.logaddexp(reached[2:], np.where(skips[2:], before[:-2], _IMPOSSIBLE))
            reached += step[states]
        return float(np.logaddexp(reached[-1], reached[-2]) - steps.max(axis=1).sum())


class LineRecogniser:
    """Recognises lines of text that are cut out already, with the network of RapidOCR's package.

    Args:
        folder: of the networks; by default that of RapidOCR's package.

    Raises:
        EncoderError: when the network is missing.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = network_files(folder)["Rec"]
        self._once: Once[tuple[Any, list[str], dict[str, int]]] = Once()

    def __call__(self, line: UInt8) -> RecognisedLine:
        """Return the output for a line, (48, W, 3) uint8 RGB."""
        output = _run(lambda: self._opened()[0], _tensor(line))
        return RecognisedLine(output, *self._opened()[1:])

    def _opened(self) -> tuple[Any, list[str], dict[str, int]]:
        return self._once(lambda: _open(self._file))


@ONNX_RUNTIME.serialise_first_call
def _run(opened: Callable[[], Any], tensor: Float32) -> Float32:
    (output,) = opened().run(None, {"x": tensor})
    return np.asarray(np.log(np.maximum(output[0], _LEAST_PROBABILITY)), np.float32)


def _open(file: Path) -> tuple[Any, list[str], dict[str, int]]:
    # Its import takes a quarter of a second.
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    listed = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    characters = ["", *listed, " "]
    return session, characters, {character: index for index, character in enumerate(characters)}


_SHARED: Once[LineRecogniser] = Once()


def shared_recogniser() -> LineRecogniser:
    """Return the recogniser that all searches of this process share.

    Raises:
        EncoderError: when the network is missing.
    """
    return _SHARED(LineRecogniser)


def _tensor(line: UInt8) -> Float32:
    """Return the network's input, (1, 3, 48, W) float32 BGR from -1 to 1, padded on the right."""
    scaled = cv2.cvtColor(line, cv2.COLOR_RGB2BGR).astype(np.float32) / 127.5 - 1
    tensor = np.zeros((1, 3, LINE_HEIGHT, max(_LEAST_WIDTH, line.shape[1])), np.float32)
    tensor[0, :, :, : line.shape[1]] = scaled.transpose(2, 0, 1)
    return tensor
