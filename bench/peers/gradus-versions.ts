/** The versions behind this project's own figures. */

export async function versions(): Promise<Record<string, string>> {
  const { env } = await import("onnxruntime-common");
  return { "onnxruntime-node": env.versions.node ?? env.versions.common, node: process.version };
}
