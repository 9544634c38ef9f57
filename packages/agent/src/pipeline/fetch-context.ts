import type { FetchContext } from "../fetch/fetch-types.ts"
import type { StoredResource } from "./stored-resource.ts"
import { stepContext, type Preparation } from "./preparation.ts"

/** What every download of a preparation is given: its settings, and how it leaves this machine. */
export function fetchContext(preparation: Preparation, resource: StoredResource): FetchContext {
  const { cache, wayOut, mirrors, connections, tokens, download } = preparation.options
  return {
    ...stepContext(preparation, resource),
    cache,
    wayOut,
    cachedOnly: download === false,
    ...(mirrors === undefined ? {} : { mirrors }),
    ...(connections === undefined ? {} : { connections }),
    ...(tokens === undefined ? {} : { tokens }),
  }
}

/** For one of many files: a single one's progress says nothing of the whole, only retries and the like are told. */
export function quietFetchContext(preparation: Preparation, resource: StoredResource): FetchContext {
  const context = fetchContext(preparation, resource)
  return {
    ...context,
    progress: (event) => {
      if (event.phase !== "download" && event.phase !== "verify") context.progress(event)
    },
  }
}
