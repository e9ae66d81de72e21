/** What a model would need that Gradus does not have: all of it at once. */
import { registry } from "../ops/build.ts";
import { closest } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import { shown } from "./decode.ts";
import { AttributeProto_AttributeType as Kind, type GraphProto, type NodeProto } from "./onnx_pb.ts";
import { domainOf, newest, wayOf } from "./opset.ts";
import { upgrades } from "./upgrades/index.ts";

export interface MissingOperator {
  /** With its domain, where that is not ai.onnx. */
  readonly name: string;
  /** Nodes that use it. */
  readonly count: number;
  /** The first of them: its name in the file, or its place. */
  readonly first: string;
  /** An operator with this name is known, but not as the model's opset means it. */
  readonly otherVersion: boolean;
  /** What Gradus has that comes near it. */
  readonly nearest: readonly string[];
}

/** Operators of a model that cannot be read, most frequent first. */
export function missingOperators(graph: GraphProto, opset: ReadonlyMap<string, number>): MissingOperator[] {
  const found = new Map<string, { node: NodeProto; count: number; first: string; otherVersion: boolean }>();
  const ways = new Map<string, ReturnType<typeof wayOf>>();
  let place = 0;
  for (const node of allNodes(graph)) {
    const domain = domainOf(node.domain);
    const name = domain === "" ? node.opType : `${domain}.${node.opType}`;
    let way = ways.get(name);
    if (way === undefined) ways.set(name, (way = isConstant(node) ? "same" : wayOf(domain, node.opType, opset.get(domain) ?? 0)));
    if (way === "unknown" || way === "changed") {
      const known = found.get(name);
      if (known) known.count++;
      else found.set(name, { node, count: 1, first: firstOf(node, place), otherVersion: way === "changed" });
    }
    place++;
  }
  return [...found]
    .sort(([, a], [, b]) => b.count - a.count)
    .map(([name, { node, count, first, otherVersion }]) => ({
      name: shown(name),
      count,
      first,
      otherVersion,
      // Help is for people: nobody reads the hundredth.
      nearest: found.size > 50 ? [] : nearest(node),
    }));
}

const isConstant = (node: NodeProto) => domainOf(node.domain) === "" && node.opType === "Constant";

function firstOf(node: NodeProto, place: number): string {
  const name = node.name || node.output.find((output) => output !== "");
  return name ? `"${shown(name)}"` : `node ${place}`;
}

/** The same name in ai.onnx, names that it contains, names that are spelt alike. */
function nearest({ opType }: NodeProto): string[] {
  if (opType.length > 100) return [];
  const names = [...new Set([...Object.keys(registry), ...Object.keys(upgrades[""]!)])];
  if (names.includes(opType)) return [opType];
  const within = names.filter((name) => name.length > 3 && opType.toLowerCase().includes(name.toLowerCase()));
  return within.length > 0 ? within.sort((a, b) => b.length - a.length).slice(0, 1) : closest(opType, names, 1);
}

/** @throws GradusError that lists them */
export function refuseMissing(missing: readonly MissingOperator[], opset: ReadonlyMap<string, number>): void {
  if (missing.length === 0) return;
  const unknown = missing.filter(({ otherVersion }) => !otherVersion);
  const said: string[] = [];
  if (unknown.length > 0) said.push(`the model uses operators that Gradus does not have: ${listed(unknown)}`);
  const changed = missing.filter(({ otherVersion }) => otherVersion);
  if (changed.length > 0) {
    const versions = [...opset].map(([domain, version]) => `${shown(domain) || "ai.onnx"} ${version}`).slice(0, 5);
    said.push(
      `the model is of opset ${versions.join(", ")}, where these operators differ, or may differ, from those known: ${listed(changed)}`,
    );
  }
  throw new GradusError(said.join("; "), {
    hint:
      unknown.length > 0
        ? nearestHint(unknown)
        : `convert it to an opset up to ${newest[""]}: onnx.version_converter.convert_version(model, 17)`,
  });
}

const most = 20;

function listed(missing: readonly MissingOperator[]): string {
  const shownOnes = missing.slice(0, most).map(({ name, count, first }) => `${name} (${count}, first ${first})`);
  return `${shownOnes.join(", ")}${missing.length > most ? `, and ${missing.length - most} more` : ""}`;
}

function nearestHint(missing: readonly MissingOperator[]): string {
  const near = missing.slice(0, most).filter(({ nearest: names }) => names.length > 0);
  const count = Object.keys(registry).length;
  if (near.length === 0) return `Gradus has ${count} operators, and nothing near these`;
  return `the nearest that Gradus has: ${near.map(({ name, nearest: [first] }) => `${first} for ${name}`).join(", ")}`;
}

export function* allNodes(graph: GraphProto): Generator<NodeProto> {
  for (const node of graph.node) {
    yield node;
    for (const attribute of node.attribute) if (attribute.type === Kind.GRAPH && attribute.g) yield* allNodes(attribute.g);
  }
}
