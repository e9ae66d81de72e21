/** Which weights of an imported model stay as they are, by patterns of their names. */
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import { printable } from "../util/printable.ts";

/**
 * The names that patterns mean: `*` stands for any text, `?` for one character, `all` for every name.
 * @throws GradusError where a pattern means none, with the names there are
 */
export function frozenNames(patterns: readonly string[], names: readonly string[]): Set<string> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const meant = pattern === "all" ? names : names.filter((name) => matches(pattern, name));
    if (meant.length === 0) {
      throw new GradusError(`no weight of the imported part is called "${printable(pattern)}"`, {
        hint: didYouMean(pattern, names.map(printable), "names"),
      });
    }
    for (const name of meant) found.add(name);
  }
  return found;
}

/** Without a regular expression, whose time a pattern could make grow without bound. */
function matches(pattern: string, name: string): boolean {
  let [p, n, star, from] = [0, 0, -1, 0];
  while (n < name.length) {
    if (pattern[p] === "*") [star, from, p] = [p, n, p + 1];
    else if (p < pattern.length && (pattern[p] === "?" || pattern[p] === name[n])) [p, n] = [p + 1, n + 1];
    else if (star >= 0) [p, from, n] = [star + 1, from + 1, from + 1];
    else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}
