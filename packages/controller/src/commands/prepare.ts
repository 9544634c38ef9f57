import type { Encoder, Params, Result } from "@datamaestro/protocol"
import type { Call, Command } from "./command.ts"
import { valueWithId } from "../dataset-calls.ts"
import { eachId } from "./each-id.ts"

export interface PrepareOptions {
  ids: readonly string[]
  encoder: Encoder
  /** `false`: only what is there already. */
  download: boolean
  force: boolean
  /** Whether the value is the result (`prepare`), or only which dataset it was (`download`). */
  printValue: boolean
}

type Prepared = Result<"datasets/prepare">

/** Resolve, download, verify, extract; the prepared value of each id. */
export function prepare(options: PrepareOptions): Command<Prepared[]> {
  const json = (results: Prepared[]): unknown => {
    const values = results.map((each) =>
      options.printValue ? valueWithId(each) : { id: each.id, repository: each.repository },
    )
    return options.ids.length === 1 ? values[0] : values
  }
  return {
    needsRepositories: true,
    severalHosts: options.printValue ? "object" : "lines",
    run: (call) => eachId(options.ids, call, (id) => prepareOne(id, options, call)),
    json,
    text: (results) => (options.printValue ? `${JSON.stringify(json(results))}\n` : ""),
  }
}

async function prepareOne(id: string, options: PrepareOptions, call: Call): Promise<Prepared> {
  const { invocation, session, signal, onProgress } = call
  const params: Params<"datasets/prepare"> = {
    id,
    defaultRepository: invocation.settings.default_repository,
    encoder: options.encoder,
    download: options.download,
    force: options.force,
    keepDownloads: invocation.options.keepDownloads,
    connections: invocation.options.connections,
  }
  return await invocation.agreements.during((agreements) =>
    session.agent.request("datasets/prepare", { ...params, agreements }, { signal, onProgress }),
  )
}
