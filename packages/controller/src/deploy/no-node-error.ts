import { DatamaestroError } from "@datamaestro/protocol"
import { sshCommand } from "../transport/ssh-command.ts"
import { limitHint } from "../limit-hint.ts"
import { INSTEAD, NO_NODE_END, NO_NODE_MAGIC, OLDEST_NODE } from "./boot-protocol.ts"

const NO_NODE_HINT =
  "--node bundled brings one along (some 50 MB, once); or install a newer Node there (no administrator is needed: nvm, fnm and conda do), and name it with --node PATH if it lies in an unusual place"

/** What the probe says of one that does not tell its version. */
const UNUSABLE = "unusable"

interface FoundNode {
  version: string
  path: string
}

export interface NoNodeContext {
  label: string
  /** `--node`. */
  node: string
  /** What the shells said meanwhile. */
  stderr: string
}

/** What the probe found when no Node suits, as an error (exit 8) that lists it. */
export function noNodeError(output: string, { label, node, stderr }: NoNodeContext): DatamaestroError {
  const start = output.lastIndexOf(NO_NODE_MAGIC) + NO_NODE_MAGIC.length
  const list = output.slice(start, output.indexOf(NO_NODE_END, start))
  const [there = "", elsewhere = ""] = list.split(INSTEAD)
  const [found, others] = [readList(there), readList(elsewhere)]
  const oldest = OLDEST_NODE.join(".")
  const where = node === "auto" ? "" : ` at "${node}"`
  const state = found.length === 0 ? "there is none" : `found ${show(found)}`
  const instead = others.length === 0 ? "" : `; elsewhere there are ${show(others)}`
  return new DatamaestroError(
    "NO_NODE",
    `Cannot find a Node that suits on "${label}"${where}: ${state}${instead}; needed is Node ${oldest} or newer`,
    {
      hint: limitHint(stderr) ?? hintFor(label, node, found, others),
      details: { host: label, found: [...found, ...others], wanted: `>=${oldest}` },
    },
  )
}

function hintFor(label: string, node: string, found: readonly FoundNode[], others: readonly FoundNode[]): string {
  if (node !== "auto" && others.length > 0) {
    return `leave --node out (also "node" of the host in user.json) to take the newest that suits; or ${NO_NODE_HINT}`
  }
  // It says why to whoever starts it: limits of the account, a library that is missing.
  const unusable = found.find(({ version }) => version === UNUSABLE)
  if (unusable === undefined) return NO_NODE_HINT
  return `see what \`${sshCommand(label)} ${unusable.path} --version\` prints; or ${NO_NODE_HINT}`
}

function readList(text: string): FoundNode[] {
  return text
    .split("\n")
    .filter((line) => line.includes("\t"))
    .map((line) => {
      const [version = "", path = ""] = line.split("\t")
      return { version, path }
    })
}

function show(found: readonly FoundNode[]): string {
  return found.map(({ version, path }) => `${path} (${version})`).join(", ")
}
