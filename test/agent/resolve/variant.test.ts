import { parseSelector } from "../../../packages/agent/src/resolve/selector.ts"
import {
  completeSelection,
  exampleSelection,
  readVariant,
  variantSuffix,
} from "../../../packages/agent/src/resolve/variant.ts"
import { folderName } from "../../../packages/agent/src/store/layout.ts"
import {
  axis,
  defineDataset,
  selectorOf,
  type AnyDefinition,
  type Axes,
  type Axis,
  type AxisValue,
} from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"

const WORDS: Axes = {
  dim: axis([50, 100, 200, 300]),
  corpus: axis(["6B", "42B"], { default: "6B" }),
  cased: axis([true, false], { default: false, elideDefault: true }),
  streaming: axis([true, false], { default: true, inId: false }),
  threshold: axis("number", { default: null }),
}

/** The canonical id of what was typed. */
function canonical(typed: string, axes: Axes = WORDS): string {
  const { id, variant } = parseSelector(typed)
  return id + variantSuffix(axes, completeSelection({ id, axes }, readVariant({ id, axes }, variant)))
}

function failure(act: () => unknown): DatamaestroError {
  try {
    act()
  } catch (error) {
    if (error instanceof DatamaestroError) return error
    throw error
  }
  throw new Error("nothing was thrown")
}

/** A small deterministic generator (mulberry32), so that a failure can be repeated. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const AWKWARD = [
  "",
  " ",
  "a",
  "null",
  "true",
  "5",
  "5.0",
  "-0",
  "1e3",
  "a,b",
  "a=b",
  "[x]",
  "]",
  '"',
  "\\",
  "é",
  "a b ",
  "\n",
  "@x",
  "a/b",
  "..",
  "%2F",
  "💾",
  "{}",
]

describe("variants", () => {
  it("have one canonical form: axes sorted, defaults written out, elided or left out as the axes say", () => {
    expect(canonical("w[dim=50]")).to.equal("w[corpus=6B,dim=50,threshold=null]")
    expect(canonical("w[ dim = 50 , corpus=42B,cased=true,streaming=false,threshold=.5 ]")).to.equal(
      "w[cased=true,corpus=42B,dim=50,threshold=0.5]",
    )
    expect(canonical("w[dim=50.0,cased=false,threshold=null]")).to.equal(canonical("w[dim=50]"))
    expect(canonical("w", { n: axis([1, 2], { default: 1, elideDefault: true }) })).to.equal("w")
    expect(canonical("w[]", {})).to.equal("w")
  })

  it("read words as the axis understands them", () => {
    const axes = {
      text: axis("string", { default: null }),
      mixed: axis([5, "5", null, "null"]),
      flag: axis("boolean", { default: true }),
    }
    const read = (typed: string): unknown => readVariant({ id: "w", axes }, parseSelector(typed).variant)
    expect(read("w[text=5,mixed=5,flag=false]")).to.deep.equal({ text: "5", mixed: 5, flag: false })
    expect(read('w[text=null,mixed="5"]')).to.deep.equal({ text: null, mixed: "5" })
    expect(read('w[text="null",mixed=null]')).to.deep.equal({ text: "null", mixed: null })
    expect(read('w[mixed="null"]')).to.deep.equal({ mixed: "null" })
  })

  it("outside the axes are errors that name axis and domain", () => {
    const dim = failure(() => canonical("w[dim=60]"))
    expect(dim.code).to.equal("UNKNOWN_VARIANT")
    expect(dim.message).to.equal('Cannot select dim=60 of dataset "w": it is not one of 50, 100, 200, 300')
    expect(dim.details).to.deep.equal({ dataset: "w", axis: "dim", domain: [50, 100, 200, 300] })
    expect(failure(() => canonical("w")).message).to.contain('axis "dim" has no default')
    expect(failure(() => canonical("w")).hint).to.contain("w[dim=50]")
    expect(failure(() => canonical("w[dim=50,size=1]")).hint).to.equal(
      "its axes are: dim, corpus, cased, streaming, threshold",
    )
    expect(failure(() => canonical("w[dimm=50]")).hint).to.match(/^did you mean dim\? its axes are: /)
    expect(failure(() => canonical("w[dim=3000]")).hint).to.match(/^did you mean 300\? choose for "dim" one of /)
    expect(failure(() => canonical("w[on=yes]", { on: axis("boolean") })).hint).to.equal(
      'choose for "on" true or false',
    )
    expect(failure(() => canonical("w[dim=50,threshold=high]")).message).to.contain("a number or null")
    expect(failure(() => canonical("w[a=1]", {})).hint).to.equal("this dataset has no variants")
    expect(failure(() => canonical("w[n=1.5]", { n: axis("integer") })).message).to.contain("an integer")
    expect(failure(() => canonical("w[n=null]", { n: axis("integer") })).code).to.equal("UNKNOWN_VARIANT")
    expect(failure(() => canonical("w[toString=1]")).message).to.contain("no such axis")
    expect(failure(() => canonical('w[dim="50"]')).code).to.equal("UNKNOWN_VARIANT")
  })

  it("written wrongly are usage errors", () => {
    for (const typed of [
      "",
      " ",
      "[dim=50]",
      "w[",
      "w]",
      "w[dim]",
      "w[dim=50",
      "w[=50]",
      "w[dim=50,]",
      "w[,dim=50]",
      "w[dim=50,dim=100]",
      'w[dim="50]',
      'w[dim="\\x"]',
      "w[a=[1]]",
      "w@",
      "w@a@b",
      "a b",
    ]) {
      expect(failure(() => parseSelector(typed)).code, typed).to.equal("USAGE")
    }
    expect(parseSelector(" com.lecun.mnist@image ")).to.deep.equal({
      id: "com.lecun.mnist",
      repository: "image",
      variant: [],
    })
  })

  it("are asked for by a selector that gives the same selection, also of axes outside the id", () => {
    const definition = defineDataset({
      id: "org.w",
      axes: { dim: axis([50, 100]), mode: axis(["5", "a,b"], { default: "5", inId: false }) },
      resources: {},
      describe: () => ({}),
    })
    expect(selectorOf(definition, { dim: 50 })).to.equal("org.w[dim=50]")
    const typed = selectorOf(definition, { mode: "a,b", dim: 100 })
    expect(typed).to.equal('org.w[dim=100,mode="a,b"]')
    expect(readVariant(definition, parseSelector(typed).variant)).to.deep.equal({ dim: 100, mode: "a,b" })
    const plain = defineDataset({ id: "org.plain", resources: {}, describe: () => ({}) })
    expect(selectorOf(plain)).to.equal("org.plain")
    const untyped = selectorOf as (definition: AnyDefinition, selection: object) => string
    expect(() => readVariant(definition, parseSelector(untyped(definition, { size: "x" })).variant)).to.throw(
      DatamaestroError,
      "no such axis",
    )
  })

  it("are completed with first values to show an example", () => {
    const example = exampleSelection({ id: "w", axes: { ...WORDS, n: axis("integer") } }, { corpus: "42B" })
    expect(example).to.deep.equal({ corpus: "42B", dim: 50, n: 1 })
  })

  it("read back from their canonical form, and never share one with another selection (2000 random axes)", () => {
    const random = generator(7)
    const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T
    const values = (): AxisValue =>
      pick<AxisValue>([...AWKWARD, ...AWKWARD.map((word) => word.repeat(2)), null, true, false, 5, -1.5, 1e21, 1e-7, 0])
    for (let round = 0; round < 2000; round++) {
      const domain = [...new Set(Array.from({ length: 1 + random(6) }, values))]
      const axes: Axes = {
        [pick(["b", "é", "x-y"])]: axis(domain) as Axis,
        a: axis("string", { default: null }) as Axis,
        z: axis("number", { default: 3, elideDefault: true }) as Axis,
      }
      const select = (): Record<string, AxisValue> =>
        Object.fromEntries(
          Object.keys(axes).map((name) => [
            name,
            name === "a" ? pick([...AWKWARD, null]) : name === "z" ? random(5) / 2 : pick(domain),
          ]),
        )
      const id = "org.x"
      const [one, other] = [completeSelection({ id, axes }, select()), completeSelection({ id, axes }, select())]
      const typed = id + variantSuffix(axes, one)
      const read = completeSelection({ id, axes }, readVariant({ id, axes }, parseSelector(`${typed}@repo`).variant))
      expect(read, typed).to.deep.equal(one)
      expect(canonical(typed, axes)).to.equal(typed)
      const same = JSON.stringify(one) === JSON.stringify(other)
      const otherId = id + variantSuffix(axes, other)
      expect(otherId === typed).to.equal(same)
      expect(folderName("r", otherId) === folderName("r", typed)).to.equal(same)
      expect(folderName("r", typed)).to.match(/^r\/org\/x(\[[^/\\:*?"<>|\s\p{Cc}]*\])?$/u)
    }
  })
})
