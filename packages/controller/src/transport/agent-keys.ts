import ssh2, { type ParsedKey } from "ssh2"
import { keyLabel, type KeyCandidate } from "./key-candidate.ts"

/** How long an agent may take to tell what it has, in milliseconds: one that asks somebody does so when it signs. */
const AGENT_PATIENCE = 5000

/** The keys that the agent at a socket has; one that does not answer has none, and that is told in `problems`. */
export async function listAgentKeys(socket: string | undefined, problems: string[]): Promise<KeyCandidate[]> {
  if (socket === undefined) return []
  const agent = ssh2.createAgent(socket)
  const keys = await new Promise<ParsedKey[] | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), AGENT_PATIENCE)
    agent.getIdentities((_error, identities) => {
      clearTimeout(timer)
      resolve(identities as ParsedKey[] | undefined)
    })
  })
  if (keys === undefined) {
    problems.push(`the SSH agent at ${socket} does not answer`)
    return []
  }
  return keys.map((publicKey) => ({
    label: keyLabel(publicKey.comment === "" ? "a key of the SSH agent" : `agent key ${publicKey.comment}`, publicKey),
    publicKey,
    sign: (data, hash) =>
      new Promise<Buffer>((resolve, reject) => {
        agent.sign(publicKey, data, hash === undefined ? {} : { hash }, (error, signature) => {
          if (signature === undefined) reject(error ?? new Error("the SSH agent did not sign"))
          else resolve(signature)
        })
      }),
  }))
}
