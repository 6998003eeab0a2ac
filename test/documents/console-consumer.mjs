#!/usr/bin/env node
// Stands in for kafka-console-consumer.sh and kcat on machines that do not have them: knows the options that the documents use, and refuses all others.
// Reads a topic from the beginning and prints each record as the original does; ends when nothing has come for the time-out.
import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';

const isKcat = basename(process.argv[1]) === 'kcat';
const { broker, topic, print, timeoutMs } = isKcat ? kcatOptions() : consumerOptions();

function consumerOptions() {
  // Its options have two dashes each and no short forms, as parseArgs reads them.
  const { values } = parseArgs({
    options: {
      'bootstrap-server': { type: 'string' },
      topic: { type: 'string' },
      'from-beginning': { type: 'boolean' },
      property: { type: 'string', multiple: true, default: [] },
      'timeout-ms': { type: 'string' },
    },
  });
  const properties = new Set(values.property);
  for (const property of properties) if (!/^print\.(key|headers)=true$/.test(property)) throw new Error(`unknown property ${property}`);
  if (!values['from-beginning'] || !values['timeout-ms']) throw new Error('it would wait forever: needs --from-beginning and --timeout-ms');
  const print = ({ key, value, headers }) =>
    [
      ...(properties.has('print.headers=true') ? [headers.map(([name, text]) => `${name}:${text}`).join(',')] : []),
      ...(properties.has('print.key=true') ? [key] : []),
      value,
    ].join('\t');
  return { broker: values['bootstrap-server'], topic: values.topic, print, timeoutMs: Number(values['timeout-ms']) };
}

function kcatOptions() {
  const { values } = parseArgs({
    options: {
      consumer: { type: 'boolean', short: 'C' },
      broker: { type: 'string', short: 'b' },
      topic: { type: 'string', short: 't' },
      offset: { type: 'string', short: 'o' },
      exit: { type: 'boolean', short: 'e' },
      format: { type: 'string', short: 'f' },
    },
  });
  if (!values.consumer || values.offset !== 'beginning' || !values.exit)
    throw new Error('it would wait forever: needs -C, -o beginning and -e');
  const print = ({ key, value, headers }) =>
    values.format.replaceAll(/%[khs]|\\n/g, (found) =>
      found === '%k' ? key : found === '%s' ? value : found === '\\n' ? '\n' : headers.map((header) => header.join('=')).join(','),
    );
  return { broker: values.broker, topic: values.topic, print, timeoutMs: 2_000 };
}

const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, retry: { retries: 2 } });
// A topic that is not there would be waited for.
const admin = kafka.admin();
await admin.connect();
if (!(await admin.listTopics()).includes(topic)) throw new Error(`there is no topic ${topic}`);
await admin.disconnect();

const consumer = kafka.consumer({ groupId: `documents-${randomUUID()}` });
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
let last = Date.now();
await consumer.run({
  eachMessage: async ({ message }) => {
    last = Date.now();
    const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]);
    process.stdout.write(print({ key: String(message.key), value: String(message.value), headers }) + (isKcat ? '' : '\n'));
  },
});
while (Date.now() - last < timeoutMs) await new Promise((resolve) => setTimeout(resolve, 100));
await consumer.disconnect();
