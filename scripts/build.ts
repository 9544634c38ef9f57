/** Bundles what travels or must start fast: the agent (two CommonJS files), the bootstrap, the command line. */
import { build, type BuildOptions, type Plugin } from "esbuild"
import { createHash } from "node:crypto"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { loader } from "../packages/controller/src/deploy/agent-command.ts"
import { bundleAgent } from "./bundle-agent.ts"
import { jsoncPlugin } from "./jsonc-plugin.ts"
import { brotliCompressSync, constants, deflateRawSync } from "node:zlib"

const path = (relative: string): string => fileURLToPath(new URL(`../packages/${relative}`, import.meta.url))

const shared: BuildOptions = {
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20.18",
  conditions: ["@datamaestro/source"],
  // jsonc-parser's "main" is UMD, whose require calls a bundler can't see.
  mainFields: ["module", "main"],
  // ssh2 tries its native addons and lives without them.
  external: ["*.node", "cpu-features"],
  legalComments: "none",
  logLevel: "warning",
}

/** What commander needs only for commands in files of their own, which there are none of: it takes a millisecond of each start. */
const commanderPlugin: Plugin = {
  name: "commander without child processes",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      /[/\\]commander[/\\]/.test(importer) ? { path: "child_process", namespace: "left-out" } : undefined,
    )
    onLoad({ filter: /^child_process$/, namespace: "left-out" }, () => ({ contents: "module.exports = {}" }))
  },
}

const [agent] = await Promise.all([
  bundleAgent(
    path("agent/src/main.ts"),
    [path("agent/src/threads/thread.ts"), path("agent/src/threads/step-thread.ts")],
    shared,
  ),
  build({
    ...shared,
    entryPoints: [path("controller/src/deploy/bootstrap.ts")],
    outfile: path("controller/dist/bootstrap.cjs"),
    minify: true,
  }),
  // One file instead of what tsc made: every repository loads it, and on some file systems each file takes its time.
  build({
    ...shared,
    format: "esm",
    entryPoints: [path("dataset/src/index.ts")],
    outfile: path("dataset/dist/index.js"),
  }),
  build({
    ...shared,
    entryPoints: [path("controller/src/cli.ts")],
    outfile: path("controller/dist/cli.cjs"),
    minify: true,
    external: [...(shared.external ?? []), "@vercel/nft", "undici"],
    plugins: [commanderPlugin, jsoncPlugin],
    // The launcher runs the bundle from cached code, in which Node 20 forgets how import() finds modules: require does.
    supported: { "dynamic-import": false },
    // CommonJS has no import.meta: what is found beside a module is found beside the bundle.
    define: { "import.meta.url": "moduleUrl" },
    // The launcher calls it: a wrapper put around it there would be a copy of it all, which two collections of garbage follow.
    banner: {
      js: '(function (exports, require, module, __filename, __dirname) {const moduleUrl = require("node:url").pathToFileURL(__filename).href',
    },
    footer: { js: "})" },
  }),
])
await mkdir(path("controller/dist"), { recursive: true })
for (const [name, bytes] of [
  ["agent.cjs", agent.first],
  ["agent-rest.cjs", agent.rest],
] as const) {
  await writeFile(path(`controller/dist/${name}`), bytes)
  const packed = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } })
  await writeFile(path(`controller/dist/${name}.br`), packed)
}

// What a warm call must know of both, in one small file: the agent's hash, and the bootstrap as it goes into a command line.
// The hash of the agent's first part stands for both: that of the second is written in it.
const bootstrap = await readFile(path("controller/dist/bootstrap.cjs"))
const packedBootstrap = deflateRawSync(bootstrap, { level: 9 }).toString("base64")
await writeFile(
  path("controller/dist/deploy.json"),
  JSON.stringify({
    agent: createHash("sha256").update(agent.first).digest("hex"),
    bootstrap: packedBootstrap,
    loader: loader(packedBootstrap),
  }),
)
