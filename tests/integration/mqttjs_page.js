// In a browser: takes one job after the other from the server of this page, {scenario, options},
// and tells what came of it. See support/browser.py.
'use strict'

const { run } = require('./mqttjs_scenarios.js')

// What is thrown in a handler of an event is no part of the scenario's promise.
async function perform (job) {
  let failure
  const failed = new Promise(resolve => { failure = resolve })
  window.onerror = (message, _source, _line, _column, error) => {
    failure(String((error && error.stack) || message))
  }
  window.onunhandledrejection = event => failure(String(event.reason && event.reason.stack))
  const done = run(job.scenario, job.options).then(() => '', error => String(error.stack || error))
  return await Promise.race([done, failed])
}

async function main () {
  while (true) {
    const job = await (await fetch('/job')).json()
    await fetch('/result', { method: 'POST', body: await perform(job) })
  }
}

main()
