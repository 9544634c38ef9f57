import { DatamaestroError } from "@datamaestro/protocol"
import { NO_NODE_END, NO_NODE_MAGIC, OLDEST_NODE } from "./boot-protocol.ts"

/** What the probe found when no Node suits, as an error (exit 8) that lists it. */
export function noNodeError(output: string, { label, node }: { label: string; node: string }): DatamaestroError {
  const start = output.lastIndexOf(NO_NODE_MAGIC) + NO_NODE_MAGIC.length
  const list = output.slice(start, output.indexOf(NO_NODE_END, start))
  const found = list
    .split("\n")
    .filter((line) => line.includes("\t"))
    .map((line) => {
      const [version = "", path = ""] = line.split("\t")
      return { version, path }
    })
  const oldest = OLDEST_NODE.join(".")
  const shown = found.map(({ version, path }) => `${path} (${version})`).join(", ")
  const where = node === "auto" ? "" : ` at "${node}"`
  const state = found.length === 0 ? "there is none" : `found ${shown}`
  return new DatamaestroError(
    "NO_NODE",
    `Cannot find a Node that suits on "${label}"${where}: ${state}; needed is Node ${oldest} or newer`,
    {
      hint: "--node bundled brings one along (some 50 MB, once); or install a newer Node there (no administrator is needed: nvm, fnm and conda do), and name it with --node PATH if it lies in an unusual place",
      details: { host: label, found, wanted: `>=${oldest}` },
    },
  )
}
