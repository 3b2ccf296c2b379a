"""Embeddings as devices send them, back to vectors."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from herdbook.identity.looks import dequantise


@given(st.integers(0, 5), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_vectors_come_back_to_half_a_step_whatever_slice_they_are_in(skip: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(skip + rows, 6))
    scales = (np.abs(vectors).max(axis=1) / 127).astype(np.float32)
    sent = pa.array(list(np.rint(vectors / scales[:, None]).astype(np.int8)), pa.list_(pa.int8())).slice(skip)
    back = dequantise(sent, scales[skip:], 6)
    assert back.shape == (rows, 6)
    assert (np.abs(back - vectors[skip:]) <= scales[skip:, None] * 0.51).all()
