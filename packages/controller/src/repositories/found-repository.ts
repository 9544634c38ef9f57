/** A repository as the `package.json` that declares it says. Nothing of it was run. */
export interface FoundRepository {
  /** The namespace: `image`. */
  id: string
  /** The package's name and version. */
  package: string
  version: string
  /** The exported class. */
  export: string
  /** The package's folder, as a real path. */
  folder: string
  /** The module, below the folder, with forward slashes: `dist/index.js`. */
  module: string
}
