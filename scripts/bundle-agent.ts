/**
 * Bundles the agent in two parts of CommonJS: what each start needs, and the rest, which may come later. A part is an
 * object of modules, as functions; the first one ends with the few lines that join the two.
 */
import { build, transform, type BuildOptions, type BuildResult, type Metafile } from "esbuild"
import { createHash } from "node:crypto"
import { basename, resolve } from "node:path"
import { jsoncPlugin } from "./jsonc-plugin.ts"
import { undiciPlugins } from "./undici-plugins.ts"

export interface AgentParts {
  /** A module that exports what `main.ts` does. */
  first: Buffer
  /** A module that exports functions by name, for `first`. */
  rest: Buffer
}

/**
 * @param entry `main.ts`; what it imports statically makes the first part
 * @param threads `thread.ts` and the like, where the agent's threads begin; what is reached from each is what they get
 */
export async function bundleAgent(
  entry: string,
  threads: readonly string[],
  options: BuildOptions,
): Promise<AgentParts> {
  const built = await build({
    ...options,
    entryPoints: [entry, ...threads],
    format: "esm",
    splitting: true,
    plugins: [...undiciPlugins, jsoncPlugin],
    minify: true,
    outdir: "/",
    // All in one folder, wherever the sources lie: what is left of the imports are names of its.
    entryNames: "[name]",
    chunkNames: "[name]-[hash]",
    write: false,
    metafile: true,
  })
  const { outputFiles, outputs } = withShortNames(built)
  const outputOf = (source: string): string => {
    const found = [...outputs].find(([, { entryPoint }]) => entryPoint !== undefined && resolve(entryPoint) === source)
    if (found === undefined) throw new Error(`nothing was made of ${source}`)
    return found[0]
  }
  const reached = (name: string, through: readonly string[], found = new Set<string>()): Set<string> => {
    if (found.has(name)) return found
    found.add(name)
    for (const { path, kind } of outputs.get(name)?.imports ?? []) {
      if (through.includes(kind) && outputs.has(basename(path))) reached(basename(path), through, found)
    }
    return found
  }
  const main = outputOf(entry)
  const atOnce = reached(main, ["import-statement"])
  const modules = await Promise.all(outputFiles.map(async ([name, text]) => [name, await asFunction(text)] as const))
  const part = (isFirst: boolean): string =>
    modules
      .filter(([name]) => atOnce.has(name) === isFirst)
      .map(([name, code]) => `${JSON.stringify(`./${name}`)}:${code}`)
      .join(",\n")
  // What a thread is given, by the name of the module that begins in it, which comes first.
  const inThreads = Object.fromEntries(
    threads.map((source) => {
      const begin = outputOf(source)
      const others = [...reached(begin, ["import-statement", "dynamic-import"])].filter((name) => name !== begin)
      return [basename(source, ".ts"), [begin, ...others].map((name) => `./${name}`)]
    }),
  )
  const rest = Buffer.from(`module.exports={${part(false)},\nthreadCode:${threadCode(inThreads)}}\n`)
  const hash = createHash("sha256").update(rest).digest("hex")
  const joined = joint(`./${main}`, hash)
  return { first: Buffer.from(`var modules={${part(true)}}\n${joined}`), rest }
}

/**
 * Numbers in the place of names with hashes, in the order of what is inside: nothing compresses a hash, and in its order what is alike
 * lies far apart, elsewhere after every change.
 */
function withShortNames({ outputFiles, metafile }: BuildResult<{ write: false; metafile: true }>): {
  outputFiles: [name: string, text: string][]
  outputs: Map<string, Metafile["outputs"][string]>
} {
  const begins = ([, { entryPoint, inputs }]: [string, Metafile["outputs"][string]]): string =>
    entryPoint ?? Object.keys(inputs)[0] ?? ""
  const sorted = Object.entries(metafile.outputs).toSorted((a, b) => (begins(a) < begins(b) ? -1 : 1))
  const short = new Map<string, string>(sorted.map(([path], index) => [basename(path), `${index.toString(36)}.js`]))
  const rename = (text: string): string =>
    text.replace(/"\.\/([^"/]+\.js)"/g, (found, name: string) => {
      const shorter = short.get(name)
      return shorter === undefined ? found : `"./${shorter}"`
    })
  const texts = new Map<string, string>(outputFiles.map(({ path, text }) => [basename(path), text]))
  return {
    outputFiles: [...short].map(([name, shorter]) => [shorter, rename(texts.get(name) ?? "")]),
    outputs: new Map(
      sorted.map(([path, output]) => [
        short.get(basename(path)) ?? "",
        {
          ...output,
          imports: output.imports.map((each) => ({ ...each, path: short.get(basename(each.path)) ?? each.path })),
        },
      ]),
    ),
  }
}

async function asFunction(module: string): Promise<string> {
  // Imports of other chunks, and of nothing else, begin so: they may have to wait for the second part.
  const waiting = module.replace(/\bimport\("(?=\.\/[^"]*\.js"\))/g, 'later("')
  const { code } = await transform(waiting, { format: "cjs", minify: true, platform: "node", target: "node20.18" })
  return `function(require,module,later){${withPlainExports(code).trimEnd()}\n}`
}

/** How esbuild begins a module that has exports. */
const EXPORTS = new RegExp(
  [
    String.raw`^var (?<define>[\w$]+)=Object\.defineProperty;var [\w$]+=Object\.getOwnPropertyDescriptor;`,
    String.raw`var [\w$]+=Object\.getOwnPropertyNames;var [\w$]+=Object\.prototype\.hasOwnProperty;`,
    String.raw`var (?<give>[\w$]+=\([\w$,]+\)=>\{for\([^{}]+\{[^{}]+\}\)\}),[\w$]+=\([^;]+;return [\w$]+\};`,
    String.raw`var [\w$]+=[\w$]+=>[\w$]+\([\w$]+\(\{\},"__esModule",\{value:!0\}\),[\w$]+\);`,
    String.raw`var (?<name>[\w$]+)=\{\};(?<given>[\w$]+\([\w$]+,\{.*?\}\));module\.exports=[\w$]+\([\w$]+\);`,
  ].join(""),
)

/**
 * Without the copy of all exports that tells foreign modules of `__esModule`: only the other modules here take them, and it is 300 bytes
 * in each of more than a hundred.
 */
function withPlainExports(code: string): string {
  const plain = "var $<define>=Object.defineProperty,$<give>,$<name>={};$<given>;module.exports=$<name>;"
  return code.replace(EXPORTS, plain)
}

/** What makes the code of a thread: text, from what both parts have. */
function threadCode(names: Readonly<Record<string, readonly string[]>>): string {
  return `function(entry,use,find){
var modules=this,names=${JSON.stringify(names)}[entry]
return"var nodeRequire=require,loaded={},modules={"+names.map(function(name){return JSON.stringify(name)+":"+modules[name]}).join(",\\n")+"}\\n"+use+find+"async function later(name){return use(name)}use("+JSON.stringify(names[0])+")"}`
}

/**
 * @param main the module that begins
 * @param hash of the second part: SHA-256, lower-case hex
 */
function joint(main: string, hash: string): string {
  return `var nodeRequire=require,loaded={},arriving
function use(name){
var module=loaded[name]
if(!module){module=loaded[name]={exports:{}};modules[name](find,module,later)}
return module.exports}
function find(name){return name.startsWith("./")?use(name):nodeRequire(name)}
async function later(name){
if(!(name in modules))Object.assign(modules,await(arriving??=use("${main}").loadRest()))
return use(name)}
module.exports=use("${main}")
module.exports.begin({alone:require.main===module,file:__filename,restHash:"${hash}",countLoaded:function(){return Object.keys(loaded).length},threadCode:function(entry){return modules.threadCode(entry,use,find)}})
`
}
