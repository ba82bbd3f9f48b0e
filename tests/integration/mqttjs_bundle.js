// Bundles a script with everything it requires into one for browsers: what Debian has of MQTT.js is
// its sources. Usage: node mqttjs_bundle.js SCRIPT > BUNDLE.
//
// Modules are found as node finds them, but for what their package.json says of browsers. Of node's
// own modules those that MQTT.js uses in a browser are packages too, or are a few lines here.
'use strict'

const fs = require('fs')
const path = require('path')
const { builtinModules, createRequire } = require('module')

const debian = '/usr/share/nodejs'
const ofNode = {
  assert: path.join(__dirname, 'mqttjs_assert.js'),
  buffer: `${debian}/buffer/index.js`,
  events: `${debian}/events/events.js`
}
const forNodeAlone = ['ws', ...builtinModules] // a browser has WebSocket
const nothing = { source: 'module.exports = {}', required: {} }
const modules = { nothing }

function packageOf (file) {
  for (let folder = path.dirname(file); folder !== '/'; folder = path.dirname(folder)) {
    const description = path.join(folder, 'package.json')
    if (fs.existsSync(description)) {
      const { browser } = JSON.parse(fs.readFileSync(description))
      return { folder, browser: typeof browser === 'object' ? browser : {} }
    }
  }
  return { folder: '/', browser: {} }
}

// The file that `name` stands for in `file`.
function resolve (name, file) {
  const { folder, browser } = packageOf(file)
  const replaced = name in browser ? browser[name] : name
  if (replaced === false) {
    return 'nothing'
  }
  if (replaced in ofNode) {
    return ofNode[replaced]
  }
  if (forNodeAlone.includes(replaced)) {
    return 'nothing'
  }
  let found
  try {
    found = createRequire(replaced === name ? file : path.join(folder, 'x')).resolve(replaced)
  } catch {
    try {
      found = createRequire(`${debian}/x`).resolve(replaced)
    } catch {
      return 'nothing' // optional, or for node alone
    }
  }
  const own = `./${path.relative(folder, found)}`
  if (!(own in browser)) {
    return found
  }
  return browser[own] === false ? 'nothing' : path.join(folder, browser[own])
}

function add (file) {
  if (file in modules) {
    return
  }
  const module = { source: fs.readFileSync(file, 'utf8').replace(/^#!.*/, ''), required: {} }
  modules[file] = module
  for (const [, name] of module.source.matchAll(/\brequire\(\s*['"]([^'"]+)['"]\s*\)/g)) {
    module.required[name] = resolve(name, file)
    add(module.required[name])
  }
}

const script = path.resolve(process.argv[2])
add(script)
add(ofNode.buffer)
const functions = Object.entries(modules).map(([file, { source, required }]) =>
  `${JSON.stringify(file)}: [${JSON.stringify(required)}, function (require, module, exports) {\n` +
  `${source}\n}]`)
console.log(`(function () {
const modules = {${functions.join(',\n')}}
const loaded = {}
function load (file) {
  if (!(file in loaded)) {
    const [required, body] = modules[file]
    loaded[file] = { exports: {} }
    body.call(loaded[file].exports, name => load(required[name]), loaded[file], loaded[file].exports)
  }
  return loaded[file].exports
}
window.global = window
window.process = {
  browser: true, title: 'browser', env: {}, argv: [], version: '', versions: {},
  nextTick: (task, ...its) => queueMicrotask(() => task(...its))
}
window.setImmediate = (task, ...its) => setTimeout(() => task(...its), 0)
window.clearImmediate = clearTimeout
window.Buffer = load(${JSON.stringify(ofNode.buffer)}).Buffer
load(${JSON.stringify(script)})
})()`)
