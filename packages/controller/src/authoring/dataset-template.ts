import { exportName, type DatasetName } from "./dataset-name.ts"

/** How a resource is written, and the value that it has. */
interface Shape {
  resource: "file" | "tar" | "zip"
  value: "csv" | "folder" | "idx" | "rawFile" | "textFile"
}

/** The kind of resource by the URL's suffix. */
function shapeOf(url: string): Shape {
  const { pathname } = new URL(url)
  if (/\.(tar|tgz|tbz2?|txz|tzst|tar\.(gz|bz2|xz|zst))$/i.test(pathname)) return { resource: "tar", value: "folder" }
  if (/\.zip$/i.test(pathname)) return { resource: "zip", value: "folder" }
  if (/\.csv(\.gz)?$/i.test(pathname)) return { resource: "file", value: "csv" }
  if (/\.txt(\.gz)?$/i.test(pathname)) return { resource: "file", value: "textFile" }
  if (/(\.idx|-ubyte)(\.gz)?$/i.test(pathname)) return { resource: "file", value: "idx" }
  return { resource: "file", value: "rawFile" }
}

/** A definition to begin with: it loads and is found as it is, and says what its author still has to write. */
export function datasetTemplate({ id, url }: DatasetName): string {
  const source = url ?? "https://example.org/replace-this"
  const { resource, value } = shapeOf(source)
  // An address without a file's name needs another one.
  const options = /[^/]$/.test(new URL(source).pathname) ? "" : ', { name: "data" }'
  const imports = ["defineDataset", resource, value].sort().join(", ")
  return `import { ${imports} } from "@datamaestro/dataset"

export const ${exportName(id)} = defineDataset({
  id: ${JSON.stringify(id)},
  description: "What it is, in a sentence",
  url: ${JSON.stringify(new URL("/", source).href)},
  tags: [],
  tasks: [],
  resources: {
    // Add the sum that its authors publish: integrity: sha256("...").
    data: ${resource}(${JSON.stringify(source)}${options}),
  },
  describe: ({ data }) => ${value}(data),
})
`
}
