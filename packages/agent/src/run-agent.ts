import { AgentServer, MAGIC, NOTIFICATIONS, REST_STREAM } from "@datamaestro/protocol"
import { Console } from "node:console"
import { dirname } from "node:path"
import * as v from "valibot"
import { countLoaded, useRest } from "./agent-parts.ts"
import { AgentSession } from "./agent-session.ts"
import { becomeAgent } from "./process/become-agent.ts"
import { endOwnChildren } from "./process/end-own-children.ts"
import { createHandlers } from "./handlers/create-handlers.ts"
import { JobHost } from "./jobs/job-host.ts"
import { exitOrKill } from "./process/exit-or-kill.ts"
import { RelayClient } from "./relay/relay-client.ts"
import type { PartModules, RestPart, RestPartOptions } from "./rest-part.ts"
import { StdioPort } from "./process/stdio-port.ts"
import { AGENT_VERSION } from "./version.ts"

/** What the bootstrap hands over. */
export interface AgentHost {
  /** The login shell's environment will be needed. */
  loginShell?: boolean
  /** Where uploads may lie; absent where nothing can be written. */
  cacheFolder?: string | undefined
  /** Where the agent's file lies; absent where it runs from memory. */
  file?: string | undefined
  /** The second part of the agent comes without being asked for. */
  restComing?: boolean
  /** Runs the code of the second part. */
  compile?: (source: Buffer, name: string) => PartModules
  /** Tells that the agent's file is in use. */
  stillUsed?(): void
  /** Keeps V8's code for the next start, unless more of the agent had run when it was last kept. */
  storeCodeCache?(loaded: number): void
}

/** How long requests may take to clean up once their connection has ended, in milliseconds. */
const GRACE = 1500
const HOUR = 3600_000
const REST_NAME = "agent-rest.cjs"

/**
 * Serves the controller on stdin and stdout until the connection ends. Preparations that are under way are then
 * finished without it; all else is aborted, and the process ends: locks released, parts kept. SIGTERM ends preparations
 * too, so that they can be resumed. What hangs is left after a moment, whatever it is.
 */
export function runAgent(host: AgentHost = {}): void {
  becomeAgent("datamaestro-agent", () => agent.end(1, "the agent met an error it did not foresee"))
  const write = process.stdout.write.bind(process.stdout)
  reserveStdout()
  const port = new StdioPort(process.stdin, process.stdout, write)
  const agent = new RunningAgent(host, port)
  // The controller speaks for the person: a Ctrl-C that also reaches the agent must not end it before its answer.
  process.on("SIGINT", () => {})
  process.on("SIGTERM", () => agent.end(143, "the agent was asked to end (SIGTERM)"))
  // What a server sends to the processes of a connection that is gone.
  if (process.platform !== "win32") process.on("SIGHUP", () => agent.disconnected(129))
  process.stderr.on("error", () => {})
  setInterval(() => host.stillUsed?.(), HOUR).unref()
  port.send(MAGIC)
}

/** What serves one connection, and how it ends. */
class RunningAgent {
  readonly #host: AgentHost
  readonly #port: StdioPort
  readonly #session: AgentSession
  readonly #relay = new RelayClient((method, params) => this.#server.notify(method, params))
  readonly #rest: RestPart | undefined
  readonly #jobs: JobHost
  readonly #server: AgentServer
  #ending = false

  constructor(host: AgentHost, port: StdioPort) {
    this.#host = host
    this.#port = port
    this.#session = new AgentSession({
      loginShell: host.loginShell === true,
      cacheFolder: host.cacheFolder,
      agentFile: host.file,
      tell: (message) => this.#server.notify("$/agent/notice", { message }),
      onCode: (code, over) => this.#server.notify("$/agent/code", { code, over }),
    })
    this.#rest = restOf(host, {
      ask: () => this.#server.notify("$/agent/wanted", {}),
      onUnkept: (reason) => this.#server.notify("$/agent/unkept", { reason }),
    })
    this.#jobs = new JobHost(this.#session, this.#relay)
    this.#server = new AgentServer(port, createHandlers(this.#session, AGENT_VERSION, this.#jobs), {
      onEnd: () => this.disconnected(0),
      onNotification: (method, params) => {
        if (method !== "$/agent/rest") return this.#relay.receive(method, params)
        const announced = v.safeParse(NOTIFICATIONS[method], params)
        if (announced.success) this.#rest?.announce(announced.output)
      },
      onBytes: (stream, bytes) =>
        stream === REST_STREAM ? this.#rest?.receive(bytes) : this.#relay.receiveBytes(stream, bytes),
    })
  }

  /** @param reason why work that is under way is stopped, if it is */
  end(status: number, reason?: string): void {
    if (this.#ending) return
    this.#ending = true
    if (reason !== undefined) this.#jobs.stop(reason)
    this.#port.close()
    const last = (): void => {
      endOwnChildren()
      exitOrKill(status)
    }
    setTimeout(last, GRACE)
    void idle(this.#server)
      .then(() => this.#jobs.idle())
      .then(() => this.#session.close())
      .then(() => this.#rest?.kept())
      .then(() => this.#host.storeCodeCache?.(countLoaded()))
      .finally(last)
  }

  /** Ends, once the work is done that goes on without a controller. */
  disconnected(status: number): void {
    if (this.#ending) return
    this.#relay.end()
    this.#rest?.end()
    if (!this.#jobs.disconnect()) return this.end(status)
    this.#port.close()
    void this.#jobs.idle().then(() => this.end(0))
  }
}

/** The second part of the agent, where there is one. */
function restOf(
  { file, restComing, compile }: AgentHost,
  telling: Pick<RestPartOptions, "ask" | "onUnkept">,
): RestPart | undefined {
  if (compile === undefined) return undefined
  return useRest({
    ...telling,
    folder: file === undefined ? undefined : dirname(file),
    coming: restComing === true,
    compile: (source) => compile(source, REST_NAME),
  })
}

/** Once every request has ended: each was aborted, and gives back its locks. */
async function idle(server: AgentServer): Promise<void> {
  while (server.running > 0) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** Stdout is the protocol's alone: what plug-ins print goes to stderr. */
function reserveStdout(): void {
  process.stdout.write = process.stderr.write.bind(process.stderr)
  globalThis.console = new Console(process.stderr, process.stderr)
}
