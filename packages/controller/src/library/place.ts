import { DatamaestroError } from "@datamaestro/protocol"
import { MACHINE_OPTIONS } from "./check-options.ts"
import { Context } from "./context.ts"
import { localPaths } from "./local-context.ts"
import { localMachine, remoteMachine, type MachineOptions } from "../machine.ts"
import { sessionPerCall, type SessionSource } from "./session-source.ts"
import { readUserSettings } from "../user-settings.ts"

/** Where: a context, a data directory on this machine, or a host with what connecting needs. */
export interface Place extends MachineOptions {
  /** A `Context`, or the data directory's path on this machine. */
  context?: Context | string | undefined
  /** Another machine, as `--host` of the command takes it. Without it and `context`: this machine. */
  host?: string | undefined
}

/** What has a meaning only where a connection is made. */
const CONNECTING = ["configFile", "identityFiles", "sshOptions", "transport"] as const

/** @throws DatamaestroError USAGE for what is said twice, or would be left unheeded */
export function sourceAt(place: Place): SessionSource {
  const { context, host, ...machine } = place
  if (context instanceof Context) {
    const refused = firstGiven(place, ["host", ...MACHINE_OPTIONS])
    if (refused === undefined) return context.source
    throw unheeded(refused, "beside a context, which has its own", "give it to Context.instance or Context.remote")
  }
  // A Context of another copy of this package would be taken for none.
  if (typeof context === "object") {
    throw new DatamaestroError(
      "USAGE",
      "Cannot use this object as context: it is no Context of this copy of datamaestro",
      {
        hint: "context is to be what Context.instance or Context.remote gave, or the path of a data directory",
        details: { option: "context" },
      },
    )
  }
  if (host !== undefined) {
    if (context === undefined) return sessionPerCall(remoteMachine(host, machine, readUserSettings()))
    throw new DatamaestroError("USAGE", `Cannot use the data directory "${context}" of this machine on "${host}"`, {
      hint: "name the data directory of that machine with data",
    })
  }
  if (context !== undefined && machine.data !== undefined) {
    throw new DatamaestroError("USAGE", "Cannot use both context and data: both name the data directory", {
      hint: "leave one of them out",
    })
  }
  const refused = firstGiven(place, CONNECTING)
  if (refused !== undefined) throw unheeded(refused, "without a host: it is for connecting", "name a host with host")
  const { data } = localPaths(context ?? machine.data)
  return sessionPerCall(localMachine({ ...machine, data }, readUserSettings()))
}

function firstGiven(place: Place, names: readonly (keyof Place)[]): string | undefined {
  return names.find((name) => {
    const value = place[name]
    return Array.isArray(value) ? value.length > 0 : value !== undefined
  })
}

function unheeded(option: string, reason: string, hint: string): DatamaestroError {
  return new DatamaestroError("USAGE", `Cannot use ${option} ${reason}`, { hint, details: { option } })
}
