import { interrupted } from "@datamaestro/protocol"
import type { Socket } from "node:net"
import type { Prompter, Question } from "../transport/prompter.ts"
import { writeFrame } from "./frames.ts"

/** `text` is absent when the person gave none. */
export interface Answer {
  id: number
  text?: string
}

/** Puts questions to the person at whose command a connection is being made, at the other end of a socket. */
export class SocketPrompter implements Prompter {
  readonly available: boolean
  readonly #socket: Socket
  readonly #open = new Map<number, (text: string | undefined) => void>()
  #asked = 0

  constructor(socket: Socket, available: boolean) {
    this.#socket = socket
    this.available = available
  }

  /** @throws DatamaestroError INTERRUPTED when there is no answer */
  async ask({ text, preface, hidden }: Question): Promise<string> {
    const id = ++this.#asked
    const answer = await new Promise<string | undefined>((resolve) => {
      this.#open.set(id, resolve)
      writeFrame(this.#socket, "question", { id, text, preface, hidden })
    })
    if (answer === undefined) throw interrupted()
    return answer
  }

  answer({ id, text }: Answer): void {
    this.#open.get(id)?.(text)
    this.#open.delete(id)
  }

  /** Nobody answers any more. */
  end(): void {
    for (const answer of this.#open.values()) answer(undefined)
  }
}
