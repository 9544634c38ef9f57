import { DatamaestroError } from "@datamaestro/protocol"
// node:fs/promises takes two milliseconds of each start, and is wanted here once an agent.
import { promises, readFileSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { packageFolder } from "./package-folder.ts"

const DeployFile = v.object({
  agent: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  bootstrap: v.pipe(v.string(), v.regex(/^[A-Za-z0-9+/=]+$/)),
})

export interface CompressedAgent {
  first: Buffer
  rest: Buffer
}

/** What the build left to be sent to data machines. */
export interface Deployment {
  /** SHA-256 of the first part of the agent, lower-case hex. It holds that of the second. */
  hash: string
  /** The bootstrap, raw DEFLATE (RFC 1951) in base64. */
  bootstrap: string
  /** The file of its first part, absolute; the second lies beside it. */
  agentPath: string
  /** Its parts as Brotli (RFC 7932). */
  compressed(): Promise<CompressedAgent>
}

/** @throws DatamaestroError UNEXPECTED when the package is not built */
export function loadDeployment(folder: string = join(packageFolder(), "dist")): Deployment {
  let parsed: v.InferOutput<typeof DeployFile>
  try {
    parsed = v.parse(DeployFile, JSON.parse(readFileSync(join(folder, "deploy.json"), "utf8")))
  } catch (error) {
    throw new DatamaestroError("UNEXPECTED", `Cannot find the agent in "${folder}": datamaestro is not built`, {
      hint: "in a clone, run `npm run build`; otherwise install datamaestro again",
      details: { path: folder },
      cause: error,
    })
  }
  return {
    hash: parsed.agent,
    bootstrap: parsed.bootstrap,
    agentPath: join(folder, "agent.cjs"),
    compressed: async () => {
      const parts = ["agent.cjs.br", "agent-rest.cjs.br"].map((name) => promises.readFile(join(folder, name)))
      const [first = Buffer.alloc(0), rest = Buffer.alloc(0)] = await Promise.all(parts)
      return { first, rest }
    },
  }
}
