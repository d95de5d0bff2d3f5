// Adds jobs from a number of callers, each as soon as its last was committed; then waits for all receipts and prints when what happened,
// in microseconds since the Unix epoch.
const { Pool } = require("pg");

const [connectionString, first, count, callers] = process.argv.slice(2).map((text, at) => (at ? Number(text) : text));
const text = "task stalled " + "x".repeat(200);
const now = () => Math.round((performance.timeOrigin + performance.now()) * 1000);

(async () => {
  const pool = new Pool({ connectionString, max: callers });
  let next = first;
  const sent = [];
  const call = async () => {
    for (let no = next++; no < first + count; no = next++) {
      sent.push([no, now()]);
      await pool.query("select graphile_worker.add_job('send', $1::json, job_key => $2)", [
        JSON.stringify({ no, id: `bn-${no}`, text }),
        `n${no}`,
      ]);
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  const range = [first, first + count];
  for (;;) {
    const { rows } = await pool.query("select count(*)::int as n from receipt where no >= $1 and no < $2", range);
    if (rows[0].n >= count) break;
    await new Promise((done) => setTimeout(done, 50));
  }
  const { rows } = await pool.query(
    "select no::int, (extract(epoch from at) * 1e6)::bigint::text as at from receipt where no >= $1 and no < $2",
    range,
  );
  console.log(JSON.stringify({ sent, recorded: rows.map(({ no, at }) => [no, Number(at)]) }));
  await pool.end();
})();
