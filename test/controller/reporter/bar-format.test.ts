import { expect } from "chai"
import stringWidth from "string-width"
import { formatBar, type BarState } from "../../../packages/controller/src/reporter/bar-format.ts"

const state: BarState = {
  key: "k",
  dataset: "org.example.dataset",
  name: "train_images",
  verb: "downloading",
  value: 25_000_000,
  total: 100_000_000,
  unit: "bytes",
  note: undefined,
  rate: 5_000_000,
  host: undefined,
  heardAt: Infinity,
  showDataset: false,
}

describe("a bar's line", () => {
  it("tells how much, how fast, and how long still", () => {
    expect(formatBar(state, 100)).to.equal(
      "train_images downloading   [######------------------]  25 %  25.0 MB/100 MB  5.0 MB/s  ETA 15 s",
    )
  })

  it("tells that nothing is heard, in the place of a pace that was: as when the connection is lost", () => {
    const heardAt = Date.now() - 42_400
    expect(formatBar({ ...state, heardAt }, 100)).to.equal(
      "train_images downloading   [######------------------]  25 %  25.0 MB/100 MB  silent for 42 s",
    )
    expect(formatBar({ ...state, total: undefined, rate: 0, heardAt }, 100)).to.contain("25.0 MB  silent for 42 s")
    expect(formatBar({ ...state, value: 100_000_000, heardAt }, 100), "all is there").not.to.contain("silent")
  })

  for (let columns = 1; columns <= 120; columns += 7) {
    it(`fits into ${columns} columns`, () => {
      const line = formatBar({ ...state, host: "cluster", showDataset: true }, columns)
      // Two columns for the `^C` of a terminal: where it wraps, the bar is no longer where it is looked for.
      expect(line.length).to.be.at.most(Math.max(1, columns - 3))
    })
  }

  it("fits also where characters are two columns wide", () => {
    for (let columns = 8; columns <= 120; columns++) {
      for (const name of ["訓練画像データ", "訓練画像データの長い名前ABC訓練画像データの長い名前", "😀🏳️‍🌈é한글"]) {
        const line = formatBar({ ...state, name, note: "日本語の長い説明日本語の長い説明" }, columns)
        expect(stringWidth(line), line).to.be.at.most(columns - 3)
      }
    }
  })

  it("has its bar at one column below a name of wide characters", () => {
    for (const columns of [80, 120]) {
      const lines = ["訓練画像データ", "train_images"].map((name) => formatBar({ ...state, name }, columns))
      expect(new Set(lines.map((line) => stringWidth(line.split("[")[0] ?? ""))), lines.join("\n")).to.have.lengthOf(1)
    }
  })

  it("has its bar at one place, however many digits there are", () => {
    for (const columns of [80, 100, 120]) {
      const lines = [
        formatBar({ ...state, name: "a", value: 1_000, total: 2_000, rate: 0 }, columns),
        formatBar({ ...state, value: 10_200_000, total: 20_000_000, rate: 1_500_000 }, columns),
        formatBar({ ...state, value: 99_000_000, rate: 90_000 }, columns),
      ]
      expect(new Set(lines.map((line) => line.indexOf("["))), lines.join("\n")).to.have.property("size", 1)
    }
  })

  it("tells resources with long names apart, also on a narrow terminal", () => {
    for (const columns of [40, 60, 80, 200]) {
      const lines = ["a_long_name_of_a_resource_1", "a_long_name_of_a_resource_2"].map((name) =>
        formatBar({ ...state, dataset: "org.example.of.a.long.name", name, showDataset: true }, columns),
      )
      expect(new Set(lines), lines.join("\n")).to.have.property("size", 2)
      expect(lines[0]).to.contain("25 %")
      expect(lines[0]).not.to.match(/ETA$|[\d.]$/)
    }
  })

  it("shows a short name whole, whatever the width", () => {
    for (let columns = 40; columns <= 200; columns++) expect(formatBar(state, columns)).to.match(/^train_images /)
  })

  it("has no bar where the size is not known", () => {
    expect(formatBar({ ...state, total: undefined, note: "12 files" }, 80)).to.match(
      /^train_images downloading +25\.0 MB {2}5.0 MB\/s {2}12 files$/,
    )
  })

  it("shortens what a step says where it is too long, and leaves it out where too little would be left", () => {
    const step: BarState = { ...state, verb: "making", unit: "items", value: 0.5, total: 1, rate: 0 }
    const note = `reading ${"folder/".repeat(12)}file.txt`
    expect(formatBar({ ...step, note: "reading file.txt" }, 80)).to.match(/50 % {2}reading file\.txt$/)
    expect(formatBar({ ...step, note }, 80)).to.match(/50 % {2}reading.*….*folder\/file\.txt$/)
    expect(formatBar({ ...step, note }, 30)).to.match(/50 %$/)
  })

  it("names host and dataset where they have to be told apart, without control characters", () => {
    const line = formatBar({ ...state, host: "c\u001b[2J", showDataset: true }, 200)
    expect(line).to.match(/^c\uFFFD\[2J: org.example.dataset train_images/)
  })
})
