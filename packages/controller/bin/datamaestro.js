#!/usr/bin/env node
// Old syntax on purpose: a Node as old as 10 must be able to say that it is too old.
"use strict"
var fs = require("fs")
var path = require("path")

var NEEDED = [20, 19]
var BUNDLE = path.join(__dirname, "..", "dist", "cli.cjs")
/** Cached code that no start has used for this long is removed, in milliseconds. */
var STALE = 30 * 24 * 3600 * 1000
/** So many runs add what they ran to the code that the first one kept, which had more to do; its last byte counts them. */
var ADDING_RUNS = 1

/** What needs an agent of this machine, when no other one is named. */
var WITH_AGENT = /^(prepare|download|info|search|repositories|verify|check|orphans|datafolders|cache|jobs|version)$/
var COMMAND = new RegExp(WITH_AGENT.source + "|^(hosts|doctor|copy)$")

function fail(message, hint, status) {
  process.stderr.write("error: " + message + "\n  hint: " + hint + "\n")
  process.exit(status)
}

function checkNode() {
  var found = process.versions.node.split(".").map(Number)
  if (found[0] > NEEDED[0] || (found[0] === NEEDED[0] && found[1] >= NEEDED[1])) return
  fail(
    "Cannot run on Node " + process.versions.node + ' ("' + process.execPath + '"): at least 20.19 is needed',
    "install a newer Node (https://nodejs.org), or put it first on the PATH",
    8,
  )
}

/** `$XDG_CACHE_HOME/datamaestro/code-cache`; undefined where there is no home. */
function cacheFolder() {
  var base = process.env.XDG_CACHE_HOME
  if (!base || !path.isAbsolute(base)) {
    var home = process.env.HOME || process.env.USERPROFILE
    if (!home || !path.isAbsolute(home)) return undefined
    base = path.join(home, ".cache")
  }
  return path.join(base, "datamaestro", "code-cache")
}

/** Cached code runs as us: only what nobody else can have written is taken. */
function isPrivate(stat) {
  return !process.getuid || (stat.uid === process.getuid() && (stat.mode & 18) === 0)
}

function readCached(folder, name) {
  try {
    if (!isPrivate(fs.statSync(folder))) return undefined
    var file = path.join(folder, name)
    return isPrivate(fs.lstatSync(file)) ? fs.readFileSync(file) : undefined
  } catch {
    return undefined
  }
}

/** Node's own `recursive` tries for ever where a system makes no folder though the parent is there. */
function makeFolder(folder) {
  if (fs.existsSync(folder)) return
  var parent = path.dirname(folder)
  if (parent !== folder) makeFolder(parent)
  try {
    fs.mkdirSync(folder, { mode: 448 })
  } catch (error) {
    if (!fs.existsSync(folder)) throw error
  }
}

/** A cache that can't be written costs some milliseconds the next time, and nothing else. */
function writeCached(folder, name, data) {
  var temporary = path.join(folder, name + "." + process.pid + ".tmp")
  try {
    makeFolder(folder)
    if (!isPrivate(fs.statSync(folder))) return
    fs.writeFileSync(temporary, data, { mode: 384, flag: "wx" })
    fs.renameSync(temporary, path.join(folder, name))
    fs.readdirSync(folder).forEach(function (other) {
      var file = path.join(folder, other)
      if (other !== name && Date.now() - fs.statSync(file).mtimeMs > STALE) fs.unlinkSync(file)
    })
  } catch {
    try {
      fs.unlinkSync(temporary)
    } catch {
      // It was never written, or has its final name.
    }
  }
}

/** Help needs a tenth of the functions that a command needs, and each command its own: what it ran the first time is kept. */
function kindOfRun() {
  var words = process.argv.slice(2)
  if (words.length === 0 || words.indexOf("--help") >= 0 || words.indexOf("-h") >= 0) return "help"
  if (words[0].charAt(0) === "@") return "hold"
  var remote = words.some(function (word) {
    return word.startsWith("--host")
  })
  var command = words.find(function (word) {
    return COMMAND.test(word)
  })
  return (remote ? "host-" : "here-") + (command || "other")
}

/** Compiles the bundle, from V8's cached data where there is some: half of the time to start is compiling. */
function load() {
  var vm = require("vm")
  // It is ASCII, and a string of one byte a character is had quickest so.
  var source = fs.readFileSync(BUNDLE, "latin1")
  var stat = fs.statSync(BUNDLE)
  var folder = cacheFolder()
  var name = ["cli", process.version, process.arch, stat.size, Math.round(stat.mtimeMs), kindOfRun()].join("-")
  var kept = folder && readCached(folder, name)
  var cachedData = kept && kept.subarray(0, -1)
  var script = new vm.Script(source, { filename: BUNDLE, cachedData: cachedData })
  var module = { exports: {} }
  var bundleRequire = require("module").createRequire(BUNDLE)
  script.runInThisContext().call(module.exports, module.exports, bundleRequire, module, BUNDLE, path.dirname(BUNDLE))
  var runs = kept && !script.cachedDataRejected ? kept[kept.length - 1] + 1 : 0
  if (folder && runs <= ADDING_RUNS) {
    process.once("exit", function () {
      writeCached(folder, name, Buffer.concat([script.createCachedData(), Buffer.from([runs])]))
    })
  }
  return module.exports
}

/** Then it may not be that one. Too much is no harm: it is only started later. */
var OTHERWISE = /^(--host|--node|--help|-h$|--version|@)/

/** Starts this machine's agent while the command line is still being read: both take as long, and there are two processors. */
function startEarly() {
  var words = process.argv.slice(2)
  function some(pattern) {
    return words.some(function (word) {
      return pattern.test(word)
    })
  }
  if (!some(WITH_AGENT) || some(OTHERWISE)) return undefined
  try {
    var folder = path.dirname(fs.realpathSync(BUNDLE))
    var deploy = JSON.parse(fs.readFileSync(path.join(folder, "deploy.json"), "utf8"))
    var boot = { hash: deploy.agent, push: false, login: false, file: path.join(folder, "agent.cjs") }
    var args = ["-e", deploy.loader, Buffer.from(JSON.stringify(boot)).toString("base64")]
    var child = require("child_process").spawn(process.execPath, args, {
      stdio: ["pipe", "pipe", "pipe"],
      detached: process.platform !== "win32",
      windowsHide: true,
    })
    child.on("error", function () {})
    child.stdin.on("error", function () {})
    return { args: args, child: child }
  } catch {
    return undefined
  }
}

/** In a folder that was removed, neither this program nor its agent could start. */
function checkFolder() {
  try {
    process.cwd()
  } catch (error) {
    fail("Cannot work in the current folder: it is gone (" + error.code + ")", "go to one that is there: cd ~", 6)
  }
}

/** Until the command looks for signals itself, they end it with the status that is promised; it has nothing to cancel yet. */
function endBySignals() {
  if ((process.argv[2] || "").charAt(0) === "@") return
  var statuses = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }
  Object.keys(statuses).forEach(function (name) {
    process.on(name, function () {
      if (process.listenerCount(name) === 1) process.exit(statuses[name])
    })
  })
}

/** Containers run programs as users that no file knows: their home is `/` then, as Docker has it. */
function ensureHome() {
  // os.homedir() would take an empty one for the working directory.
  if (process.env.HOME === "") delete process.env.HOME
  if (process.env.HOME) return
  try {
    require("os").homedir()
  } catch {
    process.env.HOME = "/"
  }
}

checkNode()
checkFolder()
endBySignals()
if (!fs.existsSync(BUNDLE)) fail('Cannot find "' + BUNDLE + '"', "build it: run npm ci in the clone", 6)
ensureHome()
// What can't be told ends no work, and keeps no result back.
process.stderr.on("error", function () {})
var early = startEarly()
var cli = load()
cli.main(undefined, early).then(
  function (status) {
    // What is left, such as a connection that is being closed, need not be waited for.
    return cli.exitOrSignal(status)
  },
  function (error) {
    process.stderr.write(
      "error: " + ((error && error.stack) || error) + "\n  hint: this is a defect of datamaestro: please report it\n",
    )
    process.exit(1)
  },
)
