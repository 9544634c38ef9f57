/** Directives that are honoured: by the evaluation, or in the settings. */
export const HONOURED: ReadonlySet<string> = new Set([
  "addressfamily",
  "batchmode",
  "bindaddress",
  "ciphers",
  "compression",
  "connectionattempts",
  "connecttimeout",
  "fingerprinthash",
  "forwardagent",
  "globalknownhostsfile",
  "hashknownhosts",
  "hostkeyalgorithms",
  "hostkeyalias",
  "hostname",
  "identitiesonly",
  "identityagent",
  "identityfile",
  "ignoreunknown",
  "kbdinteractiveauthentication",
  "kexalgorithms",
  "macs",
  "numberofpasswordprompts",
  "passwordauthentication",
  "port",
  "preferredauthentications",
  "proxycommand",
  "proxyjump",
  "pubkeyacceptedalgorithms",
  "pubkeyauthentication",
  "rekeylimit",
  "requiredrsasize",
  "sendenv",
  "serveralivecountmax",
  "serveraliveinterval",
  "setenv",
  "stricthostkeychecking",
  "tag",
  "tcpkeepalive",
  "user",
  "userknownhostsfile",
  "verifyhostkeydns",
])

/**
 * Directives whose effect we don't have and nobody misses here: terminals, forwardings, sharing of connections, local
 * commands (as with scp), appearance, and methods and certificates, for which the system's `ssh` is used.
 */
export const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  "addkeystoagent",
  "canonicaldomains",
  "canonicalizefallbacklocal",
  "canonicalizemaxdots",
  "canonicalizepermittedcnames",
  "casignaturealgorithms",
  "clearallforwardings",
  "controlmaster",
  "controlpath",
  "controlpersist",
  "dynamicforward",
  "enableescapecommandline",
  "enablesshkeysign",
  "escapechar",
  "exitonforwardfailure",
  "forkafterauthentication",
  "forwardx11",
  "forwardx11timeout",
  "forwardx11trusted",
  "gatewayports",
  "gssapiauthentication",
  "gssapiclientidentity",
  "gssapidelegatecredentials",
  "gssapikexalgorithms",
  "gssapikeyexchange",
  "gssapirenewalforcesrekey",
  "gssapiserveridentity",
  "gssapitrustdns",
  "hostbasedacceptedalgorithms",
  "hostbasedauthentication",
  "localcommand",
  "localforward",
  "obscurekeystroketiming",
  "permitlocalcommand",
  "permitremoteopen",
  "remotecommand",
  "remoteforward",
  "requesttty",
  "securitykeyprovider",
  "sessiontype",
  "stdinnull",
  "streamlocalbindmask",
  "streamlocalbindunlink",
  "syslogfacility",
  "tunnel",
  "tunneldevice",
  "updatehostkeys",
  "usekeychain",
  "versionaddendum",
  "visualhostkey",
  "warnweakcrypto",
  "xauthlocation",
])

const DEFAULT_SERVICES: ReadonlySet<string> = new Set(["lowdelay throughput", "af21 cs1", "ef none"])

/** Directives of which we do what some values say, and whether one is such a value. */
export const DONE_ANYWAY: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ["loglevel", (value) => /^(quiet|fatal|error|info)$/.test(value)],
  // Of two values the second is for what is no terminal. Nobody misses what versions of OpenSSH have by themselves.
  ["ipqos", (value) => DEFAULT_SERVICES.has(value) || /(^|\s)(cs0|none|0+|0x0+)$/.test(value)],
])

/** Directives that do nothing when they say so. */
export const OFF_VALUES: ReadonlySet<string> = new Set(["no", "none", "false"])

const isYes = (value: string): boolean => value === "yes" || value === "true"

/** Directives that only OpenSSH's own client can follow, and whether a value asks for it. */
export const BEYOND_BUILT_IN: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ["gssapiauthentication", isYes],
  ["gssapikeyexchange", isYes],
  ["hostbasedauthentication", isYes],
  ["canonicalizehostname", (value) => isYes(value) || value === "always"],
  ["certificatefile", (value) => value !== "none"],
  ["pkcs11provider", (value) => value !== "none"],
  ["securitykeyprovider", (value) => value !== "none" && value !== "internal" && !value.startsWith("$")],
  ["proxyusefdpass", isYes],
  ["knownhostscommand", (value) => value !== "none"],
  ["revokedhostkeys", (value) => value !== "none"],
  ["bindinterface", (value) => value !== "none"],
  ["nohostauthenticationforlocalhost", isYes],
])
