/** What is on its way, by name: who wants the same meanwhile shares it. */
export class UnderWay<T> {
  readonly #all = new Map<string, T>()

  /**
   * What is on its way by that name, else what `begin` makes.
   *
   * @param begin calls `ended` once it is no longer to be shared
   */
  share(name: string, begin: (ended: () => void) => T): T {
    const known = this.#all.get(name)
    if (known !== undefined) return known
    const begun = begin(() => {
      // Another may have that name by now.
      if (this.#all.get(name) === begun) this.#all.delete(name)
    })
    this.#all.set(name, begun)
    return begun
  }
}
