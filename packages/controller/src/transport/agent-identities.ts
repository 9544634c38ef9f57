import { connect } from "node:net"

export interface AgentIdentity {
  /** `ssh-ed25519`, `ssh-ed25519-cert-v01@openssh.com`, `sk-ssh-ed25519@openssh.com`… */
  type: string
  comment: string
  /** The public key or certificate as it is on the wire. */
  blob: Buffer
}

const REQUEST_IDENTITIES = Buffer.from([0, 0, 0, 1, 11])
const IDENTITIES_ANSWER = 12
/** For an agent that doesn't answer, in milliseconds: whoever needs it will tell. */
const PATIENCE = 2000
const MOST_BYTES = 256 * 1024

/**
 * What an SSH agent holds (draft-ietf-sshm-ssh-agent, section 3.5), also of kinds that ssh2 leaves out of its list.
 * Nothing where none answers.
 */
export async function listAgentIdentities(socketPath: string): Promise<AgentIdentity[]> {
  const answer = await requestIdentities(socketPath)
  try {
    return answer === "silent" ? [] : readIdentities(answer)
  } catch {
    return []
  }
}

/** Whether an agent takes what it is asked, and never answers: `ssh` would wait for it for ever. */
export async function isSilentAgent(socketPath: string): Promise<boolean> {
  return (await requestIdentities(socketPath)) === "silent"
}

async function requestIdentities(socketPath: string): Promise<Buffer | "silent"> {
  return await new Promise((resolve) => {
    let received = Buffer.alloc(0)
    const socket = connect(socketPath)
    const settle = (answer: Buffer | "silent" = received): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(PATIENCE, () => settle("silent"))
    socket.on("error", () => settle()).on("close", () => settle())
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      const whole = received.length >= 4 && received.length >= 4 + received.readUInt32BE(0)
      if (whole || received.length > MOST_BYTES) settle()
    })
    socket.write(REQUEST_IDENTITIES)
  })
}

/** @throws RangeError for an answer that is cut short */
function readIdentities(answer: Buffer): AgentIdentity[] {
  if (answer.length < 9 || answer[4] !== IDENTITIES_ANSWER) return []
  let offset = 9
  const next = (): Buffer => {
    const length = answer.readUInt32BE(offset)
    offset += 4 + length
    if (offset > answer.length) throw new RangeError("cut short")
    return answer.subarray(offset - length, offset)
  }
  return Array.from({ length: answer.readUInt32BE(5) }, () => {
    const blob = next()
    const type = blob.subarray(4, 4 + blob.readUInt32BE(0)).toString("latin1")
    return { type, comment: next().toString(), blob }
  })
}
