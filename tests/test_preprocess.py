"""Patches equal transformers' own; every kind of picture arrives upright, on white, in eight bits."""

import json
import random
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from transformers import AutoImageProcessor

from model.families import FAMILIES, QWEN2_5_VL, QWEN3_VL, TINY, Family
from model.messages import ImagePart, VideoPart
from model.preprocess import Patches, grid_of, picture_patches, prepare, resized, rgb, upright_size, video_patches
from tools.geometry import Size

SHARED = Path(__file__).parents[2] / "shared"
MODES = ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "YCbCr", "HSV", "LAB"]


def processor(family: Family, folder: Path) -> Any:
    settings = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "size": {"shortest_edge": family.min_pixels, "longest_edge": family.max_pixels},
        "patch_size": family.patch,
        "temporal_patch_size": family.temporal_patch,
        "merge_size": family.merge,
        "image_mean": family.mean,
        "image_std": family.std,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return AutoImageProcessor.from_pretrained(folder)


def noise(width: int, height: int, mode: str = "RGB", seed: int = 0) -> Image.Image:
    """Smooth shapes and hard edges and noise: where resizing goes wrong, it shows."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 9 + 1, width // 7 + 1, 4), np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.NEAREST)
    dust = rng.integers(0, 256, (height, width, 4), np.uint8)
    mixed = Image.fromarray(np.where(rng.random((height, width, 1)) < 0.3, dust, np.asarray(image)))
    return mixed if mode == "RGBA" else mixed.convert("RGB").convert(mode)


def assert_equal_to_library(image: Image.Image, family: Family, library: Any, *threads: int) -> None:
    theirs = library(images=image, return_tensors="pt")
    for count in threads or (None,):
        ours = picture_patches(image, family, count)
        assert list(ours.grid.patches) == theirs["image_grid_thw"][0].tolist()
        assert ours.values().shape == theirs["pixel_values"].shape
        # The bar is 1e-2, and one step of one colour is 1.4e-2.
        assert float((ours.values() - theirs["pixel_values"]).abs().max()) <= 1e-4


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_random_pictures_equal_the_librarys(family: Family, tmp_path: Path) -> None:
    library = processor(family, tmp_path)
    rng = random.Random(family.name)
    for seed in range(50):
        width, height = rng.randint(40, 700), rng.randint(40, 700)
        assert_equal_to_library(noise(width, height, MODES[seed % len(MODES)], seed), family, library)


def test_pictures_cut_among_threads_equal_the_librarys(tmp_path: Path) -> None:
    library = processor(QWEN2_5_VL, tmp_path)
    # The last two are among the sizes for which Pillow 13 resizes along the height first.
    for width, height in [(1001, 777), (1288, 500), (777, 1036), (1288, 728), (30, 90), (442, 396), (367, 486)]:
        assert_equal_to_library(noise(width, height), QWEN2_5_VL, library, 1, 2, 3, 7)


@pytest.mark.skipif(not SHARED.exists(), reason="the reference data is not here")
def test_shared_pictures_equal_the_librarys(tmp_path: Path) -> None:
    library = processor(QWEN2_5_VL, tmp_path)
    files = sorted((SHARED / "data/images").iterdir())
    assert len(files) >= 12
    for file in files:
        with Image.open(file) as image:
            assert_equal_to_library(image, QWEN2_5_VL, library)


def test_a_pixel_budget_shrinks_and_grows_pictures_as_the_librarys_does(tmp_path: Path) -> None:
    family = Family("qwen2.5-vl", "pixels", min_pixels=50_000, max_pixels=100_000)
    library = processor(family, tmp_path)
    for width, height in [(640, 480), (100, 60), (300, 300), (57, 900)]:
        assert_equal_to_library(noise(width, height), family, library)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(orientation: int) -> None:
    image = noise(90, 60)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = BytesIO()
    image.save(file, "PNG", exif=exif)
    shot = Image.open(file)
    upright = rgb(shot)
    assert upright.tobytes() == ImageOps.exif_transpose(shot).tobytes()
    assert rgb(upright).tobytes() == upright.tobytes()
    assert upright_size(shot) == Size(*upright.size) == upright_size(upright)
    assert torch.equal(prepare(ImagePart(shot), TINY).pixels, prepare(ImagePart(upright), TINY).pixels)


def test_what_is_transparent_is_white() -> None:
    for mode in ("RGBA", "LA", "PA"):
        assert rgb(Image.new("RGBA", (8, 8), (200, 10, 10, 0)).convert(mode)).getpixel((4, 4)) == (255, 255, 255)
    half = rgb(Image.new("RGBA", (8, 8), (0, 0, 0, 128))).getpixel((4, 4))
    assert half == (127, 127, 127)
    palette = Image.new("P", (8, 8), 3)
    palette.putpalette([10] * 768)
    palette.info["transparency"] = 3
    assert rgb(palette).getpixel((4, 4)) == (255, 255, 255)


def test_sixteen_bit_grey_is_scaled_and_not_cut_off() -> None:
    deep = np.array([[0, 257, 257 * 128, 65535]], np.uint16)
    want = [(0, 0, 0), (1, 1, 1), (128, 128, 128), (255, 255, 255)]
    for image in (Image.fromarray(deep), Image.fromarray(deep.astype(np.int32))):
        assert list(rgb(image).get_flattened_data()) == want
    assert list(rgb(Image.fromarray(np.array([[0, 200]], np.int32))).get_flattened_data()) == [(0,) * 3, (200,) * 3]
    assert list(rgb(Image.fromarray(np.array([[-3, 99.6]], np.float32))).get_flattened_data()) == [(0,) * 3, (100,) * 3]


def test_arrays_and_tensors_of_either_order_equal_the_picture() -> None:
    image = noise(97, 64)
    array = np.array(image)
    want = picture_patches(image, QWEN2_5_VL).pixels
    tensor = torch.from_numpy(array)
    for picture in (array, array.transpose(2, 0, 1), tensor, tensor.permute(2, 0, 1), np.asfortranarray(array)):
        assert torch.equal(picture_patches(picture, QWEN2_5_VL).pixels, want)
    grey = np.array(image.convert("L"))
    assert torch.equal(
        picture_patches(grey, QWEN2_5_VL).pixels, picture_patches(Image.fromarray(grey), QWEN2_5_VL).pixels
    )


@pytest.mark.parametrize("shape", [(8, 8, 2), (8,), (1, 8, 8, 3)])
def test_an_array_that_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="uint8"):
        picture_patches(np.zeros(shape, np.uint8), QWEN2_5_VL)
    with pytest.raises(ValueError, match="float32"):
        picture_patches(np.zeros((8, 8, 3), np.float32), QWEN2_5_VL)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_patches_laid_out_again_are_the_resized_picture(family: Family) -> None:
    image = noise(333, 222)
    patches = picture_patches(image, family)
    _, rows, columns = patches.grid.patches
    merge, patch = family.merge, family.patch
    cells = patches.pixels.view(rows // merge, columns // merge, merge, merge, 3, patch, patch)
    again = cells.permute(0, 2, 5, 1, 3, 6, 4).reshape(rows * patch, columns * patch, 3)
    assert torch.equal(again, torch.from_numpy(np.array(resized(image, family))))


@pytest.mark.parametrize("family", [QWEN2_5_VL, QWEN3_VL], ids=lambda family: family.name)
def test_a_still_video_is_its_frame_in_every_grid(family: Family) -> None:
    image = noise(448, 448)
    least, most = family.video_min_tokens * family.factor**2, family.video_max_tokens * family.factor**2
    picture = picture_patches(image, replace(family, min_pixels=least, max_pixels=most))
    video = video_patches([image] * 6, family)
    assert video.grid.patches == (3, *picture.grid.patches[1:])
    assert torch.equal(video.values(), picture.values().repeat(3, 1))


def test_frames_stand_in_order_and_the_odd_one_is_shown_twice() -> None:
    greys = [10, 20, 30, 40, 50]
    frames = tuple(Image.new("RGB", (336, 336), (grey,) * 3) for grey in greys)
    video = prepare(VideoPart(frames, tuple(range(5))), QWEN2_5_VL)
    pixels = video.pixels.view(3, -1, 3, 2, 196)
    assert pixels[:, 0, 0, :, 0].tolist() == [[10, 20], [30, 40], [50, 50]]
    assert (pixels == pixels[:, :1, :1, :, :1]).all()
    assert video.values().shape == (video.grid.tokens * 4, 1176)


def test_a_video_needs_frames_of_one_size() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        video_patches([], QWEN2_5_VL)
    with pytest.raises(ValueError, match="frame 1 is 50x60"):
        video_patches([noise(60, 60), noise(50, 60)], QWEN2_5_VL)


def test_the_grid_is_known_before_the_pixels_are_touched() -> None:
    for part in (ImagePart(noise(123, 45, "RGBA")), VideoPart((noise(320, 200),) * 3, (0.0, 1.0, 2.0))):
        for family in FAMILIES.values():
            assert grid_of(part, family) == prepare(part, family).grid


def test_values_of_some_rows_are_those_rows_of_the_values() -> None:
    patches = picture_patches(noise(600, 400), QWEN2_5_VL)
    some = Patches(patches.pixels[100:400], patches.grid)
    assert torch.equal(some.values(), patches.values()[100:400])
