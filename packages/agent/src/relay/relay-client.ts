import { DatamaestroError, RELAY_FROM_CONTROLLER, RELAY_WINDOW, type AgentServer } from "@datamaestro/protocol"
import * as v from "valibot"
import type { Relay, RelayRequest } from "../fetch/way-out.ts"
import { RelayedBody } from "./relayed-body.ts"

type Answer = Awaited<ReturnType<Relay["request"]>>

interface Pending {
  body: RelayedBody
  answer(head: { status: number; headers: Record<string, string> }): void
  /** There is no more of it, or why not. */
  end(error?: Error): void
}

/**
 * Has the controller ask web servers, over the connection that there is: many requests at once, each held back by its
 * own reader. There is no socket here that others could use.
 */
export class RelayClient implements Relay {
  readonly #notify: AgentServer["notify"]
  readonly #streams = new Map<number, Pending>()
  #next = 1
  #lost: Error | undefined

  constructor(notify: AgentServer["notify"]) {
    this.#notify = notify
  }

  get gone(): boolean {
    return this.#lost !== undefined
  }

  async request({ url, method, headers, signal }: RelayRequest): Promise<Answer> {
    signal.throwIfAborted()
    if (this.#lost !== undefined) throw this.#lost
    const stream = this.#next++
    let answered = false
    const onAbort = (): void => void body.destroy(signal.reason as Error)
    const body = new RelayedBody({
      grant: (bytes) => this.#notify("$/relay/credit", { stream, bytes }),
      abandon: () => this.#notify("$/relay/close", { stream }),
    })
    body.once("close", () => {
      signal.removeEventListener("abort", onAbort)
      this.#streams.delete(stream)
    })
    return await new Promise<Answer>((resolve, reject) => {
      // Until there is an answer nobody else listens; whoever has it, listens for himself.
      body.on("error", reject)
      this.#streams.set(stream, {
        body,
        answer: (head) => {
          answered = true
          resolve({ ...head, body })
        },
        end: (error) => {
          body.finish(error)
          // A body without a head is nobody's to read.
          if (!answered) body.destroy(error)
        },
      })
      signal.addEventListener("abort", onAbort, { once: true })
      this.#notify("$/relay/open", { stream, method, url, headers: { ...headers }, credit: RELAY_WINDOW })
    })
  }

  /** Takes what the controller tells. */
  receive(method: string, params: unknown): void {
    if (method === "$/relay/head") {
      const head = v.safeParse(RELAY_FROM_CONTROLLER[method], params)
      if (head.success) this.#streams.get(head.output.stream)?.answer(head.output)
    } else if (method === "$/relay/end") {
      const end = v.safeParse(RELAY_FROM_CONTROLLER[method], params)
      if (!end.success) return
      const { stream, failure } = end.output
      const error = failure === undefined ? undefined : Object.assign(new Error(failure.message), failure)
      this.#streams.get(stream)?.end(error)
    }
  }

  receiveBytes(stream: number, bytes: Uint8Array): void {
    this.#streams.get(stream)?.body.receive(bytes)
  }

  /** The controller is gone: what goes through it ends here, and can be continued. */
  end(): void {
    this.#lost ??= new DatamaestroError(
      "CONNECTION_LOST",
      "Cannot go on downloading: downloads went through the controller, whose connection is gone",
      { hint: "attach to the job: it continues where it stopped" },
    )
    for (const { end } of this.#streams.values()) end(this.#lost)
  }
}
