// What MQTT.js sees of the broker. Usage: node mqttjs_scenarios.js SCENARIO OPTIONS, where OPTIONS
// are those of mqtt.connect() as JSON. Exits with 0 if all went as it should; the test that runs it
// has the deadline. In a browser it is mqttjs_page.js that calls run().
'use strict'

const assert = require('assert')
const events = require('events')
const fs = require('fs')
const mqtt = require('mqtt')

let options = {}
const clients = []

// A connected client with promises and a list of what it received.
class Client {
  constructor (own = {}) {
    this.mqtt = mqtt.connect({ reconnectPeriod: 50, ...options, ...own })
    clients.push(this.mqtt)
    this.messages = []
    this.mqtt.on('message', (topic, payload, packet) => {
      this.messages.push({ topic, payload: payload.toString(), qos: packet.qos, retain: packet.retain })
      this.mqtt.emit('kept')
    })
    this.mqtt.on('error', error => { throw error })
  }

  async connected () {
    [this.connack] = await events.once(this.mqtt, 'connect')
    return this
  }

  subscribe (filter, qos) {
    return new Promise((resolve, reject) => {
      this.mqtt.subscribe(filter, { qos }, (error, granted) => error ? reject(error) : resolve(granted))
    })
  }

  publish (topic, payload, own) {
    return new Promise((resolve, reject) => {
      this.mqtt.publish(topic, payload, own, error => error ? reject(error) : resolve())
    })
  }

  async payloads (count) {
    while (this.messages.length < count) {
      await events.once(this.mqtt, 'kept')
    }
    return this.messages.map(message => message.payload)
  }

  end () {
    return new Promise(resolve => this.mqtt.end(false, {}, resolve))
  }

  // The connection breaks; the client does not know why.
  break () {
    this.mqtt.stream.destroy()
  }
}

const connect = own => new Client(own).connected()
const numbers = count => Array.from({ length: count }, (_, index) => String(index))
// A session that outlives its connection, in the words of either version.
const lasting = clientId => ({
  clientId, clean: false, properties: { sessionExpiryInterval: 1000 }
})

const scenarios = {
  async messages_arrive_in_order () {
    const subscriber = await connect()
    const publisher = await connect()
    for (const qos of [0, 1, 2]) {
      const granted = await subscriber.subscribe(`order/${qos}`, qos)
      assert.strictEqual(granted[0].qos, qos)
      subscriber.messages = []
      for (let number = 0; number < 300; number += 10) {
        const ten = numbers(number + 10).slice(number)
        await Promise.all(ten.map(text => publisher.publish(`order/${qos}`, text, { qos })))
      }
      assert.deepStrictEqual(await subscriber.payloads(300), numbers(300))
      assert(subscriber.messages.every(message => message.qos === qos))
    }
  },

  async unpaced_messages_arrive_in_order () {
    const subscriber = await connect()
    const publisher = await connect()
    for (const qos of [0, 1, 2]) {
      await subscriber.subscribe(`flood/${qos}`, qos)
      subscriber.messages = []
      await Promise.all(numbers(1000).map(text => publisher.publish(`flood/${qos}`, text, { qos })))
      assert.deepStrictEqual(await subscriber.payloads(1000), numbers(1000))
    }
  },

  async big_payloads_arrive_whole () {
    const client = await connect()
    await client.subscribe('big', 1)
    const payload = 'x'.repeat(900000)
    await client.publish('big', payload, { qos: 1 })
    assert.strictEqual((await client.payloads(1))[0], payload)
  },

  async retained_messages_wait () {
    const publisher = await connect()
    await publisher.publish('kept/a', 'old', { qos: 1, retain: true })
    await publisher.publish('kept/a', 'new', { qos: 1, retain: true })
    await publisher.publish('kept/b', 'deleted', { qos: 1, retain: true })
    await publisher.publish('kept/b', '', { qos: 1, retain: true })
    const subscriber = await connect()
    await subscriber.subscribe('kept/#', 1)
    await publisher.publish('kept/end', 'end', { qos: 1 })
    await subscriber.payloads(2)
    const got = subscriber.messages.map(message => [message.topic, message.payload, message.retain])
    assert.deepStrictEqual(got.sort(), [['kept/a', 'new', true], ['kept/end', 'end', false]])
  },

  async wills_of_broken_connections_are_published () {
    const watcher = await connect()
    await watcher.subscribe('wills/#', 1)
    const will = { topic: 'wills/a', payload: 'gone', qos: 1 }
    const polite = await connect({ will: { ...will, topic: 'wills/polite' } })
    await polite.end()
    const dying = await connect({ will, reconnectPeriod: 0 })
    dying.break()
    await watcher.payloads(1)
    assert.deepStrictEqual(watcher.messages, [{ topic: 'wills/a', payload: 'gone', qos: 1, retain: false }])
  },

  async a_session_gets_what_came_while_it_was_away () {
    const first = await connect(lasting('away'))
    assert.strictEqual(first.connack.sessionPresent, false)
    await first.subscribe('away/+', 2)
    await first.end()
    const publisher = await connect()
    for (const text of numbers(100)) {
      await publisher.publish('away/t', text, { qos: 2 })
    }
    const second = await connect(lasting('away'))
    assert.strictEqual(second.connack.sessionPresent, true)
    assert.deepStrictEqual(await second.payloads(100), numbers(100))
  },

  async a_client_reconnects_and_goes_on () {
    const subscriber = await connect({ ...lasting('back'), resubscribe: false })
    await subscriber.subscribe('back', 2)
    const publisher = await connect()
    await publisher.publish('back', '0', { qos: 2 })
    await subscriber.payloads(1)
    subscriber.break()
    await events.once(subscriber.mqtt, 'close')
    await publisher.publish('back', '1', { qos: 2 })
    await publisher.publish('back', '2', { qos: 2 })
    assert.deepStrictEqual(await subscriber.payloads(3), numbers(3))
  },

  async what_a_client_could_not_send_arrives_once_it_is_back () {
    const subscriber = await connect()
    await subscriber.subscribe('later', 2)
    const publisher = await connect(lasting('later'))
    publisher.break()
    await events.once(publisher.mqtt, 'close')
    await Promise.all(numbers(20).map(text => publisher.publish('later', text, { qos: 2 })))
    assert.deepStrictEqual(await subscriber.payloads(20), numbers(20))
  },

  async properties_are_carried () {
    if (options.protocolVersion !== 5) {
      return
    }
    const client = await connect({ topicAliasMaximum: 10, properties: { receiveMaximum: 5 } })
    await client.subscribe('props', 2)
    const properties = {
      contentType: 'text/plain',
      responseTopic: 'reply',
      correlationData: Buffer.from([0, 1, 255]),
      userProperties: { name: ['one', 'two'] }
    }
    const arrived = events.once(client.mqtt, 'message')
    await client.publish('props', 'x', { qos: 2, properties })
    const got = (await arrived)[2].properties
    for (const name of Object.keys(properties)) {
      assert.deepEqual(got[name], properties[name], name)
    }
    // More than the receive maximum.
    for (const text of numbers(50)) {
      await client.publish('props', text, { qos: 2 })
    }
    assert.deepStrictEqual(await client.payloads(51), ['x', ...numbers(50)])
  }
}

// Its clients end with it: what goes on connecting would be in the way of the next one.
async function run (scenario, itsOptions) {
  options = itsOptions
  try {
    await scenarios[scenario]()
  } finally {
    clients.splice(0).forEach(client => client.end(true))
  }
}

module.exports = { run }

if (process.argv[2] === '--list') {
  console.log(Object.keys(scenarios).join('\n'))
} else if (process.argv[2]) {
  const given = JSON.parse(process.argv[3] || '{}')
  if (given.cafile) {
    given.ca = fs.readFileSync(given.cafile)
  }
  run(process.argv[2], given).then(() => process.exit(0), error => {
    console.error(error)
    process.exit(1)
  })
}
