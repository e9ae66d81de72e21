/** `--query`: its result is read, and what it may not do. */
import { describe, expect, test } from "vitest";
import { readTable } from "../../src/data/read-table.ts";
import { schemaOf } from "../../src/data/table.ts";
import { csv } from "./files.ts";
import { numbers, said, texts } from "./formats.ts";

describe("queries", () => {
  const path = csv("sales.csv", "Price,kind,y", ["10,a,0", "9,b,1", "30,a,0", "4,b,1", "8,c,0"]);

  test("the result is read, its columns named and typed", async () => {
    const table = await readTable(path, {
      target: "y",
      query: `SELECT "Price" * 2 AS double, kind, y FROM data WHERE Price > 5 ORDER BY Price`,
    });
    expect(numbers(table, "double")).toEqual([16, 18, 20, 60]);
    expect(texts(table, "kind")).toEqual(["c", "b", "a", "a"]);
    const schema = schemaOf(table);
    expect(schema.reading).toEqual({ query: `SELECT "Price" * 2 AS double, kind, y FROM data WHERE Price > 5 ORDER BY Price` });
    expect(numbers(await readTable(csv("later.csv", "Price,kind,y", ["1,a,0", "100,b,1"]), { schema }), "double")).toEqual([200]);
  });

  test("a query that picked the training rows does not pick those to be predicted", async () => {
    const query = "SELECT Price + 1 AS more, kind, y FROM data WHERE Price > 5";
    const { target: _, ...schema } = schemaOf(await readTable(path, { target: "y", query }));
    expect(await said(path, { schema })).toMatch(
      /the query that the model was trained with gives 4 rows from the 5 of .*sales\.csv; a prediction for each was expected\. \| give the query for this file/,
    );
    const all = await readTable(path, { schema, query: "SELECT Price + 1 AS more, kind FROM data" });
    expect(numbers(all, "more")).toEqual([11, 10, 31, 5, 9]);
  });

  test("groups come in one order, whatever the threads", async () => {
    const many = csv(
      "many.csv",
      "k,y",
      Array.from({ length: 20_000 }, (_, i) => `${(i * 7919) % 5003},${i % 2}`),
    );
    const query = "SELECT k, count(*) AS n, k % 2 AS y FROM data GROUP BY k";
    const [first, second] = [await readTable(many, { target: "y", query }), await readTable(many, { target: "y", query })];
    expect(numbers(first, "k")).toEqual(numbers(second, "k"));
  });

  test("whatever is no SELECT over the data is refused", async () => {
    const refused = async (query: string): Promise<string> => said(path, { target: "y", query });
    expect(await refused("DROP TABLE data")).toMatch(/--query must be a SELECT over the table data; found "DROP"\. /);
    expect(await refused("SELECT * FROM data; SELECT 1")).toMatch(/--query must be one SELECT/);
    expect(await refused("SELECT *, random() AS r FROM data")).toMatch(
      /--query uses random\(\), whose value differs from one run to the next/,
    );
    expect(await refused(`SELECT * FROM read_csv('${path}')`)).toMatch(/--query cannot be run over .*sales\.csv: .*(disabled|Permission)/i);
    expect(await refused("SELECT nothing FROM data")).toMatch(
      /--query cannot be run over .* \| the table is called data; its columns: Price, kind, y/,
    );
    expect(await refused("SELECT * FROM data WHERE Price > 1000")).toMatch(
      /the result of --query over .*sales\.csv has 3 columns and no rows/,
    );
  });
});
