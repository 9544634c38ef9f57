import type { Result } from "@datamaestro/protocol"
import type { Command } from "./command.ts"
import { eachId } from "./each-id.ts"
import { tabLine } from "./tab-line.ts"

type Plan = Result<"datasets/plan">

/** What `prepare` would do, without doing it: one line per resource, `ID ACTION RESOURCE URL TARGET`. */
export function dryRun(ids: readonly string[]): Command<Plan[]> {
  return {
    needsRepositories: true,
    severalHosts: "lines",
    run: (call) =>
      eachId(ids, call, (id) =>
        call.session.agent.request(
          "datasets/plan",
          { id, defaultRepository: call.invocation.settings.default_repository },
          { signal: call.signal },
        ),
      ),
    json: (plans) => (ids.length === 1 ? plans[0] : plans),
    text: (plans) =>
      plans
        .flatMap((plan) =>
          plan.work.map((work) =>
            tabLine([plan.id, work.action, work.resource, work.urls[0] ?? "-", work.target ?? "-"]),
          ),
        )
        .join(""),
  }
}
