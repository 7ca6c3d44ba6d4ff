"""Products through oneDNN against sums written out in double precision, forwards, backwards and backwards again."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from linernotes.attribution import products
from linernotes.attribution.products import has_onednn, linear, matmul, over_rows

ATOL = 2e-4  # of sums of a few hundred products of standard normal numbers, in single precision


@pytest.fixture(params=["onednn", "plain"])
def way(request, monkeypatch):
    if request.param == "onednn" and not has_onednn():
        pytest.skip("torch comes without oneDNN")
    monkeypatch.setattr(products, "has_onednn", lambda: request.param == "onednn")
    return request.param


def slow_product(x, weight, bias):
    """Every output by a loop over its terms."""
    rows = x.reshape(-1, x.shape[-1])
    out = np.zeros((len(rows), len(weight)))
    for i, row in enumerate(rows):
        for j, column in enumerate(weight):
            out[i, j] = sum(float(a) * float(b) for a, b in zip(row, column, strict=True)) + float(bias[j])
    return out.reshape(*x.shape[:-1], len(weight))


def normal(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def test_terms_written_out(way):
    x, weight, bias = normal(5, 30, 7), normal(4, 7, seed=1), normal(4, seed=2)
    np.testing.assert_allclose(linear(x, weight, bias), slow_product(x, weight, bias), atol=ATOL)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 300), st.integers(1, 40), st.integers(1, 40),
    st.sampled_from(["as it is", "turned", "every second", "one for all", "slice"]), st.booleans(),
)  # fmt: skip
def test_any_shape_and_any_layout_in_memory(n_rows, n_in, n_out, layout, with_bias):
    x = {
        "as it is": lambda: normal(n_rows, n_in),
        "turned": lambda: normal(n_in, n_rows).T,
        "every second": lambda: normal(2 * n_rows, n_in)[::2],
        "one for all": lambda: normal(1, n_in).expand(n_rows, n_in),
        "slice": lambda: normal(n_rows, n_in + 5)[:, 3 : 3 + n_in],
    }[layout]()
    weight, bias = normal(n_in, n_out, seed=1).T, normal(n_out, seed=2) if with_bias else None
    expected = x.double() @ weight.double().T + (bias.double() if with_bias else 0.0)
    torch.testing.assert_close(linear(x, weight, bias).double(), expected, atol=ATOL, rtol=0)


def test_gradients_are_those_of_double_precision(way):
    given_ = [normal(4, 50, 24), normal(36, 24, seed=1), normal(36, seed=2)]
    slope = normal(4, 50, 36, seed=3)
    found = torch.autograd.grad(linear(*(t.requires_grad_() for t in given_)), given_, slope)
    exact = [t.detach().double().requires_grad_() for t in given_]
    expected = torch.autograd.grad(exact[0] @ exact[1].T + exact[2], exact, slope.double())
    for got, want in zip(found, expected, strict=True):
        assert got.shape == want.shape
        torch.testing.assert_close(got.double(), want, atol=ATOL, rtol=0)


def test_gradient_of_a_plain_sum(way):  # the slope is one number, repeated without memory of its own
    x, weight = normal(200, 24), normal(36, 24, seed=1).requires_grad_()
    (found,) = torch.autograd.grad(linear(x, weight).sum(), [weight])
    torch.testing.assert_close(found, x.sum(dim=0).expand(36, 24), atol=ATOL, rtol=0)


def test_only_what_is_asked_for_is_differentiated(way):
    x, weight, bias = normal(200, 24), normal(36, 24, seed=1).requires_grad_(), normal(36, seed=2)
    (found,) = torch.autograd.grad(linear(x, weight, bias).square().sum(), [weight])
    expected = 2 * (x.double() @ weight.detach().double().T + bias.double()).T @ x.double()
    torch.testing.assert_close(found.double(), expected, atol=0, rtol=1e-4)


def test_second_derivatives(way):
    x, weight = normal(200, 6).requires_grad_(), normal(5, 6, seed=1).requires_grad_()

    def curvature(x, weight, product):
        (slope,) = torch.autograd.grad(product(x, weight).pow(3).sum(), [weight], create_graph=True)
        return torch.autograd.grad(slope.square().sum(), [x, weight])

    found = curvature(x, weight, linear)
    exact = [t.detach().double().requires_grad_() for t in (x, weight)]
    expected = curvature(*exact, lambda x, weight: x @ weight.T)
    for got, want in zip(found, expected, strict=True):
        assert float((got - want).abs().max()) < 1e-4 * float(want.abs().max())


@pytest.mark.parametrize("n_rows", [1, 31, 32, 64, 500])
def test_matmul_and_over_rows(way, n_rows):
    left, right = normal(n_rows, 40), normal(40, 3, seed=1)
    torch.testing.assert_close(matmul(left, right), left @ right, atol=ATOL, rtol=0)
    wide = normal(n_rows, 60, seed=2)
    torch.testing.assert_close(over_rows(left, wide), left.T @ wide, atol=ATOL, rtol=0)
    torch.testing.assert_close(over_rows(wide, left), wide.T @ left, atol=ATOL, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions_go_the_plain_way(dtype):
    x, weight = normal(200, 8).to(dtype), normal(5, 8, seed=1).to(dtype)
    found = linear(x, weight)
    assert found.dtype == dtype
    assert torch.equal(found, torch.nn.functional.linear(x, weight))


def test_a_vector_and_nothing_at_all(way):
    weight = normal(5, 8)
    torch.testing.assert_close(linear(normal(8, seed=1), weight), weight @ normal(8, seed=1))
    assert linear(normal(0, 8), weight).shape == (0, 5)
    assert linear(normal(200, 0), normal(5, 0)).abs().max() == 0


def test_a_number_that_is_none_spoils_its_row_only(way):
    x = normal(200, 8)
    x[3, 2] = float("nan")
    found = linear(x, normal(5, 8, seed=1)).isfinite().all(dim=1)
    assert found.tolist() == [row != 3 for row in range(200)]


def test_a_torch_without_the_product_is_found_out(monkeypatch):
    def missing(*given):
        raise AttributeError("no such product")

    monkeypatch.setattr(products, "_multiply", missing)
    has_onednn.cache_clear()
    try:
        assert not has_onednn()
        assert linear(normal(200, 8), normal(5, 8)).shape == (200, 5)
    finally:
        has_onednn.cache_clear()


def test_a_product_that_is_wrong_is_found_out(monkeypatch):
    monkeypatch.setattr(products, "_multiply", lambda x, weight, bias: x @ weight.T)
    has_onednn.cache_clear()
    try:
        assert not has_onednn()
    finally:
        has_onednn.cache_clear()
