// As much of node's assert as the scenarios need, for browsers.
'use strict'

function assert (value, what = 'not true') {
  if (!value) {
    throw new Error(what)
  }
}

function plain (value) {
  return JSON.stringify(value, (_, part) => part instanceof Uint8Array ? Array.from(part) : part)
}

assert.strictEqual = (actual, expected) =>
  assert(Object.is(actual, expected), `${plain(actual)} is not ${plain(expected)}`)
assert.deepEqual = assert.deepStrictEqual = (actual, expected) =>
  assert(plain(actual) === plain(expected), `${plain(actual)} is not ${plain(expected)}`)

module.exports = assert
