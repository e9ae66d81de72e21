/** Spelling help: the known names nearest to one that is not known. */
import { distance } from "fastest-levenshtein";

/**
 * The names nearest to `name`, nearest first, at most `limit`, none farther than about a third of its length; case counts little.
 * @example closest("prize", ["carat", "price", "depth"]) // ["price"]
 */
export function closest(name: string, names: readonly string[], limit = 3): string[] {
  const wanted = name.toLowerCase();
  const reach = Math.max(2, Math.ceil(name.length / 3));
  return names
    .map((candidate, index) => ({ candidate, index, far: distance(wanted, candidate.toLowerCase()) }))
    .filter(({ far, candidate }) => far <= reach && far < Math.max(name.length, candidate.length))
    .toSorted((a, b) => a.far - b.far || a.index - b.index)
    .slice(0, limit)
    .map(({ candidate }) => candidate);
}

/**
 * A hint for an unknown name: the closest ones, and all of them where they are few.
 * @param kind plural of what the names are, e.g. `"columns"`
 * @example didYouMean("prize", ["carat", "price"], "columns") // 'did you mean "price"? columns: carat, price'
 */
export function didYouMean(name: string, names: readonly string[], kind: string): string {
  const near = closest(name, names);
  const question = near.length > 0 ? `did you mean ${near.map((n) => `"${n}"`).join(" or ")}? ` : "";
  const shown = names.slice(0, 30).join(", ");
  return `${question}${kind}: ${shown}${names.length > 30 ? `, … (${names.length} in all)` : ""}`;
}
