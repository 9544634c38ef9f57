import { formatBytes, type Result } from "@datamaestro/protocol"
import type { Command } from "./command.ts"
import { eachId } from "./each-id.ts"
import { tabLine } from "./tab-line.ts"

type Plan = Result<"datasets/plan">

/**
 * What `prepare` would do, without doing it: one line per resource, `ID ACTION RESOURCE URL TARGET BYTES`.
 *
 * @param ask whether servers may be asked how much it is
 */
export function dryRun(ids: readonly string[], ask: boolean): Command<Plan[]> {
  return {
    needsRepositories: true,
    severalHosts: "lines",
    run: (call) =>
      eachId(ids, call, async (id) => {
        const { session, invocation, signal, onProgress } = call
        const plan = await session.agent.request(
          "datasets/plan",
          {
            id,
            defaultRepository: invocation.settings.default_repository,
            ask,
            keepDownloads: invocation.options.keepDownloads,
            agreements: invocation.agreements.accepted,
          },
          { signal },
        )
        for (const message of [...toAccept(plan), ...byHand(plan), ...notPlaced(plan)])
          onProgress({ phase: "notice", level: "warning", message })
        const level = plan.fits === false ? "warning" : "info"
        onProgress({ phase: "notice", level, message: summary(plan) })
        return plan
      }),
    json: (plans) => (ids.length === 1 ? plans[0] : plans),
    text: (plans) => plans.flatMap(({ work }) => work.map(line)).join(""),
  }
}

function line({ dataset, action, resource, urls, target, bytes }: Plan["work"][number]): string {
  return tabLine([dataset, action, resource, urls[0] ?? "-", target ?? "-", bytes === undefined ? "-" : String(bytes)])
}

/** What `prepare` would ask, or end with where nobody can be asked. */
function toAccept({ unaccepted }: Plan): string[] {
  return unaccepted.map(({ dataset, id, url }) => {
    const where = url === undefined ? "" : ` (${url})`
    return `${dataset}: its agreement "${id}"${where} must be accepted first: prepare asks on a terminal, or takes --accept-agreement ${id}`
  })
}

/** What `prepare` would end with, for want of a person. */
function byHand({ work }: Plan): string[] {
  return work
    .filter(({ action }) => action === "by-hand")
    .map(({ dataset, resource, urls, target, instructions }) => {
      const how = instructions === undefined ? "" : ` (${instructions})`
      return `${dataset}: its ${resource} must be fetched by hand from ${urls[0]}${how}, and put on the data machine at "${target}"`
    })
}

/** The same, for what must be on the data machine already. */
function notPlaced({ work }: Plan): string[] {
  return work.flatMap(({ dataset, resource, action, datafolder, target }) => {
    if (datafolder === undefined || action !== "reference") return []
    const tell = `tell where it is with \`datamaestro datafolders set ${datafolder} PATH\``
    return target === undefined
      ? [`${dataset}: data folder "${datafolder}", which has its ${resource}, is not set: ${tell}`]
      : [`${dataset}: there is no "${target}", which is its ${resource}: put the data there, or ${tell}`]
  })
}

function summary({ id, work, fetch, unknown, needs, free, fits }: Plan): string {
  const known = fetch > 0 ? [formatBytes(fetch)] : []
  const rest = unknown === 0 ? [] : [`${unknown} ${unknown === 1 ? "file" : "files"} of unknown size`]
  const unpacked = needs > fetch ? `, at least ${formatBytes(needs)} with what is unpacked` : ""
  const room = free === undefined ? "" : `; ${formatBytes(free)} are free${fits === false ? ": that does not fit" : ""}`
  const nothing = work.some(({ action }) => action === "by-hand") ? "nothing else to fetch" : "nothing to fetch"
  const wanted = known.length + rest.length === 0 ? nothing : `to fetch ${[...known, ...rest].join(" and ")}`
  return `${id}: ${wanted}${unpacked}${room}`
}
