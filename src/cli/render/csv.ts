/** CSV as RFC 4180 writes it, with line feeds. */

/** A line; a field is quoted where it must be. */
export function csvLine(fields: readonly string[]): string {
  return `${fields.map((field) => (/[",\r\n]/.test(field) || field.trim() !== field ? `"${field.replaceAll('"', '""')}"` : field)).join(",")}\n`;
}
