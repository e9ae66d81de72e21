/** The generator against Random123's published answers, and the shape of what it draws. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hashText, philox4x32, rng } from "../../src/util/rng.ts";

const hex = (words: Uint32Array): string => [...words].map((w) => w.toString(16).padStart(8, "0")).join(" ");

describe("philox4x32", () => {
  // Random123 (D. E. Shaw Research), tests/kat_vectors, lines "philox4x32 10".
  const f = 0xffffffff;
  test.each([
    [[0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
    [[f, f, f, f], [f, f], "408f276d 41c83b0e a20bc7c6 6d5451fd"],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], "d16cfe09 94fdcceb 5001e420 24126ea1"],
  ] as const)("gives the known answer for counter %s", (counter, key, answer) => {
    const words = new Uint32Array(4);
    const [[c0, c1, c2, c3], [k0, k1]] = [counter, key];
    philox4x32(c0, c1, c2, c3, k0, k1, words);
    expect(hex(words)).toBe(answer);
  });
});

describe("rng", () => {
  test("gives the same numbers for the same seed, stream and step, and others when any of them changes", () => {
    const draw = (...key: Parameters<typeof rng>): string => hex(Uint32Array.from({ length: 4 }, rng(...key).uint32));
    expect(draw(1, "shuffle", 2)).toBe(draw(1, "shuffle", 2));
    const all = new Set([draw(1, "shuffle", 2), draw(2, "shuffle", 2), draw(1, "init", 2), draw(1, "shuffle", 3)]);
    all.add(draw(2 ** 32 + 1, "shuffle", 2));
    expect(all.size).toBe(5);
  });

  test("is frozen: these numbers must never change, because recorded runs depend on them", () => {
    const random = rng(42, "frozen", 7);
    expect([random.uint32(), random.uniform(), random.normal(), random.integer(1000)]).toMatchInlineSnapshot(`
      [
        79312996,
        0.12544791859416693,
        0.4216482809778033,
        204,
      ]
    `);
    expect([...rng(42, "frozen").permutation(8)]).toMatchInlineSnapshot(`
      [
        6,
        4,
        5,
        1,
        7,
        3,
        2,
        0,
      ]
    `);
    expect(hashText("shuffle")).toMatchInlineSnapshot(`
      [
        521982556,
        1777535270,
      ]
    `);
  });

  test("refuses a seed that is not a whole number", () => {
    expect(() => rng(1.5, "x")).toThrow(/whole number.*1\.5/);
    expect(() => rng(-1, "x")).toThrow(/-1/);
  });

  test("draws uniform numbers with the right mean and variance, never 1, in float64 and float32", () => {
    for (const out of [new Float64Array(200_000), new Float32Array(200_000)]) {
      const values = Array.from(rng(1, "uniform").fillUniform(out));
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
      expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / values.length));
      expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.001);
      expect(Math.max(...values.slice(0, 50_000))).toBeLessThan(1);
    }
  });

  test("draws normal numbers with moments 0, 1, 0, 3", () => {
    const values = rng(1, "normal").fillNormal(new Float64Array(400_000));
    const moment = (k: number): number => values.reduce((a, b) => a + b ** k, 0) / values.length;
    expect(Math.abs(moment(1))).toBeLessThan(0.007);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.01);
    expect(Math.abs(moment(3))).toBeLessThan(0.03);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.08);
  });

  test("fills with the numbers that single calls would give", () => {
    const one = rng(3, "fill");
    const filled = rng(3, "fill").fillNormal(new Float64Array(5));
    expect([...filled]).toEqual(Array.from({ length: 5 }, () => one.normal()));
  });

  test("draws integers below n evenly", () => {
    const random = rng(5, "integer");
    const counts = Array.from({ length: 7 }, () => 0);
    for (let i = 0; i < 70_000; i++) counts[random.integer(7)]! += 1;
    const chiSquare = counts.reduce((sum, c) => sum + (c - 10_000) ** 2 / 10_000, 0);
    expect(chiSquare).toBeLessThan(22.5); // 99.9 % of χ² with 6 degrees of freedom
    fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 32 - 1 }), (n) => rng(n, "x").integer(n) < n));
    expect(() => random.integer(0)).toThrow(/found 0/);
  });

  test("permutes: every number once, in bounded time, each order of three as often as another", () => {
    rng(1, "warm").permutation(100_000);
    const start = performance.now();
    const order = rng(1, "order").permutation(1_000_000);
    const elapsed = performance.now() - start;
    const seen = new Uint8Array(order.length);
    for (const row of order) seen[row] = 1;
    expect(seen.every((s) => s === 1)).toBe(true);
    expect(elapsed).toBeLessThan(1000); // about 40 ms on a quiet machine
    const random = rng(2, "three");
    const counts = new Map<string, number>();
    for (let i = 0; i < 12_000; i++) {
      const key = random.permutation(3).join("");
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 2000)).toBeLessThan(200);
  });
});
