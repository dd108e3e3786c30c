// kafkajs, with the codecs that it leaves to others: kafkajs-snappy, lz4-napi and zstd-wasm.
'use strict'

const readline = require('node:readline')
const { AssignerProtocol, CompressionCodecs, CompressionTypes, ConfigResourceTypes, Kafka } = require('kafkajs')
const SnappyCodec = require('kafkajs-snappy')
const lz4 = require('lz4-napi')
const zstd = require('@bokuweb/zstd-wasm')

CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: encoder => lz4.compressFrame(encoder.buffer),
  decompress: buffer => lz4.decompressFrame(buffer),
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => Buffer.from(zstd.compress(encoder.buffer)),
  decompress: async buffer => Buffer.from(zstd.decompress(buffer)),
})
const CODECS = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4, zstd: CompressionTypes.ZSTD }

const LACKS = {
  'null-header': 'a header that is null makes kafkajs throw',
  'header-order': 'kafkajs keeps headers as an object: values of one name in order, names not',
  assign: 'kafkajs reads as a member of a group only',
}
const NO_CALL = 'kafkajs has no call for it'
const READ_MS_MAX = 40000

class NotThere extends Error {}

const kafka = new Kafka({
  brokers: [process.env.BOOTSTRAP],
  clientId: 'stele-matrix',
  retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 100 },
  logCreator: () => ({ label, log }) => console.error(label, log.message, log.error || ''),
})
const admin = kafka.admin()
const members = {}
let sender

const decode = text => (text === null ? null : Buffer.from(text, 'base64'))
const encode = raw => (raw === null || raw === undefined ? null : raw.toString('base64'))
const sleep = ms => new Promise(done => setTimeout(done, ms))

function message(one) {
  const headers = {}
  for (const [name, value] of one.headers) (headers[name] ||= []).push(decode(value))
  return { key: decode(one.key), value: decode(one.value), headers, partition: one.partition, timestamp: String(one.at) }
}

function record(partition, one) {
  const headers = Object.entries(one.headers || {})
    .flatMap(([name, values]) => [values].flat().map(value => [name, encode(value)]))
  return { partition, offset: Number(one.offset), at: Number(one.timestamp), key: encode(one.key), value: encode(one.value),
    headers }
}

async function produce({ topic, codec, records }) {
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, acks: -1, compression: CODECS[codec], messages: records.map(message) })
  await producer.disconnect()
}

async function startProducer({ topic, count, pause_ms: pause }) {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const send = async () => {
    for (let number = 0; number < count; number++) {
      await producer.send({ topic, acks: -1, messages: [{ value: String(number), partition: 0 }] })
      await sleep(pause)
    }
    await producer.disconnect()
  }
  sender = send()
  sender.catch(() => {})
}

// kafkajs has no assignment by hand: a group of its own seeks to where reading is to start.
async function assign({ topic, start, count }) {
  const consumer = kafka.consumer({ groupId: `reads-${topic}-${Date.now()}`, maxWaitTimeInMs: 50, maxBytesPerPartition: 8 << 20 })
  const from = new Map(start)
  const found = []
  let enough
  const all = new Promise(resolve => (enough = resolve))
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message: one }) => {
      if (from.has(partition) && Number(one.offset) >= from.get(partition)) found.push(record(partition, one))
      if (found.length === count) enough()
    },
  })
  for (const [partition, offset] of start) consumer.seek({ topic, partition, offset: String(offset) })
  await Promise.race([all, sleep(READ_MS_MAX)])
  await consumer.disconnect()
  if (found.length < count) throw new Error(`read ${found.length} of ${count}`)
  return found
}

async function offsetAt({ topic, partition, at }) {
  if (at === 'max') throw new NotThere('kafkajs looks up the two ends and by time only')
  const ends = (await admin.fetchTopicOffsets(topic)).find(one => one.partition === partition)
  if (at === 'earliest') return Number(ends.low)
  if (at === 'latest') return Number(ends.high)
  const found = (await admin.fetchTopicOffsetsByTimestamp(topic, at)).find(one => one.partition === partition)
  return found.offset === ends.high ? null : Number(found.offset) // kafkajs answers the end where nothing is later
}

// --- groups ---

async function join({ member, group, topic, protocol }) {
  if (protocol === 'consumer') throw new NotThere('kafkajs has the classic group protocol only')
  const consumer = kafka.consumer({ groupId: group, sessionTimeout: 6000, heartbeatInterval: 300, rebalanceTimeout: 10000,
    maxWaitTimeInMs: 50 })
  const state = { consumer, partitions: [], read: [] }
  members[member] = state
  consumer.on(consumer.events.GROUP_JOIN, event => (state.partitions = event.payload.memberAssignment[topic] || []))
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
      for (const one of batch.messages) {
        state.read.push(one.value.toString())
        resolveOffset(one.offset)
      }
      const offset = String(BigInt(batch.lastOffset()) + 1n)
      await consumer.commitOffsets([{ topic, partition: batch.partition, offset }])
        .catch(error => console.error(member, 'commit:', error.message)) // a rebalance: what was read comes again
      await heartbeat()
    },
  })
}

async function look({ member }) {
  const state = members[member]
  return { partitions: [...state.partitions].sort(), read: state.read.splice(0) }
}

async function leave({ member }) {
  await members[member].consumer.disconnect()
  delete members[member]
}

// --- administration ---

async function createTopic({ topic, partitions, configs }) {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  const made = await admin.createTopics({ topics: [{ topic, numPartitions: partitions, replicationFactor: 1, configEntries }] })
  if (!made) throw new Error('TOPIC_ALREADY_EXISTS') // what kafkajs means by false
}

async function describeConfigs({ topic }) {
  const { resources } = await admin.describeConfigs({ includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }] })
  return Object.fromEntries(resources[0].configEntries.map(one => [one.configName, one.configValue]))
}

async function alterConfig({ topic, name, value }) {
  await admin.alterConfigs({ validateOnly: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name, value }] }] })
  return 'whole'
}

async function deleteRecords({ topic, partition, before }) {
  await admin.fetchTopicOffsets(topic) // so that kafkajs knows the leader
  await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(before) }] })
}

async function describeGroup({ group }) {
  const { groups: [found] } = await admin.describeGroups([group])
  const described = found.members.map(one => {
    const { assignment } = AssignerProtocol.MemberAssignment.decode(one.memberAssignment)
    const partitions = Object.entries(assignment)
      .flatMap(([topic, numbers]) => numbers.sort().map(number => [topic, number]))
    return { client: one.clientId, partitions }
  })
  return { state: found.state, members: described }
}

async function deleteGroup({ group }) {
  try {
    await admin.deleteGroups([group])
  } catch (error) {
    throw new Error((error.groups || []).map(one => one.error.message).join() || error.message)
  }
}

const CALLS = {
  hello: async () => ({ version: require('kafkajs/package.json').version, lacks: LACKS }),
  produce,
  start_producer: startProducer,
  end_producer: () => sender,
  assign,
  offset_at: offsetAt,
  join,
  member: look,
  leave,
  create_topic: createTopic,
  describe_configs: describeConfigs,
  alter_config: alterConfig,
  create_partitions: ({ topic, total }) => admin.createPartitions({ topicPartitions: [{ topic, count: total }] }),
  delete_records: deleteRecords,
  list_groups: async () => (await admin.listGroups()).groups.map(one => one.groupId),
  describe_group: describeGroup,
  delete_offsets: async () => { throw new NotThere(NO_CALL) },
  delete_group: deleteGroup,
  delete_topic: ({ topic }) => admin.deleteTopics({ topics: [topic] }),
}

async function answer(line) {
  const { do: what, ...request } = JSON.parse(line)
  try {
    return { is: (await CALLS[what](request)) ?? null }
  } catch (error) {
    console.error(what, error)
    return error instanceof NotThere ? { na: error.message } : { error: `${error.name}: ${error.message}` }
  }
}

async function main() {
  await zstd.init()
  await admin.connect()
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await answer(line)) + '\n')
  }
  process.exit(0)
}

main()
