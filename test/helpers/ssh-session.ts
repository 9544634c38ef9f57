import { spawnSync } from "node:child_process"
import type { Session, SessionEvent, SessionOptions } from "../../packages/controller/src/session/session.ts"
import { openSession } from "../../packages/controller/src/session/session.ts"
import type { SshTransportName } from "../../packages/controller/src/transport/ssh-target.ts"
import type { SshClientFiles } from "./ssh-client-files.ts"

export interface RecordedSession extends Session {
  readonly events: SessionEvent[]
  /** What was sent to the data machine, each once. */
  readonly uploads: string[]
}

export interface SshSessionOptions extends Partial<SessionOptions> {
  /** The client that carries it, where that is not left to choose by itself. */
  transport?: SshTransportName
}

/** Opens a session over a server of the tests, and records what it tells. */
export async function openSshSession(
  server: SshClientFiles,
  { transport, ...options }: SshSessionOptions = {},
): Promise<RecordedSession> {
  const { session, events } = await openRecorded({
    ssh: { destination: "cluster", configFile: server.configFile, identityFiles: [], options: [], transport },
    ...options,
  })
  return Object.assign(session, { events, uploads: uploadsIn(events) })
}

/** Makes a test of each SSH client: what they carry, and what they tell, must be the same. */
export function byBothClients(name: string, test: (open: typeof openSshSession) => Promise<void>): void {
  for (const transport of ["ssh2", "openssh"] as const) {
    it(`${name} (${transport})`, async function () {
      if (transport === "openssh" && spawnSync("ssh", ["-V"]).status !== 0 && process.env["CI"] === undefined)
        this.skip()
      await test((server, options) => openSshSession(server, { transport, ...options }))
    })
  }
}

/** The same on this machine. */
export async function openLocalSession(options: Partial<SessionOptions> = {}): Promise<RecordedSession> {
  const { session, events } = await openRecorded(options)
  return Object.assign(session, { events, uploads: uploadsIn(events) })
}

export function uploadsIn(events: readonly SessionEvent[]): string[] {
  return [...new Set(events.flatMap((event) => (event.phase === "upload" ? [event.what] : [])))]
}

async function openRecorded(options: Partial<SessionOptions>): Promise<{ session: Session; events: SessionEvent[] }> {
  const events: SessionEvent[] = []
  const session = await openSession({
    node: "auto",
    prompter: { available: false, ask: () => Promise.reject(new Error("nobody is there to be asked")) },
    onEvent: (event) => events.push(event),
    ...options,
  })
  return { session, events }
}
