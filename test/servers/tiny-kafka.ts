import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** kafkajs' code for Kafka's protocol, which has no types. */
const load = createRequire(import.meta.url);
const Encoder: new () => Writer = load('kafkajs/src/protocol/encoder');
const Decoder: new (bytes: Buffer) => Reader = load('kafkajs/src/protocol/decoder');
const readRecordBatch: (reader: Reader) => Promise<{ records: { key: Buffer; value: Buffer }[] }> = load(
  'kafkajs/src/protocol/recordBatch/v0/decoder',
);

/** Maximum version of each request, by API key. */
const maxVersions: Readonly<Record<number, number>> = { 0: 3, 3: 1, 18: 2, 19: 0 };

interface Writer {
  readonly buffer: Buffer;
  writeInt16(value: number): Writer;
  writeInt32(value: number): Writer;
  writeInt64(value: number): Writer;
  writeBoolean(value: boolean): Writer;
  writeBytes(value: Buffer): Writer;
  writeString(value: string | null): Writer;
  writeArray(values: readonly (Writer | number)[]): Writer;
  writeEncoder(value: Writer): Writer;
}

interface Reader {
  readInt16(): number;
  readInt32(): number;
  readString(): string;
  readBytes(): Buffer;
  readArray<T>(read: (reader: Reader) => T): T[];
}

export interface SentRecord {
  readonly topic: string;
  readonly key: string;
  readonly value: string;
  readonly isCompressed: boolean;
}

/** A minimal in-process broker. Unit tests use it to check the records that a client sends and to reject them. */
export interface TinyKafka {
  readonly bootstrapServers: string;
  /** Existing topics with their number of partitions. */
  readonly topics: Map<string, number>;
  /** Requested acknowledgements of each produce request; -1 means all replicas. */
  readonly acks: readonly number[];
  /** Number of connections so far. */
  readonly connections: () => number;
  /** Accepted records. */
  readonly records: readonly SentRecord[];
  stop(): void;
}

/** Starts a broker. `refuse` returns the error code (kafka.apache.org/protocol, "Error Codes") of a record to reject; its batch is rejected with it. */
export async function startTinyKafka(
  topicNames: readonly string[] = [],
  refuse: (record: SentRecord) => number | undefined = () => undefined,
): Promise<TinyKafka> {
  const topics = new Map(topicNames.map((name) => [name, 1]));
  const records: SentRecord[] = [];
  const acks: number[] = [];
  const sockets = new Set<Socket>();

  /** Handlers by API key: Produce, Metadata, ApiVersions, CreateTopics. */
  const handlers: Readonly<Record<number, (reader: Reader) => Writer | Promise<Writer>>> = {
    0: async (reader) => {
      reader.readString();
      acks.push(reader.readInt16());
      reader.readInt32();
      const batches = reader.readArray(readTopicBatches).flat();
      const results = await Promise.all(batches.map(take));
      return new Encoder().writeArray(results).writeInt32(0);
    },
    3: (reader) => {
      const names = reader.readArray((each) => each.readString());
      const broker = new Encoder().writeInt32(0).writeString('127.0.0.1').writeInt32(port).writeString(null);
      const requested = names.length > 0 ? names : [...topics.keys()];
      return new Encoder().writeArray([broker]).writeInt32(0).writeArray(requested.map(describeTopic));
    },
    18: () => {
      const ranges = Object.entries(maxVersions).map(([api, version]) =>
        new Encoder().writeInt16(Number(api)).writeInt16(0).writeInt16(version),
      );
      return new Encoder().writeInt16(0).writeArray(ranges);
    },
    19: (reader) => {
      const created = reader.readArray((each) => {
        const [name, partitions] = [each.readString(), each.readInt32()];
        each.readInt16();
        for (let list = 0; list < 2; list++) each.readArray(() => undefined);
        topics.set(name, partitions);
        return name;
      });
      return new Encoder().writeArray(created.map((name) => new Encoder().writeString(name).writeInt16(0)));
    },
  };

  function describeTopic(name: string): Writer {
    const partitions = Array.from({ length: topics.get(name) ?? 0 }, (_, id) =>
      new Encoder().writeInt16(0).writeInt32(id).writeInt32(0).writeArray([0]).writeArray([0]),
    );
    return new Encoder()
      .writeInt16(topics.has(name) ? 0 : 3)
      .writeString(name)
      .writeBoolean(false)
      .writeArray(partitions);
  }

  async function take({ topic, partition, bytes }: ReturnType<typeof readTopicBatches>[number]): Promise<Writer> {
    const isCompressed = (bytes.readInt16BE(21) & 7) !== 0;
    const batch = await readRecordBatch(new Decoder(bytes));
    const sent = batch.records.map(({ key, value }) => ({ topic, key: key.toString(), value: value.toString(), isCompressed }));
    const error = sent.map(refuse).find((code) => code !== undefined);
    if (error === undefined) records.push(...sent);
    const result = new Encoder()
      .writeInt32(partition)
      .writeInt16(error ?? 0)
      .writeInt64(0)
      .writeInt64(-1);
    return new Encoder().writeString(topic).writeArray([result]);
  }

  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    let bytes = Buffer.alloc(0);
    let handled = Promise.resolve();
    socket.on('data', (part) => {
      bytes = Buffer.concat([bytes, part as Buffer]);
      while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
        const frame = bytes.subarray(4, 4 + bytes.readInt32BE(0));
        bytes = bytes.subarray(4 + frame.length);
        handled = handled.then(() => handle(frame)).then((reply) => void socket.write(reply));
      }
    });
  });

  async function handle(frame: Buffer): Promise<Buffer> {
    const reader = new Decoder(frame);
    const api = reader.readInt16();
    reader.readInt16();
    const correlation = reader.readInt32();
    reader.readString();
    const body = new Encoder().writeInt32(correlation).writeEncoder(await handlers[api]!(reader));
    return new Encoder().writeBytes(body.buffer).buffer;
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const stop = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { bootstrapServers: `127.0.0.1:${port}`, topics, acks, records, connections: () => connections, stop };
}

function readTopicBatches(reader: Reader): { topic: string; partition: number; bytes: Buffer }[] {
  const topic = reader.readString();
  return reader.readArray((each) => ({ topic, partition: each.readInt32(), bytes: each.readBytes() }));
}
