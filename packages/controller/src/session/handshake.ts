import { PROTOCOL_VERSION, type AheadRequest, type Params } from "@datamaestro/protocol"
import type { GatheredRepositories } from "../repositories/declare-repositories.ts"
import type { SessionOptions } from "./session.ts"
import { controllerVersion } from "../version.ts"

/** What the agent is told first. */
export function initializeParams(
  options: Pick<SessionOptions, "data" | "dataSetting">,
  environment: "login" | "inherit",
): Params<"initialize"> {
  return {
    protocol: PROTOCOL_VERSION,
    controller: controllerVersion(),
    environment,
    ...(options.data === undefined ? {} : { data: options.data }),
    ...(options.dataSetting === undefined ? {} : { dataSetting: options.dataSetting }),
  }
}

/** While the agent is being reached this process has nothing else to do. */
export function gatherFor(
  { needsRepositories, onEvent }: SessionOptions,
  where: "local" | "remote",
): Promise<GatheredRepositories> | undefined {
  if (needsRepositories !== true) return undefined
  const gathered = import("../repositories/declare-repositories.ts").then(({ gatherRepositories }) =>
    gatherRepositories({ where, onEvent }),
  )
  // Whoever declares them hears of a failure.
  gathered.catch(() => {})
  return gathered
}

/** What leaves together with the handshake: the request to come where it is known, else what the agent has to know for it. */
export async function aheadOf(
  { ahead }: SessionOptions,
  gathered: Promise<GatheredRepositories> | undefined,
): Promise<AheadRequest | undefined> {
  if (ahead !== undefined || gathered === undefined) return ahead
  return await gathered.then(
    ({ params }) => ({ method: "repositories/declare", params }) as const,
    () => undefined,
  )
}
