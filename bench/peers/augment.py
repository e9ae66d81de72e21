"""Images augmented by Pillow: mirrored, turned and cropped, or turned alone. Prints images a second, for 1 and for N processes."""
import json
import multiprocessing
import random
import sys
import time

from PIL import Image


def make(size, channels):
    data = random.Random(1).randbytes(size * size * channels)
    return Image.frombytes("L" if channels == 1 else "RGB", (size, size), data)


def work(arguments):
    size, channels, seconds, seed = arguments
    draw, image = random.Random(seed), make(size, channels)
    done, end = 0, time.perf_counter() + seconds
    begun = time.perf_counter()
    while time.perf_counter() < end:
        for _ in range(20):
            one = image.transpose(Image.FLIP_LEFT_RIGHT) if draw.random() < 0.5 else image
            one = one.rotate(draw.uniform(-10, 10), Image.BILINEAR)
            x, y = draw.randint(-2, 2), draw.randint(-2, 2)
            one.crop((x, y, x + size, y + size)).load()
            done += 1
    return done / (time.perf_counter() - begun)


if __name__ == "__main__":
    size, channels, processes, seconds = (int(text) for text in sys.argv[1:5])
    alone = work((size, channels, seconds, 1))
    with multiprocessing.Pool(processes) as pool:
        together = sum(pool.map(work, [(size, channels, seconds, seed) for seed in range(processes)]))
    import PIL

    print(json.dumps({"alone": alone, "together": together, "version": PIL.__version__}))
