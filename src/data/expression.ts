/** Target expressions: SQL of one value per row, parsed by DuckDB, its columns found, anything beyond that refused. */
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import { literal, type Database } from "./database.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The node classes a value per row can be built from; subqueries, windows, stars and parameters are not among them. */
const ALLOWED = new Set(["COLUMN_REF", "CONSTANT", "COMPARISON", "CONJUNCTION", "OPERATOR", "FUNCTION", "CASE", "CAST", "BETWEEN"]);
const REFUSED_FUNCTIONS = new Set(["getenv", "getvariable", "current_setting", "query", "query_table"]);

/** The query whose only output is the expression; line breaks keep a comment in it from swallowing the rest. */
const wrap = (expression: string): string => `SELECT (\n${expression}\n)`;

/**
 * The columns of `names` that an expression reads, each once, in order of appearance. Names match exactly, else without regard to case.
 * @throws GradusError where it does not parse, names an unknown column, or is more than one value per row
 */
export async function referencedColumns(database: Database, path: string, expression: string, names: readonly string[]): Promise<string[]> {
  const [parsed, empty] = await Promise.all([parse(database, wrap(expression)), parse(database, wrap("NULL"))]);
  const refuse = (found: string): never => {
    throw new GradusError(`--target "${expression}" must be one value per row, computed from columns; found ${found}.`, {
      hint: `use comparisons, arithmetic and functions of columns, e.g. --target "delay > 15"`,
    });
  };
  if (typeof parsed === "string")
    throw new GradusError(`no column "${expression}" in ${path}, and it is no SQL expression either (${parsed}).`, {
      hint: didYouMean(expression, names, "columns"),
    });
  const outline = (tree: Json): string =>
    JSON.stringify(tree, (key, value: Json) => (key === "select_list" ? (value as Json[]).length : key === "query_location" ? 0 : value));
  if (outline(parsed) !== outline(empty as Json)) refuse("another statement");

  const { columns, functions, refused } = collect(
    (parsed as { statements: { node: { select_list: Json } }[] }).statements[0]!.node.select_list,
  );
  if (refused !== undefined) refuse(`a ${refused}`);
  const references = new Set(columns.map((parts) => resolve(path, expression, parts, names)));
  for (const name of functions) {
    const problem = await functionProblem(database, name);
    if (problem) refuse(`${name}(), ${problem}`);
  }
  if (references.size === 0) refuse("no column in it");
  const lower = [...references].map((name) => name.toLowerCase());
  const twin = [...references].find((_, i) => lower.indexOf(lower[i]!) < i);
  if (twin !== undefined)
    throw new GradusError(
      `--target "${expression}" names columns of ${path} that differ in case only ("${twin}"), which SQL takes for one.`,
      {
        hint: "rename one of them in the header line.",
      },
    );
  return [...references];
}

async function parse(database: Database, sql: string): Promise<Json> {
  const [row] = await database.query(`SELECT json_serialize_sql(${literal(sql)}) AS tree`);
  const tree = JSON.parse(String(row!["tree"])) as { error: boolean; error_message?: string };
  return tree.error ? (tree.error_message ?? "syntax error").split("\n")[0]! : (tree as unknown as Json);
}

function resolve(path: string, expression: string, parts: readonly string[], names: readonly string[]): string {
  const wanted = parts.join(".");
  if (names.includes(wanted) && parts.length === 1) return wanted;
  const alike = names.filter((name) => name.toLowerCase() === wanted.toLowerCase());
  // A name that is the whole target names a column, or nothing.
  const alone = parts.length === 1 && wanted === expression.trim();
  if (parts.length === 1 && alike.length === 1 && !alone) return alike[0]!;
  const what =
    wanted === expression.trim()
      ? `no column "${wanted}" in ${path}`
      : `no column "${wanted}", which --target "${expression}" names, in ${path}`;
  const hint =
    parts.length > 1 && alike.length > 0
      ? `put the name in double quotes inside the expression: "${alike[0]}"`
      : `${didYouMean(wanted, names, "columns")}${wanted === expression.trim() ? "" : " (a text value stands in single quotes: 'yes')"}`;
  throw new GradusError(`${what} (line 1).`, { hint });
}

/**
 * Holds a query to one SELECT over the table `data` whose result is the same every time.
 * @throws GradusError where it is another statement, reads more than the data, or depends on chance or the clock
 */
export async function checkQuery(database: Database, query: string): Promise<void> {
  const hint = 'e.g. --query "SELECT * FROM data WHERE year > 2000"';
  const tree = await parse(database, query);
  if (typeof tree === "string")
    throw new GradusError(
      `--query must be a SELECT over the table data${/can be serialized/i.test(tree) ? `; found "${query.trim().split(/\s+/)[0]}"` : `: ${tree}`}.`,
      { hint },
    );
  if ((tree as { statements: Json[] }).statements.length !== 1) throw new GradusError("--query must be one SELECT.", { hint });
  const { functions } = collect(tree);
  for (const name of functions) {
    const kinds = await database.query(`SELECT DISTINCT stability FROM duckdb_functions() WHERE function_name = ${literal(name)}`);
    if (REFUSED_FUNCTIONS.has(name) || kinds.some(({ stability }) => stability === "VOLATILE" || stability === "CONSISTENT_WITHIN_QUERY"))
      throw new GradusError(`--query uses ${name}(), whose value differs from one run to the next.`, { hint: "leave it out." });
  }
}

/** Why a function may not stand in a target: it must exist, give one value per row, and the same every time; so must all a macro calls. */
async function functionProblem(database: Database, name: string): Promise<string | undefined> {
  if (REFUSED_FUNCTIONS.has(name)) return "which reads more than columns";
  const kinds = await database.query(
    `SELECT DISTINCT function_type AS kind, stability, macro_definition AS body, to_json(parameters)::VARCHAR AS parameters FROM duckdb_functions() WHERE function_name = ${literal(name)}`,
  );
  if (kinds.length === 0) return "an unknown function";
  if (!kinds.some(({ kind }) => kind === "scalar" || kind === "macro"))
    return `a function over ${kinds[0]!["kind"] === "aggregate" ? "all rows" : "tables"}`;
  if (kinds.some(({ stability }) => stability !== null && stability !== "CONSISTENT"))
    return "whose value differs from one run to the next";
  for (const { kind, body, parameters } of kinds) {
    const problem = kind === "macro" && (await macroProblem(database, String(body), JSON.parse(String(parameters)) as string[]));
    if (problem) return problem;
  }
  return undefined;
}

async function macroProblem(database: Database, body: string, parameters: readonly string[]): Promise<string | undefined> {
  const tree = await parse(database, wrap(body));
  if (typeof tree === "string") return "which is more than a function of columns";
  const found = collect((tree as { statements: { node: { select_list: Json } }[] }).statements[0]!.node.select_list);
  // A name that is no parameter is the clock or the session, e.g. current_timestamp.
  if (found.columns.some((parts) => !parameters.includes(parts.join(".")))) return "which reads more than columns";
  if (found.refused !== undefined) return `which needs a ${found.refused}`;
  for (const name of found.functions) {
    const problem = await functionProblem(database, name);
    if (problem) return problem;
  }
  return undefined;
}

/** What an expression is made of: the columns and functions it names, and the first kind of node that may not be in one. */
function collect(tree: Json): { columns: string[][]; functions: Set<string>; refused: string | undefined } {
  const columns: string[][] = [];
  const functions = new Set<string>();
  let refused: string | undefined;
  const visit = (node: Json): void => {
    if (Array.isArray(node)) node.forEach(visit);
    else if (typeof node === "object" && node !== null) {
      const kind = node["class"];
      if (typeof kind === "string") {
        if (!ALLOWED.has(kind)) refused ??= kind.toLowerCase().replaceAll("_", " ");
        if (kind === "COLUMN_REF") columns.push(node["column_names"] as string[]);
        if (kind === "FUNCTION") functions.add(String(node["function_name"]).toLowerCase());
      }
      Object.values(node).forEach(visit);
    }
  };
  visit(tree);
  return { columns, functions, refused };
}
