import pg from 'pg';

/** Returns the number of rows of each table of the service. */
export async function tableCounts(databaseUrl: string): Promise<Record<'bulk_job' | 'shard' | 'outcome' | 'experiment', number>> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const counts = ['bulk_job', 'shard', 'outcome', 'experiment'].map((table) => `(SELECT count(*) FROM ${table})::int AS ${table}`);
    return (await client.query(`SELECT ${counts.join(', ')}`)).rows[0];
  } finally {
    await client.end();
  }
}
