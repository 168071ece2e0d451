"""The explicit gradient of the attention layer against autograd through its formulas."""

import pytest
import torch

from export_tools.melody.attention import AttentionLayer

HIDDEN = 3


def plain(x, size, wh, wm, k, q, qb, v, o, ob):
    """The formulas in AttentionLayer's docstring, one step after the other."""
    h = c = m = x.new_zeros(x.shape[1], HIDDEN)
    past = [torch.zeros_like(h)] * size
    for gates in x:
        i, f, g, out = (gates + h @ wh + m @ wm).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = out.sigmoid() * c.tanh()
        window = torch.stack(past[-size:], 1)
        score = torch.tanh(window @ k + (torch.cat([c, h], 1) @ q + qb)[:, None]) @ v
        m = (score.softmax(1)[:, :, None] * window).sum(1)
        past.append(torch.cat([h, m], 1) @ o + ob)
    return torch.stack(past[size:], 1)


def inputs(time, batch):
    """All inputs with a gradient, in double precision, large enough for the nonlinear parts."""
    n = HIDDEN
    shapes = [(time, batch, 4 * n), (n, 4 * n), (n, 4 * n), (n, n), (2 * n, n), (n,), (n,), (2 * n, n), (n,)]
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize(("time", "size"), [(4, 7), (11, 3), (6, 6), (5, 1), (1, 4)])
@pytest.mark.parametrize("batch", [1, 3])
def test_outputs_and_gradients_are_those_of_the_formulas(time, size, batch):
    x, *weights = tensors = inputs(time, batch)
    ours, theirs = AttentionLayer.apply(x, size, *weights), plain(x, size, *weights)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    weighting = torch.randn(ours.shape, dtype=torch.float64)
    names = ("x", "wh", "wm", "k", "q", "qb", "v", "o", "ob")
    pairs = zip(*(torch.autograd.grad((y * weighting).sum(), tensors) for y in (ours, theirs)), strict=True)
    for name, (given, expected) in zip(names, pairs, strict=True):
        torch.testing.assert_close(
            given, expected, rtol=1e-9, atol=1e-11, msg=lambda text, name=name: f"{name}: {text}"
        )
        assert expected.any() or min(time, size) == 1, f"{name} is tested; a single score tells its weights nothing"


def test_the_gradient_is_that_of_the_function_itself():
    x, *weights = inputs(4, 2)
    assert torch.autograd.gradcheck(lambda x, *weights: AttentionLayer.apply(x, 2, *weights), (x, *weights))
