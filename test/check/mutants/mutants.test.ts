/** Faults planted in every gradient rule and in training steps: all are found, and their place is named; right networks raise no alarm. */
import { afterAll, describe, expect, test } from "vitest";
import { checkGradient, type GradientCheck } from "../../../src/check/gradient-check.ts";
import { input } from "../../../src/ir/graph.ts";
import { tensor } from "../../../src/ir/tensor.ts";
import { ops } from "../../../src/ops/build.ts";
import { withOtherRule } from "../planted.ts";
import { cleanModels } from "./clean.ts";
import { beyondQuadratic, denseFaults } from "./faults-dense.ts";
import { layerFaults, maxPoolLoss, otherWinners, spreadOut } from "./faults-layers.ts";
import { hiddenSteps, rightThroughTime, sequenceFaults } from "./faults-sequences.ts";
import { stepFaults } from "./faults-step.ts";
import { judgeMutant, mutantsOf, nameOf, operatorsWithRule, type Judged } from "./mechanical.ts";
import { checkPlanted, isNamed, quick, type PlantedFault } from "./planted-fault.ts";
import { lossOf } from "./problems.ts";
import { proofs } from "./proofs.ts";
import { byHandTotals, faultsReport, mechanicalTotals, type Findings } from "./report.ts";

const mechanical: Judged[] = [];
const byHand: { fault: PlantedFault; check: GradientCheck }[] = [];
const clean: { model: (typeof cleanModels)[number]; check: GradientCheck }[] = [];
const same: { name: string; proof: string }[] = [];

describe("mechanical mutants", () => {
  for (const op of operatorsWithRule) {
    test(`${op}: every change of its rule is found, or proved to be none`, async () => {
      for (const mutant of await mutantsOf(op)) {
        const judged = await judgeMutant(mutant);
        mechanical.push(judged);
        const name = nameOf(mutant);
        expect({ name, verdict: judged.verdict }).toEqual({ name, verdict: Object.hasOwn(proofs, name) ? "equivalent" : "found" });
      }
    });
  }
});

describe("faults by hand", () => {
  for (const fault of [...stepFaults, ...denseFaults, ...layerFaults, ...sequenceFaults]) {
    test(`${fault.what} (${fault.where})`, async () => {
      const check = await checkPlanted(fault);
      byHand.push({ fault, check });
      expect(check.verdict).toBe("wrong");
    });
  }
});

describe("other ways to write a right rule", () => {
  for (const { what, make } of otherWinners) {
    test(`${what} is the same where no window has two, and a kink where one has`, async () => {
      const plain = await withOtherRule("MaxPool", make, () => checkGradient(maxPoolLoss(), quick));
      expect(plain.passed).toBe(true);
      // Two equal winners in the first window of each plane.
      const x = input("x", "float64", [1, 2, 6, 6]);
      const data = Float64Array.from({ length: 72 }, (_, i) => ([0, 1, 36, 37].includes(i) ? 9 : Math.sin(i)));
      const weights = spreadOut(ops.MaxPool(x, { kernel_shape: [2, 2], strides: [2, 2] })[0]!);
      const loss = ops.ReduceSum(ops.Mul(weights, weights), null, { keepdims: 0 });
      const spec = { loss, parameters: [x], inputs: { x: tensor("float64", data, [1, 2, 6, 6]) } };
      const tied = await withOtherRule("MaxPool", make, () => checkGradient(spec, { ...quick, coordinates: 72 }));
      expect(tied.tensors[0]).toMatchObject({ kinks: 4, coordinates: 68, verdict: "passed" });
      same.push({
        name: what,
        proof:
          "no two of a window are equal, and where there is but one winner the first, the last and all are the same; of equal ones the check says that they stand at a kink",
      });
    });
  }

  test("what is hidden from attention gets nothing, whatever the rule of Where lets pass", async () => {
    const { what, op, make, loss } = hiddenSteps;
    expect((await withOtherRule(op, make, () => checkGradient(loss(), quick))).passed).toBe(true);
    same.push({ name: what, proof: "softmax gives a score of −10⁹ the weight 0, and the gradient of a score is a multiple of its weight" });
  });

  test("beyond the quadratic part of Huber's loss its minimum gets nothing", async () => {
    const { what, op, make, loss } = beyondQuadratic;
    expect((await withOtherRule(op, make, () => checkGradient(loss(), quick))).passed).toBe(true);
    same.push({ name: what, proof: "where the minimum is 1, what comes back to it is c − 1 = 0" });
  });

  test("backpropagation through time, step by step", async () => {
    const { op, make, loss } = rightThroughTime;
    expect((await withOtherRule(op, make, () => checkGradient(loss(), quick))).passed).toBe(true);
    same.push({ name: "RNN: its rule written step by step", proof: "it is the same sum in another order" });
  });
});

describe("right networks", () => {
  for (const model of cleanModels) {
    test(model.name, async () => {
      const check = await checkGradient(lossOf(model.setting), quick);
      clean.push({ model, check });
      expect(check).toMatchObject({ passed: true, deterministic: true });
      expect(check.tensors.some(({ verdict }) => verdict === "passed")).toBe(true);
    });
  }
});

describe("together", () => {
  const findings = (): Findings => ({
    mechanical,
    byHand,
    clean,
    equivalent: [
      ...mechanical.flatMap(({ mutant, verdict }) =>
        verdict === "equivalent" ? [{ name: nameOf(mutant), proof: proofs[nameOf(mutant)] ?? "not proved" }] : [],
      ),
      ...same,
    ],
  });

  test("more than 200 mechanical mutants, over every rule, all found; the place right in more than 95 %", () => {
    const { made, found, named } = mechanicalTotals(mechanical);
    expect(made).toBeGreaterThanOrEqual(200);
    expect(found).toBe(made);
    expect(named / made).toBeGreaterThanOrEqual(0.95);
    expect(new Set(mechanical.map(({ mutant }) => mutant.op)).size).toBe(operatorsWithRule.length);
  });

  test("more than 60 by hand, all found; the place right in more than 95 %", () => {
    const { made, found, named } = byHandTotals(byHand);
    expect(made).toBeGreaterThanOrEqual(60);
    expect(found).toBe(made);
    expect(named / made).toBeGreaterThanOrEqual(0.95);
  });

  test("60 right networks or more", () => expect(clean.length).toBeGreaterThanOrEqual(60));

  test("every proof is of a mutant that was made", () => {
    const made = new Set(mechanical.map(({ mutant }) => nameOf(mutant)));
    expect(Object.keys(proofs).filter((name) => !made.has(name))).toEqual([]);
  });

  test("docs/gradient-check-faults.md is what these tests find (vitest -u writes it)", async () => {
    await expect(faultsReport(findings())).toMatchFileSnapshot("../../../docs/gradient-check-faults.md");
  });
});

afterAll(() => {
  const [rules, hand] = [mechanicalTotals(mechanical), byHandTotals(byHand)];
  console.log(
    `rules: ${rules.made} planted, ${rules.found} found, ${rules.named} named; by hand: ${hand.made}, ${hand.found}, ${hand.named}`,
  );
  for (const { mutant, check } of mechanical.filter(
    ({ mutant, check, verdict }) => verdict === "found" && check.fault?.operator !== mutant.op,
  )) {
    console.log(`  not named: ${nameOf(mutant)}: ${check.fault?.operator ?? "nothing"}`);
  }
  for (const { fault, check } of byHand.filter(({ fault, check }) => !isNamed(fault, check))) {
    console.log(`  not named: ${fault.what} (${fault.where}): ${JSON.stringify(check.fault)}`);
  }
});
