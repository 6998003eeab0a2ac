import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { inTransaction } from '../database/database-pool.js';

/** A partition of an input topic, read by one consumer group. */
export interface GroupPartition {
  readonly groupId: string;
  readonly topic: string;
  readonly partition: number;
}

/** How far a group has come in a partition. */
export interface Position {
  /** The first record that the group was to read. */
  readonly firstOffset: bigint;
  /** The record that the group handles next. */
  readonly nextOffset: bigint;
  /** Time of the newest record that was handled; absent if none was. */
  readonly newestAt?: Date;
}

/** Another consumer has already handled the record. */
export class AlreadyHandled extends Error {
  constructor({ topic, partition }: GroupPartition, offset: bigint) {
    super(`The record ${topic} [${partition}] ${offset} has already been handled.`);
    this.name = 'AlreadyHandled';
  }
}

/** Positions of consumer groups in their input topics. They decide; the offsets that Kafka stores only follow them. */
@Injectable()
export class PositionStore {
  constructor(private readonly database: DataSource) {}

  async find({ groupId, topic, partition }: GroupPartition): Promise<Position | undefined> {
    const [row] = await this.database.query(
      'SELECT first_offset, next_offset, newest_at FROM trigger_position WHERE group_id = $1 AND topic = $2 AND partition = $3',
      [groupId, topic, partition],
    );
    if (!row) return undefined;
    return {
      firstOffset: BigInt(row.first_offset),
      nextOffset: BigInt(row.next_offset),
      ...(row.newest_at && { newestAt: row.newest_at as Date }),
    };
  }

  /** Stores where a group begins. `replace` forgets its earlier position: the topic is a new one. Otherwise the earlier one stays. */
  async begin({ groupId, topic, partition }: GroupPartition, offset: bigint, replace: boolean): Promise<void> {
    await this.database.query(
      `INSERT INTO trigger_position (group_id, topic, partition, first_offset, next_offset) VALUES ($1, $2, $3, $4, $4)
       ON CONFLICT (group_id, topic, partition) DO ${
         replace ? 'UPDATE SET first_offset = excluded.first_offset, next_offset = excluded.next_offset, newest_at = NULL' : 'NOTHING'
       }`,
      [groupId, topic, partition, String(offset)],
    );
  }

  /** Moves a position behind the record, in the caller's transaction. Rejects with AlreadyHandled if it is there already. */
  async claim(transaction: EntityManager, place: GroupPartition, offset: bigint, recordAt: Date): Promise<void> {
    const { groupId, topic, partition } = place;
    const [, moved] = await transaction.query(
      `UPDATE trigger_position SET next_offset = $4::bigint + 1, newest_at = greatest(newest_at, $5)
       WHERE group_id = $1 AND topic = $2 AND partition = $3 AND next_offset <= $4`,
      [groupId, topic, partition, String(offset), recordAt],
    );
    if (moved === 0) throw new AlreadyHandled(place, offset);
  }

  /** Moves a position behind a record that leads to nothing else in the database. */
  async skip(place: GroupPartition, offset: bigint, recordAt: Date): Promise<void> {
    await inTransaction(this.database, (transaction) => this.claim(transaction, place, offset, recordAt));
  }
}
