import { createHash } from "node:crypto"
import { chmodSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { cacheDirectory } from "../cache-directory.ts"
import { makeFolder } from "../make-folder.ts"
import { writeWhole } from "../write-whole.ts"

const RememberedHost = v.object({
  address: v.string(),
  /** The path of Node there; of a program that becomes it, where the person named that. */
  execPath: v.string(),
  /** `NODE_OPTIONS` of the start-up files there, with which it does not start. */
  leftOut: v.optional(v.string()),
  /** `LD_LIBRARY_PATH` that it needs, as the login shell or an environment module there sets it. */
  libraries: v.optional(v.string()),
  /** The hashes of the agents that lie there, the last that came first: versions of this program may be used in turns. */
  agents: v.optional(v.array(v.string())),
})

/** How many agents are remembered of a machine, which keeps each for a week after its last use. */
const MAX_AGENTS = 4

/** What spares round trips on the next call to a machine. Wrong facts cost one of them, nothing else. */
export type RememberedHost = v.InferOutput<typeof RememberedHost>

/** `node`: the `--node` it was found under; another choice is another fact. */
export function recallHost(address: string, node: string): RememberedHost | undefined {
  const found = read(fileOf(address, node))
  return found?.address === address ? found : undefined
}

/** The agents of a machine when one has come there, or was found there. */
export function withAgent(host: RememberedHost | undefined, hash: string): string[] {
  const known = host?.agents ?? []
  return known.includes(hash) ? known : [hash, ...known].slice(0, MAX_AGENTS)
}

/** All of them, each machine once. */
export function rememberedHosts(): RememberedHost[] {
  const folder = join(cacheDirectory(), "hosts")
  let names: string[] = []
  try {
    names = readdirSync(folder).filter((name) => name.endsWith(".json"))
  } catch {
    // Nobody was connected to yet.
  }
  const found = names.flatMap((name) => read(join(folder, name)) ?? [])
  return [...new Map(found.map((host) => [host.address, host])).values()]
}

function read(path: string): RememberedHost | undefined {
  try {
    const parsed = v.safeParse(RememberedHost, JSON.parse(readFileSync(path, "utf8")))
    return parsed.success ? parsed.output : undefined
  } catch {
    return undefined
  }
}

/** Best effort: a cache that can't be written only makes the next call slower. */
export function rememberHost(node: string, host: RememberedHost): void {
  try {
    const folder = join(cacheDirectory(), "hosts")
    makeFolder(folder)
    chmodSync(folder, 0o700)
    writeWhole(fileOf(host.address, node), JSON.stringify(host))
  } catch {
    return
  }
}

/** Best effort, too: what can't be removed costs each call a round trip. */
export function forgetHost(address: string, node: string): void {
  try {
    rmSync(fileOf(address, node), { force: true })
  } catch {
    return
  }
}

function fileOf(address: string, node: string): string {
  const key = createHash("sha256").update(`${address}\0${node}`).digest("hex").slice(0, 32)
  return join(cacheDirectory(), "hosts", `${key}.json`)
}
