/**
 * The dependency rule of docs/architecture.md, enforced. `scripts/check-dependencies.ts` runs it and
 * fails when nothing was cruised.
 */
const steps = "resolve|fetch|verify|extract|transform|place|describe"

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "no-circular",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "protocol-stands-alone",
      comment: "What both ends say knows neither end, nor the machine it runs on.",
      severity: "error",
      from: { path: "^packages/protocol/src" },
      to: { path: "^packages/(?!protocol/)|^(node:|fs$|path$|os$)" },
    },
    {
      name: "protocol-has-no-node",
      severity: "error",
      from: { path: "^packages/(protocol|dataset)/src" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "dataset-stands-alone",
      severity: "error",
      from: { path: "^packages/dataset/src" },
      to: { pathNot: "^packages/dataset/src" },
    },
    {
      name: "outgoing-knows-the-protocol-only",
      severity: "error",
      from: { path: "^packages/outgoing/src" },
      to: { path: "^packages/(?!outgoing/|protocol/)" },
    },
    {
      name: "repositories-know-dataset-only",
      severity: "error",
      from: { path: "^packages/repository-[^/]+/src" },
      to: { path: "^packages/(?!dataset/|repository-)" },
    },
    {
      name: "the-ends-meet-in-the-protocol",
      comment: "The controller carries the agent as a file, never as an import; the agent knows no controller.",
      severity: "error",
      from: { path: "^packages/(controller|agent)/src" },
      to: { path: "^packages/(controller|agent)/", pathNot: "^packages/$1/" },
    },
    {
      name: "steps-never-import-each-other",
      comment: "But for verify: sums are computed while the bytes stream, so whoever moves bytes hashes with it.",
      severity: "error",
      from: { path: `^packages/agent/src/(${steps})/` },
      to: { path: `^packages/agent/src/(${steps})/`, pathNot: "^packages/agent/src/($1|verify)/" },
    },
    {
      name: "command-and-library-stand-side-by-side",
      comment: "What both need is in neither.",
      severity: "error",
      from: { path: "^packages/controller/src/(commands|library)/" },
      to: { path: "^packages/controller/src/(commands|library)/", pathNot: "^packages/controller/src/$1/" },
    },
    {
      name: "store-is-below-all",
      comment: "What lies on the disk, and how it is locked, knows nothing of what it is for. It hashes with verify.",
      severity: "error",
      from: { path: "^packages/agent/src/store/" },
      to: { path: "^packages/agent/src/[^/]+/", pathNot: "^packages/agent/src/(store|verify|concurrency)/" },
    },
    ...[
      ["ssh2", "^packages/controller/src/transport/"],
      ["undici", "^packages/(agent/src/fetch|outgoing/src)/"],
      ["tar", "^packages/agent/src/extract/"],
      ["yauzl", "^packages/agent/src/extract/"],
      ["commander", "^packages/controller/src/(cli\\.ts|commands/)"],
      ["json-rpc-2.0", "^packages/protocol/src/"],
    ].map(([library, owner]) => ({
      name: `one-owner-for-${library}`,
      severity: "error",
      from: { path: "^packages/[^/]+/src", pathNot: owner },
      to: { path: `node_modules/${library.replace(".", "\\.")}/` },
    })),
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)dist/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: {
      conditionNames: ["@datamaestro/source", "import", "require", "node", "default"],
      exportsFields: ["exports"],
    },
  },
}
