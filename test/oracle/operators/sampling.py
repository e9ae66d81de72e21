"""Resampling of images, and Fourier transforms."""
import torch
import torch.nn.functional as F

from .table import case, given, ints, operator, scalar

names = {"nearest": {3: "nearest", 4: "nearest", 5: "nearest"}, "linear": {3: "linear", 4: "bilinear", 5: "trilinear"}}


def scales(*values):
    return given(values, "float32", constant=True, gradient=False)


@operator("Resize")
def resize(random):
    def made(rank, f, by_scale, how, least=1):
        shape = [random.integer(1, 2), random.integer(1, 2), *random.shape(rank - 2, 2, 4 if rank < 5 else 3)]
        factors = [random.choice([0.5, 0.75, 1, 1.25, 1.5, 2, 3]) for _ in shape[2:]]
        sizes = [max(least, int(size * factor)) for size, factor in zip(shape[2:], factors)]
        x = random.floats(shape)
        # PyTorch copies an axis whose size stays, though its scale be 1.25.
        if by_scale and all(size == int(n * factor) and (size != n or factor == 1) for size, n, factor in zip(sizes, shape[2:], factors)):
            return case([x, None, scales(1, 1, *factors)], lambda x, *_: f(x, None, factors), **how)
        return case([x, None, None, ints(*shape[:2], *sizes)], lambda x, *_: f(x, sizes, None), **how)

    for rank in (3, 4, 5):
        for by_scale in (False, True):
            floor = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            yield made(rank, lambda x, n, s: F.interpolate(x, n, s, "nearest"), by_scale, {"mode": "nearest", **floor})
            exact = {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_ceil"}
            yield made(rank, lambda x, n, s: F.interpolate(x, n, s, "nearest-exact"), by_scale, {"mode": "nearest", **exact})
            for place in ("half_pixel", "pytorch_half_pixel"):
                how = {"mode": "linear", "coordinate_transformation_mode": place}
                f = lambda x, n, s, mode=names["linear"][rank]: F.interpolate(x, n, s, mode, align_corners=False)
                yield made(rank, f, by_scale, how, least=2 if place == "pytorch_half_pixel" else 1)
        how = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
        f = lambda x, n, s, mode=names["linear"][rank]: F.interpolate(x, n, s, mode, align_corners=True)
        yield made(rank, f, False, how)
    for aligned in (False, True):
        for by_scale in (False, True):
            how = {"mode": "cubic", "coordinate_transformation_mode": "align_corners" if aligned else "half_pixel"}
            f = lambda x, n, s, aligned=aligned: F.interpolate(x, n, s, "bicubic", align_corners=aligned)
            yield made(4, f, by_scale and not aligned, how)


@operator("GridSample")
def grid_sample(random):
    for mode in ("bilinear", "nearest", "bicubic"):
        for padding in ("zeros", "border", "reflection"):
            for aligned in (0, 1):
                batch, channels = random.integer(1, 2), random.integer(1, 2)
                x = random.floats([batch, channels, *random.shape(2, 2, 5)])
                grid = random.floats([batch, *random.shape(2, 1, 3), 2], -1.7, 1.7)
                f = lambda x, grid, m=mode, p=padding, a=bool(aligned): F.grid_sample(x, grid, m, p, a)
                yield case([x, grid], f, mode=mode, padding_mode=padding, align_corners=aligned)
    inputs = [random.floats([1, 2, 1, 4]), random.floats([1, 2, 2, 2], -1, 1)]
    yield case(inputs, lambda x, grid: F.grid_sample(x, grid, align_corners=False))


@operator("RoiAlign")
def roi_align(random):
    """A region is a grid of samples, read as by grid_sample, of which each cell takes the mean. No sample is far outside."""
    for half in (True, False):
        for cells in ([1, 1], [2, 3], [3, 2]):
            samples, scale = random.integer(1, 3), random.choice([1, 0.5])
            n, channels, count, height, width = 2, random.integer(1, 2), random.integer(1, 3), random.integer(4, 6), random.integer(4, 6)
            corners = [[random.floats([], 0, 1.4).data.item(), random.floats([], 2.6, 4).data.item()] for _ in range(2 * count)]
            boxes = torch.tensor(corners, dtype=torch.float64).reshape(count, 2, 2).transpose(1, 2).reshape(count, 4) / scale

            def f(x, rois, at, half=half, cells=cells, samples=samples, scale=scale):
                def along(k, count, size):
                    start = rois[:, k] * scale - (0.5 if half else 0)
                    end = rois[:, k + 2] * scale - (0.5 if half else 0)
                    length = end - start if half else torch.clamp(end - start, min=1)
                    steps = (torch.arange(count * samples, dtype=x.dtype) + 0.5) / (count * samples)
                    return (start[:, None] + length[:, None] * steps) / (size - 1) * 2 - 1

                down, across = along(1, cells[0], x.shape[2]), along(0, cells[1], x.shape[3])
                grid = torch.stack(torch.broadcast_tensors(across[:, None, :], down[:, :, None]), -1)
                return F.avg_pool2d(F.grid_sample(x[at], grid, "bilinear", "border", True), samples)

            yield case(
                [random.floats([n, channels, height, width]), given(boxes.numpy()), random.integers([count], 0, n - 1)],
                f,
                output_height=cells[0],
                output_width=cells[1],
                sampling_ratio=samples,
                spatial_scale=scale,
                coordinate_transformation_mode="half_pixel" if half else "output_half_pixel",
            )


def complex_of(x):
    return x[..., 0] if x.shape[-1] == 1 else torch.view_as_complex(x.contiguous())


@operator("DFT")
def dft(random):
    for parts in (1, 2):
        for inverse, onesided in ((0, 0), (1, 0), (0, 1)):
            for length in (None, 3, 6):
                rank = random.integer(2, 4)
                shape = random.shape(rank, 2, 5 if rank < 4 else 3)
                axis = random.integer(1, rank - 1)

                def f(x, *_, axis=axis, n=length, inverse=inverse, onesided=onesided):
                    z = (torch.fft.ifft if inverse else torch.fft.fft)(complex_of(x), n, axis)
                    z = z.narrow(axis, 0, z.shape[axis] // 2 + 1) if onesided else z
                    return torch.view_as_real(z.resolve_conj())

                inputs = [random.floats([*shape, parts]), *([scalar(length)] if length else [])]
                yield case(inputs, f, axis=axis, inverse=inverse, onesided=onesided)


@operator("STFT")
def stft(random):
    for parts, onesided in ((1, 1), (1, 0), (2, 0)):
        for windowed in (False, True):
            length, step, batch = random.integer(3, 5), random.integer(1, 3), random.integer(1, 2)
            size = length + step * random.integer(0, 3) + random.integer(0, 1)
            window = random.floats([length], 0.2, 1) if windowed else None

            def f(x, _, window, __=None, length=length, step=step, onesided=bool(onesided)):
                z = torch.stft(complex_of(x), length, step, window=window, center=False, onesided=onesided, return_complex=True)
                return torch.view_as_real(z.transpose(1, 2))

            inputs = [random.floats([batch, size, parts]), scalar(step), window, scalar(length)]
            yield case(inputs, f, onesided=onesided)
