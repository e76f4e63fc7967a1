"""The training arithmetic is the published architecture's."""

import torch

from model.training.architecture import new_model, tokenizer
from model.training.forward import Look, see, think


def test_forward_equals_transformers() -> None:
    model = new_model().eval()
    words = tokenizer()
    pixels = torch.randint(0, 256, (1, 28 * 5, 28 * 9, 3), dtype=torch.uint8)
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711])
    x = ((pixels[0] / 255 - mean) / std).view(5, 2, 14, 9, 2, 14, 3).permute(0, 3, 1, 4, 6, 2, 5)
    rows = x.reshape(-1, 3, 1, 14, 14).expand(-1, -1, 2, -1, -1).reshape(-1, 1176)
    grid = torch.tensor([[1, 10, 18]])
    text = words("<|vision_start|>" + "<|image_pad|>" * 45 + "<|vision_end|>Click me")["input_ids"]
    ids = torch.tensor([text])
    kinds = (ids == model.config.image_token_id).int()
    with torch.no_grad():
        want = model(input_ids=ids, pixel_values=rows, image_grid_thw=grid, mm_token_type_ids=kinds).logits
        positions, _ = model.model.get_rope_index(ids, image_grid_thw=grid, mm_token_type_ids=kinds)
        tokens, _ = see(model.model.visual, pixels[None])
        embedded = model.model.language_model.embed_tokens(ids)
        embedded[kinds.bool()] = tokens[0]
        mask = torch.ones(1, len(text), len(text), dtype=torch.bool).tril()
        thought = think(model.model.language_model, embedded, positions, mask, [Look(3, 1, torch.tensor([[7, 50]]))])
        got = model.lm_head(thought.hidden)
    assert torch.allclose(got, want, atol=1e-4), (got - want).abs().max()
    assert torch.allclose(thought.attention[0].exp().sum(-1), torch.ones(1, 2), atol=1e-4)
    assert (thought.attention[0][0, 0, 8:] == float("-inf")).all()
