// The event store through stubs that @grpc/proto-loader makes of the .proto files: client.js ADDRESS TOPIC PROTO-FOLDER.
// Each step that holds is a line `ok STEP`.
'use strict'

const assert = require('node:assert/strict')
const path = require('node:path')
const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')
const health = require('grpc-health-check')
const protobuf = require('protobufjs')

const [address, topic, protos] = process.argv.slice(2)
const SECONDS_MAX = 20
const PIPELINED = 500
const REFUSED = 250

const files = ['event_store', 'admin', 'refusal'].map(name => `stele/v1/${name}.proto`)
const loaded = loader.loadSync(files, { includeDirs: [protos], longs: Number, enums: String, oneofs: true })
const api = grpc.loadPackageDefinition(loaded).stele.v1
const credentials = grpc.credentials.createInsecure()
const store = new api.EventStore(address, credentials)
const admin = new api.Admin(address, credentials)

// What a trailer holds is decoded by hand: proto-loader makes stubs of calls alone.
const messages = new protobuf.Root()
messages.resolvePath = (_origin, target) => (target.startsWith('stele/') ? path.join(protos, target) : target)
messages.loadSync(files)
const decode = (name, bytes) => {
  const type = messages.lookupType(name)
  return type.toObject(type.decode(bytes), { longs: Number, enums: String })
}

const deadline = () => ({ deadline: Date.now() + SECONDS_MAX * 1000 })

// call(client, method, request): the answer; a refusal is thrown.
const call = (client, method, request) => new Promise((resolve, reject) => {
  client[method](request, new grpc.Metadata(), deadline(), (error, answer) => (error ? reject(error) : resolve(answer)))
})

// The Refusal among the details of google.rpc.Status, and the others.
async function refused (promise, code) {
  const error = await promise.then(answer => assert.fail(`was not refused: ${JSON.stringify(answer)}`), error => error)
  assert.equal(error.code, code, error)
  const told = decode('stele.v1.Status', error.metadata.get('grpc-status-details-bin')[0])
  assert.equal(told.code, code)
  const [first, ...others] = told.details
  assert.equal(first.type_url, 'type.googleapis.com/stele.v1.Refusal')
  return [decode('stele.v1.Refusal', first.value), others]
}

const exact = version => ({ exact: version })
const noStream = { noStream: {} }
const selectionOf = stream => ({ stream: { topic, stream: Buffer.from(stream) } })

function appendOf (stream, expected, ...types) {
  const events = types.map(type => ({
    stream: Buffer.from(stream), type, data: Buffer.from('{"n":1}'), contentType: 'application/json', tags: ['shop:1', 'größe']
  }))
  return { topic, events, expectations: expected ? [{ stream: Buffer.from(stream), expected }] : [] }
}

const append = async request => (await call(store, 'append', request)).appended

async function read (request) {
  const events = []
  for await (const part of store.read(request, deadline())) events.push(...(part.batch?.events ?? []))
  return events
}

const steps = {
  async health () {
    const described = grpc.loadPackageDefinition(loader.loadSync(health.protoPath, { enums: String }))
    for (const service of ['', 'stele.v1.EventStore', 'stele.v1.Admin']) {
      const answer = await call(new described.grpc.health.v1.Health(address, credentials), 'check', { service })
      assert.equal(answer.status, 'SERVING', service)
    }
  },

  async create_topic () {
    const request = { name: topic, partitionCount: 3 }
    assert.equal((await call(admin, 'createTopic', request)).topic.partitionCount, 3)
    const [refusal] = await refused(call(admin, 'createTopic', request), grpc.status.ALREADY_EXISTS)
    assert.equal(refusal.reason, 'REASON_ALREADY_EXISTS')
  },

  async expected_version () {
    const first = await append(appendOf('order/1', noStream, 'Placed', 'Paid'))
    assert.deepEqual(first.versions, [0, 1])
    assert.deepEqual((await append(appendOf('order/1', exact(1), 'Shipped'))).versions, [2])
    const [refusal] = await refused(append(appendOf('order/1', exact(1), 'Shipped')), grpc.status.ABORTED)
    assert.equal(refusal.reason, 'REASON_WRONG_VERSION')
    assert.equal(refusal.expectations[0].actual, 2)
    assert.equal(Buffer.from(refusal.expectations[0].stream).toString(), 'order/1')
    const [nobody] = await refused(append(appendOf('nobody', exact(0), 'X')), grpc.status.ABORTED)
    assert.equal(nobody.expectations[0].actual, undefined)
  },

  async condition () {
    const failIfEventsMatch = { items: [{ types: ['Paid'], tags: ['größe'], topics: [topic] }] }
    const request = { ...appendOf('c', null, 'X'), conditions: [{ failIfEventsMatch }] }
    const [refusal] = await refused(append(request), grpc.status.ABORTED)
    assert.equal(refusal.reason, 'REASON_CONDITION_FAILED')
    const position = refusal.conditions[0].conflictPosition
    const { conflicts } = (await call(store, 'append', { ...request, returnConflicts: true })).refusal
    assert.deepEqual(conflicts.events.map(event => [event.type, event.position]), [['Paid', position]])
    request.conditions[0].after = position
    assert.deepEqual((await append(request)).versions, [0])
  },

  async malformed () {
    const request = appendOf('s', null, 'X')
    request.events[0].tags = ['fine', '']
    const [refusal, others] = await refused(append(request), grpc.status.INVALID_ARGUMENT)
    assert.deepEqual([refusal.reason, refusal.field], ['REASON_INVALID', 'events[0].tags[1]'])
    assert.equal(others[0].type_url, 'type.googleapis.com/google.rpc.BadRequest')
    assert.equal(decode('stele.v1.BadRequest', others[0].value).fieldViolations[0].field, refusal.field)
  },

  // All are sent before the first answer is read; the one that is refused does not end the stream.
  async pipelined () {
    const stream = store.appendStream(deadline())
    for (let number = 0; number < PIPELINED; number++) {
      const append = appendOf('pipe', number === REFUSED ? exact(7000000) : null, 'Step')
      stream.write({ appends: [{ correlationId: number + 10, append }] })
    }
    stream.end()
    const answers = []
    for await (const message of stream) answers.push(...message.answers)
    assert.deepEqual(answers.map(answer => answer.correlationId), [...Array(PIPELINED).keys()].map(number => number + 10))
    assert.equal(answers[REFUSED].refusal.expectations[0].actual, REFUSED - 1)
    answers.splice(REFUSED, 1)
    assert.deepEqual(answers.map(answer => answer.appended.versions[0]), [...Array(PIPELINED - 1).keys()])
  },

  async read_backward () {
    const events = await read({ selection: selectionOf('pipe'), direction: 'DIRECTION_BACKWARD' })
    assert.deepEqual(events.map(event => event.version), [...Array(PIPELINED - 1).keys()].reverse())
  },

  async query () {
    const query = { items: [{ types: ['Placed', 'Paid'], tags: ['größe'], topics: [topic] }] }
    const events = await read({ selection: { query }, versions: true })
    assert.deepEqual(events.map(event => [event.type, event.version]), [['Placed', 0], ['Paid', 1]])
  },

  // History, caught up, live; another one goes on behind the token.
  async subscription () {
    const live = store.subscribe({ selection: selectionOf('order/1') }, deadline())
    const [events, kinds] = [[], []]
    let token
    for await (const told of live) {
      kinds.push(told.message)
      if (told.batch) events.push(...told.batch.events)
      if (events.length === 3) token ??= told.token
      if (told.message === 'caughtUp') await append(appendOf('order/1', exact(2), 'Live'))
      if (events.length === 4) break
    }
    assert.deepEqual(events.map(event => event.version), [0, 1, 2, 3])
    assert.ok(kinds.includes('caughtUp') && events[3].type === 'Live', kinds)
    for await (const told of store.subscribe({ selection: selectionOf('order/1'), from: { token } }, deadline())) {
      assert.deepEqual(told.batch.events.map(event => event.version), [3])
      break
    }
  },

  async limits_and_tombstone () {
    const name = { topic, stream: Buffer.from('pipe') }
    await call(store, 'setStreamLimits', { ...name, limits: { truncateBefore: PIPELINED - 10 } })
    const told = await call(store, 'getStream', name)
    assert.deepEqual([told.firstVersion, told.lastVersion], [PIPELINED - 10, PIPELINED - 2])
    await call(store, 'tombstone', { ...name, expected: exact(PIPELINED - 2) })
    const [refusal] = await refused(append(appendOf('pipe', null, 'X')), grpc.status.FAILED_PRECONDITION)
    assert.equal(refusal.reason, 'REASON_TOMBSTONED')
  }
}

async function main () {
  console.log(`version grpc-js ${require('@grpc/grpc-js/package.json').version}`)
  for (const [name, step] of Object.entries(steps)) {
    await step()
    console.log(`ok ${name}`)
  }
  process.exit(0)
}

main().catch(error => { console.error(error); process.exit(1) })
