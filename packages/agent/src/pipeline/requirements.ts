import { createHash } from "node:crypto"
import { stat } from "node:fs/promises"
import type { Agreement } from "@datamaestro/dataset"
import { DatamaestroError, type AcceptedAgreement } from "@datamaestro/protocol"
import type { ResolvedDataset } from "../resolve/resolve-dataset.ts"
import { resourcePath } from "../store/layout.ts"
import { storageError } from "../store/storage-error.ts"
import type { PrepareOptions } from "./preparation.ts"

/** What only the person can provide: data folders that are configured and there. They are never copied. */
export async function requireDatafolders({ plan }: ResolvedDataset, options: PrepareOptions): Promise<void> {
  for (const resource of plan.resources) {
    if (resource.kind !== "datafolder") continue
    const path = resourcePath(options.paths, plan, resource, options.datafolders)
    try {
      await stat(path)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== "ENOENT" && code !== "ENOTDIR") throw storageError(error, `read "${path}"`)
      throw new DatamaestroError("DATAFOLDER_MISSING", `Cannot use dataset "${plan.id}": there is no "${path}"`, {
        hint: `put the data there, or tell where it is with \`datamaestro datafolders set ${resource.folder} PATH\``,
        details: { dataset: plan.id, datafolder: resource.folder, path },
      })
    }
  }
}

/** @throws DatamaestroError AGREEMENT_REQUIRED with the agreement's id, URL and text in its details */
export function requireAgreement({ plan }: ResolvedDataset, { agreements = [] }: PrepareOptions): void {
  const { agreement } = plan
  if (agreement === undefined || agreements.some((accepted) => covers(accepted, agreement))) return
  const before = agreements.some((accepted) => typeof accepted === "object" && accepted.id === agreement.id)
  const where = agreement.url === undefined ? "" : ` (${agreement.url})`
  throw new DatamaestroError(
    "AGREEMENT_REQUIRED",
    `Cannot prepare "${plan.id}": its agreement "${agreement.id}" ${before ? "has changed since it was accepted" : "is not accepted"}`,
    {
      hint: `read it${where}, and accept it with --accept-agreement ${agreement.id}`,
      details: { dataset: plan.id, agreement: { ...agreement } },
    },
  )
}

function covers(accepted: AcceptedAgreement, { id, text }: Agreement): boolean {
  if (typeof accepted === "string") return accepted === id
  if (accepted.id !== id) return false
  return text === undefined || accepted.sha256 === createHash("sha256").update(text).digest("hex")
}
