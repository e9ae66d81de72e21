/** Dates as people write them. */
import { describe, expect, test } from "vitest";
import { readTable, type ReadOptions } from "../../src/data/read-table.ts";
import { schemaOf, type Table } from "../../src/data/table.ts";
import { complaint, csv } from "./files.ts";
import { numbers } from "./formats.ts";

describe("dates as people write them", () => {
  const dates = (values: readonly string[], options: ReadOptions = {}): Promise<Table> =>
    readTable(
      csv(
        `dates-${values.join("").replace(/\W/g, "").slice(0, 40)}.csv`,
        "d,y",
        values.map((value, i) => `"${value}",${i % 2}`),
      ),
      { target: "y", ...options },
    );

  test("one order that fits all values is taken, and said", async () => {
    const european = await dates(["31/12/2020", "1/2/2021", "15.3.2021"]);
    expect(numbers(european, "d")).toEqual(["2020-12-31", "2021-02-01", "2021-03-15"].map((day) => Date.parse(day) / 1000));
    expect(european.notes).toContain("d read as seconds since 1970-01-01 UTC, dates written day/month/year");
    expect(schemaOf(european).columns[0]).toMatchObject({ sqlType: "DATE", dates: "dmy" });
    expect(
      numbers(await readTable(csv("later-dates.csv", "d", ["03/04/2021"]), { schema: { columns: schemaOf(european).columns } }), "d"),
    ).toEqual([Date.parse("2021-04-03") / 1000]);
    expect(numbers(await dates(["12/31/2020 10:30", "1/2/2021 00:00"]), "d")).toEqual([
      Date.parse("2020-12-31T10:30Z") / 1000,
      Date.parse("2021-01-02") / 1000,
    ]);
    expect(numbers(await dates(["5 Jan 2020", "January 6, 2020"]), "d")).toEqual([
      Date.parse("2020-01-05") / 1000,
      Date.parse("2020-01-06") / 1000,
    ]);
  });

  test("an order that nothing decides is asked for, and two formats are refused with a line of each", async () => {
    expect(await complaint(dates(["03/04/2021", "05/06/2021"]))).toMatch(
      /the dates of column "d" may be day\/month or month\/day, e\.g\. "03\/04\/2021" in line 2; no value of 2 decides it\. \| say which: --type d=date:dmy or --type d=date:mdy/,
    );
    expect(numbers(await dates(["03/04/2021", "05/06/2021"], { types: { d: "date:mdy" } }), "d")[0]).toBe(Date.parse("2021-03-04") / 1000);
    const mixed = ["2021-01-02", "2021-01-03", "2021-01-04", "31/12/2020"];
    expect(await complaint(dates(mixed))).toMatch(
      /column "d" holds dates in two formats: "2021-01-02" in line 2 is year-month-day, "31\/12\/2020" in line 5 is day\/month\/year; 1 of 4 values are not year-month-day\. \| write all of them as 2024-01-31, or leave the column out: --drop d/,
    );
    expect(
      (
        await readTable(
          csv(
            "mixed-dropped.csv",
            "d,x,y",
            mixed.map((day, i) => `${day},${i},${i % 2}`),
          ),
          { target: "y", drop: ["d"] },
        )
      ).columns,
    ).toHaveLength(1);
    expect((await dates(mixed, { types: { d: "category" } })).columns[0]!.kind).toBe("categorical");
    expect(await complaint(dates(["2021-01-02", "soon", ...Array.from({ length: 12 }, (_, i) => `2021-02-${10 + i}`)]))).toMatch(
      /column "d" holds dates year-month-day, but 1 of 14 values are none: "soon" in line 3/,
    );
    expect(await complaint(dates(["2021-01-02", "soon"], { types: { d: "date" } }))).toMatch(
      /should hold dates year-month-day \(--type\), 1 of 2 are none: "soon" in line 3/,
    );
  });

  test("two formats are told apart wherever the column is used: both are named, with file and line, and what to do", async () => {
    const column = (values: readonly string[], options: ReadOptions): Promise<string> =>
      complaint(
        readTable(
          csv(
            "two-formats.csv",
            "x,d,y",
            values.map((day, i) => `${(i * i) % 7},${day},${i % 2}`),
          ),
          { target: "y", ...options },
        ),
      );
    const cases = [
      // An unambiguous one, and one that the other format may mean in two ways.
      [["2024-01-31", "31/01/2024", "2024-02-28", "28/02/2024"], '"31/01/2024" in line 3 is day/month/year; 2 of 4'],
      [["2024-01-31", "01/02/2024", "2024-02-28", "03/02/2024"], '"01/02/2024" in line 3 is day/month/year or month/day/year; 2 of 4'],
      [
        ["2024-01-31 10:00", "31/01/2024 11:00", "2024-02-28 12:00", "2024-02-29 12:00"],
        '"31/01/2024 11:00" in line 3 is day/month/year; 1 of 4',
      ],
      [
        [...Array.from({ length: 3000 }, (_, i) => `2024-01-${10 + (i % 20)}`), "soon", "31/01/2024"],
        '"31/01/2024" in line 3003 is day/month/year; 2 of 3 002',
      ],
    ] as const;
    for (const [values, second] of cases) {
      const message = `two-formats.csv: column "d" holds dates in two formats: "${values[0]}" in line 2 is year-month-day, ${second} values are not year-month-day.`;
      expect(await column(values, {})).toContain(`${message} | write all of them as 2024-01-31, or leave the column out: --drop d`);
      expect(await column(values, { time: "d" })).toContain(
        `${message} It cannot order the rows (--time) as it is. | write all of them as 2024-01-31.`,
      );
      expect(await column(values, { target: "d" })).toContain(
        `${message} | write all of them as 2024-01-31; --type d=category if they are classes`,
      );
      for (const options of [{}, { time: "d" }])
        expect(await column(values, { ...options, types: { d: "date:dmy" } })).toMatch(
          /two-formats\.csv: column "d" should hold dates day\/month\/year \(--type\), .* are none: "2024-01-\d\d.*" in line 2 is year-month-day\. \| write all of them as 2024-01-31, or ask for another order by --type/,
        );
    }
    // Either order reads the third; the two that only one reads are shown.
    expect(await column(["01/02/2024", "31/01/2024", "03/04/2024", "02/28/2024"], {})).toContain(
      '"31/01/2024" in line 3 is day/month/year, "02/28/2024" in line 5 is month/day/year; 1 of 4 values are not day/month/year.',
    );
    expect(await column(["03/04/2021", "05/06/2021"], { time: "d" })).toMatch(
      /no value of 2 decides it\. It cannot order the rows \(--time\) as it is\. \| say which: --type d=date:dmy or --type d=date:mdy\./,
    );
    expect(await column(["31/01/24", "2024-02-01"], { time: "d" })).toMatch(
      /must hold numbers, dates or times .* \| write dates as 2024-01-31/,
    );
  });

  test("versions and telephone numbers are no dates", async () => {
    expect((await dates(["1.2.3", "1.10.2", "1.2.3"])).columns[0]!.kind).toBe("categorical");
    expect((await dates(["12-34-56", "12-34-57", "12-34-56"])).columns[0]!.kind).toBe("categorical");
  });
});
