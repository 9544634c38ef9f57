/** The proxy of the environment could not be reached. Its message says which one and why, its cause has the network's code. */
export class ProxyUnreachable extends Error {}
