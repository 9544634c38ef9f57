import { expect } from "chai"
import { collectEntries, type CatalogueEntry } from "../../scripts/catalogue/collect-entries.ts"
import { renderPage } from "../../scripts/catalogue/render-page.ts"
import { declaredRepository } from "../helpers/declared-repository.ts"
import { PluginPackages } from "../helpers/plugin-packages.ts"

describe("the catalogue's page", function () {
  this.timeout(20_000)
  let entries: CatalogueEntry[]
  let page: string
  before(async () => {
    entries = await collectEntries(await Promise.all(["image", "text", "ml", "ir"].map(declaredRepository)))
    page = renderPage(entries)
  })

  const articleOf = (id: string): string => page.split(`<article id="${id}"`)[1]?.split("</article>")[0] ?? ""

  it("has every dataset once, each with the command to copy", () => {
    const ids = [...page.matchAll(/<article id="([^"]+)"/g)].map(([, id = ""]) => id)
    expect(ids)
      .to.deep.equal(entries.map(({ id }) => id))
      .and.include("fr.granddebat.démocratie")
    expect(new Set(ids).size).to.equal(ids.length)
    for (const id of ids) expect(articleOf(id), id).to.match(/data-copy="datamaestro prepare [^"]+"/)
  })

  it("tells of resources with their addresses, of agreements, and of variants with their axes", () => {
    const mnist = articleOf("com.lecun.mnist")
    expect(mnist).to.contain("train-images-idx3-ubyte.gz").and.contain("<code>train_images</code> <small>file")
    expect(mnist).to.contain(">Copy</button>").and.contain('data-term="repo:image"')
    const pretraining = articleOf("ai.lighton.embeddings_pre_training")
    expect(pretraining)
      .to.match(/\d+ variants/)
      .and.contain("<dt>Axis <code>")
    expect(pretraining).to.match(/datamaestro prepare &#39;ai\.lighton\.embeddings_pre_training\[[^\]]+\]&#39;/)
    expect(articleOf("com.microsoft.msmarco.passage.train.triples.id")).to.contain("<dt>Agreement</dt>")
    expect(articleOf("edu.stanford.glove.6b.50")).to.contain('href="#edu.stanford.glove.6b"')
    expect(articleOf("com.github.apple.ml-qrecc")).to.contain('href="https://doi.org/10.48550/arXiv.2010.04898"')
    expect(articleOf("gov.nist.trec.tipster.ap88")).to.contain("data folder ")
  })

  it("needs nothing from elsewhere", () => {
    expect(page).not.to.match(/<(script|img|link|iframe)[^>]*\s(src|href)=/)
    expect(page).not.to.match(/@import|url\(/)
  })

  it("takes what an author writes as text", async () => {
    await using plugins = await PluginPackages.create()
    const odd = await plugins.addDatasets("odd", {
      "org.odd": `defineDataset({ id: "org.odd", name: "<script>alert(1)</script>", description: "a & b \\" '", tags: ['"><b>'],
        resources: { data: file("https://e.org/x?a=1&b=2") }, describe: ({ data }) => textFile(data) })`,
    })
    const text = renderPage(await collectEntries([odd]))
    expect(text).to.contain("&lt;script&gt;alert(1)&lt;/script&gt;").and.contain("https://e.org/x?a=1&amp;b=2")
    expect(text).not.to.contain("<script>alert").and.not.contain('"><b>')
  })
})
