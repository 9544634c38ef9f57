import type { AgentClient, Params, RelayMode } from "@datamaestro/protocol"
import type { Session, SessionEvent } from "../session/session.ts"
import type { CopySource } from "../copy/copy-source.ts"
import type { RelayHost } from "./relay-host.ts"
import { WantedSources } from "./wanted-sources.ts"

/** What a session lets out through this machine. */
export interface SessionRelay {
  /** Absent: requests to web servers are not let out. */
  readonly mode: RelayMode | undefined
  /** From now on the addresses of this dataset may be asked. */
  want(selector: Params<"datasets/sources">): void
  close(): void
}

export interface RelayOptions {
  mode: RelayMode | undefined
  /** Where prepared data is copied from. */
  copySource?: CopySource | undefined
  /** An agent on this machine, which tells the addresses of datasets. */
  openLocal(): Promise<Session>
  onEvent(event: SessionEvent): void
}

/** Serves what an agent asks to have relayed; all that takes is loaded when it first does. */
export function relayFor(agent: AgentClient, { mode, copySource, openLocal, onEvent }: RelayOptions): SessionRelay {
  const wanted = new WantedSources(openLocal)
  const refused = new Set<string>()
  let host: Promise<RelayHost> | undefined
  let closed = false

  const begin = async (): Promise<RelayHost> => {
    const { RelayHost } = await import("./relay-host.ts")
    return new RelayHost({
      agent,
      sources: () => (mode === undefined ? Promise.resolve({ urls: [], prefixes: [] }) : wanted.sources()),
      copySource,
      onRefused(address) {
        if (refused.has(address)) return
        refused.add(address)
        const message = `Refused to relay "${address}": no wanted dataset has this address, and none redirects to it`
        onEvent({ phase: "notice", level: "warning", message })
      },
    })
  }

  agent.onNotification((method, params) => {
    if (closed || !method.startsWith("$/relay/")) return
    host ??= begin()
    void host.then((each) => (closed ? undefined : each.receive(method, params)))
  })
  return {
    mode,
    want: (selector) => wanted.want(selector),
    close() {
      closed = true
      void host?.then((each) => each.close())
    },
  }
}
