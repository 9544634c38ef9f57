import { RepositoryIndex } from "../../packages/agent/src/repositories/repository-index.ts"
import { dataType } from "../../packages/agent/src/resolve/info-of.ts"
import { resolveDataset, type ResolvedDataset } from "../../packages/agent/src/resolve/resolve-dataset.ts"
import { searchDatasets } from "../../packages/agent/src/resolve/search-datasets.ts"
import { expect } from "chai"
import {
  downloadsOf,
  stateName,
  type Download,
  type PlannedResource,
  type PlannedValue,
  type Transform,
} from "@datamaestro/dataset"
import { declaredRepository } from "../helpers/declared-repository.ts"
import { EXCEPTIONS, OURS_ALONE, RETIRED, STORED, type Aspect } from "./catalogue-exceptions.ts"
import { Catalogue, type Fact, type ResourceFact, type ResultFact, type TransformFact } from "./catalogue-facts.ts"

const REPOSITORIES = ["image", "text", "ml", "ir"]
const catalogue = await Catalogue.read()
const wanted = [...catalogue.facts.values()]

describe("the catalogue", () => {
  let index: RepositoryIndex
  before(async () => {
    index = new RepositoryIndex(await Promise.all(REPOSITORIES.map(declaredRepository)))
  })

  it("has every dataset of the fact sheets, and no others", async () => {
    const ours: string[] = []
    for (const repository of REPOSITORIES) {
      const { datasets } = await index.repository(repository)
      ours.push(...Array.from(datasets.keys(), (id) => `${id}@${repository}`))
    }
    expect(ours.sort()).to.deep.equal([...wanted.map(({ id, sheet }) => `${id}@${sheet}`), ...OURS_ALONE].sort())
  })

  it("still finds in `text` what `ir` has now, and lists it once", async () => {
    const { moved } = catalogue
    for (const id of moved) {
      const { plan } = await resolveDataset(`${id}@text`, index)
      expect(`${plan.id}@${plan.repository}`).to.equal(`${id}@ir`)
    }
    const text = await index.repository("text")
    expect([...text.moved.keys()].sort()).to.deep.equal([...moved].sort())
    expect((await resolveDataset("aagohary.canard@text", index)).plan.repository).to.equal("ir")
  })

  it("makes no exception for what is not there", () => {
    expect(Object.keys(EXCEPTIONS).filter((id) => !wanted.some((fact) => fact.id === id))).to.deep.equal([])
  })

  for (const fact of wanted) {
    it(`has ${fact.id} as on the sheet of ${fact.sheet}`, async () => {
      const dataset = await resolveDataset(`${fact.id}@${fact.sheet}`, index, { example: true })
      const { definition } = dataset
      expect(definition.description).to.be.a("string").with.length.above(20)
      expect(definition.name).to.be.a("string")
      expect(facts(dataset, fact)).to.deep.equal({
        tags: fact.tags ?? [],
        tasks: fact.tasks ?? [],
        ...(fact.license === undefined ? {} : { license: fact.license }),
        ...(fact.size === undefined ? {} : { size: fact.size }),
        ...(fact.doi === undefined ? {} : { doi: fact.doi }),
      })
      const differences = differencesOf(dataset, fact)
      if (!catalogue.isInReach(fact)) {
        // No store is made: what it is made of is handed out, and the value keeps its shape.
        const [ours, theirs] = [flatValue(dataset.plan.value), catalogue.expectedValue(fact)].map(shapeOfValue)
        expect(ours).to.deep.equal(theirs)
        for (const aspect of STORED) delete differences[aspect]
      }
      const allowed = EXCEPTIONS[fact.id] ?? {}
      for (const [aspect, difference] of Object.entries(differences)) {
        if (allowed[aspect as Aspect] === undefined) expect.fail(`${aspect}: ${difference}`)
      }
      expect(Object.keys(differences)).to.include.members(Object.keys(allowed), "an exception that is none")
    })
  }

  it("loads only the definitions that are needed", async () => {
    const fresh = new RepositoryIndex(await Promise.all(REPOSITORIES.map(declaredRepository)))
    let loaded: string[] = []
    for (const repository of REPOSITORIES) {
      const { datasets } = await fresh.repository(repository)
      for (const [id, load] of datasets) {
        const counted = (): ReturnType<typeof load> => {
          loaded.push(id)
          return load()
        }
        ;(datasets as Map<string, typeof load>).set(id, counted)
      }
    }
    const loadedBy = async (act: () => Promise<unknown>): Promise<string[]> => {
      loaded = []
      await act()
      return loaded.sort()
    }
    expect(await loadedBy(() => resolveDataset("mnist", fresh))).to.deep.equal(["com.lecun.mnist"])
    expect(await loadedBy(() => resolveDataset("edu.stanford.glove.6b.50", fresh))).to.deep.equal([
      "edu.stanford.glove.6b",
      "edu.stanford.glove.6b.50",
    ])
    expect(await loadedBy(() => searchDatasets(["wikiqa"], fresh))).to.deep.equal(["com.microsoft.wikiqa"])
    const tagged = await loadedBy(() => searchDatasets(["repo:image", "tag:faces"], fresh))
    expect(tagged.every((id) => catalogue.get(id).sheet === "image")).to.equal(true)
  })

  it("plans every variant of what has any", async () => {
    for (const fact of wanted) {
      const definition = await index.definition(fact.sheet, fact.id)
      for (const [name, axis] of Object.entries(definition.axes)) {
        for (const value of axis.domain ?? []) {
          const selector = `${fact.id}[${name}=${String(value)}]@${fact.sheet}`
          const { plan } = await resolveDataset(selector, index, { example: true })
          expect(plan.id).to.match(axis.inId ? new RegExp(`[[,]${name}=${String(value)}[\\],]`) : /./)
        }
      }
    }
  })
})

function facts({ definition }: ResolvedDataset, fact: Fact): object {
  const { tags, tasks } = definition
  const told = (["license", "size", "doi"] as const).flatMap((field) =>
    fact[field] === undefined ? [] : [[field, definition[field]] as const],
  )
  return { tags, tasks, ...Object.fromEntries(told) }
}

/** Each aspect in which ours is not as the sheet says, told in words. */
function differencesOf(dataset: ResolvedDataset, fact: Fact): Partial<Record<Aspect, string>> {
  const { definition, plan } = dataset
  const differences: Partial<Record<Aspect, string>> = {}
  const compare = (aspect: Aspect, ours: unknown, theirs: unknown): void => {
    try {
      expect(ours).to.deep.equal(theirs)
    } catch {
      differences[aspect] = `${JSON.stringify(ours)}, on the sheet ${JSON.stringify(theirs)}`
    }
  }
  compare("url", definition.url, fact.homepage)
  compare("timestamp", definition.timestamp, fact.timestamp ?? false)
  compare("agreement", definition.agreement, fact.agreement)
  if (fact.datatype !== undefined) compare("type", dataType(dataset), fact.datatype)
  const parts = Object.entries(fact.resultTypes ?? {}).filter(([path]) => !path.includes("*"))
  compare(
    "type",
    Object.fromEntries(parts.map(([path]) => [path, typeAt(plan.value, path)])),
    Object.fromEntries(parts),
  )
  compare("value", flatValue(plan.value), catalogue.expectedValue(fact))

  // What `links` leads to are references of ours, and part of the links on the sheet.
  const linked = new Set(fact.resources.flatMap(({ links }) => Object.keys(links ?? {})))
  const own = plan.resources.filter(({ name }) => !linked.has(name))
  compare("resources", own.map(shapeOf), fact.resources.map(shapeOfFact))
  for (const theirs of fact.resources) {
    const ours = plan.resources.find(({ name }) => name === stateName(theirs.name))
    if (ours === undefined) continue
    const downloads = downloadsOf(ours)
    if (downloads.length > 0) {
      const urls = downloads.flatMap((download) => download.urls)
      compare("urls", urls, urlsOf(theirs))
      compare("sums", missingSums(ours, downloads, theirs), [])
    }
    compare("details", detailsOf(ours), detailsOfFact(theirs))
  }
  return differences
}

function shapeOf(resource: PlannedResource): unknown {
  const { name, kind } = resource
  const filename = kind === "file" || kind === "concat" ? resource.target : undefined
  return { name, kind, ...(filename === undefined ? {} : { filename }) }
}

/** What the sheets call it, in our words. */
function shapeOfFact({ name, kind, filename, urls, dataFiles }: ResourceFact): unknown {
  const ours: Record<string, string> = { gsync: "bucket", huggingface: "file" }
  const told = kind === "file" || kind === "concat" ? filename : dataFiles
  const here = kind === "zip" && urls !== undefined ? "merge" : (ours[kind] ?? kind)
  return { name: stateName(name), kind: here, ...(told === undefined ? {} : { filename: told }) }
}

/** What only some kinds have. */
function detailsOf(resource: PlannedResource): object {
  switch (resource.kind) {
    case "links":
      return { links: Object.fromEntries(Object.entries(resource.links).map(([name, { id }]) => [name, id])) }
    case "linkfolder":
    case "linkfile":
      return { places: resource.places, check: resource.check }
    case "manual":
      return { page: resource.page, deposit: resource.deposit, unpack: resource.unpack }
    case "reference":
      return { id: resource.id }
    case "file":
    case "concat":
      return changes(resource.transforms.filter(({ kind }) => kind !== "gunzip"))
    default:
      return {}
  }
}

function detailsOfFact(fact: ResourceFact): object {
  const { kind, name, url, filename, links, datafolder, checksum, reference } = fact
  switch (kind) {
    case "links":
      return { links }
    case "linkfolder": {
      const [folder = "", path = ""] = datafolder ?? []
      const check = checksum?.of === "glob" ? { glob: checksum.glob, md5: checksum.value } : undefined
      return { places: [{ folder, path }], check }
    }
    case "manual":
      return { page: url, deposit: filename ?? name, unpack: fact.extract }
    case "reference":
      return { id: reference }
    case "file":
    case "concat":
    case "huggingface":
      return changes((fact.transforms ?? []).flatMap(transformOf))
    default:
      return {}
  }
}

function changes(transforms: readonly Transform[]): object {
  return transforms.length === 0 ? {} : { transforms }
}

/** A transform that is more than decompressing by the suffix, in our words. */
function transformOf(transform: TransformFact): Transform[] {
  if (transform === "json-array-to-jsonl") return [{ kind: "json-lines" }]
  if (typeof transform === "string") return []
  if ("filter" in transform) return [{ kind: "filter", pattern: transform.filter }]
  const [pattern, replacement] = transform.replace
  return [{ kind: "replace", pattern, replacement: replacement.replace(/\\(\d)/g, "$$$1") }]
}

function urlsOf({ url, mirrors = [], urls: several, dataFiles }: ResourceFact): string[] {
  if (dataFiles !== undefined) return [`${url ?? ""}/resolve/main/${dataFiles}`]
  const urls = [...(several ?? (url === undefined ? [] : [url])), ...mirrors]
  return urls.filter((one) => !RETIRED.some((host) => one.startsWith(host)))
}

/** The sums of the sheet that ours lacks, and those that it must not have. */
function missingSums(resource: PlannedResource, downloads: readonly Download[], fact: ResourceFact): string[] {
  const same = resource.kind === "file" && resource.transforms.length === 0
  const sums = [
    ...downloads.flatMap(({ integrity }) => integrity),
    ...("integrity" in resource ? resource.integrity : []),
  ]
  const ours = new Set(sums.map(({ hex, of }) => `${hex} ${same ? "download" : of}`))
  const problems: string[] = []
  const { checksum, crossCheck } = fact
  if (checksum?.suspect === true && [...ours].some((sum) => sum.startsWith(checksum.value))) {
    problems.push(`the suspect ${checksum.value} is used`)
  }
  for (const sum of [checksum?.suspect === true ? undefined : checksum, crossCheck]) {
    if (sum === undefined || sum.of === "glob" || (crossCheck?.agrees === false && sum === checksum)) continue
    const of = sum.of === "unknown" || same ? "download" : sum.of
    if (!ours.has(`${sum.value} ${of}`)) problems.push(`${sum.value} of the ${of} is missing`)
  }
  return problems
}

/** A value with what stands in its fields left out: a store's path may be told alone or as `{ path }`. */
function shapeOfValue(value: ResultFact): unknown {
  if (Array.isArray(value)) return value.map(shapeOfValue)
  if (typeof value !== "object" || value === null) return "a value"
  const names = Object.keys(value)
  if (names.length === 1 && names[0] === "path") return "a value"
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shapeOfValue(item)]))
}

/** The data type of the part of a value at a dotted path. */
function typeAt(value: PlannedValue, path: string): unknown {
  let part: unknown = value
  for (const name of path.split(".")) {
    const fields = (part as { fields?: Record<string, unknown> }).fields ?? (part as Record<string, unknown>)
    part = fields[name]
  }
  return (part as { $type?: string }).$type
}

/** A plan's value with its data types' names left out, and paths as `id#resource/inner/path`. */
function flatValue(value: PlannedValue): ResultFact {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(flatValue)
  if ("$path" in value) {
    const { dataset, resource, segments } = value["$path"] as { dataset: string; resource: string; segments: string[] }
    return `${dataset}#${[resource, ...segments].join("/")}`
  }
  if ("$type" in value) return flatValue(value["fields"])
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, flatValue(item)]))
}
