// The worker, as its documentation tunes it for throughput: a local queue of jobs, completions written in batches, many jobs at once.
// graphile-worker deletes a job that succeeded, so the job itself keeps a row of what was answered: Candor keeps a receipt.
const { run, runMigrations } = require("graphile-worker");
const { Agent, request } = require("undici");

const [connectionString, sink] = process.argv.slice(2);
const concurrentJobs = 50;
const agent = new Agent({ connections: concurrentJobs });

async function send(payload, helpers) {
  const answer = await request(sink, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(payload),
    dispatcher: agent,
  });
  await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`status ${answer.statusCode}`);
  await helpers.withPgClient((client) =>
    client.query("insert into receipt values ($1, clock_timestamp(), $2) on conflict do nothing", [
      payload.no,
      answer.statusCode,
    ]),
  );
}

(async () => {
  await runMigrations({ preset: { worker: { connectionString } } });
  const runner = await run({
    taskList: { send },
    preset: {
      worker: {
        connectionString,
        concurrentJobs,
        maxPoolSize: 20,
        pollInterval: 1000,
        localQueue: { size: 200 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
  });
  console.log("ready");
  await runner.promise;
})();
