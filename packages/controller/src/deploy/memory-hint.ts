/** The words of V8 and of C++ for memory or addresses that the system refuses. */
const REFUSED = /fatal process oom|virtual memory|cannot allocate memory|std::bad_alloc/i

/** What to do about a program that got too little memory, if that is what it died of. */
export function memoryHint(printed: string): string | undefined {
  if (!REFUSED.test(printed)) return undefined
  return "programs get too little memory there: see what `ulimit -v` prints (3 GB suffice), have its administrators or your start-up files raise it, or choose another machine"
}
