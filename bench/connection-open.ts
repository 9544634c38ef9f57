/** What an open connection gives: the time of a request, and bytes a second against `ssh h 'cat > f'`. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { openSession } from "../packages/controller/src/session/session.ts"
import { silentPrompter } from "../packages/controller/src/reporter/silent-prompter.ts"
import { connectSsh2 } from "../packages/controller/src/transport/ssh2.ts"
import type { SshTarget } from "../packages/controller/src/transport/ssh-target.ts"

const REQUESTS = 100
const BULK_BYTES = 64 * 2 ** 20
const SINK = "cat > /dev/null"
const CHUNK = Buffer.alloc(2 ** 18, "datamaestro")

interface Place {
  configFile: string
  port: number
  /** In milliseconds. */
  roundTrip: number
}

export async function benchOpenChannel(place: Place, environment: NodeJS.ProcessEnv): Promise<void> {
  const options = [`Port=${place.port}`, "StrictHostKeyChecking=no"]
  const target: SshTarget = { destination: "h", configFile: place.configFile, identityFiles: [], options }
  const request = await timeRequest(target)
  const limit = place.roundTrip + 2
  console.log(`\nan open channel, ${place.roundTrip} ms round trip`)
  console.log(
    `  ${request.toFixed(1).padStart(6)} ms        one request (${request <= limit ? "" : "not "}at most ${limit})`,
  )
  // One that waits for the delay of a proxy in JavaScript measures the proxy.
  if (place.roundTrip > 0) return
  const rates = { ours: [] as number[], ssh: [] as number[] }
  for (let round = 0; round < 3; round++) {
    rates.ours.push(await bulkOurs(target))
    rates.ssh.push(await bulkSsh(place, environment))
  }
  const [ours, ssh] = [median(rates.ours), median(rates.ssh)]
  const ratio = ours / ssh
  console.log(`  ${ours.toFixed(0).padStart(6)} MB/s      bulk to a command`)
  console.log(
    `  ${ssh.toFixed(0).padStart(6)} MB/s ${ratio.toFixed(2)}  ssh h 'cat > f' (${ratio >= 0.85 ? "" : "not "}at least 0.85)`,
  )
}

async function timeRequest(ssh: SshTarget): Promise<number> {
  const session = await openSession({ ssh, node: "auto", prompter: silentPrompter, onEvent: () => {} })
  try {
    const times: number[] = []
    for (let count = 0; count < REQUESTS; count++) {
      const began = performance.now()
      await session.agent.request("machine/time", {})
      times.push(performance.now() - began)
    }
    return median(times)
  } finally {
    await session.close()
  }
}

async function bulkOurs(target: SshTarget): Promise<number> {
  const transport = await connectSsh2(target, { prompter: silentPrompter, onNotice: () => {} })
  try {
    const channel = await transport.exec(SINK)
    channel.stdout.resume()
    channel.stderr.resume()
    const began = performance.now()
    await pour(channel.stdin)
    await channel.ended
    return BULK_BYTES / 1e3 / (performance.now() - began)
  } finally {
    await transport.close()
  }
}

/** Timed from when the channel is open, as ours. */
async function bulkSsh({ configFile, port }: Place, env: NodeJS.ProcessEnv): Promise<number> {
  const args = ["-F", configFile, "-p", String(port), "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"]
  const child = spawn("ssh", [...args, "h", `echo; ${SINK}`], { env, stdio: ["pipe", "pipe", "ignore"] })
  await once(child.stdout, "data")
  const began = performance.now()
  await pour(child.stdin)
  await once(child, "exit")
  return BULK_BYTES / 1e3 / (performance.now() - began)
}

async function pour(stream: NodeJS.WritableStream): Promise<void> {
  for (let sent = 0; sent < BULK_BYTES; sent += CHUNK.length) {
    if (!stream.write(CHUNK)) await once(stream, "drain")
  }
  stream.end()
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
