import { RepositoryIndex } from "../../packages/agent/src/repositories/repository-index.ts"
import { dataType } from "../../packages/agent/src/resolve/info-of.ts"
import { resolveDataset, type ResolvedDataset } from "../../packages/agent/src/resolve/resolve-dataset.ts"
import { expect } from "chai"
import { stateName, type PlannedResource, type PlannedValue } from "@datamaestro/dataset"
import { declaredRepository } from "../helpers/declared-repository.ts"
import { EXCEPTIONS, RETIRED, type Aspect } from "./catalogue-exceptions.ts"
import { Catalogue, type Fact, type ResourceFact, type ResultFact } from "./catalogue-facts.ts"

const REPOSITORIES = ["image", "text", "ml", "ir"]
const catalogue = await Catalogue.read()
const wanted = [...catalogue.facts.values()].filter((fact) => catalogue.isInReach(fact))

describe("the catalogue", () => {
  let index: RepositoryIndex
  before(async () => {
    index = new RepositoryIndex(await Promise.all(REPOSITORIES.map(declaredRepository)))
  })

  it("has every dataset of the fact sheets that needs no document store, and no others", async () => {
    const ours: string[] = []
    for (const repository of REPOSITORIES) {
      const { datasets } = await index.repository(repository)
      ours.push(...Array.from(datasets.keys(), (id) => `${id}@${repository}`))
    }
    expect(ours.sort()).to.deep.equal(wanted.map(({ id, sheet }) => `${id}@${sheet}`).sort())
  })

  it("still finds in `text` what `ir` has now, and lists it once", async () => {
    const moved = catalogue.moved.filter((id) => catalogue.isInReach(catalogue.get(id)))
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
      const allowed = EXCEPTIONS[fact.id] ?? {}
      for (const [aspect, difference] of Object.entries(differences)) {
        if (allowed[aspect as Aspect] === undefined) expect.fail(`${aspect}: ${difference}`)
      }
      expect(Object.keys(differences)).to.include.members(Object.keys(allowed), "an exception that is none")
    })
  }

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
  compare("value", flatValue(plan.value), catalogue.expectedValue(fact))

  compare("resources", plan.resources.map(shapeOf), fact.resources.map(shapeOfFact))
  for (const theirs of fact.resources) {
    const ours = plan.resources.find(({ name }) => name === stateName(theirs.name))
    if (ours === undefined || !("download" in ours)) continue
    compare("urls", ours.download.urls, urlsOf(theirs))
    compare("sums", missingSums(ours, theirs), [])
  }
  return differences
}

function shapeOf(resource: PlannedResource): unknown {
  const { name, kind } = resource
  return { name, kind, ...(kind === "file" ? { filename: resource.target } : {}) }
}

function shapeOfFact({ name, kind, filename }: ResourceFact): unknown {
  return { name: stateName(name), kind, ...(kind === "file" ? { filename } : {}) }
}

function urlsOf({ url, mirrors = [] }: ResourceFact): string[] {
  const urls = url === undefined ? mirrors : [url, ...mirrors]
  return urls.filter((one) => !RETIRED.some((host) => one.startsWith(host)))
}

/** The sums of the sheet that ours lacks, and those that it must not have. */
function missingSums(resource: Extract<PlannedResource, { download: unknown }>, fact: ResourceFact): string[] {
  const same = "transforms" in resource && resource.transforms.length === 0
  const ours = new Set(resource.download.integrity.map(({ hex, of }) => `${hex} ${same ? "download" : of}`))
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
