import type { Result } from "@datamaestro/protocol"

type Checked = Result<"repositories/check">
type Resource = Checked["datasets"][number]["resources"][number]
type Source = Resource["sources"][number]

/** What became of one resource, with the fields and words of Python datamaestro's `check`. */
export interface CheckEntry {
  dataset: string
  /** Absent for a dataset that can't be planned. */
  resource?: string
  /** Its kind: `file`, `zip`… */
  resource_type?: string
  /** `failed`: a server says that it isn't there; `error`: no server could be asked, or the dataset can't be planned. */
  status: "ok" | "failed" | "error"
  /** The address that decided: the first that works, or what is gone. */
  url?: string
  message: string
  /** Every address, alternatives too, where there are several. */
  sources?: { url: string; status: CheckEntry["status"]; message: string; size?: number }[]
  /** Bytes, where the server tells. */
  size?: number
}

/** One entry a resource that has addresses, in the order of the datasets. */
export function checkEntries({ datasets }: Checked): CheckEntry[] {
  return datasets.flatMap(({ id, error, resources }): CheckEntry[] =>
    error === undefined
      ? resources.map((resource) => entryOf(id, resource))
      : [{ dataset: id, status: "error", message: error }],
  )
}

function entryOf(dataset: string, { name, kind, ok, sources }: Resource): CheckEntry {
  const told = sources.map(statusOf)
  const decisive = told.find(({ status }) => (status === "ok") === ok)
  return {
    dataset,
    resource: name,
    resource_type: kind,
    ...(decisive ?? { status: ok ? "ok" : "error", message: "" }),
    ...(told.length > 1 ? { sources: told } : {}),
  }
}

function statusOf({ url, ok, status, size, error }: Source): NonNullable<CheckEntry["sources"]>[number] {
  // What an answer is that should be one says its reason.
  const answered = status === undefined || (!ok && status < 300) ? (error ?? "") : `HTTP ${status}`
  return {
    url,
    status: ok ? "ok" : status === undefined ? "error" : "failed",
    message: answered,
    ...(size === undefined ? {} : { size }),
  }
}
