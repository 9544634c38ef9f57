import { expect } from "chai"
import { dirname, join } from "node:path"
import ts from "typescript"
import { blocks, page, ROOT } from "./markdown.ts"

const PAGES = ["README.md", "docs/library.md", "docs/repositories.md"]

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
  types: ["node"],
  customConditions: ["@datamaestro/source"],
  strict: true,
  noImplicitOverride: true,
  allowImportingTsExtensions: true,
  allowJs: true,
  skipLibCheck: true,
  noEmit: true,
}

/** The blocks as files that are nowhere on disk, each under the name that its first line says, if it says one. */
function sources(): Map<string, { code: string; from: string }> {
  const files = new Map<string, { code: string; from: string }>()
  for (const path of PAGES) {
    const folder = join(ROOT, "test/docs", path.replaceAll("/", "-"))
    for (const { language, code, line } of blocks(page(path).text)) {
      if (language !== "ts" && language !== "js") continue
      const name = /^\/\/ (\S+\.(?:ts|js))\n/.exec(code)?.[1] ?? `block-${line}.${language}`
      files.set(join(folder, name), { code, from: `${path}:${line}` })
    }
  }
  return files
}

function faults(): string[] {
  const files = sources()
  const host = ts.createCompilerHost(OPTIONS)
  const { fileExists, readFile, getSourceFile, directoryExists } = host
  host.fileExists = (path) => files.has(path) || fileExists(path)
  host.readFile = (path) => files.get(path)?.code ?? readFile(path)
  host.directoryExists = (path) =>
    [...files.keys()].some((file) => dirname(file).startsWith(path)) || directoryExists?.(path) === true
  host.getSourceFile = (path, version, ...rest) => {
    const known = files.get(path)
    return known === undefined
      ? getSourceFile(path, version, ...rest)
      : ts.createSourceFile(
          path,
          known.code,
          { languageVersion: ts.ScriptTarget.ES2023, impliedNodeFormat: ts.ModuleKind.ESNext },
          true,
        )
  }
  const program = ts.createProgram([...files.keys()], OPTIONS, host)
  return [...files].flatMap(([path, { from }]) => {
    const source = program.getSourceFile(path)
    if (source === undefined) return [`${from}: not compiled`]
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    return found.map(({ messageText, start }) => {
      const line = start === undefined ? 0 : source.getLineAndCharacterOfPosition(start).line
      return `${from} + ${line}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`
    })
  })
}

describe("code in the documentation", function () {
  this.timeout(60_000)

  it("compiles", () => {
    expect(sources().size).to.be.above(8)
    expect(faults()).to.deep.equal([])
  })
})
