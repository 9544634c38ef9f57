export { dispatcherFor, releaseRead } from "./dispatcher.ts"
export { flatHeaders } from "./flat-headers.ts"
export { isExceeded } from "./mend-parsers.ts"
export { namedProxy, proxyFor, type Environment } from "./proxy.ts"
